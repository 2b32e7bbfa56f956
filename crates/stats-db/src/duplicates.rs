use chrono::{Months, NaiveDate};
use diesel::dsl::count_star;
use diesel::prelude::*;
use stats_core::{MAX_DATE, MIN_DATE, StatsType};

use crate::connection::on_each_backend;
use crate::deletion::FoundStats;
use crate::schema::stats;
use crate::types::{DbUuid, JsonText};
use crate::{DbError, Snapshot};

/// Analyses per query. What a database has to sort at once are the stats about these, documents included.
const ANALYSES_PER_QUERY: usize = 100;

/// The stats of a type, leaving out dates that PostgreSQL knows and nobody else (`infinity`).
macro_rules! of_type {
    ($stats_type:expr) => {
        stats::table
            .filter(stats::kind.eq($stats_type.as_str()))
            .filter(stats::date.between(MIN_DATE, MAX_DATE))
    };
}

impl Snapshot<'_> {
    /// Finds the stats of a type that tell nothing new. Stats are only ever compared with those of the same client
    /// about the same analysis; those that are left of clients no longer known count as of one client.
    ///
    /// Of several stats of one day all but the one that arrived last are duplicates. With `unchanged_within` there are
    /// more among the rest, which is gone through from the newest to the oldest: a stat that has the same document as
    /// the one kept last, and is less than that many months older, is a duplicate; any other is kept. So something
    /// that never changes is kept about every so many months, and something that changes back is kept as well.
    pub fn find_duplicates(
        &mut self,
        stats_type: StatsType,
        unchanged_within: Option<Months>,
    ) -> Result<FoundStats, DbError> {
        let analyses = self.analyses_with_several(stats_type)?;
        let mut search = Search {
            unchanged_within,
            newer: None,
            found: Vec::new(),
        };
        for analyses in analyses.chunks(ANALYSES_PER_QUERY) {
            on_each_backend!(self.conn, |conn, _Backend, RowByRow| {
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
                        search.visit(key, Some(data.into_owned()));
                    }
                } else {
                    let rows = from_the_newest.select(KEY);
                    for key in rows.load_iter::<Key, RowByRow>(conn)? {
                        search.visit(key?, None);
                    }
                }
            });
        }
        Ok(FoundStats::new(search.found))
    }

    /// The analyses about which there are at least two stats of a type.
    fn analyses_with_several(&mut self, stats_type: StatsType) -> Result<Vec<DbUuid>, DbError> {
        on_each_backend!(self.conn, |conn, _Backend, RowByRow| {
            let several = of_type!(stats_type)
                .group_by(stats::anr)
                .having(count_star().gt(1))
                .select(stats::anr);
            let rows = several.load_iter::<DbUuid, RowByRow>(conn)?;
            Ok(rows.collect::<QueryResult<_>>()?)
        })
    }
}

type Key = (DbUuid, Option<i32>, NaiveDate, i64);

/// The columns of a [`Key`].
const KEY: (stats::anr, stats::client_id, stats::date, stats::seq) =
    (stats::anr, stats::client_id, stats::date, stats::seq);

/// Goes through stats by analysis and client, and there from the newest to the oldest, and notes the duplicates.
struct Search {
    unchanged_within: Option<Months>,
    newer: Option<Newer>,
    found: Vec<i64>,
}

/// What the next stat is compared with.
struct Newer {
    analysis: DbUuid,
    client: Option<i32>,
    /// The day that was looked at last.
    day: NaiveDate,
    /// The day of the stat that was kept last, and its document if that matters.
    kept: (NaiveDate, Option<String>),
}

impl Search {
    fn visit(&mut self, (analysis, client, day, seq): Key, data: Option<String>) {
        let newer = self.newer.as_mut();
        let newer = newer.filter(|newer| (newer.analysis, newer.client) == (analysis, client));
        if let Some(newer) = newer {
            let is_of_same_day = newer.day == day;
            newer.day = day;
            let (kept_day, kept_data) = &newer.kept;
            let is_unchanged = self.unchanged_within.is_some_and(|months| {
                let end = kept_day.checked_sub_months(months);
                end.is_none_or(|end| end < day) && *kept_data == data
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
            kept: (day, data),
        });
    }
}
