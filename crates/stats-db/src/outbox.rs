//! The ledger of pushes: which stats have been pushed to which remote.

use std::ops::ControlFlow;

use chrono::NaiveDate;
use diesel::dsl::{count_star, not};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::upsert::excluded;
use stats_core::{ClientId, DateRange, Stat, StatId, StatsType};

use crate::connection::{DbConnection, on_each_backend};
use crate::plans::plan_for_values;
use crate::rows::StatRow;
use crate::schema::{client, push_progress, push_waiting, stats};
use crate::types::DbUuid;
use crate::{Db, DbError, Snapshot};

/// The position of a stat in the order of arrival. The default precedes all stats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival(i64);

/// The stats of a client to push to a remote, in the order of arrival. Empty while the client does not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// The address of the remote.
    pub remote: String,
    /// The client that sent them.
    pub owner: ClientId,
    /// Only stats of these days.
    pub dates: DateRange,
    /// Only stats of this part.
    pub part: Part,
    /// Only stats that arrived after this one.
    pub after: Arrival,
}

/// A part of a client's stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All stats, whether or not the remote has them.
    All,
    /// The waiting stats among those that arrived up to this one: the remote refused them, or a push of other dates
    /// left them out.
    Waiting(Arrival),
}

/// The size of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    /// The number of stats.
    pub stats: u32,
    /// The bytes of their documents. The first stat is always taken.
    pub bytes: usize,
}

/// Keys per query. SQLite binds at most 32,766 values.
const KEYS_PER_QUERY: usize = 1000;

/// The remote's answer to a stat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The remote has it.
    Stored,
    /// The remote refused it, with this reason.
    Refused(String),
}

/// A stat that waits for the next push to a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingStat {
    /// The client that sent it.
    pub owner: ClientId,
    /// Its id.
    pub uuid: StatId,
    /// Its type.
    pub stats_type: StatsType,
    /// Its day.
    pub date: NaiveDate,
    /// Why the remote refused it; `None` if a push of other dates left it out.
    pub reason: Option<String>,
}

/// Evaluates `$body` with `$query`, which selects the stats of `$outbox`, and `$place`, the column of their arrival.
macro_rules! outgoing {
    ($outbox:expr, |$query:ident, $place:ident| $body:expr) => {{
        let outbox: &Outbox = $outbox;
        let is_sent = stats::kind
            .eq_any(StatsType::ALL.map(StatsType::as_str))
            .and(stats::date.between(outbox.dates.from(), outbox.dates.to()));
        match outbox.part {
            Part::All => {
                let $place = stats::seq;
                let $query = stats::table
                    .filter(is_sent)
                    .filter(stats::client_id.eq(outbox.owner.0))
                    .filter(stats::seq.gt(outbox.after.0));
                $body
            }
            // Join from the few waiting rows. With a condition on `stats.client_id`, SQLite would search all stats of
            // the client instead.
            Part::Waiting(up_to) => {
                let $place = push_waiting::seq;
                let $query = stats::table
                    .inner_join(push_waiting::table.on(push_waiting::seq.eq(stats::seq)))
                    .filter(is_sent)
                    .filter(push_waiting::remote.eq(&outbox.remote))
                    .filter(push_waiting::client_id.eq(outbox.owner.0))
                    .filter(push_waiting::seq.gt(outbox.after.0))
                    .filter(push_waiting::seq.le(up_to.0));
                $body
            }
        }
    }};
}

impl Db {
    /// The last arrival up to which every stat of a client is either stored by the remote or waiting.
    pub fn pushed_up_to(&self, remote: &str, owner: ClientId) -> Result<Arrival, DbError> {
        self.query(|conn| pushed_up_to(conn, remote, owner))
    }

    /// The last arrival up to which the stats of a client have been withdrawn from a remote.
    pub fn withdrawn_up_to(&self, remote: &str, owner: ClientId) -> Result<Arrival, DbError> {
        self.query(|conn| Ok(Arrival(Progress::of(conn, remote, owner)?.withdrawn)))
    }

    /// The number of stats in an outbox.
    pub fn count_outbox(&self, outbox: &Outbox) -> Result<u64, DbError> {
        self.read(|snapshot| {
            snapshot.run(|conn| {
                if !is_sharing(conn, outbox.owner)? {
                    return Ok(0);
                }
                plan_for_values(conn)?;
                let count: i64 = outgoing!(outbox, |query, _place| {
                    query.select(count_star()).get_result(conn)?
                });
                Ok(count.unsigned_abs())
            })
        })
    }

    /// The next batch of an outbox.
    pub fn next_in_outbox(
        &self,
        outbox: &Outbox,
        limit: BatchLimit,
    ) -> Result<Vec<(Arrival, Stat)>, DbError> {
        self.read(|snapshot| snapshot.run(|conn| next_in_outbox(conn, outbox, limit)))
    }

