-- The number of changes of stats, in a single row.
CREATE TABLE stats_change (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    counter BIGINT NOT NULL
);
INSERT INTO stats_change (id, counter) VALUES (1, 1);

-- The number of stats of a type and day, and their version: the counter at their last change.
CREATE TABLE stats_day (
    type VARCHAR NOT NULL,
    date DATE NOT NULL,
    version BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (type, date)
);
INSERT INTO stats_day (type, date, version, count) SELECT type, date, 1, count(*) FROM stats GROUP BY type, date;

-- What processors store about the stats of a type and day, as of a version. The scope is 0 for the stats of all clients, -1
-- for those of local clients, and else the id of a client.
CREATE TABLE stats_partial (
    type VARCHAR NOT NULL,
    date DATE NOT NULL,
    scope INTEGER NOT NULL,
    format VARCHAR NOT NULL,
    format_version BIGINT NOT NULL,
    version BIGINT NOT NULL,
    partial BYTEA NOT NULL,
    PRIMARY KEY (type, scope, format, date)
);
CREATE INDEX stats_partial_day_idx ON stats_partial (type, date);

-- The triggers also run for the Python service. They run as the owner of the tables, because its role may lack rights.
-- The lock on the counter makes versions visible in their order. The argument is the change of the count by each row.
CREATE FUNCTION note_changed_stats() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    new_version BIGINT;
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        UPDATE stats_change SET counter = counter + 1 RETURNING counter INTO new_version;
        INSERT INTO stats_day (type, date, version, count)
            SELECT type, date, new_version, TG_ARGV[0]::BIGINT * count(*) FROM changed GROUP BY type, date
            ON CONFLICT (type, date) DO UPDATE
                SET version = excluded.version, count = stats_day.count + excluded.count;
        IF TG_OP = 'DELETE' THEN
            -- Nothing remains of deleted stats.
            DELETE FROM stats_partial WHERE (type, date) IN (SELECT type, date FROM changed);
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION note_truncated_stats() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE stats_change SET counter = counter + 1;
    UPDATE stats_day SET version = (SELECT counter FROM stats_change), count = 0;
    DELETE FROM stats_partial;
    RETURN NULL;
END $$;
-- It changes which stats are local.
CREATE FUNCTION note_moved_client() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE stats_change SET counter = counter + 1;
    UPDATE stats_day SET version = (SELECT counter FROM stats_change)
        WHERE (type, date) IN (SELECT type, date FROM stats WHERE client_id = NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER stats_inserted AFTER INSERT ON stats REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_stats('1');
CREATE TRIGGER stats_deleted AFTER DELETE ON stats REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_stats('-1');
CREATE TRIGGER stats_updated_from AFTER UPDATE ON stats REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_stats('-1');
CREATE TRIGGER stats_updated_to AFTER UPDATE ON stats REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_stats('1');
CREATE TRIGGER stats_truncated AFTER TRUNCATE ON stats
    FOR EACH STATEMENT EXECUTE FUNCTION note_truncated_stats();
CREATE TRIGGER client_moved AFTER UPDATE OF local ON client
    FOR EACH ROW WHEN (OLD.local IS DISTINCT FROM NEW.local) EXECUTE FUNCTION note_moved_client();
