//! What may go wrong around the server: it is killed, its disk is full, its database is damaged or away, others migrate
//! it, the clock jumps. Acknowledged stats stay, whatever happens.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]
#![expect(clippy::print_stderr, reason = "measurements and skipped tests")]

mod clock;
mod disk;
mod files;
mod killing;
mod migrating;
mod own_postgres;
mod postgres;
mod scale;
mod stopping;
mod stored;
mod support;
mod traffic;
