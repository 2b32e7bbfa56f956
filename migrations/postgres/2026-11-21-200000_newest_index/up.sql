-- Finds the newest stat of each client, analysis and type. Stats without a client form one group: ids start at 1.
CREATE INDEX stats_newest_idx ON stats (coalesce(client_id, 0), anr, type, date, seq);
