#![doc = include_str!("../README.md")]

mod cache;
mod errors;
mod http;
mod mosp;
mod retry;
mod stats;

pub use errors::RemoteError;
pub use http::Options;
pub use mosp::{Mosp, MospOptions};
pub use retry::Retry;
pub use stats::{Listed, Posted, RemoteClient, StatsClient, Unusable, payload};
