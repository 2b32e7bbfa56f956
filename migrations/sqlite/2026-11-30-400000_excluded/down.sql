DROP TRIGGER client_moved;
CREATE TRIGGER client_moved AFTER UPDATE OF local ON client WHEN OLD.local IS NOT NEW.local BEGIN
    UPDATE stats_change SET counter = counter + 1;
    UPDATE stats_day SET version = (SELECT counter FROM stats_change)
        WHERE (type, date) IN (SELECT type, date FROM stats WHERE client_id = NEW.id);
END;
ALTER TABLE client DROP COLUMN is_excluded;
