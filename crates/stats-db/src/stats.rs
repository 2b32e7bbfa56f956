use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;

use chrono::{NaiveDate, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::prelude::*;
use diesel::sql_types::{Array, Date, Integer, Text, Timestamp, Uuid};
use diesel::sqlite::Sqlite;
use stats_core::{AnalysisId, ClientId, Page, Stat, StatId, StatsFilter, StatsType};

use crate::connection::{DbConnection, WRITE_LOCK, begin_read, on_each_backend};
use crate::newest::IsNewest;
use crate::rows::{NewStatRow, StatRow};
use crate::schema::{client, stats, stats_tombstone};
use crate::session::Session;
use crate::tombstones::{delete_with_tombstones, deleted_among};
use crate::types::{DbUuid, JsonText};
use crate::{Db, DbError};

/// A stat of a batch that was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Its position in the batch.
    pub position: usize,
    /// Why it was not stored.
    pub reason: SkipReason,
}

/// Why a stat was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// Its id is already stored, by any client, or occurs earlier in the batch.
    Stored,
    /// Its client deleted the stat of this id.
    Deleted,
}

impl Db {
    /// Stores a batch of stats, all or nothing. Returns the skipped stats, in their order.
    pub fn insert_stats(&self, owner: ClientId, batch: &[Stat]) -> Result<Vec<Skipped>, DbError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.write_unlocked(|conn| match conn {
            DbConnection::Postgres(conn) => {
                let stored = insert_arrays(conn, owner, batch)?;
                skip_deleted(conn, owner, batch, stored)
            }
            DbConnection::Sqlite(conn) => insert_rows(conn, owner, batch),
        })
    }

    /// Deletes the stats of a client about an analysis, which leave tombstones. Returns their number.
    pub fn delete_stats(&self, owner: ClientId, analysis: AnalysisId) -> Result<usize, DbError> {
        self.write(|conn| {
            on_each_backend!(conn, |conn| {
                let of_analysis = || {
                    stats::table
                        .filter(stats::client_id.eq(owner.0))
                        .filter(stats::anr.eq(DbUuid(analysis.0)))
                };
                Ok(delete_with_tombstones!(conn, of_analysis()))
            })
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

/// One statement for the whole batch. It takes the write lock after it has converted the documents to `jsonb`, which takes
/// as long as storing them. Returns the ids of the stats that were stored.
fn insert_arrays(
    conn: &mut PgConnection,
    ClientId(owner): ClientId,
    batch: &[Stat],
) -> Result<HashSet<StatId>, DbError> {
    #[derive(QueryableByName)]
    #[diesel(table_name = stats)]
    struct Stored {
        uuid: DbUuid,
    }

    fn column<T>(batch: &[Stat], value: impl Fn(&Stat) -> T) -> Vec<T> {
        batch.iter().map(value).collect()
    }

    let documents: Vec<_> = batch.iter().map(|stat| stat.data.as_str()).collect();
    let stored: Vec<Stored> = diesel::sql_query(format!(
        "WITH batch AS MATERIALIZED ( \
            SELECT unnest($1) AS uuid, unnest($2) AS anr, unnest($3) AS type, unnest($4) AS date, \
                unnest($5)::jsonb AS data), \
         locked AS MATERIALIZED (SELECT pg_advisory_xact_lock({WRITE_LOCK}) FROM (SELECT count(*) FROM batch) AS all_of_it) \
         INSERT INTO stats (uuid, anr, type, date, data, created_at, client_id) \
         SELECT uuid, anr, type, date, data, $6, $7 FROM batch CROSS JOIN locked \
         WHERE NOT EXISTS (SELECT FROM stats_tombstone AS deleted WHERE client_id = $7 AND deleted.uuid = batch.uuid) \
         ON CONFLICT (uuid) DO NOTHING RETURNING uuid",
    ))
    .bind::<Array<Uuid>, _>(column(batch, |stat| stat.uuid.0))
    .bind::<Array<Uuid>, _>(column(batch, |stat| stat.analysis.0))
    .bind::<Array<Text>, _>(column(batch, |stat| stat.stats_type.as_str()))
    .bind::<Array<Date>, _>(column(batch, |stat| stat.date))
    .bind::<Array<Text>, _>(documents)
    .bind::<Timestamp, _>(Utc::now().naive_utc())
    .bind::<Integer, _>(owner)
    .load(conn)?;
    Ok(stored.into_iter().map(|row| StatId(row.uuid.0)).collect())
}

/// The stats of a batch that were not stored. Deletes stats again that their client deleted while the batch waited for the
/// write lock: the statement that stores a batch does not see these tombstones.
fn skip_deleted(
    conn: &mut PgConnection,
    owner: ClientId,
    batch: &[Stat],
    mut stored: HashSet<StatId>,
) -> Result<Vec<Skipped>, DbError> {
    let deleted = deleted_among!(conn, owner, batch.iter().map(|stat| stat.uuid));
    let late: Vec<_> = deleted
        .iter()
        .filter(|uuid| stored.remove(uuid))
        .map(|uuid| DbUuid(uuid.0))
        .collect();
    if !late.is_empty() {
        diesel::delete(stats::table.filter(stats::uuid.eq_any(late))).execute(conn)?;
    }
    Ok(skipped(batch, &deleted, |stat| {
        Ok(stored.remove(&stat.uuid))
    })?)
}

/// One statement a row: SQLite keeps the old content of changed pages for a statement of several rows.
fn insert_rows(
    conn: &mut SqliteConnection,
    owner: ClientId,
    batch: &[Stat],
) -> Result<Vec<Skipped>, DbError> {
    let deleted = deleted_among!(conn, owner, batch.iter().map(|stat| stat.uuid));
    let now = Utc::now().naive_utc();
    Ok(skipped(batch, &deleted, |stat| {
        if deleted.contains(&stat.uuid) {
            return Ok(false);
        }
        let rows = diesel::insert_into(stats::table)
            .values(NewStatRow::new(stat, owner, now))
            .on_conflict(stats::uuid)
            .do_nothing()
            .execute(conn)?;
        Ok(rows == 1)
    })?)
}

/// The stats of a batch that `store` did not store.
fn skipped(
    batch: &[Stat],
    deleted: &HashSet<StatId>,
    mut store: impl FnMut(&Stat) -> QueryResult<bool>,
) -> QueryResult<Vec<Skipped>> {
    let mut skipped = Vec::new();
    for (position, stat) in batch.iter().enumerate() {
        if !store(stat)? {
            let reason = match deleted.contains(&stat.uuid) {
                true => SkipReason::Deleted,
                false => SkipReason::Stored,
            };
            skipped.push(Skipped { position, reason });
        }
    }
    Ok(skipped)
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
        if filter.local_only {
            let local = client::table.filter(client::local.eq(true).or(client::local.is_null()));
            query = query.filter(stats::client_id.eq_any(local.select(client::id.nullable())));
        }
        if filter.newest_only {
            query = query.filter(IsNewest::new(filter));
        } else if let Some(analyses) = &filter.analyses {
            query =
                query.filter(stats::anr.eq_any(analyses.iter().map(|analysis| DbUuid(analysis.0))));
        }
        query
    }};
}

/// Leaves out the stats of excluded clients of a boxed query on `stats`.
macro_rules! counted {
    ($query:expr) => {
        $query.filter(
            stats::client_id.is_null().or(stats::client_id.ne_all(
                client::table
                    .filter(client::is_excluded.eq(true))
                    .select(client::id.nullable()),
            )),
        )
    };
}

/// The ids of the stats that `$filter` selects, ordered by date and then by id, regardless of its page.
macro_rules! ids {
    ($Backend:ty, $filter:expr) => {
        filtered!($Backend, $filter, stats::table)
            .order((stats::date, stats::uuid))
            .select(stats::seq)
    };
}

/// A stat and its owner.
type OwnedRow = (Option<i32>, StatRow);

/// Stats in a snapshot, found by [`Snapshot::select`].
pub struct Selection<'f> {
    filter: &'f StatsFilter,
    /// All of them in order, unless a search while visiting is faster.
    ids: Option<Vec<i64>>,
}

