DROP INDEX stats_newest_idx;

DO $$
BEGIN
    EXECUTE 'ALTER TABLE stats ALTER COLUMN data SET COMPRESSION default';
EXCEPTION WHEN syntax_error THEN
END
$$;
