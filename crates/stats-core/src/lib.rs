#![doc = include_str!("../README.md")]

mod client;
mod date;
mod deletion;
mod digest;
mod errors;
mod filter;
mod id;
mod json;
mod payload;
mod stat;
mod token;
mod visible;

pub use client::{Client, ClientName, Coordinates, NewClient, Role};
pub use date::{MAX_DATE, MIN_DATE, last_acceptable_date, parse_date};
pub use deletion::Deletion;
pub use digest::DayDigest;
pub use errors::{Excerpt, FieldErrors, InvalidValue, WithCauses};
pub use filter::{DateRange, Page, StatsFilter};
pub use id::{AnalysisId, ClientId, ClientUuid, StatId};
pub use json::{MAX_DATA_BYTES, MAX_DEPTH, MAX_NUMBER_LENGTH, MAX_OBJECTS, RawJson};
pub use payload::{PayloadError, parse_batch, parse_deletions};
pub use stat::{NewStat, Stat, StatsType};
pub use token::{StoredToken, Token, TokenHash, TokenStorage};
pub use visible::is_invisible;
