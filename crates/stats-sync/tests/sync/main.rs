//! Pushing to and pulling from a real service, and remotes that misbehave.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod pulling;
mod pushing;
mod support;
