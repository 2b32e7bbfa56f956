//! The release: what is public if that takes several clients. It is made anew and replaced as a whole.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, NaiveDateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Date, Text};
use diesel::upsert::excluded;
use stats_core::{DateRange, StatsType};

use crate::connection::{DbConnection, on_each_backend};
use crate::schema::{public_release, public_release_day, stats};
use crate::{DayVersion, Db, DbError, PartialKind, Scope, Snapshot};

/// The key of the advisory lock of the server that makes a release ("release" in ASCII).
const RELEASE_LOCK: i64 = 0x72_65_6c_65_61_73_65;

/// How a release was made, and its figures that are not partials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its number. Each release has a greater one than that before.
    pub sequence: i64,
    /// The day on which it was made. Its stats are of earlier days.
    pub day: NaiveDate,
    /// When it was made (UTC).
    pub made_at: NaiveDateTime,
    /// How many clients are behind each figure.
    pub min_clients: u64,
    /// The formats of its partials.
    pub formats: String,
    /// The figures that are not partials.
    pub figures: String,
}

type ReleaseRow = (i64, NaiveDate, NaiveDateTime, i64, String, String);

impl Release {
    fn of_row((sequence, day, made_at, min_clients, formats, figures): ReleaseRow) -> Self {
        Self {
            sequence,
            day,
            made_at,
            min_clients: min_clients.unsigned_abs(),
            formats,
            figures,
        }
    }
}

fn read_release(conn: &mut DbConnection) -> QueryResult<Option<Release>> {
    let row = public_release::table
        .select((
            public_release::sequence,
            public_release::day,
            public_release::made_at,
            public_release::min_clients,
            public_release::formats,
            public_release::figures,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(Release::of_row))
}

/// What is published of a day.
#[derive(Debug, Clone)]
pub struct ReleasedDay {
    /// What it was made from, and how, regardless of the scope.
    pub kind: PartialKind,
    /// The day and version of the stats.
    pub day: DayVersion,
    /// The partial of all clients.
    pub content: Vec<u8>,
    /// The partial of local clients, unless it is the same.
    pub local: Option<Vec<u8>>,
    /// The number of published figures.
    pub published: u64,
    /// The number of withheld figures.
    pub withheld: u64,
}

/// A release that is to replace the current one.
#[derive(Debug)]
pub struct NewRelease<'a> {
    /// The release that it differs from, if there is one.
    pub base: Option<&'a Release>,
    /// See [`Release::day`].
    pub day: NaiveDate,
    /// See [`Release::min_clients`].
    pub min_clients: u64,
    /// See [`Release::formats`].
    pub formats: &'a str,
    /// See [`Release::figures`].
    pub figures: &'a str,
    /// The kinds of its partials.
    pub kinds: &'a [PartialKind],
    /// The days that are new, or other than in that release.
    pub changed: &'a [ReleasedDay],
    /// The days of that release that are not in this one.
    pub removed: &'a [(PartialKind, NaiveDate)],
}

/// Totals of the stats of those days on which enough clients have stats of the type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedTotals {
    /// The number of analyses.
    pub analyses: u64,
    /// The number of stats of each type; types without such days are missing.
    pub stats: BTreeMap<StatsType, u64>,
    /// The first and the last of these days.
    pub dates: Option<(NaiveDate, NaiveDate)>,
}

/// The numbers of figures of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed {
    /// The type.
    pub stats_type: StatsType,
    /// The number of published figures.
    pub published: u64,
    /// The number of withheld figures.
    pub withheld: u64,
}

impl Db {
    /// The current release, if there is one.
    pub fn release(&self) -> Result<Option<Release>, DbError> {
        self.query(read_release)
    }

