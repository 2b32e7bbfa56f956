#![doc = include_str!("../README.md")]

mod errors;
mod http;
mod mosp;
mod retry;
mod stats;

pub use errors::{Cause, RemoteError};
pub use http::HttpOptions;
pub use mosp::Mosp;
pub use retry::RetryPolicy;
pub use stats::{
    BatchOutcome, RemoteClient, StatsClient, StatsList, UnusableStat, deletion_payload, payload,
};