impl Selection<'_> {
    /// The ids on the page of the filter.
    fn page(&self) -> impl Iterator<Item = i64> {
        let Page { offset, limit } = self.filter.page;
        let limit = limit.map_or(usize::MAX, |limit| limit as usize);
        let ids = self.ids.iter().flatten().copied();
        ids.skip(offset as usize).take(limit)
    }
}

/// A snapshot of the database. It holds a connection while it exists.
pub struct Snapshot<'a> {
    pub(crate) session: Session<'a>,
    /// If it is of a replica, when the server of the primary started, like [`Backend::server_start`].
    pub(crate) primary_start: Option<i64>,
}

/// One client's stats of one day: the analysis and the JSON document of each.
pub type Documents<'a> = dyn Iterator<Item = (AnalysisId, Cow<'static, str>)> + 'a;

/// The date, the client, the analysis and the document of a stat.
type DocumentRow = (NaiveDate, Option<i32>, DbUuid, JsonText<'static>);

impl<'a> Snapshot<'a> {
    /// Begins a transaction for reading.
    pub(crate) fn begin(
        mut session: Session<'a>,
        primary_start: Option<i64>,
    ) -> Result<Self, DbError> {
        let db = session.db();
        let (lock, statement) = (db.lock_timeout(), db.statement_timeout());
        session.begin(|conn| begin_read(conn, lock, statement))?;
        Ok(Self {
            session,
            primary_start,
        })
    }
}

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
            let count: i64 = on_each_backend!(conn, |conn, Backend, _RowByRow| {
                filtered!(Backend, filter, stats::table.count()).get_result(conn)
            })?;
            Ok(count.unsigned_abs())
        })
    }

    /// The newest date of the stats that `filter` selects, ignoring its page.
    pub fn newest_date(&mut self, filter: &StatsFilter) -> Result<Option<NaiveDate>, DbError> {
        self.run(|conn| {
            let date = on_each_backend!(conn, |conn, Backend, _RowByRow| {
                filtered!(Backend, filter, stats::table)
                    .select(stats::date)
                    .order(stats::date.desc())
                    .first(conn)
                    .optional()
            })?;
            Ok(date)
        })
    }

    /// Visits the stats that `filter` selects row by row, ordered by date and then by id. Memory does not grow with
    /// their number, except for eight bytes each on SQLite. Ends early when `visit` breaks.
    pub fn for_each_stat(
        &mut self,
        filter: &StatsFilter,
        mut visit: impl FnMut(Stat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let selection = self.select(filter)?;
        self.for_each_selected(&selection, |_, stat| visit(stat))
    }

    /// Finds the stats that `filter` selects, so that they can be counted and visited in one search.
    pub fn select<'f>(&mut self, filter: &'f StatsFilter) -> Result<Selection<'f>, DbError> {
        let ids = self.run(|conn| match conn {
            DbConnection::Postgres(conn) if filter.newest_only => {
                Ok(Some(ids!(Pg, filter).load(conn)?))
            }
            DbConnection::Postgres(_) => Ok(None),
            // SQLite would sort the rows with their documents.
            DbConnection::Sqlite(conn) => Ok(Some(ids!(Sqlite, filter).load(conn)?)),
        })?;
        Ok(Selection { filter, ids })
    }

    /// The number of stats in a selection, ignoring the page of its filter.
    pub fn count_selected(&mut self, selection: &Selection<'_>) -> Result<u64, DbError> {
        match &selection.ids {
            Some(ids) => Ok(ids.len() as u64),
            None => self.count_stats(selection.filter),
        }
    }

    /// Visits the page of a selection like [`Snapshot::for_each_stat`], with the owner of each stat if it is known.
    pub fn for_each_selected(
        &mut self,
        selection: &Selection<'_>,
        mut visit: impl FnMut(Option<ClientId>, Stat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let db = self.session.db();
        let mut visit_row = |row: QueryResult<OwnedRow>| {
            db.check_cancelled()?;
            let (owner, row) = row?;
            let stat = row.into_stat();
            Ok::<_, DbError>(stat.map_or(ControlFlow::Continue(()), |stat| {
                visit(owner.map(ClientId), stat)
            }))
        };
        self.run(|conn| {
            match conn {
                DbConnection::Postgres(conn) => {
                    let page = selection.filter.page;
                    let rows = match &selection.ids {
                        Some(_) => stats::table
                            .filter(stats::seq.eq_any(selection.page()))
                            .into_boxed::<Pg>(),
                        None => filtered!(Pg, selection.filter, stats::table)
                            .limit(page.limit.map_or(i64::MAX, i64::from))
                            .offset(page.offset.into()),
                    };
                    let rows = rows
                        .order((stats::date, stats::uuid))
                        .select((stats::client_id, StatRow::as_select()));
                    for row in rows.load_iter::<OwnedRow, PgRowByRowLoadingMode>(conn)? {
                        if visit_row(row)?.is_break() {
                            break;
                        }
                    }
                }
                DbConnection::Sqlite(conn) => {
                    for seq in selection.page() {
                        let row = stats::table
                            .filter(stats::seq.eq(seq))
                            .select((stats::client_id, StatRow::as_select()))
                            .get_result(conn);
                        if visit_row(row)?.is_break() {
                            break;
                        }
                    }
                }
            }
            Ok(())
        })
    }

    /// Visits the stats that `filter` selects by client and day: `visit` gets the date and the documents of one client's
    /// stats on that date, row by row. Days are in ascending order; stats without a client form one group.
    /// With `newest` only that many stats are selected: the newest by date, then by arrival.
    ///
    /// Stats of excluded clients are left out unless the filter names the owner. The page of the filter is ignored.
    pub fn for_each_client_day(
        &mut self,
        filter: &StatsFilter,
        newest: Option<u32>,
        visit: &mut dyn FnMut(NaiveDate, &mut Documents<'_>),
    ) -> Result<(), DbError> {
        let db = self.session.db();
        self.run(|conn| {
            on_each_backend!(conn, |conn, Backend, RowByRow| {
                let selected = || {
                    let query = filtered!(Backend, filter, stats::table);
                    match filter.owner {
                        Some(_) => query,
                        None => counted!(query),
                    }
                };
                let mut query = selected();
                if let Some(newest) = newest {
                    let selected = selected()
                        .select(stats::seq)
                        .order((stats::date.desc(), stats::seq.desc()))
                        .limit(newest.into());
                    query = query.filter(stats::seq.eq_any(selected));
                }
                let rows = query
                    .select((stats::date, stats::client_id, stats::anr, stats::data))
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
    while let Some(&(date, client, ..)) = rows.peek() {
        let mut documents = std::iter::from_fn(|| {
            let row = rows.next_if(|row| (row.0, row.1) == (date, client));
            row.map(|(.., anr, JsonText(document))| (AnalysisId(anr.0), document))
        });
        visit(date, &mut documents);
        // Skip the documents that `visit` did not read.
        documents.for_each(drop);
    }
    drop(rows);
    failure
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::marker::PhantomData;

    use diesel::backend::Backend;
    use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
    use stats_testing::{TestDatabase, on_each_database};

    use super::*;

    /// A query after `EXPLAIN`, which returns columns of the types `ST`.
    #[derive(QueryId)]
    struct Explain<ST, Q>(&'static str, Q, PhantomData<ST>);

    impl<ST, Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Explain<ST, Q> {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
            out.push_sql(self.0);
            self.1.walk_ast(out)
        }
    }

    impl<ST, Q> Query for Explain<ST, Q> {
        type SqlType = ST;
    }

    impl<ST, Q, Conn> RunQueryDsl<Conn> for Explain<ST, Q> {}

    /// The plan that the database chooses to find the ids of stats.
    fn plan(db: &Db, filter: &StatsFilter) -> String {
        db.read::<_, DbError>(|snapshot| {
            snapshot.run(|conn| {
                let steps: Vec<String> = match conn {
                    DbConnection::Postgres(conn) => {
                        let query = ids!(Pg, filter);
                        Explain("EXPLAIN ", query, PhantomData::<Text>).load(conn)?
                    }
                    DbConnection::Sqlite(conn) => {
                        let query = ids!(Sqlite, filter);
                        let types = PhantomData::<(Integer, Integer, Integer, Text)>;
                        let steps = Explain("EXPLAIN QUERY PLAN ", query, types);
                        let steps: Vec<(i32, i32, i32, String)> = steps.load(conn)?;
                        steps.into_iter().map(|(.., step)| step).collect()
                    }
                };
                Ok(steps.join("\n"))
            })
        })
        .unwrap()
    }

    /// A database with 6,000 stats of 20 clients, which PostgreSQL has analysed.
    fn filled(database: &TestDatabase) -> Db {
        let url = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let db = Db::open(&url).unwrap();
        db.migrate().unwrap();
        let (uuid, date) = if database.is_postgres() {
            (
                "lpad(({})::text, 32, '0')::uuid",
                "DATE '2026-01-01' + n / 300",
            )
        } else {
            (
                "printf('00000000-0000-0000-0000-%012d', {})",
                "date('2026-01-01', (n / 300) || ' days')",
            )
        };
        let [uuid, analysis] = ["n", "n % 60"].map(|number| uuid.replace("{}", number));
        let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 6000)";
        database.execute(&format!(
            "INSERT INTO client (uuid, name) {numbers} SELECT {uuid}, 'client ' || n FROM numbers WHERE n <= 20;
             INSERT INTO stats (uuid, anr, type, date, data, client_id) {numbers}
                SELECT {uuid}, {analysis}, CASE n % 2 WHEN 0 THEN 'risk' ELSE 'threat' END, {date}, '[]', n % 20 + 1
                FROM numbers;"
        ));
        if database.is_postgres() {
            database.execute("ANALYZE");
        }
        db
    }

    on_each_database!(newest_only_walks_its_index);
    fn newest_only_walks_its_index(database: &TestDatabase) {
        let db = filled(database);
        let newest = StatsFilter {
            newest_only: true,
            ..StatsFilter::default()
        };
        for filter in [
            newest.clone(),
            StatsFilter {
                owner: Some(ClientId(7)),
                ..newest.clone()
            },
            StatsFilter {
                stats_type: Some(StatsType::Risk),
                analyses: Some(BTreeSet::from([AnalysisId::random()])),
                ..newest
            },
        ] {
            let plan = plan(&db, &filter);
            // PostgreSQL shows one of the two steps of the walk.
            let (scan, by_seq, steps) = match database.is_postgres() {
                true => ("Seq Scan on stats", "Index Scan using stats_seq_idx", 2),
                false => ("SCAN stats", "SEARCH stats USING INTEGER PRIMARY KEY", 3),
            };
            assert!(!plan.contains(scan) && plan.contains(by_seq), "{plan}");
            assert_eq!(plan.matches("stats_newest_idx").count(), steps, "{plan}");
        }
    }

    /// Sorting reads the index alone: the documents would go through the sorter.
    #[test]
    fn sqlite_sorts_a_list_without_its_documents() {
        let database = TestDatabase::sqlite();
        let db = filled(&database);
        for filter in [
            StatsFilter::default(),
            StatsFilter {
                owner: Some(ClientId(7)),
                ..StatsFilter::default()
            },
        ] {
            let plan = plan(&db, &filter);
            assert!(plan.contains("USING COVERING INDEX"), "{plan}");
        }
    }
}
