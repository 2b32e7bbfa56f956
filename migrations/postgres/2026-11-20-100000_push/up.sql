-- How far the stats of a client have been pushed to a remote, in the order of their arrival: up to `seq` every one of
-- them is there, except for those in push_waiting.
CREATE TABLE push_progress (
    remote VARCHAR NOT NULL,
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    PRIMARY KEY (remote, client_id)
);

-- What the remote refused, with its reason, and without one what was passed over.
CREATE TABLE push_waiting (
    remote VARCHAR NOT NULL,
    client_id INTEGER NOT NULL,
    seq BIGINT NOT NULL REFERENCES stats (seq) ON DELETE CASCADE,
    reason VARCHAR,
    PRIMARY KEY (remote, client_id, seq)
);
CREATE INDEX push_waiting_seq_idx ON push_waiting (seq);

CREATE INDEX stats_client_seq_idx ON stats (client_id, seq);
