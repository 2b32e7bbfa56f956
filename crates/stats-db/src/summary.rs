use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::dsl::{count, count_star, max, min};
use diesel::prelude::*;
use stats_core::{MAX_DATE, MIN_DATE, Role, StatsType};

use crate::schema::{client, stats};
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
        let by_type: Vec<(String, i64)> = known()
            .group_by(stats::kind)
            .select((stats::kind, count_star()))
            .load(self.conn)?;
        let (analyses, first, last): (i64, Option<NaiveDate>, Option<NaiveDate>) = known()
            .select((
                count(stats::anr).aggregate_distinct(),
                min(stats::date),
                max(stats::date),
            ))
            .first(self.conn)?;
        let by_type = by_type
            .into_iter()
            .filter_map(|(kind, count)| Some((kind.parse().ok()?, count.unsigned_abs())));
        Ok(Summary {
            clients: clients.unsigned_abs(),
            analyses: analyses.unsigned_abs(),
            stats: by_type.collect(),
            dates: first.zip(last),
        })
    }
}
