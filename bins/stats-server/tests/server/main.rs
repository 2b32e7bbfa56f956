//! Tests of the program as a child process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod checking;
mod demo;
mod logging;
mod monitoring;
mod notify;
mod outages;
mod proxies;
mod restoring;
mod starting;
mod stopping;
mod support;
