//! Runs the program as an administrator does.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod access;
mod clients;
mod databases;
mod deletion;
mod doctor;
mod importing;
mod mosp;
mod printing;
mod program;
mod publishing;
mod scenario;
mod storage;
mod support;
mod syncing;
