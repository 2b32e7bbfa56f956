-- Earlier tokens of clients, which stay valid until this time (UTC).
CREATE TABLE client_token (
    token VARCHAR(100) PRIMARY KEY,
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    valid_until TIMESTAMP NOT NULL
);
