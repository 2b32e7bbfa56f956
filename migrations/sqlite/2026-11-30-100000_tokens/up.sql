-- Earlier tokens of clients, which stay valid until this time (UTC).
CREATE TABLE client_token (
    token TEXT NOT NULL PRIMARY KEY,
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    valid_until TIMESTAMP NOT NULL
);
