DROP TABLE push_run;
