-- The release: what is public if that takes several clients. In a single row how it was made: its number, the day before
-- which its days are, when it was made (UTC), how many clients are behind each figure, the formats of its partials, and the
-- figures that are not partials, as JSON.
CREATE TABLE public_release (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    day DATE NOT NULL,
    made_at TIMESTAMP NOT NULL,
    min_clients INTEGER NOT NULL,
    formats TEXT NOT NULL,
    figures TEXT NOT NULL
);

-- Its partials by type, format and day: of all clients, and of local ones unless that is the same. The version is that of the
-- stats that they were made from. Figures that too few clients are behind are withheld: they are in neither.
CREATE TABLE public_release_day (
    type TEXT NOT NULL,
    format TEXT NOT NULL,
    date DATE NOT NULL,
    format_version INTEGER NOT NULL,
    version INTEGER NOT NULL,
    partial BLOB NOT NULL,
    local_partial BLOB,
    published INTEGER NOT NULL,
    withheld INTEGER NOT NULL,
    PRIMARY KEY (type, format, date)
);
