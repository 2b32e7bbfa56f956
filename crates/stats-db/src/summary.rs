use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;
use stats_core::{MIN_DATE, Role, StatsType};

use crate::connection::on_each_backend;
use crate::schema::{client, stats};
use crate::types::DbUuid;
use crate::{Db, DbError, Snapshot};

/// Totals of the stats. They stay the same while [`Db::changes`] does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of analyses with stats.
    pub analyses: u64,
    /// The number of stats of each type; types without stats are missing.
    pub stats: BTreeMap<StatsType, u64>,
    /// The first and the last date.
    pub dates: Option<(NaiveDate, NaiveDate)>,
}

/// A type, its number of stats, and their first and last date.
type OfType = (String, i64, Option<NaiveDate>, Option<NaiveDate>);

impl Db {
    /// The number of active clients without admins.
    pub fn count_active_users(&self) -> Result<u64, DbError> {
        let count: i64 = self.query(|conn| {
            client::table
                .filter(client::is_active.eq(true).or(client::is_active.is_null()))
                .filter(
                    client::role
                        .ne(Role::Admin.number())
                        .or(client::role.is_null()),
                )
                .count()
                .get_result(conn)
        })?;
        Ok(count.unsigned_abs())
    }
}

impl Snapshot<'_> {
    /// The totals of the stats, without stats dated after `last_date` and stats of unknown types, which an older
    /// service may have left.
    pub fn summary(&mut self, last_date: NaiveDate) -> Result<Summary, DbError> {
        self.run(|conn| {
            let known = || {
                stats::table
                    .filter(stats::kind.eq_any(StatsType::ALL.map(StatsType::as_str)))
                    .filter(stats::date.between(MIN_DATE, last_date))
            };
            let by_type: Vec<OfType> = known()
                .group_by(stats::kind)
                .select((
                    stats::kind,
                    count_star(),
                    min(stats::date),
                    max(stats::date),
                ))
                .load(conn)?;
            // `SELECT DISTINCT` reads the index; `count(DISTINCT anr)` reads all rows and takes ten times as long.
            let analyses = on_each_backend!(conn, |conn, _Backend, RowByRow| {
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
                analyses,
                stats: by_type.collect(),
                dates: first.zip(last),
            })
        })
    }
}
