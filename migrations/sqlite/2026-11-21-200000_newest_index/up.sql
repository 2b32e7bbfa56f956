-- Finds the newest stat of each client, analysis and type. Stats without a client form one group: ids start at 1. The
-- index ends with `seq`, the row id.
CREATE INDEX stats_newest_idx ON stats (coalesce(client_id, 0), anr, type, date);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('stats', 'stats_newest_idx', '1000000 20000 200 40 1');
ANALYZE sqlite_schema;
