-- The number of changes of stats, in a single row.
CREATE TABLE stats_change (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    counter INTEGER NOT NULL
);
INSERT INTO stats_change (id, counter) VALUES (1, 1);

-- The number of stats of a type and day, and their version: the counter at their last change.
CREATE TABLE stats_day (
    type TEXT NOT NULL,
    date DATE NOT NULL,
    version INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (type, date)
) WITHOUT ROWID;
INSERT INTO stats_day (type, date, version, count) SELECT type, date, 1, count(*) FROM stats GROUP BY type, date;

-- What processors store about the stats of a type and day, as of a version. The scope is 0 for the stats of all clients, -1
-- for those of local clients, and else the id of a client.
CREATE TABLE stats_partial (
    type TEXT NOT NULL,
    date DATE NOT NULL,
    scope INTEGER NOT NULL,
    format TEXT NOT NULL,
    format_version INTEGER NOT NULL,
    version INTEGER NOT NULL,
    partial BLOB NOT NULL,
    PRIMARY KEY (type, scope, format, date)
);
CREATE INDEX stats_partial_day_idx ON stats_partial (type, date);

CREATE TRIGGER stats_inserted AFTER INSERT ON stats BEGIN
    UPDATE stats_change SET counter = counter + 1;
    INSERT INTO stats_day (type, date, version, count) SELECT NEW.type, NEW.date, counter, 1 FROM stats_change WHERE true
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version, count = count + excluded.count;
END;
CREATE TRIGGER stats_deleted AFTER DELETE ON stats BEGIN
    UPDATE stats_change SET counter = counter + 1;
    INSERT INTO stats_day (type, date, version, count) SELECT OLD.type, OLD.date, counter, -1 FROM stats_change WHERE true
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version, count = count + excluded.count;
    -- Nothing remains of deleted stats.
    DELETE FROM stats_partial WHERE type = OLD.type AND date = OLD.date;
END;
CREATE TRIGGER stats_updated AFTER UPDATE ON stats BEGIN
    UPDATE stats_change SET counter = counter + 1;
    INSERT INTO stats_day (type, date, version, count) SELECT OLD.type, OLD.date, counter, -1 FROM stats_change WHERE true
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version, count = count + excluded.count;
    INSERT INTO stats_day (type, date, version, count) SELECT NEW.type, NEW.date, counter, 1 FROM stats_change WHERE true
        ON CONFLICT (type, date) DO UPDATE SET version = excluded.version, count = count + excluded.count;
END;
-- It changes which stats are local.
CREATE TRIGGER client_moved AFTER UPDATE OF local ON client WHEN OLD.local IS NOT NEW.local BEGIN
    UPDATE stats_change SET counter = counter + 1;
    UPDATE stats_day SET version = (SELECT counter FROM stats_change)
        WHERE (type, date) IN (SELECT type, date FROM stats WHERE client_id = NEW.id);
END;
