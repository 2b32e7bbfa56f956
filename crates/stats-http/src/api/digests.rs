//! `GET stats/digests`: compare a client's own stats with those of another instance.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{Local, NaiveDate};
use serde::Deserialize;
use stats_core::{Client, DateRange, StatsFilter};
use utoipa::{IntoParams, ToSchema};

use crate::errors::ApiError;
use crate::extract::lenient::{Day, StatsTypeText};
use crate::extract::{Authenticated, Input, from_query_and_body};
use crate::period::select_dates;
use crate::respond::{blocking, json};
use crate::state::App;

/// The days to digest.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DigestQuery {
    /// The first day; by default three months before the last one.
    #[param(inline)]
    date_from: Option<Day>,
    /// The last day; by default today.
    #[param(inline)]
    date_to: Option<Day>,
}

/// The client's own stats of some days.
pub(super) struct OwnStats(StatsFilter);

impl Input for OwnStats {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        client: &Client,
        app: &App,
    ) -> Result<Self, ApiError> {
        let query: DigestQuery = from_query_and_body(request, payload, client.id, app).await?;
        let today = Local::now().date_naive();
        let to = query.date_to.map_or(today, |Day(day)| day);
        let from = query
            .date_from
            .map_or_else(|| DateRange::three_months_to(to).from(), |Day(day)| day);
        let filter = StatsFilter {
            owner: Some(client.id),
            ..StatsFilter::default()
        };
        select_dates(filter, from, to, true).map(Self)
    }
}

/// The stats of a type and day.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the specification; stats-core writes digests")]
pub(super) struct DayDigest {
    #[schema(rename = "type")]
    stats_type: StatsTypeText,
    date: NaiveDate,
    /// Number of stats.
    count: u64,
    /// The sum of the digests of the stats, modulo 2 to the power of 64. The digest of a stat is the first eight bytes of a
    /// SHA-256 of its fields, in which the spelling of `data` does not matter.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    digest: String,
}

/// Count and digest the client's own stats
///
/// Instances of the service compare what they have of each other. Types and days without stats are left out.
#[utoipa::path(get, path = "/api/v1/stats/digests", operation_id = "digest_stats", tag = "stats",
    params(DigestQuery), responses(
    (status = 200, description = "The digests, ordered by date and type", body = [DayDigest]),
))]
pub(super) async fn digests(request: Authenticated<OwnStats>) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        client,
        app,
        mask,
        input: OwnStats(filter),
        ..
    } = request;
    let turn = app.lists.take(client.id, 1).await?;
    let digests = blocking(&app, move |db| {
        let digests = db.read_replica(|snapshot| snapshot.day_digests(&filter))?;
        drop(turn);
        Ok(digests)
    })
    .await?;
    let digests: Vec<_> = digests.values().collect();
    json(StatusCode::OK, &mask, &digests)
}
