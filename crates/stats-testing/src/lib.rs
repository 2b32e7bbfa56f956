#![doc = include_str!("../README.md")]

mod database;
mod generated;
mod proxy;
mod servers;

use chrono::NaiveDate;
use stats_core::{
    AnalysisId, Client, DateRange, NewClient, RawJson, Stat, StatId, StatsType, Token,
};
use stats_db::Db;

pub use database::{HeldLock, PYTHON_TABLES, TestDatabase};
pub use generated::{assert_generated, json_block};
pub use proxy::Proxy;
pub use servers::{Pooler, Replicated};

/// Creates a user whose stats are shared.
pub fn client(db: &Db, name: &str) -> Client {
    let name = name.parse().expect("the name of a client");
    db.create_client(&NewClient::user(name))
        .expect("a new client")
}

/// The token of a client, which is stored plain.
pub fn token(client: &Client) -> &Token {
    client.plain_token().expect("a plain token")
}

/// Parses `YYYY-MM-DD`.
pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// The range from one `YYYY-MM-DD` to another.
pub fn days(from: &str, to: &str) -> DateRange {
    DateRange::new(day(from), day(to)).expect("a range of dates")
}

/// A stat with a random id and an empty document.
pub fn stat(analysis: AnalysisId, stats_type: StatsType, date: &str) -> Stat {
    Stat {
        uuid: StatId::random(),
        analysis,
        stats_type,
        date: day(date),
        data: RawJson::parse("[]").expect("a document"),
    }
}

/// The sorted ids of stats.
pub fn ids<'a>(stats: impl IntoIterator<Item = &'a Stat>) -> Vec<StatId> {
    let mut ids: Vec<_> = stats.into_iter().map(|stat| stat.uuid).collect();
    ids.sort();
    ids
}
