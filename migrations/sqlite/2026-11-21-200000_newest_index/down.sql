DROP INDEX stats_newest_idx;
