//! The checks by topic. They do not know each other.

pub(crate) mod database;
pub(crate) mod files;
pub(crate) mod remote;
pub(crate) mod server;

/// A number with its noun.
fn counted(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
