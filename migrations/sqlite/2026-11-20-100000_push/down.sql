DROP TABLE sqlite_stat1;
DROP INDEX stats_client_seq_idx;
DROP TABLE push_waiting;
DROP TABLE push_progress;