    /// Replaces the release: readers see the one before or the new one. Returns `false` and changes nothing if the
    /// current one is not [`NewRelease::base`]: another program has replaced it.
    pub fn replace_release(&self, new: &NewRelease<'_>) -> Result<bool, DbError> {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.with_statement_timeout(None).write(|conn| {
            let current = read_release(conn)?;
            if current.as_ref() != new.base {
                return Ok(false);
            }
            let formats: Vec<(String, String)> = public_release_day::table
                .select((public_release_day::kind, public_release_day::format))
                .distinct()
                .load(conn)?;
            for (kind, format) in formats {
                let mut kinds = new.kinds.iter();
                if kinds.all(|known| (known.stats_type.as_str(), known.format) != (&kind, &format))
                {
                    let of_format = public_release_day::table
                        .filter(public_release_day::kind.eq(&kind))
                        .filter(public_release_day::format.eq(&format));
                    diesel::delete(of_format).execute(conn)?;
                }
            }
            for (kind, date) in new.removed {
                let of_day = public_release_day::table
                    .filter(public_release_day::kind.eq(kind.stats_type.as_str()))
                    .filter(public_release_day::format.eq(kind.format))
                    .filter(public_release_day::date.eq(date));
                diesel::delete(of_day).execute(conn)?;
            }
            for day in new.changed {
                let row = (
                    public_release_day::kind.eq(day.kind.stats_type.as_str()),
                    public_release_day::format.eq(day.kind.format),
                    public_release_day::date.eq(day.day.date),
                    public_release_day::format_version.eq(i64::from(day.kind.format_version)),
                    public_release_day::version.eq(day.day.version),
                    public_release_day::partial.eq(&day.content),
                    public_release_day::local_partial.eq(&day.local),
                    public_release_day::published.eq(signed(day.published)),
                    public_release_day::withheld.eq(signed(day.withheld)),
                );
                on_each_backend!(conn, |conn| {
                    diesel::insert_into(public_release_day::table)
                        .values(row)
                        .on_conflict((
                            public_release_day::kind,
                            public_release_day::format,
                            public_release_day::date,
                        ))
                        .do_update()
                        .set((
                            public_release_day::format_version
                                .eq(excluded(public_release_day::format_version)),
                            public_release_day::version.eq(excluded(public_release_day::version)),
                            public_release_day::partial.eq(excluded(public_release_day::partial)),
                            public_release_day::local_partial
                                .eq(excluded(public_release_day::local_partial)),
                            public_release_day::published
                                .eq(excluded(public_release_day::published)),
                            public_release_day::withheld.eq(excluded(public_release_day::withheld)),
                        ))
                        .execute(conn)
                })?;
            }
            diesel::delete(public_release::table).execute(conn)?;
            let row = (
                public_release::id.eq(1),
                public_release::sequence
                    .eq(current.map_or(1, |current| current.sequence.saturating_add(1))),
                public_release::day.eq(new.day),
                public_release::made_at.eq(Utc::now().naive_utc()),
                public_release::min_clients.eq(signed(new.min_clients)),
                public_release::formats.eq(new.formats),
                public_release::figures.eq(new.figures),
            );
            diesel::insert_into(public_release::table)
                .values(row)
                .execute(conn)?;
            Ok(true)
        })
    }

    /// The numbers of published and withheld figures of the release, by type.
    pub fn disclosed(&self) -> Result<Vec<Disclosed>, DbError> {
        let rows: Vec<(String, i64, i64)> = self.query(|conn| {
            public_release_day::table
                .group_by(public_release_day::kind)
                .select((
                    public_release_day::kind,
                    sql::<BigInt>("CAST(sum(published) AS BIGINT)"),
                    sql::<BigInt>("CAST(sum(withheld) AS BIGINT)"),
                ))
                .order(public_release_day::kind)
                .load(conn)
        })?;
        let rows = rows.into_iter();
        Ok(rows
            .filter_map(|(kind, published, withheld)| {
                Some(Disclosed {
                    stats_type: kind.parse().ok()?,
                    published: published.unsigned_abs(),
                    withheld: withheld.unsigned_abs(),
                })
            })
            .collect())
    }
}

