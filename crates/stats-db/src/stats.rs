use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;

use chrono::{NaiveDate, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use stats_core::{AnalysisId, ClientId, Stat, StatId, StatsFilter, StatsType};

use crate::connection::{DbConnection, MultiBackend, on_each_backend};
use crate::db::Session;
use crate::rows::{NewStatRow, StatRow};
use crate::schema::{client, stats};
use crate::types::{DbUuid, JsonText};
use crate::{Db, DbError};

/// Rows per INSERT. SQLite binds at most 32,766 values, and a row has seven.
const ROWS_PER_INSERT: usize = 500;

impl Db {
    /// Stores a batch of stats, all or nothing. Returns the positions of the skipped stats, whose id is already stored
    /// (by any client) or occurs earlier in the batch.
    pub fn insert_stats(&self, owner: ClientId, batch: &[Stat]) -> Result<Vec<usize>, DbError> {
        let mut ids = HashSet::with_capacity(batch.len());
        let is_first: Vec<bool> = batch.iter().map(|stat| ids.insert(stat.uuid)).collect();
        let new: Vec<&Stat> = batch
            .iter()
            .zip(&is_first)
            .filter_map(|(stat, is_first)| is_first.then_some(stat))
            .collect();
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
        let skipped = batch
            .iter()
            .zip(is_first)
            .enumerate()
            .filter(|(_, (stat, is_first))| !(*is_first && stored.contains(&stat.uuid)))
            .map(|(position, _)| position);
        Ok(skipped.collect())
    }

    /// Deletes the stats of a client about an analysis. Returns their number.
    pub fn delete_stats(&self, owner: ClientId, analysis: AnalysisId) -> Result<usize, DbError> {
        self.write(|conn| {
            let of_analysis = stats::table
                .filter(stats::client_id.eq(owner.0))
                .filter(stats::anr.eq(DbUuid(analysis.0)));
            Ok(diesel::delete(of_analysis).execute(conn)?)
        })
    }

    /// The stats that `filter` selects, all in memory. Use [`Snapshot::for_each_stat`] for long lists.
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

/// Applies `$filter`, except its page, to a query on `stats`. Evaluates to a boxed query of `$Backend`.
///
/// Without a type the query selects the known types: an older service may have left others. The range of dates always
/// applies, which excludes PostgreSQL's `infinity`.
macro_rules! filtered {
    ($Backend:ty, $filter:expr, $query:expr) => {{
        let filter: &StatsFilter = $filter;
        let mut query = $query
            .filter(stats::date.between(filter.dates.from(), filter.dates.to()))
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
            // `IS NOT DISTINCT FROM`, spelled portably: NULL owners form one group.
            let is_of_same_client = newer.field(stats::client_id).eq(stats::client_id).or(newer
                .field(stats::client_id)
                .is_null()
                .and(stats::client_id.is_null()));
            query = query.filter(not(exists(
                newer
                    .filter(newer.field(stats::anr).eq(stats::anr))
                    .filter(newer.field(stats::kind).eq(stats::kind))
                    // Implied by `is_later`; lets the index narrow the search by date.
                    .filter(newer.field(stats::date).ge(stats::date))
                    .filter(newer.field(stats::date).le(filter.dates.to()))
                    .filter(is_of_same_client)
                    .filter(is_later),
            )));
        }
        query
    }};
}

/// A snapshot of the database. It holds a connection while it exists.
pub struct Snapshot<'a> {
    pub(crate) session: Session<'a>,
}

/// The JSON documents of one client's stats on one day.
pub type Documents<'a> = dyn Iterator<Item = Cow<'static, str>> + 'a;

