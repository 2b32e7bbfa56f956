use std::collections::HashSet;
use std::ops::ControlFlow;

use chrono::{NaiveDate, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use stats_core::{AnalysisId, ClientId, Stat, StatId, StatsFilter, StatsType};

use crate::connection::{DbConnection, MultiBackend, on_each_backend};
use crate::rows::{NewStatRow, StatRow};
use crate::schema::{client, stats};
use crate::types::{DbUuid, JsonText};
use crate::{Db, DbError};

/// Rows per INSERT: seven values each, well under the 32,766 that SQLite binds.
const ROWS_PER_INSERT: usize = 500;

impl Db {
    /// Stores a batch of stats, all or nothing, and gives the positions of those that were skipped: because they are
    /// stored already, whoever sent them, or because one with the same id comes earlier in the batch.
    pub fn insert_stats(&self, owner: ClientId, batch: &[Stat]) -> Result<Vec<usize>, DbError> {
        let mut ids = HashSet::with_capacity(batch.len());
        let first_of_its_id: Vec<bool> = batch.iter().map(|stat| ids.insert(stat.uuid)).collect();
        let new = batch
            .iter()
            .zip(&first_of_its_id)
            .filter(|(_, is_first)| **is_first);
        let new: Vec<&Stat> = new.map(|(stat, _)| stat).collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let now = Utc::now().naive_utc();
        let stored = self.write(|conn| {
            let mut stored = HashSet::with_capacity(new.len());
            for chunk in new.chunks(ROWS_PER_INSERT) {
                let rows: Vec<_> = chunk
                    .iter()
                    .map(|stat| NewStatRow::new(stat, owner, now))
                    .collect();
                let uuids: Vec<DbUuid> = on_each_backend!(conn, |conn| {
                    diesel::insert_into(stats::table)
                        .values(&rows)
                        .on_conflict(stats::uuid)
                        .do_nothing()
                        .returning(stats::uuid)
                        .get_results(conn)
                })?;
                stored.extend(uuids.into_iter().map(|uuid| StatId(uuid.0)));
            }
            Ok(stored)
        })?;
        let skipped = batch.iter().zip(first_of_its_id).enumerate().filter_map(
            |(position, (stat, is_first))| {
                let is_stored = is_first && stored.contains(&stat.uuid);
                (!is_stored).then_some(position)
            },
        );
        Ok(skipped.collect())
    }

    /// Deletes the stats that a client sent about an analysis; tells how many those were.
    pub fn delete_stats(&self, owner: ClientId, analysis: AnalysisId) -> Result<usize, DbError> {
        self.write(|conn| {
            let of_analysis = stats::table
                .filter(stats::client_id.eq(owner.0))
                .filter(stats::anr.eq(DbUuid(analysis.0)));
            Ok(diesel::delete(of_analysis).execute(conn)?)
        })
    }

    /// The stats that `filter` lets through, all in memory: [`Snapshot::for_each_stat`] is for those that may be many.
    pub fn stats(&self, filter: &StatsFilter) -> Result<Vec<Stat>, DbError> {
        self.read(|snapshot| {
            let mut found = Vec::new();
            snapshot.for_each_stat(filter, |stat| {
                found.push(stat);
                ControlFlow::Continue(())
            })?;
            Ok(found)
        })
    }
}

/// Narrows a query on `stats` down to what `$filter` lets through, leaving the page aside, as a boxed query of
/// `$Backend`.
///
/// Without a type it asks for the known ones: an older service may have left others. The range of dates is always
/// there, which leaves out dates that PostgreSQL knows and nobody else (`infinity`).
macro_rules! filtered {
    ($Backend:ty, $filter:expr, $query:expr) => {{
        let filter: &StatsFilter = $filter;
        let mut query = $query
            .filter(stats::date.between(filter.dates.from, filter.dates.to))
            .into_boxed::<$Backend>();
        query = match filter.stats_type {
            Some(stats_type) => query.filter(stats::kind.eq(stats_type.as_str())),
            None => query.filter(stats::kind.eq_any(StatsType::ALL.map(StatsType::as_str))),
        };
        if let Some(owner) = filter.owner {
            query = query.filter(stats::client_id.eq(owner.0));
        }
        if let Some(analyses) = &filter.analyses {
            query =
                query.filter(stats::anr.eq_any(analyses.iter().map(|analysis| DbUuid(analysis.0))));
        }
        if filter.local_only {
            let local = client::table.filter(client::local.eq(true).or(client::local.is_null()));
            query = query.filter(stats::client_id.eq_any(local.select(client::id.nullable())));
        }
        if filter.newest_only {
            let newer = diesel::alias!(stats as newer);
            let is_later = newer.field(stats::date).gt(stats::date).or(newer
                .field(stats::date)
                .eq(stats::date)
                .and(newer.field(stats::seq).gt(stats::seq)));
            // Portable for IS NOT DISTINCT FROM: stats of nobody belong together too.
            let is_of_same_client = newer.field(stats::client_id).eq(stats::client_id).or(newer
                .field(stats::client_id)
                .is_null()
                .and(stats::client_id.is_null()));
            query = query.filter(not(exists(
                newer
                    .filter(newer.field(stats::anr).eq(stats::anr))
                    .filter(newer.field(stats::kind).eq(stats::kind))
                    // What is later is no earlier: said for itself, so that the index begins there.
                    .filter(newer.field(stats::date).ge(stats::date))
                    .filter(newer.field(stats::date).le(filter.dates.to))
                    .filter(is_of_same_client)
                    .filter(is_later),
            )));
        }
        query
    }};
}

/// The database as it is at one moment. It holds a connection, so that it is not for keeping.
pub struct Snapshot<'a> {
    pub(crate) conn: &'a mut DbConnection,
}

