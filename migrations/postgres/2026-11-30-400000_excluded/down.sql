DROP TRIGGER client_moved ON client;
CREATE TRIGGER client_moved AFTER UPDATE OF local ON client
    FOR EACH ROW WHEN (OLD.local IS DISTINCT FROM NEW.local) EXECUTE FUNCTION note_moved_client();
ALTER TABLE client DROP COLUMN is_excluded;
