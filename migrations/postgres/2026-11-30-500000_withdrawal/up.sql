-- Stats that a client deleted: they are not stored again, and other instances are told to delete them. `anr` and `arrival`,
-- the `seq` of the stat, are NULL if the stat was not here. Times are in UTC.
CREATE TABLE stats_tombstone (
    seq BIGSERIAL PRIMARY KEY,
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    uuid UUID NOT NULL,
    anr UUID,
    arrival BIGINT,
    deleted_at TIMESTAMP NOT NULL,
    UNIQUE (client_id, uuid)
);
CREATE INDEX stats_tombstone_client_seq_idx ON stats_tombstone (client_id, seq);
CREATE INDEX stats_tombstone_deleted_at_idx ON stats_tombstone (deleted_at);

-- Whether the stats of a client are withdrawn from other instances while sharing is off.
ALTER TABLE client ADD COLUMN withdraws BOOLEAN;

-- `offered`: stats up to it may have been sent. `told`: the remote knows the deletions up to it, except those in
-- push_untold. `withdrawn`: stats up to it have been withdrawn.
ALTER TABLE push_progress ADD COLUMN offered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE push_progress ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
ALTER TABLE push_progress ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0;
UPDATE push_progress SET offered = seq;

-- Deletions that a remote cannot be told: it deletes no single stats.
CREATE TABLE push_untold (
    remote VARCHAR NOT NULL,
    client_id INTEGER NOT NULL,
    seq BIGINT NOT NULL REFERENCES stats_tombstone (seq) ON DELETE CASCADE,
    PRIMARY KEY (remote, client_id, seq)
);
CREATE INDEX push_untold_seq_idx ON push_untold (seq);

-- The number of deletions that the remote was told in the last push, and of those that it cannot be told.
ALTER TABLE push_run ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
ALTER TABLE push_run ADD COLUMN untold BIGINT NOT NULL DEFAULT 0;
