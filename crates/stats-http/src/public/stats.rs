use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{Days, Local, NaiveDate};
use serde_json::Value;
use stats_core::{DateRange, InvalidValue, MAX_DATE, MIN_DATE, StatsFilter, StatsType};
use stats_processors::Shape;

use super::shared_json;
use crate::answer::blocking;
use crate::app::App;
use crate::errors::ApiError;
use crate::openapi::schemas::{
    Failure, PublicQuery, PublicResult, RisksQuery, ThreatsQuery, VulnerabilitiesQuery,
};
use crate::processing::{Processing, known_processor};
use crate::request::{Arguments, values};

/// Threats over time
#[utoipa::path(get, path = "/stats/threats.json", tag = "public", security(()), params(ThreatsQuery, PublicQuery), responses(
    (status = 200, description = "The result of the processor", body = PublicResult),
    (status = 304, description = "What `If-None-Match` names is still so"),
    (status = 400, description = "An argument is wrong", body = Failure),
))]
pub(super) async fn threats(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, app, StatsType::Threat, "threat_average_on_date").await
}

/// Vulnerabilities over time
#[utoipa::path(get, path = "/stats/vulnerabilities.json", tag = "public", security(()), params(VulnerabilitiesQuery, PublicQuery), responses(
    (status = 200, description = "The result of the processor", body = PublicResult),
    (status = 304, description = "What `If-None-Match` names is still so"),
    (status = 400, description = "An argument is wrong", body = Failure),
))]
pub(super) async fn vulnerabilities(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    answer(
        &request,
        app,
        StatsType::Vulnerability,
        "vulnerability_average_on_date",
    )
    .await
}

/// Risks over time
#[utoipa::path(get, path = "/stats/risks.json", tag = "public", security(()), params(RisksQuery, PublicQuery), responses(
    (status = 200, description = "The result of the processor", body = PublicResult),
    (status = 304, description = "What `If-None-Match` names is still so"),
    (status = 400, description = "An argument is wrong", body = Failure),
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
    let arguments = Arguments::from_query(request.query_string())?;
    let today = Local::now().date_naive();
    let processing = read_arguments(arguments, stats_type, default_processor, today)?;
    let json = blocking(move || processing.run(&app)).await?;
    Ok(shared_json(request, json))
}

/// How far back statistics go unless somebody says so, in days.
pub(crate) const DEFAULT_DAYS: u32 = 365;
/// A hundred years.
const MAX_DAYS: u32 = 36_525;
/// What `last_stats` stands for.
const LAST_STATS: u32 = 40;

/// `processor`, `days`, `last_stats`, `local_stats_only`, `format`. Others are ignored: browsers and those who link here
/// add some of their own.
fn read_arguments(
    mut arguments: Arguments,
    stats_type: StatsType,
    default_processor: &str,
    today: NaiveDate,
) -> Result<Processing, ApiError> {
    let default_processor = Value::from(default_processor);
    let processor = arguments.take_or("processor", &default_processor, known_processor);
    let days = arguments.take("days", days).unwrap_or(DEFAULT_DAYS);
    let last_only = arguments
        .take("last_stats", values::boolean)
        .unwrap_or(false);
    let local_only = arguments
        .take("local_stats_only", values::boolean)
        .unwrap_or(false);
    let shape = arguments
        .take("format", values::parsed::<Shape>)
        .unwrap_or(Shape::Map);
    let processor = arguments.finish_leniently(|| processor)?;
    let dates = if last_only {
        DateRange::default()
    } else {
        last_days(days, today)
    };
    let filter = StatsFilter {
        dates,
        local_only,
        ..StatsFilter::default()
    };
    let processing = Processing::new(processor, stats_type, &Value::Null, filter, shape)?;
    Ok(if last_only {
        processing.of_newest(LAST_STATS)
    } else {
        processing
    })
}

/// From so many days before `today` on. What a front office has dated ahead is shown too.
pub(crate) fn last_days(days: u32, today: NaiveDate) -> DateRange {
    let from = today.checked_sub_days(Days::new(days.into()));
    DateRange {
        from: from.unwrap_or(MIN_DATE),
        to: MAX_DATE,
    }
}

/// The value of `days`.
pub(crate) fn days(value: &Value) -> Result<u32, InvalidValue> {
    let too_many = || InvalidValue::message(format!("must be a number of days up to {MAX_DAYS}"));
    values::number(value)
        .ok()
        .filter(|days| *days <= MAX_DAYS)
        .ok_or_else(too_many)
}
