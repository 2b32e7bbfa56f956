-- Finds the newest stat of each client, analysis and type. Stats without a client form one group: ids start at 1.
CREATE INDEX stats_newest_idx ON stats (coalesce(client_id, 0), anr, type, date, seq);

-- Documents are stored twice as fast with lz4. PostgreSQL 12 and 13 do not know it, and a server may be built without it.
DO $$
BEGIN
    EXECUTE 'ALTER TABLE stats ALTER COLUMN data SET COMPRESSION lz4';
EXCEPTION WHEN syntax_error OR feature_not_supported THEN
END
$$;
