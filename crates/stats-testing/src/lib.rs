#![doc = include_str!("../README.md")]

mod database;
mod remote;
mod service;

use chrono::NaiveDate;
use stats_core::{AnalysisId, Client, NewClient, RawJson, Stat, StatId, StatsType};
use stats_db::Db;

pub use database::TestDatabase;
pub use remote::{Remote, Request, answer};
pub use service::Service;

/// Creates a user whose stats are shared.
pub fn client(db: &Db, name: &str) -> Client {
    let name = name.parse().expect("the name of a client");
    db.create_client(&NewClient::user(name))
        .expect("a new client")
}

/// Reads `YYYY-MM-DD`.
pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// A stat with an id of its own and an empty document.
pub fn stat(analysis: AnalysisId, stats_type: StatsType, date: &str) -> Stat {
    let data = RawJson::parse("[]").expect("a document");
    Stat {
        uuid: StatId::random(),
        analysis,
        stats_type,
        date: day(date),
        data,
    }
}

/// The ids, sorted, for comparing what a list holds.
pub fn ids<'a>(stats: impl IntoIterator<Item = &'a Stat>) -> Vec<StatId> {
    let mut ids: Vec<_> = stats.into_iter().map(|stat| stat.uuid).collect();
    ids.sort();
    ids
}
