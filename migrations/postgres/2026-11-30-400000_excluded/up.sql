-- Whether no figure counts the stats of the client. NULL means that figures count them.
ALTER TABLE client ADD COLUMN is_excluded BOOLEAN;

-- It changes which stats are local or count.
DROP TRIGGER client_moved ON client;
CREATE TRIGGER client_moved AFTER UPDATE OF local, is_excluded ON client
    FOR EACH ROW WHEN ((OLD.local, OLD.is_excluded) IS DISTINCT FROM (NEW.local, NEW.is_excluded))
    EXECUTE FUNCTION note_moved_client();
