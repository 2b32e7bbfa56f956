//! `GET` and `DELETE stats/`: list and delete stats.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{Local, NaiveDate};
use serde::Deserialize;
use stats_core::{AnalysisId, Client, ClientId, DateRange, Page, StatsFilter};
use stats_db::Db;
use utoipa::IntoParams;

use super::stats_json::{ListWriter, Metadata};
use super::{documents, schema};
use crate::errors::ApiError;
use crate::extract::lenient::{Analyses, AnalysisText, Day, Flag, Number, StatsTypeText, Text};
use crate::extract::{Authenticated, Input, from_query_and_body};
use crate::mask::Mask;
use crate::period::select_dates;
use crate::respond::{AnswerWriter, blocking, stream_json};
use crate::state::App;

/// The number of stats before paging.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The stats to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only stats of this analysis.
    #[param(inline)]
    anr: Option<AnalysisText>,
    /// Only stats of these analyses.
    #[param(style = Form, explode = false, inline)]
    anrs: Analyses,
    /// Only stats of this type.
    #[serde(rename = "type")]
    #[param(inline)]
    stats_type: Option<StatsTypeText>,
    /// The first day; by default three months before the last one.
    #[param(inline)]
    date_from: Option<Day>,
    /// The last day; by default today.
    #[param(inline)]
    date_to: Option<Day>,
    /// Only the newest stat of each analysis and type, whatever the dates.
    #[param(inline)]
    get_last: Option<Flag>,
    /// Ignored: the list is always flat.
    #[param(inline)]
    group_by_anr: Option<Flag>,
    /// Number of stats to skip.
    #[param(inline)]
    offset: Option<Number>,
    /// Maximum number of stats; 0 for all.
    #[param(inline)]
    limit: Option<Number>,
}

impl Input for StatsFilter {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        client: &Client,
        app: &App,
    ) -> Result<Self, ApiError> {
        let query: ListQuery = from_query_and_body(request, payload, client.id, app).await?;
        let is_strict = !request.query_string().is_empty();
        query.filter(visible_owner(client), Local::now().date_naive(), is_strict)
    }
}

impl ListQuery {
    /// Converts the query to a filter. See [`select_dates`] for `is_strict`.
    pub(super) fn filter(
        self,
        owner: Option<ClientId>,
        today: NaiveDate,
        is_strict: bool,
    ) -> Result<StatsFilter, ApiError> {
        let filter = StatsFilter {
            owner,
            stats_type: self.stats_type.map(|Text(stats_type)| stats_type),
            analyses: analyses(self.anr, self.anrs),
            newest_only: self.get_last == Some(Flag(true)),
            page: Page {
                offset: self.offset.map_or(0, |Number(offset)| offset),
                limit: self
                    .limit
                    .map(|Number(limit)| limit)
                    .filter(|limit| *limit > 0),
            },
            ..StatsFilter::default()
        };
        if filter.newest_only {
            return Ok(filter);
        }
        let to = self.date_to.map_or(today, |Day(day)| day);
        let from = self
            .date_from
            .map_or_else(|| DateRange::three_months_to(to).from(), |Day(day)| day);
        select_dates(filter, from, to, is_strict)
    }
}

/// Returns the analyses that both arguments select, or `None` for all. An empty list selects all.
fn analyses(
    one: Option<AnalysisText>,
    Analyses(several): Analyses,
) -> Option<BTreeSet<AnalysisId>> {
    match one {
        None => Some(several).filter(|several| !several.is_empty()),
        Some(Text(one)) if several.is_empty() || several.contains(&one) => {
            Some(BTreeSet::from([one]))
        }
        Some(_) => Some(BTreeSet::new()),
    }
}

/// The owner of the stats that `client` may read; `None` for all owners.
fn visible_owner(client: &Client) -> Option<ClientId> {
    (!client.is_admin()).then_some(client.id)
}

/// List stats
///
/// Returns the stats of the authenticated client, and the stats of all clients to an admin.
#[utoipa::path(get, path = "/api/v1/stats/", operation_id = "list_stats", tag = "stats",
    params(ListQuery), responses(
    (status = 200, description = "The stats, ordered by date and then by id", body = schema::StatsList,
        headers(("X-Total-Count" = u64, description = "Number of stats before paging")),
        example = json!(documents::list())),
))]
pub(super) async fn list(request: Authenticated<StatsFilter>) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        client,
        app,
        mask,
        input,
        ..
    } = request;
    send_list(client.id, app, mask, input, Shape::WithMetadata).await
}

/// The analysis in the path.
pub(super) struct AnalysisPath(AnalysisId);

impl Input for AnalysisPath {
    async fn read(
        request: &HttpRequest,
        _: &mut Payload,
        _: &Client,
        _: &App,
    ) -> Result<Self, ApiError> {
        let analysis = request.match_info().query("anr");
        analysis
            .parse()
            .map(Self)
            .map_err(|error| ApiError::field("anr", error))
    }
}

