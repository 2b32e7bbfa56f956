//! Tests of the HTTP API: the application on a free port, with SQLite and PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod admin;
mod attack;
mod auth;
mod clients;
mod compression;
mod csv;
mod deleting;
mod digests;
mod documents;
mod example;
mod exclusion;
mod instance;
mod limits;
mod listing;
mod masks;
mod metrics;
mod names;
mod outages;
mod pages;
mod pictures;
mod posting;
mod processed;
mod public;
mod rate_limit;
mod releases;
mod robustness;
mod specification;
mod support;
