CREATE TABLE client (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT UNIQUE,
    token TEXT UNIQUE,
    role INTEGER,
    latitude DOUBLE,
    longitude DOUBLE,
    last_seen TIMESTAMP,
    local BOOLEAN,
    is_sharing_enabled BOOLEAN,
    created_at TIMESTAMP,
    updated_at TIMESTAMP,
    is_active BOOLEAN
);

-- `seq` is the order of arrival. Values of deleted stats are not reused.
CREATE TABLE stats (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    anr TEXT NOT NULL,
    type TEXT NOT NULL,
    date DATE NOT NULL,
    data TEXT NOT NULL,
    created_at TIMESTAMP,
    client_id INTEGER REFERENCES client (id)
);

-- The indexes end with the order of lists (date, uuid), so that lists need no sorting.
CREATE INDEX stats_type_date_idx ON stats (type, date, uuid);
CREATE INDEX stats_client_type_date_idx ON stats (client_id, type, date, uuid);
CREATE INDEX stats_anr_type_date_idx ON stats (anr, type, date);
