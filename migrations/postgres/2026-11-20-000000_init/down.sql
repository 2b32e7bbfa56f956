DROP TABLE stats;
DROP TABLE client;