impl Snapshot<'_> {
    /// Whether no other snapshot makes a release. If so, none does until this one ends, or its connection. `true` on SQLite,
    /// of which one server is the rule.
    pub fn try_lock_release(&mut self) -> Result<bool, DbError> {
        self.run(|conn| match conn {
            DbConnection::Postgres(conn) => {
                let lock = sql::<Bool>(&format!("pg_try_advisory_xact_lock({RELEASE_LOCK})"));
                Ok(diesel::select(lock).get_result(conn)?)
            }
            DbConnection::Sqlite(_) => Ok(true),
        })
    }

    /// The current release, if there is one.
    pub fn release(&mut self) -> Result<Option<Release>, DbError> {
        self.run(|conn| Ok(read_release(conn)?))
    }

    /// The days of the release, in ascending order. `kind` is regardless of the scope, and of the version of its format
    /// if `any_version`.
    pub fn released_days(
        &mut self,
        kind: PartialKind,
        dates: DateRange,
        any_version: bool,
    ) -> Result<Vec<DayVersion>, DbError> {
        let own = i64::from(kind.format_version);
        let (least, greatest) = match any_version {
            true => (i64::MIN, i64::MAX),
            false => (own, own),
        };
        self.run(|conn| {
            let rows: Vec<(NaiveDate, i64)> = public_release_day::table
                .filter(public_release_day::kind.eq(kind.stats_type.as_str()))
                .filter(public_release_day::format.eq(kind.format))
                .filter(public_release_day::format_version.between(least, greatest))
                .filter(public_release_day::date.between(dates.from(), dates.to()))
                .select((public_release_day::date, public_release_day::version))
                .order(public_release_day::date)
                .load(conn)?;
            let days = rows.into_iter();
            Ok(days
                .map(|(date, version)| DayVersion { date, version })
                .collect())
        })
    }

    /// Visits the partials of the release within some dates.
    pub fn for_each_released(
        &mut self,
        kind: PartialKind,
        dates: DateRange,
        visit: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DbError> {
        let column = match kind.scope {
            Scope::Local => "coalesce(local_partial, partial)",
            _ => "partial",
        };
        self.run(|conn| {
            on_each_backend!(conn, |conn, _Backend, RowByRow| {
                let partials = public_release_day::table
                    .filter(public_release_day::kind.eq(kind.stats_type.as_str()))
                    .filter(public_release_day::format.eq(kind.format))
                    .filter(public_release_day::format_version.eq(i64::from(kind.format_version)))
                    .filter(public_release_day::date.between(dates.from(), dates.to()))
                    .select(sql::<Binary>(column));
                for row in partials.load_iter::<Vec<u8>, RowByRow>(conn)? {
                    visit(&row?);
                }
            });
            Ok(())
        })
    }

    /// Whether all stats are of local clients.
    pub fn is_all_local(&mut self) -> Result<bool, DbError> {
        if self.clients()?.iter().any(|client| !client.is_local) {
            return Ok(false);
        }
        // Adopted databases have stats without a client.
        let without_client = stats::table.filter(stats::client_id.is_null());
        let first = without_client.select(stats::seq);
        self.run(|conn| {
            let found: Option<i64> = first.first(conn).optional()?;
            Ok(found.is_none())
        })
    }

    /// The totals of the stats before `day`, of those days on which at least `min_clients` clients have stats of the type.
    /// Excluded clients do not count.
    pub fn shared_totals(
        &mut self,
        day: NaiveDate,
        min_clients: u64,
    ) -> Result<SharedTotals, DbError> {
        let Some(last) = day.checked_sub_days(Days::new(1)) else {
            return Ok(SharedTotals::default());
        };
        let dates = DateRange::until(last);
        let min_clients = i64::try_from(min_clients).unwrap_or(i64::MAX);
        self.run(|conn| {
            let shared = shared_days(dates, min_clients);
            let days: Vec<SharedDay> = diesel::sql_query(&shared).load(conn)?;
            let mut totals = SharedTotals::default();
            for SharedDay { kind, date, stats } in days {
                let Ok(kind) = kind.parse() else { continue };
                *totals.stats.entry(kind).or_default() += stats.unsigned_abs();
                let (first, last) = totals.dates.unwrap_or((date, date));
                totals.dates = Some((first.min(date), last.max(date)));
            }
            let analyses: Number = diesel::sql_query(format!(
                "SELECT count(DISTINCT stats.anr) AS number FROM stats JOIN ({shared}) AS shared \
                 ON stats.type = shared.kind AND stats.date = shared.date WHERE {COUNTED}"
            ))
            .get_result(conn)?;
            totals.analyses = analyses.number.unsigned_abs();
            Ok(totals)
        })
    }
}

/// Deletes the release.
pub(crate) fn clear(conn: &mut DbConnection) -> QueryResult<()> {
    diesel::delete(public_release::table).execute(conn)?;
    diesel::delete(public_release_day::table).execute(conn)?;
    Ok(())
}

/// A type and day, and its number of stats.
#[derive(QueryableByName)]
struct SharedDay {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Date)]
    date: NaiveDate,
    #[diesel(sql_type = BigInt)]
    stats: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Which stats figures count.
const COUNTED: &str =
    "(client_id IS NULL OR client_id NOT IN (SELECT id FROM client WHERE is_excluded))";

/// The days on which enough clients have stats of a known type.
fn shared_days(dates: DateRange, min_clients: i64) -> String {
    let types = StatsType::ALL.map(|known| format!("'{known}'")).join(", ");
    format!(
        "SELECT type AS kind, date, count(*) AS stats FROM stats \
         WHERE type IN ({types}) AND date BETWEEN '{}' AND '{}' AND {COUNTED} \
         GROUP BY type, date HAVING count(DISTINCT client_id) >= {min_clients}",
        dates.from(),
        dates.to()
    )
}