    /// The next batch of an outbox, to send it. Records before that the remote may have these stats, because a push may be
    /// interrupted between sending a batch and recording the answer.
    pub fn next_to_send(
        &self,
        outbox: &Outbox,
        limit: BatchLimit,
    ) -> Result<Vec<(Arrival, Stat)>, DbError> {
        loop {
            let batch = self.next_in_outbox(outbox, limit)?;
            if batch.is_empty() || self.offer(outbox, &batch)? {
                return Ok(batch);
            }
        }
    }

    /// Records that the remote may have the stats of a batch, unless one of them has been deleted since it was read: a push
    /// that runs at the same time has taken the remote for one that never got it.
    fn offer(&self, outbox: &Outbox, batch: &[(Arrival, Stat)]) -> Result<bool, DbError> {
        let (remote, owner) = (outbox.remote.as_str(), outbox.owner);
        let seqs: Vec<i64> = batch.iter().map(|(arrival, _)| arrival.0).collect();
        let offered = seqs.iter().copied().max().unwrap_or(0);
        let known = self.query(|conn| Progress::of(conn, remote, owner))?;
        if offered <= known.offered {
            return Ok(true);
        }
        self.write(|conn| {
            if !is_sharing(conn, owner)? {
                return Ok(false);
            }
            for seqs in seqs.chunks(KEYS_PER_QUERY) {
                let left: i64 = stats::table
                    .filter(stats::seq.eq_any(seqs))
                    .count()
                    .get_result(conn)?;
                if left != seqs.len() as i64 {
                    return Ok(false);
                }
            }
            let progress = Progress::of(conn, remote, owner)?;
            let offered = offered.max(progress.offered);
            let progress = Progress {
                offered,
                ..progress
            };
            progress.store(conn, remote, owner)?;
            Ok(true)
        })
    }

    /// Records the answers of the remote to consecutive stats of an outbox.
    pub fn settle(&self, outbox: &Outbox, answers: &[(Arrival, Settled)]) -> Result<(), DbError> {
        let Some((last, _)) = answers.last() else {
            return Ok(());
        };
        self.write(|conn| {
            pass_over(conn, outbox, *last)?;
            let mut stored = Vec::new();
            for (arrival, answer) in answers {
                match answer {
                    Settled::Stored => stored.push(arrival.0),
                    Settled::Refused(reason) => note_waiting(conn, outbox, *arrival, reason)?,
                }
            }
            Ok(forget_waiting(conn, outbox, &stored)?)
        })
    }
}

impl Snapshot<'_> {
    /// Visits the stats that wait for the next push to a remote, by client and order of arrival. Ends early when
    /// `visit` breaks.
    pub fn for_each_waiting(
        &mut self,
        remote: &str,
        mut visit: impl FnMut(WaitingStat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        type Row = (i32, DbUuid, String, NaiveDate, Option<String>);

        self.run(|conn| {
            on_each_backend!(conn, |conn, _Backend, RowByRow| {
                let rows = push_waiting::table
                    .inner_join(stats::table.on(stats::seq.eq(push_waiting::seq)))
                    .filter(push_waiting::remote.eq(remote))
                    .select((
                        push_waiting::client_id,
                        stats::uuid,
                        stats::kind,
                        stats::date,
                        push_waiting::reason,
                    ))
                    .order((push_waiting::client_id, push_waiting::seq))
                    .load_iter::<Row, RowByRow>(conn)?;
                for row in rows {
                    let (owner, uuid, kind, date, reason) = row?;
                    let Ok(stats_type) = kind.parse() else {
                        continue;
                    };
                    let waiting = WaitingStat {
                        owner: ClientId(owner),
                        uuid: StatId(uuid.0),
                        stats_type,
                        date,
                        reason,
                    };
                    if visit(waiting).is_break() {
                        break;
                    }
                }
            });
            Ok(())
        })
    }
}

pub(crate) fn next_in_outbox(
    conn: &mut DbConnection,
    outbox: &Outbox,
    limit: BatchLimit,
) -> Result<Vec<(Arrival, Stat)>, DbError> {
    let mut rest = outbox.clone();
    let mut batch = Batch::new(limit);
    if !is_sharing(conn, outbox.owner)? {
        return Ok(batch.stats);
    }
    plan_for_values(conn)?;
    while let Some(rows) = batch.rows_to_query() {
        let is_end = on_each_backend!(conn, |conn, _Backend, RowByRow| {
            outgoing!(&rest, |query, place| {
                let found = query
                    .select((place, StatRow::as_select()))
                    .order(place)
                    .limit(rows.into())
                    .load_iter::<(i64, StatRow), RowByRow>(conn)?;
                batch.take(found)? < rows
            })
        });
        match batch.stats.last() {
            Some((last, _)) if !is_end => rest.after = *last,
            _ => break,
        }
    }
    Ok(batch.stats)
}

