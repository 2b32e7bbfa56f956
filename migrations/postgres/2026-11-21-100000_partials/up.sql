-- The number of changes of stats, in a single row.
CREATE TABLE stats_change (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    counter BIGINT NOT NULL
);
INSERT INTO stats_change (id, counter) VALUES (1, 1);

-- The version of the stats of a type and day: the counter at their last change. Rows are never deleted, so that no version
-- is used twice.
CREATE TABLE stats_day (
    type VARCHAR NOT NULL,
    date DATE NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (type, date)
);
INSERT INTO stats_day (type, date, version) SELECT DISTINCT type, date, 1 FROM stats;

-- Intermediate results of processors for the stats of a type and day, as of a version.
CREATE TABLE stats_partial (
    format VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    date DATE NOT NULL,
    is_local BOOLEAN NOT NULL,
    format_version BIGINT NOT NULL,
    version BIGINT NOT NULL,
    partial BYTEA NOT NULL,
    PRIMARY KEY (format, type, date, is_local)
);

-- The triggers also run for the Python service. They run as the owner of the tables, because its role may lack rights.
-- The lock on the counter makes versions visible in their order.
CREATE FUNCTION note_changed_stats() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    new_version BIGINT;
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        UPDATE stats_change SET counter = counter + 1 RETURNING counter INTO new_version;
        INSERT INTO stats_day (type, date, version) SELECT DISTINCT type, date, new_version FROM changed
            ON CONFLICT (type, date) DO UPDATE SET version = excluded.version;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION note_truncated_stats() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE stats_change SET counter = counter + 1;
    UPDATE stats_day SET version = (SELECT counter FROM stats_change);
    RETURN NULL;
END $$;
-- It changes which stats are local.
CREATE FUNCTION note_moved_client() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    new_version BIGINT;
BEGIN
    UPDATE stats_change SET counter = counter + 1 RETURNING counter INTO new_version;
    INSERT INTO stats_day (type, date, version) SELECT DISTINCT type, date, new_version FROM stats WHERE client_id = NEW.id
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END $$;

CREATE TRIGGER stats_inserted AFTER INSERT ON stats REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_stats();
CREATE TRIGGER stats_deleted AFTER DELETE ON stats REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_stats();
CREATE TRIGGER stats_updated_from AFTER UPDATE ON stats REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_stats();
CREATE TRIGGER stats_updated_to AFTER UPDATE ON stats REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_stats();
CREATE TRIGGER stats_truncated AFTER TRUNCATE ON stats
    FOR EACH STATEMENT EXECUTE FUNCTION note_truncated_stats();
CREATE TRIGGER client_moved AFTER UPDATE OF local ON client
    FOR EACH ROW WHEN (OLD.local IS DISTINCT FROM NEW.local) EXECUTE FUNCTION note_moved_client();
