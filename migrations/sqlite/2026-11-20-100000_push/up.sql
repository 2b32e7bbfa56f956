-- The progress of pushes to a remote, in the order of arrival: it has every stat of the client up to `seq`, except
-- those in push_waiting.
CREATE TABLE push_progress (
    remote TEXT NOT NULL,
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    PRIMARY KEY (remote, client_id)
);

-- Stats that the remote refused, with its reason, and stats of other dates that a push left out, with NULL.
CREATE TABLE push_waiting (
    remote TEXT NOT NULL,
    client_id INTEGER NOT NULL,
    seq INTEGER NOT NULL REFERENCES stats (seq) ON DELETE CASCADE,
    reason TEXT,
    PRIMARY KEY (remote, client_id, seq)
);
CREATE INDEX push_waiting_seq_idx ON push_waiting (seq);

CREATE INDEX stats_client_seq_idx ON stats (client_id, seq);

-- Statistics for SQLite's query planner, in ANALYZE's format, for a filled database: number of rows, rows per value of
-- the first column, rows per value of the first two columns, and so on. Without them, a query for one analysis of one
-- client may scan all stats of the client. Queries by client and `seq` read only the end of stats_client_seq_idx, so
-- its number is small.
ANALYZE push_waiting;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('client', 'sqlite_autoindex_client_1', '50 1'),
    ('client', 'sqlite_autoindex_client_2', '50 1'),
    ('client', 'sqlite_autoindex_client_3', '50 1'),
    ('stats', 'sqlite_autoindex_stats_1', '1000000 1'),
    ('stats', 'stats_type_date_idx', '1000000 200000 500 1'),
    ('stats', 'stats_client_type_date_idx', '1000000 20000 4000 20 1'),
    ('stats', 'stats_anr_type_date_idx', '1000000 200 40 1'),
    ('stats', 'stats_client_seq_idx', '1000000 500 1'),
    ('push_progress', 'sqlite_autoindex_push_progress_1', '50 50 1'),
    ('push_waiting', 'sqlite_autoindex_push_waiting_1', '100 100 10 1'),
    ('push_waiting', 'push_waiting_seq_idx', '100 1');
ANALYZE sqlite_schema;
