use chrono::{Months, NaiveDate};
use diesel::dsl::count_star;
use diesel::prelude::*;
use stats_core::{MAX_DATE, MIN_DATE, RawJson, StatsType};

use crate::connection::{DbConnection, on_each_backend};
use crate::deletion::FoundStats;
use crate::schema::stats;
use crate::types::{DbUuid, JsonText};
use crate::{DbError, Snapshot};

/// Analyses per query, which bounds the documents that the database sorts at once.
const ANALYSES_PER_QUERY: usize = 100;

/// The stats of a type, without PostgreSQL's date `infinity`.
macro_rules! of_type {
    ($stats_type:expr) => {
        stats::table
            .filter(stats::kind.eq($stats_type.as_str()))
            .filter(stats::date.between(MIN_DATE, MAX_DATE))
    };
}

impl Snapshot<'_> {
    /// Finds stats of a type that repeat others of the same client about the same analysis. Stats without a client form
    /// one group.
    ///
    /// Of several stats of one day, all but the last arrival are duplicates. With `unchanged_within`, a stat is also a
    /// duplicate if its document equals that of the next newer stat that is kept, and it is less than that many months
    /// older. A document that never changes is thus kept about once in that period, and a document that changes back is
    /// kept.
    pub fn find_duplicates(
        &mut self,
        stats_type: StatsType,
        unchanged_within: Option<Months>,
    ) -> Result<FoundStats, DbError> {
        self.run(|conn| {
            let analyses = analyses_with_several(conn, stats_type)?;
            let mut search = Search {
                unchanged_within,
                newer: None,
                found: Vec::new(),
            };
            for analyses in analyses.chunks(ANALYSES_PER_QUERY) {
                on_each_backend!(conn, |conn, _Backend, RowByRow| {
                    let from_the_newest = of_type!(stats_type)
                        .filter(stats::anr.eq_any(analyses))
                        .order((
                            stats::anr,
                            stats::client_id,
                            stats::date.desc(),
                            stats::seq.desc(),
                        ));
                    if unchanged_within.is_some() {
                        let rows = from_the_newest.select((KEY, stats::data));
                        for row in rows.load_iter::<(Key, JsonText<'static>), RowByRow>(conn)? {
                            let (key, JsonText(data)) = row?;
                            search.visit(key, RawJson::from_storage(data.into_owned()));
                        }
                    } else {
                        let rows = from_the_newest.select(KEY);
                        for key in rows.load_iter::<Key, RowByRow>(conn)? {
                            search.visit(key?, RawJson::from_storage(String::new()));
                        }
                    }
                });
            }
            Ok(FoundStats::new(search.found))
        })
    }
}

/// The analyses with at least two stats of a type.
fn analyses_with_several(
    conn: &mut DbConnection,
    stats_type: StatsType,
) -> Result<Vec<DbUuid>, DbError> {
    on_each_backend!(conn, |conn, _Backend, RowByRow| {
        let several = of_type!(stats_type)
            .group_by(stats::anr)
            .having(count_star().gt(1))
            .select(stats::anr);
        let rows = several.load_iter::<DbUuid, RowByRow>(conn)?;
        Ok(rows.collect::<QueryResult<_>>()?)
    })
}

type Key = (DbUuid, Option<i32>, NaiveDate, i64);

/// The columns of a [`Key`].
const KEY: (stats::anr, stats::client_id, stats::date, stats::seq) =
    (stats::anr, stats::client_id, stats::date, stats::seq);

/// Collects duplicates. It visits the stats by analysis and client, from the newest to the oldest.
struct Search {
    unchanged_within: Option<Months>,
    newer: Option<Newer>,
    found: Vec<i64>,
}

/// The newer stats that the next one is compared with.
struct Newer {
    analysis: DbUuid,
    client: Option<i32>,
    /// The day of the last stat visited.
    day: NaiveDate,
    /// The day and the document of the last stat kept.
    kept: (NaiveDate, RawJson),
}

impl Search {
    fn visit(&mut self, (analysis, client, day, seq): Key, document: RawJson) {
        let newer = self.newer.as_mut();
        let newer = newer.filter(|newer| (newer.analysis, newer.client) == (analysis, client));
        if let Some(newer) = newer {
            let is_of_same_day = newer.day == day;
            newer.day = day;
            let (kept_day, kept_document) = &newer.kept;
            let is_unchanged = self.unchanged_within.is_some_and(|months| {
                let end = kept_day.checked_sub_months(months);
                end.is_none_or(|end| end < day) && kept_document.is_same_value(&document)
            });
            if is_of_same_day || is_unchanged {
                self.found.push(seq);
                return;
            }
        }
        self.newer = Some(Newer {
            analysis,
            client,
            day,
            kept: (day, document),
        });
    }
}
