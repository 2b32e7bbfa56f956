#![doc = include_str!("../README.md")]

mod client;
mod date;
mod errors;
mod filter;
mod id;
mod json;
mod log;
mod payload;
mod stat;
mod token;

pub use client::{Client, ClientName, Coordinates, NewClient, Role};
pub use date::{MAX_DATE, MIN_DATE, parse_date};
pub use errors::{FieldErrors, InvalidValue};
pub use filter::{DateRange, Page, StatsFilter};
pub use id::{AnalysisId, ClientId, ClientUuid, StatId};
pub use json::{MAX_DATA_BYTES, MAX_DEPTH, MAX_NUMBER_LENGTH, RawJson};
pub use log::short_function_name;
pub use payload::{PayloadError, parse_batch};
pub use stat::{NewStat, Stat, StatsType};
pub use token::Token;
