-- The progress of pushes to a remote, in the order of arrival: it has every stat of the client up to `seq`, except
-- those in push_waiting.
CREATE TABLE push_progress (
    remote VARCHAR NOT NULL,
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    PRIMARY KEY (remote, client_id)
);

-- Stats that the remote refused, with its reason, and stats of other dates that a push left out, with NULL.
CREATE TABLE push_waiting (
    remote VARCHAR NOT NULL,
    client_id INTEGER NOT NULL,
    seq BIGINT NOT NULL REFERENCES stats (seq) ON DELETE CASCADE,
    reason VARCHAR,
    PRIMARY KEY (remote, client_id, seq)
);
CREATE INDEX push_waiting_seq_idx ON push_waiting (seq);

CREATE INDEX stats_client_seq_idx ON stats (client_id, seq);
