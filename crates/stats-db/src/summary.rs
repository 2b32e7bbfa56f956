use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;
use stats_core::{MAX_DATE, MIN_DATE, Role, StatsType};

use crate::connection::on_each_backend;
use crate::schema::{client, stats};
use crate::types::DbUuid;
use crate::{DbError, Snapshot};

/// How much there is, which tells nothing about any one client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The clients that may authenticate, leaving out admins.
    pub clients: u64,
    /// The analyses that there are stats about.
    pub analyses: u64,
    /// The number of stats of each type; a type without any is not there.
    pub stats: BTreeMap<StatsType, u64>,
    /// The dates of the oldest and of the newest stat.
    pub dates: Option<(NaiveDate, NaiveDate)>,
}

/// A type, the number of its stats, and the dates of the oldest and of the newest one.
type OfType = (String, i64, Option<NaiveDate>, Option<NaiveDate>);

impl Snapshot<'_> {
    /// How much there is. Stats of unknown types, which an older service may have left, do not count.
    pub fn summary(&mut self) -> Result<Summary, DbError> {
        let clients: i64 = client::table
            .filter(client::is_active.eq(true).or(client::is_active.is_null()))
            .filter(
                client::role
                    .ne(Role::Admin.number())
                    .or(client::role.is_null()),
            )
            .count()
            .get_result(self.conn)?;
        let known = || {
            stats::table
                .filter(stats::kind.eq_any(StatsType::ALL.map(StatsType::as_str)))
                .filter(stats::date.between(MIN_DATE, MAX_DATE))
        };
        let by_type: Vec<OfType> = known()
            .group_by(stats::kind)
            .select((
                stats::kind,
                count_star(),
                min(stats::date),
                max(stats::date),
            ))
            .load(self.conn)?;
        // Asked like this the analyses are looked up in their index one by one; as a count of what is distinct they are
        // collected from all rows, which takes ten times as long as all the rest.
        let analyses = on_each_backend!(self.conn, |conn, _Backend, RowByRow| {
            let analyses = known().select(stats::anr).distinct();
            let rows = analyses.load_iter::<DbUuid, RowByRow>(conn)?;
            rows.map(|row| row.map(|_| 1_u64))
                .sum::<QueryResult<u64>>()?
        });
        let first = by_type.iter().filter_map(|(_, _, first, _)| *first).min();
        let last = by_type.iter().filter_map(|(.., last)| *last).max();
        let by_type = by_type
            .into_iter()
            .filter_map(|(kind, count, ..)| Some((kind.parse().ok()?, count.unsigned_abs())));
        Ok(Summary {
            clients: clients.unsigned_abs(),
            analyses,
            stats: by_type.collect(),
            dates: first.zip(last),
        })
    }
}
