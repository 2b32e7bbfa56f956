ALTER TABLE push_run DROP COLUMN untold;
ALTER TABLE push_run DROP COLUMN told;
DROP TABLE push_untold;
ALTER TABLE push_progress DROP COLUMN withdrawn;
ALTER TABLE push_progress DROP COLUMN told;
ALTER TABLE push_progress DROP COLUMN offered;
ALTER TABLE client DROP COLUMN withdraws;
DROP TABLE stats_tombstone;
