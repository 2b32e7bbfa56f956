use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Deserialize;
use serde_json::Value;
use stats_core::{DateRange, StatsFilter, StatsType, last_acceptable_date};
use stats_processors::Shape;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, SchemaType};
use utoipa::openapi::{Object, RefOr, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::errors::ApiError;
use crate::extract::from_query;
use crate::extract::lenient::{Flag, ShapeText, Text};
use crate::period::{Days, last_days};
use crate::processing::Processing;
use crate::respond::shared_json;
use crate::state::App;
use crate::turns::Party;

/// Number of stats that `last_stats` selects.
const LAST_STATS: u32 = 40;

/// The selection. Unknown arguments are ignored: links may carry arguments for other programs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct PublicQuery {
    /// The processor to run; by default the averages on each date.
    processor: Option<String>,
    /// Number of days before today.
    #[param(inline)]
    days: Days,
    /// Only the newest 40 stats of any date.
    #[param(inline)]
    last_stats: Option<Flag>,
    /// Leave out stats that were pulled from other instances.
    #[param(inline)]
    local_stats_only: Option<Flag>,
    /// `map` (the default) for objects by name and date, `series` for lists ordered by date.
    #[param(inline)]
    format: Option<ShapeText>,
}

/// The result of a processor: an object or a list.
pub(super) struct PublicResult;

impl PartialSchema for PublicResult {
    fn schema() -> RefOr<Schema> {
        let result = AnyOfBuilder::new()
            .item(Object::with_type(Type::Object))
            .item(ArrayBuilder::new().items(Object::with_type(SchemaType::AnyValue)));
        Schema::from(result.build()).into()
    }
}

impl ToSchema for PublicResult {}

/// Threats over time
#[utoipa::path(get, path = "/stats/threats.json", tag = "public", security(()), params(PublicQuery), responses(
    (status = 200, description = "The result of the processor", body = PublicResult),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn threats(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, app, StatsType::Threat, "threat_average_on_date").await
}

/// Vulnerabilities over time
#[utoipa::path(get, path = "/stats/vulnerabilities.json", tag = "public", security(()), params(PublicQuery), responses(
    (status = 200, description = "The result of the processor", body = PublicResult),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn vulnerabilities(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let default = "vulnerability_average_on_date";
    answer(&request, app, StatsType::Vulnerability, default).await
}

/// Risks over time
#[utoipa::path(get, path = "/stats/risks.json", tag = "public", security(()), params(PublicQuery), responses(
    (status = 200, description = "The result of the processor", body = PublicResult),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn risks(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    answer(&request, app, StatsType::Risk, "risk_averages_on_date").await
}

async fn answer(
    request: &HttpRequest,
    app: Data<App>,
    stats_type: StatsType,
    default_processor: &str,
) -> Result<HttpResponse, ApiError> {
    let query: PublicQuery = from_query(request)?;
    let last_only = query.last_stats == Some(Flag(true));
    let dates = if last_only {
        DateRange::until(last_acceptable_date(Utc::now()))
    } else {
        last_days(query.days)
    };
    let filter = StatsFilter {
        dates,
        local_only: query.local_stats_only == Some(Flag(true)),
        ..StatsFilter::default()
    };
    let processor = query.processor.as_deref().unwrap_or(default_processor);
    let shape = query.format.map_or(Shape::Map, |Text(shape)| shape);
    let processing = Processing::new(&app, processor, stats_type, &Value::Null, filter, shape)?
        .with_newest(last_only.then_some(LAST_STATS));
    let json = processing.run(app, Party::Visitors).await?;
    Ok(shared_json(request, json))
}
