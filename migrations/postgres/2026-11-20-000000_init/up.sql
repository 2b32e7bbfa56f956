-- The schema of the Python service, whose database is adopted in place: missing tables and columns are added, existing
-- ones stay unchanged.
CREATE TABLE IF NOT EXISTS client (
    id SERIAL PRIMARY KEY,
    uuid UUID NOT NULL UNIQUE,
    name VARCHAR(100) UNIQUE,
    token VARCHAR(100) UNIQUE
);
ALTER TABLE client ADD COLUMN IF NOT EXISTS role INTEGER;
ALTER TABLE client ADD COLUMN IF NOT EXISTS latitude DOUBLE PRECISION;
ALTER TABLE client ADD COLUMN IF NOT EXISTS longitude DOUBLE PRECISION;
ALTER TABLE client ADD COLUMN IF NOT EXISTS last_seen TIMESTAMP;
ALTER TABLE client ADD COLUMN IF NOT EXISTS local BOOLEAN;
ALTER TABLE client ADD COLUMN IF NOT EXISTS is_sharing_enabled BOOLEAN;
ALTER TABLE client ADD COLUMN IF NOT EXISTS created_at TIMESTAMP;
ALTER TABLE client ADD COLUMN IF NOT EXISTS updated_at TIMESTAMP;
ALTER TABLE client ADD COLUMN IF NOT EXISTS is_active BOOLEAN;

CREATE TABLE IF NOT EXISTS stats (
    uuid UUID PRIMARY KEY,
    anr UUID NOT NULL,
    type VARCHAR NOT NULL,
    date DATE NOT NULL,
    data JSONB NOT NULL
);
ALTER TABLE stats ADD COLUMN IF NOT EXISTS created_at TIMESTAMP;
ALTER TABLE stats ADD COLUMN IF NOT EXISTS client_id INTEGER REFERENCES client (id);

-- `seq` is the order of arrival. Existing stats arrived in the order of created_at.
ALTER TABLE stats ADD COLUMN IF NOT EXISTS seq BIGINT;
UPDATE stats SET seq = arrived.seq
FROM (SELECT uuid, row_number() OVER (ORDER BY created_at NULLS FIRST, date, uuid) AS seq FROM stats) AS arrived
WHERE stats.uuid = arrived.uuid AND stats.seq IS NULL;
CREATE SEQUENCE IF NOT EXISTS stats_seq_seq OWNED BY stats.seq;
SELECT setval('stats_seq_seq', (SELECT coalesce(max(seq), 0) + 1 FROM stats), false);
ALTER TABLE stats ALTER COLUMN seq SET DEFAULT nextval('stats_seq_seq');
ALTER TABLE stats ALTER COLUMN seq SET NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS stats_seq_idx ON stats (seq);

-- The indexes end with the order of lists (date, uuid), so that lists need no sorting.
CREATE INDEX IF NOT EXISTS stats_type_date_idx ON stats (type, date, uuid);
CREATE INDEX IF NOT EXISTS stats_client_type_date_idx ON stats (client_id, type, date, uuid);
CREATE INDEX IF NOT EXISTS stats_anr_type_date_idx ON stats (anr, type, date);