/// The date, the client and the document of a stat.
type DocumentRow = (NaiveDate, Option<i32>, JsonText<'static>);

impl Snapshot<'_> {
    /// Runs queries on this snapshot.
    pub(crate) fn run<T>(
        &mut self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.session.run(work)
    }

    /// The number of stats that `filter` selects, ignoring its page.
    pub fn count_stats(&mut self, filter: &StatsFilter) -> Result<u64, DbError> {
        self.run(|conn| {
            let query = filtered!(MultiBackend, filter, stats::table.count());
            Ok(query.get_result::<i64>(conn)?.unsigned_abs())
        })
    }

    /// Visits the stats that `filter` selects row by row, ordered by date and then by id. Memory does not grow with
    /// their number. Ends early when `visit` breaks.
    pub fn for_each_stat(
        &mut self,
        filter: &StatsFilter,
        mut visit: impl FnMut(Stat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        self.for_each_owned_stat(filter, |_, stat| visit(stat))
    }

    /// Like [`Snapshot::for_each_stat`], with the owner of each stat if it is known.
    pub fn for_each_owned_stat(
        &mut self,
        filter: &StatsFilter,
        mut visit: impl FnMut(Option<ClientId>, Stat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let page = filter.page;
        let db = self.session.db();
        self.run(|conn| {
            on_each_backend!(conn, |conn, Backend, RowByRow| {
                let rows = filtered!(Backend, filter, stats::table)
                    .select((stats::client_id, StatRow::as_select()))
                    .order((stats::date, stats::uuid))
                    // SQLite has no OFFSET without a LIMIT.
                    .limit(page.limit.map_or(i64::MAX, i64::from))
                    .offset(page.offset.into())
                    .load_iter::<(Option<i32>, StatRow), RowByRow>(conn)?;
                for row in rows {
                    db.check_cancelled()?;
                    let (owner, row) = row?;
                    if let Some(stat) = row.into_stat()
                        && visit(owner.map(ClientId), stat).is_break()
                    {
                        break;
                    }
                }
            });
            Ok(())
        })
    }

    /// Visits the stats that `filter` selects by client and day: `visit` gets the date and the JSON documents of one
    /// client's stats on that date, row by row. Days are in ascending order; stats without a client form one group.
    /// With `newest` only that many stats are selected: the newest by date, then by arrival.
    ///
    /// The page of the filter is ignored.
    pub fn for_each_client_day(
        &mut self,
        filter: &StatsFilter,
        newest: Option<u32>,
        visit: &mut dyn FnMut(NaiveDate, &mut Documents<'_>),
    ) -> Result<(), DbError> {
        let db = self.session.db();
        self.run(|conn| {
            on_each_backend!(conn, |conn, Backend, RowByRow| {
                let mut query = filtered!(Backend, filter, stats::table);
                if let Some(newest) = newest {
                    let selected = filtered!(Backend, filter, stats::table)
                        .select(stats::seq)
                        .order((stats::date.desc(), stats::seq.desc()))
                        .limit(newest.into());
                    query = query.filter(stats::seq.eq_any(selected));
                }
                let rows = query
                    .select((stats::date, stats::client_id, stats::data))
                    .order((stats::date, stats::client_id))
                    .load_iter::<DocumentRow, RowByRow>(conn)?;
                let rows = rows.map(|row| db.check_cancelled().and_then(|()| Ok(row?)));
                visit_client_days(rows, visit)?;
            });
            Ok(())
        })
    }
}

fn visit_client_days(
    rows: impl Iterator<Item = Result<DocumentRow, DbError>>,
    visit: &mut dyn FnMut(NaiveDate, &mut Documents<'_>),
) -> Result<(), DbError> {
    let mut failure = Ok(());
    let rows = rows.map_while(|row| row.map_err(|error| failure = Err(error)).ok());
    let mut rows = rows.peekable();
    while let Some(&(date, client, _)) = rows.peek() {
        let mut documents = std::iter::from_fn(|| {
            let row = rows.next_if(|row| (row.0, row.1) == (date, client));
            row.map(|(.., JsonText(document))| document)
        });
        visit(date, &mut documents);
        // Skip the documents that `visit` did not read.
        documents.for_each(drop);
    }
    drop(rows);
    failure
}
