//! The real program, as an administrator types it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod care;
mod commands;
mod scenarios;
mod support;
mod syncing;