fn pushed_up_to(conn: &mut DbConnection, remote: &str, owner: ClientId) -> QueryResult<Arrival> {
    Ok(Arrival(Progress::of(conn, remote, owner)?.seq))
}

/// What a remote has of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// It has the stats up to this one, except those that wait.
    pub(crate) seq: i64,
    /// It may have the stats up to this one.
    pub(crate) offered: i64,
    /// It knows the deletions up to this one, except those that it cannot be told.
    pub(crate) told: i64,
    /// The stats up to this one have been withdrawn.
    pub(crate) withdrawn: i64,
}

impl Progress {
    pub(crate) fn of(conn: &mut DbConnection, remote: &str, owner: ClientId) -> QueryResult<Self> {
        let found: Option<(i64, i64, i64, i64)> = push_progress::table
            .find((remote, owner.0))
            .select((
                push_progress::seq,
                push_progress::offered,
                push_progress::told,
                push_progress::withdrawn,
            ))
            .first(conn)
            .optional()?;
        let (seq, offered, told, withdrawn) = found.unwrap_or_default();
        Ok(Self {
            seq,
            // A program of an earlier version records `seq` alone.
            offered: offered.max(seq),
            told,
            withdrawn,
        })
    }

    /// Writes it, unless the client has been deleted in the meantime.
    pub(crate) fn store(
        self,
        conn: &mut DbConnection,
        remote: &str,
        ClientId(owner): ClientId,
    ) -> QueryResult<()> {
        let row = client::table.find(owner).select((
            remote.into_sql::<Text>(),
            client::id,
            self.seq.into_sql::<BigInt>(),
            self.offered.into_sql::<BigInt>(),
            self.told.into_sql::<BigInt>(),
            self.withdrawn.into_sql::<BigInt>(),
        ));
        on_each_backend!(conn, |conn| {
            diesel::insert_into(push_progress::table)
                .values(row)
                .into_columns((
                    push_progress::remote,
                    push_progress::client_id,
                    push_progress::seq,
                    push_progress::offered,
                    push_progress::told,
                    push_progress::withdrawn,
                ))
                .on_conflict((push_progress::remote, push_progress::client_id))
                .do_update()
                .set((
                    push_progress::seq.eq(excluded(push_progress::seq)),
                    push_progress::offered.eq(excluded(push_progress::offered)),
                    push_progress::told.eq(excluded(push_progress::told)),
                    push_progress::withdrawn.eq(excluded(push_progress::withdrawn)),
                ))
                .execute(conn)
        })?;
        Ok(())
    }
}

pub(crate) fn is_sharing(conn: &mut DbConnection, owner: ClientId) -> QueryResult<bool> {
    let is_enabled = client::table
        .find(owner.0)
        .select(client::is_sharing_enabled)
        .first::<Option<bool>>(conn)
        .optional()?;
    Ok(is_enabled.flatten().unwrap_or(false))
}

/// Rows to query while their size is unknown.
const FIRST_ROWS: u32 = 8;

/// A batch that fills up to its limit.
struct Batch {
    limit: BatchLimit,
    stats: Vec<(Arrival, Stat)>,
    bytes: usize,
    is_full: bool,
}

impl Batch {
    fn new(limit: BatchLimit) -> Self {
        Self {
            limit,
            stats: Vec::new(),
            bytes: 0,
            is_full: false,
        }
    }

    /// The estimated number of rows that fit; `None` if the batch is full. PostgreSQL sends all rows of a query, read
    /// or not.
    fn rows_to_query(&self) -> Option<u32> {
        let taken = self.stats.len();
        let left = self.limit.stats.saturating_sub(taken.try_into().ok()?);
        let fitting = match self.bytes.checked_div(taken) {
            None => FIRST_ROWS,
            Some(mean) => {
                let room = self.limit.bytes.saturating_sub(self.bytes);
                (room / mean.max(1))
                    .saturating_add(1)
                    .try_into()
                    .unwrap_or(u32::MAX)
            }
        };
        (left > 0 && !self.is_full).then_some(fitting.min(left))
    }

    /// Takes rows while they fit. Returns the number of rows read.
    fn take(
        &mut self,
        rows: impl Iterator<Item = QueryResult<(i64, StatRow)>>,
    ) -> Result<u32, DbError> {
        let mut read = 0;
        for row in rows {
            let (seq, row) = row?;
            read += 1;
            let Some(stat) = row.into_stat() else {
                continue;
            };
            let bytes = self.bytes.saturating_add(stat.data.as_str().len());
            if bytes > self.limit.bytes && !self.stats.is_empty() {
                self.is_full = true;
                break;
            }
            self.bytes = bytes;
            self.stats.push((Arrival(seq), stat));
        }
        Ok(read)
    }
}

