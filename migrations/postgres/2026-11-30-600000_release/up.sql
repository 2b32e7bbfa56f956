-- The release: what is public if that takes several clients. In a single row how it was made: its number, the day before
-- which its days are, when it was made (UTC), how many clients are behind each figure, the formats of its partials, and the
-- figures that are not partials, as JSON.
CREATE TABLE public_release (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    day DATE NOT NULL,
    made_at TIMESTAMP NOT NULL,
    min_clients BIGINT NOT NULL,
    formats VARCHAR NOT NULL,
    figures VARCHAR NOT NULL
);

-- Its partials by type, format and day: of all clients, and of local ones unless that is the same. The version is that of the
-- stats that they were made from. Figures that too few clients are behind are withheld: they are in neither.
CREATE TABLE public_release_day (
    type VARCHAR NOT NULL,
    format VARCHAR NOT NULL,
    date DATE NOT NULL,
    format_version BIGINT NOT NULL,
    version BIGINT NOT NULL,
    partial BYTEA NOT NULL,
    local_partial BYTEA,
    published BIGINT NOT NULL,
    withheld BIGINT NOT NULL,
    PRIMARY KEY (type, format, date)
);
