//! Stored partials and extracts of processors, and the versions that tell whether they are up to date.
//!
//! Triggers count the changes of stats and give each type and day the number of its last change as its version. They
//! cover every writer, including the Python service on an adopted database.

use std::time::Duration;

use chrono::NaiveDate;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;
use stats_core::{ClientId, DateRange, StatsType};

use crate::connection::{DbConnection, SERVER_START, on_each_backend};
use crate::schema::{stats_change, stats_day, stats_partial};
use crate::{Db, DbError, Snapshot};

/// How long storing partials waits for other writers.
const LOCK: Duration = Duration::from_secs(1);

/// What a stored partial was made from, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartialKind {
    /// The name of the format.
    pub format: &'static str,
    /// The version of the format. A partial of another version is not used.
    pub format_version: u32,
    /// The type of the stats.
    pub stats_type: StatsType,
    /// Whose stats.
    pub scope: Scope,
}

/// The clients whose stats are part of a partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All clients.
    All,
    /// Local clients.
    Local,
    /// One client.
    Client(ClientId),
}

impl Scope {
    fn number(self) -> i32 {
        match self {
            Self::All => 0,
            Self::Local => -1,
            Self::Client(ClientId(id)) => id,
        }
    }
}

/// The stats of a type and day at one moment. Every change of these stats, also their deletion, makes a greater version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayVersion {
    /// The day.
    pub date: NaiveDate,
    /// The version.
    pub version: i64,
}

/// A partial to store.
#[derive(Debug, Clone)]
pub struct DayPartial {
    /// What it was made from, and how.
    pub kind: PartialKind,
    /// The day and version of the stats.
    pub day: DayVersion,
    /// Its content.
    pub content: Vec<u8>,
}

/// Which content of the database it is: another one after PostgreSQL was restarted or its tables were restored, which may
/// give other stats a known version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Incarnation {
    table: i64,
    server_start: i64,
}

/// The state of all stats at one moment. As long as it is the same, so is everything that is computed from stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Changes {
    /// The number of changes so far.
    pub counter: i64,
    incarnation: Incarnation,
}

fn read_changes(conn: &mut DbConnection) -> QueryResult<Changes> {
    let (table, server_start) = match conn {
        DbConnection::Postgres(_) => ("tableoid::bigint", SERVER_START),
        // A file that is replaced is not used.
        DbConnection::Sqlite(_) => ("0", "0"),
    };
    let (counter, table, server_start) = stats_change::table
        .select((
            stats_change::counter,
            sql::<BigInt>(table),
            sql::<BigInt>(server_start),
        ))
        .first(conn)?;
    Ok(Changes {
        counter,
        incarnation: Incarnation {
            table,
            server_start,
        },
    })
}

impl Db {
    /// The state of all stats.
    pub fn changes(&self) -> Result<Changes, DbError> {
        self.query(read_changes)
    }

    /// Stores partials. Those of days whose stats have changed since are left out: nothing may remain of deleted stats.
    /// Does nothing if another writer is busy.
    pub fn store_partials(&self, partials: &[DayPartial]) -> Result<(), DbError> {
        let stored = self.try_write(LOCK, |conn| {
            for DayPartial { kind, day, content } in partials {
                let current: Option<i64> = stats_day::table
                    .filter(stats_day::kind.eq(kind.stats_type.as_str()))
                    .filter(stats_day::date.eq(day.date))
                    .select(stats_day::version)
                    .first(conn)
                    .optional()?;
                if current != Some(day.version) {
                    continue;
                }
                let row = (
                    stats_partial::format.eq(kind.format),
                    stats_partial::kind.eq(kind.stats_type.as_str()),
                    stats_partial::date.eq(day.date),
                    stats_partial::scope.eq(kind.scope.number()),
                    stats_partial::format_version.eq(i64::from(kind.format_version)),
                    stats_partial::version.eq(day.version),
                    stats_partial::partial.eq(content),
                );
                on_each_backend!(conn, |conn| {
                    diesel::insert_into(stats_partial::table)
                        .values(row)
                        .on_conflict((
                            stats_partial::kind,
                            stats_partial::scope,
                            stats_partial::format,
                            stats_partial::date,
                        ))
                        .do_update()
                        .set((
                            stats_partial::format_version
                                .eq(excluded(stats_partial::format_version)),
                            stats_partial::version.eq(excluded(stats_partial::version)),
                            stats_partial::partial.eq(excluded(stats_partial::partial)),
                        ))
                        .execute(conn)
                })?;
            }
            Ok(())
        });
        stored.map(|_| ())
    }
}

impl Snapshot<'_> {
    /// Which content the versions of this snapshot belong to.
    pub fn incarnation(&mut self) -> Result<Incarnation, DbError> {
        let found = self.run(|conn| Ok(read_changes(conn)?.incarnation))?;
        Ok(match self.primary_start {
            // A replica has the content of its primary.
            Some(server_start) => Incarnation {
                server_start,
                ..found
            },
            None => found,
        })
    }

    /// The days of a type that have or had stats, in ascending order.
    pub fn day_versions(
        &mut self,
        stats_type: StatsType,
        dates: DateRange,
    ) -> Result<Vec<DayVersion>, DbError> {
        self.run(|conn| {
            let rows: Vec<(NaiveDate, i64)> = stats_day::table
                .filter(stats_day::kind.eq(stats_type.as_str()))
                .filter(stats_day::date.between(dates.from(), dates.to()))
                .select((stats_day::date, stats_day::version))
                .order(stats_day::date)
                .load(conn)?;
            let days = rows.into_iter();
            Ok(days
                .map(|(date, version)| DayVersion { date, version })
                .collect())
        })
    }

    /// Visits the stored partials of a kind within some dates, of any version.
    pub fn for_each_partial(
        &mut self,
        kind: PartialKind,
        dates: DateRange,
        visit: &mut dyn FnMut(DayVersion, &[u8]),
    ) -> Result<(), DbError> {
        self.run(|conn| {
            on_each_backend!(conn, |conn, _Backend, RowByRow| {
                let partials = stats_partial::table
                    .filter(stats_partial::kind.eq(kind.stats_type.as_str()))
                    .filter(stats_partial::scope.eq(kind.scope.number()))
                    .filter(stats_partial::format.eq(kind.format))
                    .filter(stats_partial::format_version.eq(i64::from(kind.format_version)))
                    .filter(stats_partial::date.between(dates.from(), dates.to()))
                    .select((
                        stats_partial::date,
                        stats_partial::version,
                        stats_partial::partial,
                    ));
                for row in partials.load_iter::<(NaiveDate, i64, Vec<u8>), RowByRow>(conn)? {
                    let (date, version, content) = row?;
                    visit(DayVersion { date, version }, &content);
                }
            });
            Ok(())
        })
    }
}
