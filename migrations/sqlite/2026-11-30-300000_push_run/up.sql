-- How the last push to each remote ended, and the number of failed pushes since the last complete one. Times are in UTC.
CREATE TABLE push_run (
    remote TEXT NOT NULL PRIMARY KEY,
    finished_at TIMESTAMP NOT NULL,
    completed_at TIMESTAMP,
    failures INTEGER NOT NULL,
    sent BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    message TEXT
);