impl<'a> Snapshot<'a> {
    pub(crate) fn new(conn: &'a mut DbConnection) -> Self {
        Self { conn }
    }

    /// How many stats `filter` lets through, not counting its page.
    pub fn count_stats(&mut self, filter: &StatsFilter) -> Result<u64, DbError> {
        let count: i64 =
            filtered!(MultiBackend, filter, stats::table.count()).get_result(self.conn)?;
        Ok(count.unsigned_abs())
    }

    /// Visits the stats that `filter` lets through, ordered by date and then by id, row by row: memory does not grow
    /// with their number. Ends early when `visit` says so.
    pub fn for_each_stat(
        &mut self,
        filter: &StatsFilter,
        mut visit: impl FnMut(Stat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        self.for_each_owned_stat(filter, |_, stat| visit(stat))
    }

    /// The same with the client who sent the stat, unless nobody knows.
    pub fn for_each_owned_stat(
        &mut self,
        filter: &StatsFilter,
        mut visit: impl FnMut(Option<ClientId>, Stat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let page = filter.page;
        on_each_backend!(self.conn, |conn, Backend, RowByRow| {
            let rows = filtered!(Backend, filter, stats::table)
                .select((stats::client_id, StatRow::as_select()))
                .order((stats::date, stats::uuid))
                // Always with a LIMIT: SQLite knows no OFFSET without one.
                .limit(page.limit.map_or(i64::MAX, i64::from))
                .offset(page.offset.into())
                .load_iter::<(Option<i32>, StatRow), RowByRow>(conn)?;
            for row in rows {
                let (owner, row) = row?;
                if let Some(stat) = row.into_stat()
                    && visit(owner.map(ClientId), stat).is_break()
                {
                    break;
                }
            }
        });
        Ok(())
    }

    /// Visits the date and the JSON text of the stats that `filter` lets through, leaving its page aside, in no
    /// particular order and row by row: what a processor needs, at the least cost.
    pub fn for_each_document(
        &mut self,
        filter: &StatsFilter,
        visit: impl FnMut(NaiveDate, &str),
    ) -> Result<(), DbError> {
        on_each_backend!(self.conn, |conn, Backend, RowByRow| {
            let query = filtered!(Backend, filter, stats::table).select(DOCUMENT);
            visit_documents(query.load_iter::<DocumentRow, RowByRow>(conn)?, visit)
        })
    }

    /// The same for the `newest` stats of those that `filter` lets through: by date, and of one date by arrival.
    pub fn for_each_newest_document(
        &mut self,
        filter: &StatsFilter,
        newest: u32,
        visit: impl FnMut(NaiveDate, &str),
    ) -> Result<(), DbError> {
        on_each_backend!(self.conn, |conn, Backend, RowByRow| {
            let query = filtered!(Backend, filter, stats::table)
                .select(DOCUMENT)
                .order((stats::date.desc(), stats::seq.desc()))
                .limit(newest.into());
            visit_documents(query.load_iter::<DocumentRow, RowByRow>(conn)?, visit)
        })
    }
}

type DocumentRow = (NaiveDate, JsonText<'static>);

/// The columns of a [`DocumentRow`].
const DOCUMENT: (stats::date, stats::data) = (stats::date, stats::data);

fn visit_documents(
    rows: impl Iterator<Item = QueryResult<DocumentRow>>,
    mut visit: impl FnMut(NaiveDate, &str),
) -> Result<(), DbError> {
    for row in rows {
        let (date, JsonText(data)) = row?;
        visit(date, &data);
    }
    Ok(())
}
