-- Stats that a client deleted: they are not stored again, and other instances are told to delete them. `anr` and `arrival`,
-- the `seq` of the stat, are NULL if the stat was not here. Times are in UTC.
CREATE TABLE stats_tombstone (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    uuid TEXT NOT NULL,
    anr TEXT,
    arrival INTEGER,
    deleted_at TIMESTAMP NOT NULL,
    UNIQUE (client_id, uuid)
);
CREATE INDEX stats_tombstone_client_seq_idx ON stats_tombstone (client_id, seq);
CREATE INDEX stats_tombstone_deleted_at_idx ON stats_tombstone (deleted_at);

-- Whether the stats of a client are withdrawn from other instances while sharing is off.
ALTER TABLE client ADD COLUMN withdraws BOOLEAN;

-- `offered`: stats up to it may have been sent. `told`: the remote knows the deletions up to it, except those in
-- push_untold. `withdrawn`: stats up to it have been withdrawn.
ALTER TABLE push_progress ADD COLUMN offered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_progress ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_progress ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
UPDATE push_progress SET offered = seq;

-- Deletions that a remote cannot be told: it deletes no single stats.
CREATE TABLE push_untold (
    remote TEXT NOT NULL,
    client_id INTEGER NOT NULL,
    seq INTEGER NOT NULL REFERENCES stats_tombstone (seq) ON DELETE CASCADE,
    PRIMARY KEY (remote, client_id, seq)
);
CREATE INDEX push_untold_seq_idx ON push_untold (seq);

-- The number of deletions that the remote was told in the last push, and of those that it cannot be told.
ALTER TABLE push_run ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
ALTER TABLE push_run ADD COLUMN untold BIGINT NOT NULL DEFAULT 0;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('stats_tombstone', 'sqlite_autoindex_stats_tombstone_1', '10000 500 1'),
    ('stats_tombstone', 'stats_tombstone_client_seq_idx', '10000 500 1'),
    ('stats_tombstone', 'stats_tombstone_deleted_at_idx', '10000 10'),
    ('push_untold', 'sqlite_autoindex_push_untold_1', '100 100 10 1'),
    ('push_untold', 'push_untold_seq_idx', '100 1');
ANALYZE sqlite_schema;
