//! Pushes to and pulls from a real service over a connection with faults.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod pull;
mod push;
mod reconcile;
mod support;
mod withdrawal;
