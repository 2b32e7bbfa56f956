#![doc = include_str!("../README.md")]

mod clients;
mod connection;
mod deletion;
mod duplicates;
mod error;
mod last;
mod migrations;
mod outbox;
mod pool;
mod rows;
mod schema;
mod stats;
mod summary;
mod types;
mod url;

pub use clients::ClientChange;
pub use deletion::FoundStats;
pub use error::{ClientConflict, DbError};
pub use last::LastStat;
pub use outbox::{Arrival, BatchLimit, Outbox, Part, Settled, WaitingStat};
pub use pool::{Connections, Db};
pub use stats::Snapshot;
pub use summary::Summary;
pub use url::DatabaseUrl;
