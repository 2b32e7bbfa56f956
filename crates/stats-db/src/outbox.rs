//! The ledger of pushes: which stats have been pushed to which remote.

use std::ops::ControlFlow;

use chrono::NaiveDate;
use diesel::dsl::{count_star, not};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::upsert::excluded;
use stats_core::{ClientId, DateRange, Stat, StatId, StatsType};

use crate::connection::{DbConnection, on_each_backend};
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

/// Keys per DELETE. SQLite binds at most 32,766 values.
const KEYS_PER_DELETE: usize = 1000;

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

    /// The number of stats in an outbox.
    pub fn count_outbox(&self, outbox: &Outbox) -> Result<u64, DbError> {
        self.read(|snapshot| {
            snapshot.run(|conn| {
                if !is_sharing(conn, outbox.owner)? {
                    return Ok(0);
                }
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

fn next_in_outbox(
    conn: &mut DbConnection,
    outbox: &Outbox,
    limit: BatchLimit,
) -> Result<Vec<(Arrival, Stat)>, DbError> {
    let mut rest = outbox.clone();
    let mut batch = Batch::new(limit);
    if !is_sharing(conn, outbox.owner)? {
        return Ok(batch.stats);
    }
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
    let settled = push_progress::table
        .find((remote, owner.0))
        .select(push_progress::seq)
        .first(conn)
        .optional()?;
    Ok(settled.map_or_else(Arrival::default, Arrival))
}

fn is_sharing(conn: &mut DbConnection, owner: ClientId) -> QueryResult<bool> {
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
    // Selected from the client, which may have been deleted in the meantime.
    let progress = client::table.find(owner).select((
        remote.into_sql::<Text>(),
        client::id,
        last.0.into_sql::<BigInt>(),
    ));
    on_each_backend!(conn, |conn| {
        diesel::insert_into(push_progress::table)
            .values(progress)
            .into_columns((
                push_progress::remote,
                push_progress::client_id,
                push_progress::seq,
            ))
            .on_conflict((push_progress::remote, push_progress::client_id))
            .do_update()
            .set(push_progress::seq.eq(excluded(push_progress::seq)))
            .execute(conn)
    })?;
    Ok(())
}

fn forget_waiting(conn: &mut DbConnection, outbox: &Outbox, stored: &[i64]) -> QueryResult<()> {
    for seqs in stored.chunks(KEYS_PER_DELETE) {
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
