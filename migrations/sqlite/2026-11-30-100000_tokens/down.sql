DROP TABLE client_token;
