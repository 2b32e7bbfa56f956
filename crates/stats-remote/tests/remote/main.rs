//! Requests to a real service and to remotes that misbehave.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod failures;
mod list;
mod mosp;
mod post;
mod support;
