//! The API as its clients see it: the real application on a real port, on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod admin;
mod auth;
mod clients;
mod compression;
mod limits;
mod listing;
mod masks;
mod metrics;
mod pages;
mod posting;
mod processed;
mod public;
mod robustness;
mod specification;
mod support;