/// Advances the progress to `last`. Stats before it whose dates are not in the outbox become waiting.
fn pass_over(conn: &mut DbConnection, outbox: &Outbox, last: Arrival) -> QueryResult<()> {
    let (remote, owner) = (outbox.remote.as_str(), outbox.owner.0);
    let before = pushed_up_to(conn, remote, outbox.owner)?;
    if last <= before {
        return Ok(());
    }
    if outbox.dates != DateRange::default() {
        let (from, to) = (outbox.dates.from(), outbox.dates.to());
        let passed = stats::table
            .filter(stats::client_id.eq(owner))
            .filter(stats::seq.gt(before.0).and(stats::seq.lt(last.0)))
            .filter(stats::kind.eq_any(StatsType::ALL.map(StatsType::as_str)))
            .filter(not(stats::date.between(from, to)))
            .select((
                remote.into_sql::<Text>(),
                owner.into_sql::<Integer>(),
                stats::seq,
            ));
        on_each_backend!(conn, |conn| {
            diesel::insert_into(push_waiting::table)
                .values(passed)
                .into_columns((
                    push_waiting::remote,
                    push_waiting::client_id,
                    push_waiting::seq,
                ))
                .on_conflict_do_nothing()
                .execute(conn)
        })?;
    }
    let progress = Progress::of(conn, remote, outbox.owner)?;
    let seq = last.0;
    Progress { seq, ..progress }.store(conn, remote, outbox.owner)
}

fn forget_waiting(conn: &mut DbConnection, outbox: &Outbox, stored: &[i64]) -> QueryResult<()> {
    for seqs in stored.chunks(KEYS_PER_QUERY) {
        let waiting = push_waiting::table
            .filter(push_waiting::remote.eq(&outbox.remote))
            .filter(push_waiting::client_id.eq(outbox.owner.0))
            .filter(push_waiting::seq.eq_any(seqs));
        diesel::delete(waiting).execute(conn)?;
    }
    Ok(())
}

fn note_waiting(
    conn: &mut DbConnection,
    outbox: &Outbox,
    arrival: Arrival,
    reason: &str,
) -> QueryResult<()> {
    // Selected from the stat, which may have been deleted in the meantime.
    let waiting = stats::table.filter(stats::seq.eq(arrival.0)).select((
        outbox.remote.as_str().into_sql::<Text>(),
        outbox.owner.0.into_sql::<Integer>(),
        stats::seq,
        reason.into_sql::<Nullable<Text>>(),
    ));
    on_each_backend!(conn, |conn| {
        diesel::insert_into(push_waiting::table)
            .values(waiting)
            .into_columns(push_waiting::all_columns)
            .on_conflict((
                push_waiting::remote,
                push_waiting::client_id,
                push_waiting::seq,
            ))
            .do_update()
            .set(push_waiting::reason.eq(excluded(push_waiting::reason)))
            .execute(conn)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use stats_core::{AnalysisId, NewClient, RawJson};
    use stats_testing::{TestDatabase, on_each_database};

    use super::*;

    on_each_database!(a_batch_is_not_offered_if_a_stat_was_deleted_since_it_was_read);
    fn a_batch_is_not_offered_if_a_stat_was_deleted_since_it_was_read(database: &TestDatabase) {
        let url = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let db = Db::open(&url).unwrap();
        db.migrate().unwrap();
        let owner = NewClient::user("CASES".parse().unwrap());
        let owner = db.create_client(&owner).unwrap().id;
        let stats = [(); 2].map(|()| Stat {
            uuid: StatId::random(),
            analysis: AnalysisId::random(),
            stats_type: StatsType::Risk,
            date: "2026-11-20".parse().unwrap(),
            data: RawJson::parse("[]").unwrap(),
        });
        db.insert_stats(owner, &stats).unwrap();
        let outbox = Outbox {
            remote: "https://dashboard.example.org/".to_owned(),
            owner,
            dates: DateRange::default(),
            part: Part::All,
            after: Arrival::default(),
        };
        let limit = BatchLimit {
            stats: 10,
            bytes: 1000,
        };
        let batch = db.next_in_outbox(&outbox, limit).unwrap();
        db.delete_stats(owner, stats[1].analysis).unwrap();
        assert!(!db.offer(&outbox, &batch).unwrap());
        let batch = db.next_to_send(&outbox, limit).unwrap();
        assert_eq!(batch.len(), 1);
        let progress = db.query(|conn| Progress::of(conn, &outbox.remote, owner));
        let offered = batch[0].0.0;
        assert_eq!(
            progress.unwrap(),
            Progress {
                offered,
                ..Progress::default()
            }
        );
        // Once offered, the remote may have it.
        db.delete_stats(owner, stats[0].analysis).unwrap();
        assert!(db.offer(&outbox, &batch).unwrap());
    }
}
