use std::ops::ControlFlow;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use stats_core::{AnalysisId, ClientId, StatId, StatsFilter, StatsType};

use crate::connection::on_each_backend;
use crate::newest::{IsNewest, NO_CLIENT};
use crate::schema::stats;
use crate::types::DbUuid;
use crate::{DbError, Snapshot};

/// The newest stat of a client, an analysis and a type, without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastStat {
    /// The stat's own id.
    pub uuid: StatId,
    /// The analysis that the stat is about.
    pub analysis: AnalysisId,
    /// What the stat is about.
    pub stats_type: StatsType,
    /// The day on which the front office collected it.
    pub date: NaiveDate,
    /// When it arrived here, in UTC, if that is known.
    pub created_at: Option<NaiveDateTime>,
}

type LastRow = (DbUuid, DbUuid, String, NaiveDate, Option<NaiveDateTime>);

impl Snapshot<'_> {
    /// Visits the newest stat of a client for each analysis and type (or for one type), ordered by analysis and then by
    /// the name of the type. Of two stats of the same day the later arrival is newer. `None` as the owner selects stats
    /// without a client. Ends early when `visit` breaks.
    pub fn for_each_last_stat(
        &mut self,
        owner: Option<ClientId>,
        stats_type: Option<StatsType>,
        mut visit: impl FnMut(LastStat) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let filter = StatsFilter {
            owner: Some(owner.unwrap_or(NO_CLIENT)),
            stats_type,
            ..StatsFilter::default()
        };
        self.run(|conn| {
            on_each_backend!(conn, |conn, Backend, RowByRow| {
                let rows = stats::table
                    .filter(IsNewest::new(&filter))
                    .select((
                        stats::uuid,
                        stats::anr,
                        stats::kind,
                        stats::date,
                        stats::created_at,
                    ))
                    .order((stats::anr, stats::kind))
                    .into_boxed::<Backend>()
                    .load_iter::<LastRow, RowByRow>(conn)?;
                for row in rows {
                    let (uuid, analysis, kind, date, created_at) = row?;
                    let Ok(stats_type) = kind.parse() else {
                        continue;
                    };
                    let stat = LastStat {
                        uuid: StatId(uuid.0),
                        analysis: AnalysisId(analysis.0),
                        stats_type,
                        date,
                        created_at,
                    };
                    if visit(stat).is_break() {
                        break;
                    }
                }
            });
            Ok(())
        })
    }
}
