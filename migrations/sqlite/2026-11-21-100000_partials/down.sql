DROP TRIGGER client_moved;
DROP TRIGGER stats_updated;
DROP TRIGGER stats_deleted;
DROP TRIGGER stats_inserted;
DROP TABLE stats_partial;
DROP TABLE stats_day;
DROP TABLE stats_change;
