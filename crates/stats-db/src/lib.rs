#![doc = include_str!("../README.md")]

mod cancel;
mod clients;
mod connection;
mod create;
mod db;
mod deletion;
mod duplicates;
mod error;
mod last;
mod migrations;
mod monitor;
mod newest;
mod outbox;
mod partials;
mod rows;
mod schema;
mod stats;
mod summary;
mod timeouts;
mod tokens;
mod types;
mod url;

pub use cancel::Cancel;
pub use clients::ClientChange;
pub use db::{Connections, Db};
pub use deletion::FoundStats;
pub use error::{BoxedError, ClientConflict, DbError, Wait};
pub use last::LastStat;
pub use outbox::{Arrival, BatchLimit, Outbox, Part, Settled, WaitingStat};
pub use partials::{DayPartial, DayVersion, PartialKind, Scope};
pub use stats::{Documents, Selection, Snapshot};
pub use summary::{ClientTotals, Summary};
pub use timeouts::Timeouts;
pub use url::{DatabaseUrl, PostgresParts};
