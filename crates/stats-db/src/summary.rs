use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;
use diesel::query_builder::SqlQuery;
use diesel::sql_types::{BigInt, Date, Nullable, Text};
use stats_core::{ClientId, DateRange, Role, StatsType};

use crate::connection::on_each_backend;
use crate::schema::{client, stats};
use crate::{Db, DbError, Snapshot};

/// Totals of the stats that count. They stay the same while [`Db::changes`] does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of analyses with stats.
    pub analyses: u64,
    /// The number of stats of each type; types without stats are missing.
    pub stats: BTreeMap<StatsType, u64>,
    /// The first and the last date.
    pub dates: Option<(NaiveDate, NaiveDate)>,
}

/// Totals of the stats of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientTotals {
    /// The number of its stats.
    pub stats: u64,
    /// The first date.
    pub first_date: NaiveDate,
    /// The last date.
    pub last_date: NaiveDate,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A type, its number of stats, and their first and last date.
#[derive(QueryableByName)]
struct OfType {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Nullable<Date>)]
    first: Option<NaiveDate>,
    #[diesel(sql_type = Nullable<Date>)]
    last: Option<NaiveDate>,
}

impl Db {
    /// The number of active clients without admins.
    pub fn count_active_users(&self) -> Result<u64, DbError> {
        let count: i64 = self.query(|conn| {
            client::table
                .filter(client::is_active.eq(true).or(client::is_active.is_null()))
                .filter(
                    client::role
                        .ne(Role::Admin.number())
                        .or(client::role.is_null()),
                )
                .count()
                .get_result(conn)
        })?;
        Ok(count.unsigned_abs())
    }
}

/// An owner, the number of its stats, and their first and last date.
type OfClient = (Option<i32>, i64, Option<NaiveDate>, Option<NaiveDate>);

impl Snapshot<'_> {
    /// The totals of each client with stats, or of one. Stats of unknown types do not count.
    ///
    /// It reads the index by client, type and date, and no document.
    pub fn client_totals(
        &mut self,
        only: Option<ClientId>,
    ) -> Result<HashMap<ClientId, ClientTotals>, DbError> {
        // Excludes PostgreSQL's `infinity`.
        let dates = DateRange::default();
        let rows: Vec<OfClient> = self.run(|conn| {
            on_each_backend!(conn, |conn, Backend, _RowByRow| {
                let mut query = stats::table
                    .group_by(stats::client_id)
                    .select((
                        stats::client_id,
                        count_star(),
                        min(stats::date),
                        max(stats::date),
                    ))
                    .filter(stats::date.between(dates.from(), dates.to()))
                    .filter(stats::kind.eq_any(StatsType::ALL.map(StatsType::as_str)))
                    .into_boxed::<Backend>();
                if let Some(ClientId(id)) = only {
                    query = query.filter(stats::client_id.eq(id));
                }
                Ok(query.load(conn)?)
            })
        })?;
        let totals = |(owner, number, first, last): OfClient| {
            let totals = ClientTotals {
                stats: number.unsigned_abs(),
                first_date: first?,
                last_date: last?,
            };
            Some((ClientId(owner?), totals))
        };
        Ok(rows.into_iter().filter_map(totals).collect())
    }

    /// The totals of the stats, without those of excluded clients, stats dated after `last_date` and stats of unknown
    /// types, which an older service may have left.
    pub fn summary(&mut self, last_date: NaiveDate) -> Result<Summary, DbError> {
        let dates = DateRange::until(last_date);
        self.run(|conn| {
            let by_type: Vec<OfType> = totals_by_type(dates).load(conn)?;
            let analyses: Number = count_analyses(dates).get_result(conn)?;
            let first = by_type.iter().filter_map(|of_type| of_type.first).min();
            let last = by_type.iter().filter_map(|of_type| of_type.last).max();
            let by_type = by_type.into_iter().filter_map(|of_type| {
                Some((of_type.kind.parse().ok()?, of_type.number.unsigned_abs()))
            });
            Ok(Summary {
                analyses: analyses.number.unsigned_abs(),
                stats: by_type.collect(),
                dates: first.zip(last),
            })
        })
    }
}

/// The ids of the clients whose stats do not count.
const EXCLUDED: &str = "SELECT id FROM client WHERE is_excluded";

/// Counts the stats of known types within `dates`. It reads no stats but those of excluded clients.
fn totals_by_type(dates: DateRange) -> SqlQuery {
    diesel::sql_query(format!(
        "SELECT day.type AS kind, CAST(sum(day.count - coalesce(excluded.count, 0)) AS BIGINT) AS number, \
            min(day.date) AS first, max(day.date) AS last \
         FROM stats_day AS day \
         LEFT JOIN (SELECT type, date, count(*) AS count FROM stats WHERE client_id IN ({EXCLUDED}) \
            GROUP BY type, date) AS excluded ON excluded.type = day.type AND excluded.date = day.date \
         WHERE day.type IN ({}) AND day.date BETWEEN '{}' AND '{}' AND day.count > coalesce(excluded.count, 0) \
         GROUP BY day.type",
        known_types(),
        dates.from(),
        dates.to()
    ))
}

fn known_types() -> String {
    StatsType::ALL.map(|known| format!("'{known}'")).join(", ")
}

/// Counts the analyses with stats of known types within `dates`. It walks the index from one analysis to the next and
/// looks for one stat of each, so the time depends on their number and not on that of the stats.
fn count_analyses(dates: DateRange) -> SqlQuery {
    diesel::sql_query(format!(
        "WITH RECURSIVE analysis (anr) AS ( \
            SELECT (SELECT anr FROM stats ORDER BY anr LIMIT 1) \
            UNION ALL \
            SELECT (SELECT stats.anr FROM stats WHERE stats.anr > analysis.anr ORDER BY stats.anr LIMIT 1) \
            FROM analysis WHERE anr IS NOT NULL) \
         SELECT count(*) AS number FROM analysis \
         WHERE (SELECT 1 FROM stats WHERE stats.anr = analysis.anr AND type IN ({}) AND date BETWEEN '{}' AND '{}' \
            AND (client_id IS NULL OR client_id NOT IN ({EXCLUDED})) LIMIT 1) IS NOT NULL",
        known_types(),
        dates.from(),
        dates.to()
    ))
}
