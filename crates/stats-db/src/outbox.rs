//! What has been pushed to which remote, and what is still to be.

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

/// The place of a stat in the order of arrival: a stat that arrived later has a higher one. The default is before all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival(i64);

/// The stats of a client that are to be pushed to a remote, in the order of their arrival. There are none while the
/// client does not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// The address of the remote.
    pub remote: String,
    /// Whose stats.
    pub owner: ClientId,
    /// Only those of these days.
    pub dates: DateRange,
    /// Only those of this part.
    pub part: Part,
    /// Only those that arrived after this one.
    pub after: Arrival,
}

/// A part of what a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it, settled or not.
    All,
    /// Of what arrived up to this stat, that which waits: because the remote refused it, or it was passed over.
    Waiting(Arrival),
}

/// How much is taken out of an outbox at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    /// The number of stats.
    pub stats: u32,
    /// The bytes of their documents. The first stat is taken whatever its size.
    pub bytes: usize,
}

/// Keys per DELETE, well under the 32,766 values that SQLite binds.
const KEYS_PER_DELETE: usize = 1000;

/// What a remote said to a stat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It has it.
    There,
    /// It does not take it: why.
    Refused(String),
}

/// A stat that was to be pushed to a remote, and is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingStat {
    /// Who sent it.
    pub owner: ClientId,
    /// Its id.
    pub uuid: StatId,
    /// What it is about.
    pub stats_type: StatsType,
    /// Its day.
    pub date: NaiveDate,
    /// Why the remote does not take it; `None` if it was passed over, since another day was pushed.
    pub reason: Option<String>,
}

/// Evaluates `$body` with `$query`, the stats of `$outbox` after the last one taken, and `$place`, the column that says in
/// which order they arrived.
macro_rules! outgoing {
    ($outbox:expr, |$query:ident, $place:ident| $body:expr) => {{
        let outbox: &Outbox = $outbox;
        let is_sent = stats::kind
            .eq_any(StatsType::ALL.map(StatsType::as_str))
            .and(stats::date.between(outbox.dates.from, outbox.dates.to));
        match outbox.part {
            Part::All => {
                let $place = stats::seq;
                let $query = stats::table
                    .filter(is_sent)
                    .filter(stats::client_id.eq(outbox.owner.0))
                    .filter(stats::seq.gt(outbox.after.0));
                $body
            }
            // By way of those that wait, which are few where there are many stats; asked for the client of the stats too,
            // SQLite would go the other way.
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
    /// Up to where all stats of a client are settled with a remote: there, or waiting.
    pub fn pushed_up_to(&self, remote: &str, owner: ClientId) -> Result<Arrival, DbError> {
        Ok(pushed_up_to(&mut *self.reader()?, remote, owner)?)
    }

    /// How many stats there are in an outbox.
    pub fn count_outbox(&self, outbox: &Outbox) -> Result<u64, DbError> {
        self.read(|snapshot| {
            let conn = &mut *snapshot.conn;
            if !is_sharing(conn, outbox.owner)? {
                return Ok(0);
            }
            let count: i64 = outgoing!(outbox, |query, _place| {
                query.select(count_star()).get_result(conn)?
            });
            Ok(count.unsigned_abs())
        })
    }

    /// The next stats of an outbox, each with its place.
    pub fn next_in_outbox(
        &self,
        outbox: &Outbox,
        limit: BatchLimit,
    ) -> Result<Vec<(Arrival, Stat)>, DbError> {
        self.read(|snapshot| {
            let conn = &mut *snapshot.conn;
            let mut rest = outbox.clone();
            let mut batch = Batch::new(limit);
            if !is_sharing(conn, outbox.owner)? {
                return Ok(batch.stats);
            }
            while let Some(rows) = batch.rows_to_ask_for() {
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
        })
    }

    /// Remembers what the remote said to stats that were taken out of an outbox one after the other.
    pub fn settle(&self, outbox: &Outbox, answers: &[(Arrival, Settled)]) -> Result<(), DbError> {
        let Some((last, _)) = answers.last() else {
            return Ok(());
        };
        self.write(|conn| {
            pass_over(conn, outbox, *last)?;
            let mut there = Vec::new();
            for (arrival, answer) in answers {
                match answer {
                    Settled::There => there.push(arrival.0),
                    Settled::Refused(reason) => note_waiting(conn, outbox, *arrival, reason)?,
                }
            }
            Ok(forget_waiting(conn, outbox, &there)?)
        })
    }
}

impl Snapshot<'_> {
    /// Visits the stats that past pushes to a remote have left waiting, by client and order of arrival. Ends early when
    /// `visit` says so.
    pub fn for_each_waiting(
        &mut self,
        remote: &str,
        mut visit: impl FnMut(WaitingStat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        type Row = (i32, DbUuid, String, NaiveDate, Option<String>);

        on_each_backend!(self.conn, |conn, _Backend, RowByRow| {
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
    }
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

/// Rows that are asked for while nothing is known about their size.
const FIRST_ROWS: u32 = 8;

/// The first stats of an outbox, up to a limit.
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

    /// About as many rows as there is room for, since PostgreSQL sends all that was asked for; `None` if there is none.
    fn rows_to_ask_for(&self) -> Option<u32> {
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

    /// Takes rows while there is room, and tells how many it has looked at.
    fn take(
        &mut self,
        rows: impl Iterator<Item = QueryResult<(i64, StatRow)>>,
    ) -> Result<u32, DbError> {
        let mut looked_at = 0;
        for row in rows {
            let (seq, row) = row?;
            looked_at += 1;
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
        Ok(looked_at)
    }
}

/// Moves what is settled on to `last`. The stats on the way that are not in the outbox wait from now on.
fn pass_over(conn: &mut DbConnection, outbox: &Outbox, last: Arrival) -> QueryResult<()> {
    let (remote, owner) = (outbox.remote.as_str(), outbox.owner.0);
    let before = pushed_up_to(conn, remote, outbox.owner)?;
    if last <= before {
        return Ok(());
    }
    if outbox.dates != DateRange::default() {
        let DateRange { from, to } = outbox.dates;
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
    // By way of the client, who may have been deleted meanwhile.
    let progress = client::table.find(owner).select((
        remote.into_sql::<Text>(),
        client::id,
        last.0.into_sql::<BigInt>(),
    ));
    on_each_backend!(conn, |conn| {
        diesel::insert_into(push_progress::table)
            .values(progress)
            .into_columns(push_progress::all_columns)
            .on_conflict((push_progress::remote, push_progress::client_id))
            .do_update()
            .set(push_progress::seq.eq(excluded(push_progress::seq)))
            .execute(conn)
    })?;
    Ok(())
}

fn forget_waiting(conn: &mut DbConnection, outbox: &Outbox, there: &[i64]) -> QueryResult<()> {
    for there in there.chunks(KEYS_PER_DELETE) {
        let waiting = push_waiting::table
            .filter(push_waiting::remote.eq(&outbox.remote))
            .filter(push_waiting::client_id.eq(outbox.owner.0))
            .filter(push_waiting::seq.eq_any(there));
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
    // By way of the stat, which may have been deleted meanwhile.
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
