//! Comparing what was pushed with what a remote has.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use stats_core::{Client, ClientId, DateRange, DayDigest, Stat, StatId, StatsFilter, StatsType};

use crate::connection::on_each_backend;
use crate::outbox::Progress;
use crate::plans::plan_for_values;
use crate::rows::StatRow;
use crate::schema::{push_progress, push_waiting, stats, stats_day};
use crate::types::DbUuid;
use crate::{Db, DbError, Snapshot};

/// Ids per query. SQLite binds at most 32,766 values.
const IDS_PER_QUERY: usize = 1000;

/// The digests of some days, by date and type.
pub type DayDigests = BTreeMap<(NaiveDate, StatsType), DayDigest>;

/// Adds a stat to the digests.
fn add(digests: &mut DayDigests, stat: &Stat) {
    let empty = || DayDigest::empty(stat.stats_type, stat.date);
    let key = (stat.date, stat.stats_type);
    digests.entry(key).or_insert_with(empty).add(stat);
}

impl Snapshot<'_> {
    /// The digests of the stats that `filter` selects, ignoring its page.
    pub fn day_digests(&mut self, filter: &StatsFilter) -> Result<DayDigests, DbError> {
        let mut digests = DayDigests::new();
        self.for_each_stat(filter, |stat| {
            add(&mut digests, &stat);
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(digests)
    }

    /// Visits the stats that a remote has confirmed and that are not withdrawn, of one type or of all. `visit` gets whether
    /// the client shares stats now.
    pub fn for_each_pushed(
        &mut self,
        remote: &str,
        stats_type: Option<StatsType>,
        dates: DateRange,
        mut visit: impl FnMut(bool, Stat),
    ) -> Result<(), DbError> {
        let types = match stats_type {
            Some(one) => vec![one.as_str()],
            None => StatsType::ALL.map(StatsType::as_str).to_vec(),
        };
        for client in self.clients()? {
            if is_withdrawing(&client) {
                continue;
            }
            self.run(|conn| {
                plan_for_values(conn)?;
                let progress = Progress::of(conn, remote, client.id)?;
                if progress.seq == 0 {
                    return Ok(());
                }
                let waiting = push_waiting::table
                    .filter(push_waiting::remote.eq(remote))
                    .filter(push_waiting::client_id.eq(client.id.0))
                    .select(push_waiting::seq);
                let pushed = stats::table
                    .filter(stats::client_id.eq(client.id.0))
                    .filter(stats::kind.eq_any(&types))
                    .filter(stats::date.between(dates.from(), dates.to()))
                    .filter(stats::seq.le(progress.seq))
                    .filter(stats::seq.gt(progress.withdrawn))
                    .filter(not(stats::seq.eq_any(waiting)));
                on_each_backend!(conn, |conn, _Backend, RowByRow| {
                    let rows = pushed.select(StatRow::as_select());
                    for row in rows.load_iter::<StatRow, RowByRow>(conn)? {
                        if let Some(stat) = row?.into_stat() {
                            visit(client.is_sharing_enabled, stat);
                        }
                    }
                });
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn is_withdrawing(client: &Client) -> bool {
    client.withdraws && !client.is_sharing_enabled
}

impl Db {
    /// The digests of what was pushed, as [`Snapshot::for_each_pushed`] visits it.
    pub fn pushed_digests(&self, remote: &str, dates: DateRange) -> Result<DayDigests, DbError> {
        let mut digests = DayDigests::new();
        self.read(|snapshot| {
            snapshot.for_each_pushed(remote, None, dates, |_, stat| add(&mut digests, &stat))
        })?;
        Ok(digests)
    }

    /// The types and days, within `dates`, of the stats of clients of which a remote got stats. It looks for one stat of each
    /// day, so the time depends on the number of days and not on that of the stats.
    pub fn pushed_days(
        &self,
        remote: &str,
        dates: DateRange,
    ) -> Result<BTreeSet<(NaiveDate, StatsType)>, DbError> {
        let days: Vec<(String, NaiveDate)> = self.query(|conn| {
            let pushed = push_progress::table
                .filter(push_progress::remote.eq(remote))
                .filter(push_progress::seq.gt(0))
                .select(push_progress::client_id.nullable());
            let of_day = stats::table
                .filter(stats::kind.eq(stats_day::kind))
                .filter(stats::date.eq(stats_day::date))
                .filter(stats::client_id.eq_any(pushed));
            stats_day::table
                .filter(stats_day::date.between(dates.from(), dates.to()))
                .filter(exists(of_day))
                .select((stats_day::kind, stats_day::date))
                .load(conn)
        })?;
        let days = days.into_iter();
        Ok(days
            .filter_map(|(kind, date)| Some((date, kind.parse().ok()?)))
            .collect())
    }

    /// Of these ids, those of stats that are here and that a remote may have: they belong to no client that withdraws them,
    /// and were not withdrawn before.
    pub fn kept_among(&self, remote: &str, ids: &[StatId]) -> Result<HashSet<StatId>, DbError> {
        let withdrawing: HashSet<ClientId> = self
            .clients()?
            .iter()
            .filter(|client| is_withdrawing(client))
            .map(|client| client.id)
            .collect();
        self.read(|snapshot| {
            snapshot.run(|conn| {
                let withdrawn: Vec<(i32, i64)> = push_progress::table
                    .filter(push_progress::remote.eq(remote))
                    .select((push_progress::client_id, push_progress::withdrawn))
                    .load(conn)?;
                let withdrawn: HashMap<i32, i64> = withdrawn.into_iter().collect();
                let mut kept = HashSet::new();
                for ids in ids.chunks(IDS_PER_QUERY) {
                    let ids: Vec<_> = ids.iter().map(|id| DbUuid(id.0)).collect();
                    let found: Vec<(DbUuid, Option<i32>, i64)> = stats::table
                        .filter(stats::uuid.eq_any(ids))
                        .select((stats::uuid, stats::client_id, stats::seq))
                        .load(conn)?;
                    for (uuid, owner, seq) in found {
                        let is_withdrawn = owner.is_some_and(|owner| {
                            withdrawing.contains(&ClientId(owner))
                                || withdrawn.get(&owner).is_some_and(|last| seq <= *last)
                        });
                        if !is_withdrawn {
                            kept.insert(StatId(uuid.0));
                        }
                    }
                }
                Ok(kept)
            })
        })
    }

    /// The stats of these ids that are here.
    pub fn stats_by_ids(&self, ids: &[StatId]) -> Result<Vec<Stat>, DbError> {
        let mut stats = Vec::new();
        for ids in ids.chunks(IDS_PER_QUERY) {
            let rows: Vec<StatRow> = self.read(|snapshot| {
                snapshot.run(|conn| {
                    let ids: Vec<_> = ids.iter().map(|id| DbUuid(id.0)).collect();
                    let these = stats::table.filter(stats::uuid.eq_any(ids));
                    on_each_backend!(conn, |conn| {
                        let these = these.select(StatRow::as_select());
                        Ok::<_, DbError>(these.load(conn)?)
                    })
                })
            })?;
            stats.extend(rows.into_iter().filter_map(StatRow::into_stat));
        }
        Ok(stats)
    }
}
