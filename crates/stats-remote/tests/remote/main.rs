//! What is asked of others: a real service, and remotes that misbehave.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod misbehaving;
mod mosp;
mod pulling;
mod pushing;
mod support;