/// List the stats of an analysis
#[utoipa::path(get, path = "/api/v1/stats/{anr}", operation_id = "get_stats", tag = "stats",
    params(("anr" = Uuid, Path, description = "The analysis")), responses(
    (status = 200, description = "The stats, ordered by date and then by id", body = [schema::Stat],
        headers(("X-Total-Count" = u64, description = "Number of stats")),
        example = json!([documents::stat()])),
    (status = 404, description = "The analysis has no stats that the client may read"),
))]
pub(super) async fn list_analysis(
    request: Authenticated<AnalysisPath>,
) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        client,
        app,
        mask,
        input: AnalysisPath(analysis),
        ..
    } = request;
    let filter = StatsFilter {
        owner: visible_owner(&client),
        analyses: Some(BTreeSet::from([analysis])),
        ..StatsFilter::default()
    };
    send_list(client.id, app, mask, filter, Shape::Bare).await
}

/// Delete the client's own stats of an analysis
///
/// Not even an admin can delete the stats of another client. The answer is 204 even if there are no stats, because
/// MONARC treats any other status as a failure. The deleted stats are refused if the client posts them again.
#[utoipa::path(delete, path = "/api/v1/stats/{anr}", operation_id = "delete_stats", tag = "stats",
    params(("anr" = Uuid, Path, description = "The analysis")), responses(
    (status = 204, description = "The client has no stats of the analysis"),
))]
pub(super) async fn delete_analysis(
    request: Authenticated<AnalysisPath>,
) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        client,
        app,
        input: AnalysisPath(analysis),
        ..
    } = request;
    blocking(&app, move |db| Ok(db.delete_stats(client.id, analysis)?)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The JSON form of a list.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// `{"metadata": {…}, "data": […]}`
    WithMetadata,
    /// `[…]`
    Bare,
}

/// Waits for the turn of `client`, then responds with the stats that `filter` selects, reduced by `mask`.
async fn send_list(
    client: ClientId,
    app: Data<App>,
    mask: Mask,
    filter: StatsFilter,
    shape: Shape,
) -> Result<HttpResponse, ApiError> {
    let turn = app.lists.take(client, 1).await?;
    stream_json(&app, StatusCode::OK, move |db, answer| {
        answer.hold(turn);
        write_list(answer, &mask, db, &filter, shape)
    })
    .await
}

fn write_list(
    answer: &mut AnswerWriter,
    mask: &Mask,
    db: &Db,
    filter: &StatsFilter,
    shape: Shape,
) -> Result<(), ApiError> {
    db.read_replica(|snapshot| {
        answer.restart()?;
        let selection = snapshot.select(filter)?;
        let total = snapshot.count_selected(&selection)?;
        if total == 0 && shape == Shape::Bare {
            return Err(ApiError::NoStats);
        }
        answer.header(TOTAL_COUNT, total);
        let mut list = match shape {
            Shape::Bare => ListWriter::bare(&mut *answer, mask)?,
            Shape::WithMetadata => {
                let metadata = Metadata::new(filter.page.count(total), filter.page);
                ListWriter::with_metadata(&mut *answer, mask, &metadata)?
            }
        };
        if !list.omits_stats() {
            let mut written: io::Result<()> = Ok(());
            snapshot.for_each_selected(&selection, |_, stat| {
                written = list.stat(&stat);
                match written {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            })?;
            written?;
        }
        Ok(list.end()?)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stats_core::{MAX_DATE, MIN_DATE};

    use super::*;

    fn filter(arguments: Value) -> Result<StatsFilter, ApiError> {
        let query: ListQuery = serde_json::from_value(arguments).unwrap();
        query.filter(None, "2026-05-31".parse().unwrap(), true)
    }

    #[test]
    fn anr_and_anrs_narrow_each_other() {
        let (a, b) = (AnalysisId::random(), AnalysisId::random());
        for (arguments, expected) in [
            (json!({}), None),
            (json!({"anrs": []}), None),
            (json!({"anr": a}), Some(vec![a])),
            (json!({"anrs": [a, b]}), Some(vec![a, b])),
            (json!({"anr": a, "anrs": [a, b]}), Some(vec![a])),
            (json!({"anr": a, "anrs": [b]}), Some(vec![])),
        ] {
            let expected = expected.map(BTreeSet::from_iter);
            let found = filter(arguments.clone()).unwrap().analyses;
            assert_eq!(found, expected, "{arguments}");
        }
    }

    #[test]
    fn dates_default_to_three_months_up_to_the_last_day() {
        let (first, last) = (MIN_DATE.to_string(), MAX_DATE.to_string());
        for (arguments, from, to) in [
            (json!({}), "2026-02-28", "2026-05-31"),
            (
                json!({"date_from": "2020-01-01"}),
                "2020-01-01",
                "2026-05-31",
            ),
            (
                json!({"date_to": "2026-04-01T10:00:00Z"}),
                "2026-01-01",
                "2026-04-01",
            ),
            (json!({"date_to": "2020-05-31"}), "2020-02-29", "2020-05-31"),
            (
                json!({"get_last": 1, "date_from": "2026-01-01"}),
                &first,
                &last,
            ),
        ] {
            let dates = filter(arguments.clone()).unwrap().dates;
            let found = (dates.from().to_string(), dates.to().to_string());
            assert_eq!(found, (from.to_owned(), to.to_owned()), "{arguments}");
        }
        for inverted in [
            json!({"date_from": "2026-06-01"}),
            json!({"date_from": "2026-02-01", "date_to": "2026-01-01"}),
        ] {
            let error = filter(inverted.clone()).unwrap_err();
            assert!(matches!(error, ApiError::Invalid(_)), "{inverted}");
        }
    }
}
