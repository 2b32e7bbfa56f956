-- The number of changes of stats, in a single row.
CREATE TABLE stats_change (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    counter INTEGER NOT NULL
);
INSERT INTO stats_change (id, counter) VALUES (1, 1);

-- The version of the stats of a type and day: the counter at their last change. Rows are never deleted, so that no version
-- is used twice.
CREATE TABLE stats_day (
    type TEXT NOT NULL,
    date DATE NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (type, date)
) WITHOUT ROWID;
INSERT INTO stats_day (type, date, version) SELECT DISTINCT type, date, 1 FROM stats;

-- Intermediate results of processors for the stats of a type and day, as of a version.
CREATE TABLE stats_partial (
    format TEXT NOT NULL,
    type TEXT NOT NULL,
    date DATE NOT NULL,
    is_local BOOLEAN NOT NULL,
    format_version INTEGER NOT NULL,
    version INTEGER NOT NULL,
    partial BLOB NOT NULL,
    PRIMARY KEY (format, type, date, is_local)
);

CREATE TRIGGER stats_inserted AFTER INSERT ON stats BEGIN
    UPDATE stats_change SET counter = counter + 1;
    INSERT INTO stats_day (type, date, version) SELECT NEW.type, NEW.date, counter FROM stats_change WHERE true
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER stats_deleted AFTER DELETE ON stats BEGIN
    UPDATE stats_change SET counter = counter + 1;
    INSERT INTO stats_day (type, date, version) SELECT OLD.type, OLD.date, counter FROM stats_change WHERE true
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version;
END;
CREATE TRIGGER stats_updated AFTER UPDATE ON stats BEGIN
    UPDATE stats_change SET counter = counter + 1;
    INSERT INTO stats_day (type, date, version) SELECT OLD.type, OLD.date, counter FROM stats_change WHERE true
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version;
    INSERT INTO stats_day (type, date, version) SELECT NEW.type, NEW.date, counter FROM stats_change WHERE true
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version;
END;
-- It changes which stats are local.
CREATE TRIGGER client_moved AFTER UPDATE OF local ON client WHEN OLD.local IS NOT NEW.local BEGIN
    UPDATE stats_change SET counter = counter + 1;
    INSERT INTO stats_day (type, date, version)
        SELECT DISTINCT type, date, counter FROM stats, stats_change WHERE client_id = NEW.id
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version;
END;
