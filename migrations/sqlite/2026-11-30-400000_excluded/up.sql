-- Whether no figure counts the stats of the client. NULL means that figures count them.
ALTER TABLE client ADD COLUMN is_excluded BOOLEAN;

-- It changes which stats are local or count.
DROP TRIGGER client_moved;
CREATE TRIGGER client_moved AFTER UPDATE OF local, is_excluded ON client
WHEN OLD.local IS NOT NEW.local OR OLD.is_excluded IS NOT NEW.is_excluded BEGIN
    UPDATE stats_change SET counter = counter + 1;
    UPDATE stats_day SET version = (SELECT counter FROM stats_change)
        WHERE (type, date) IN (SELECT type, date FROM stats WHERE client_id = NEW.id);
END;
