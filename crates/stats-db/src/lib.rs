#![doc = include_str!("../README.md")]

mod clients;
mod connection;
mod error;
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
pub use error::{ClientConflict, DbError};
pub use outbox::{Arrival, BatchLimit, Outbox, Part, Settled, WaitingStat};
pub use pool::{Connections, Db};
pub use stats::Snapshot;
pub use summary::Summary;
pub use url::DatabaseUrl;
