use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Deserialize;
use serde_json::json;
use stats_core::{DateRange, StatsFilter, StatsType, last_acceptable_date};
use stats_processors::{
    CartographyAveragesOnDate, ComplianceAveragesOnDate, Processor, RiskAveragesOnDate, Shape,
    ThreatAverageOnDate, VulnerabilityAverageOnDate,
};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, SchemaType};
use utoipa::openapi::{Object, RefOr, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::figures::Known;
use super::reader;
use crate::errors::ApiError;
use crate::extract::from_query;
use crate::extract::lenient::{Flag, Format, FormatText, Tag, Text, WeightText};
use crate::period::Days;
use crate::processing::Processing;
use crate::respond::{Shared, shared};
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
    /// Number of days before today; in a release, before the day on which it was made.
    #[param(inline)]
    days: Days,
    /// Only the newest 40 stats of any date; in a release, those of its newest day.
    #[param(inline)]
    last_stats: Option<Flag>,
    /// Leave out stats that were pulled from other instances.
    #[param(inline)]
    local_stats_only: Option<Flag>,
    /// `map` (the default) for objects by name and date, `series` for lists ordered by date, `csv` for a table.
    #[param(inline)]
    format: Option<FormatText>,
    /// Whether JSON has the labels of threats, vulnerabilities, referentials and categories in all languages. In a map
    /// the value of each becomes `{"labels": {"label1", "label2", "label3", "label4"}, "values": …}`; a series always
    /// has the labels of the stats.
    #[param(inline)]
    labels: Option<Flag>,
    /// What counts once in a mean: each `analysis` (the default) or each `client`.
    #[param(inline)]
    weight: Option<WeightText>,
    /// Whether the numbers of clients and analyses, `clients` and `analyses`, stand beside each mean of a series. CSV
    /// always has them.
    #[param(inline)]
    counts: Option<Flag>,
    /// The language of names in CSV; by default that of the header `Accept-Language`, else English.
    #[param(inline)]
    lang: Option<Tag>,
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
    (status = 200, description = "The result of the processor", content(
        (PublicResult = "application/json"), (String = "text/csv"),
    )),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn threats(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, app, StatsType::Threat).await
}

/// Vulnerabilities over time
#[utoipa::path(get, path = "/stats/vulnerabilities.json", tag = "public", security(()), params(PublicQuery), responses(
    (status = 200, description = "The result of the processor", content(
        (PublicResult = "application/json"), (String = "text/csv"),
    )),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn vulnerabilities(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, app, StatsType::Vulnerability).await
}

/// Risks over time
#[utoipa::path(get, path = "/stats/risks.json", tag = "public", security(()), params(PublicQuery), responses(
    (status = 200, description = "The result of the processor", content(
        (PublicResult = "application/json"), (String = "text/csv"),
    )),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn risks(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    answer(&request, app, StatsType::Risk).await
}

/// Risk matrices over time
#[utoipa::path(get, path = "/stats/cartography.json", tag = "public", security(()), params(PublicQuery), responses(
    (status = 200, description = "The result of the processor", content(
        (PublicResult = "application/json"), (String = "text/csv"),
    )),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn cartography(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, app, StatsType::Cartography).await
}

/// Compliance with referentials over time
#[utoipa::path(get, path = "/stats/compliance.json", tag = "public", security(()), params(PublicQuery), responses(
    (status = 200, description = "The result of the processor", content(
        (PublicResult = "application/json"), (String = "text/csv"),
    )),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn compliance(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, app, StatsType::Compliance).await
}

/// The name of a type's route and CSV file, and its default processor.
fn route(stats_type: StatsType) -> (&'static str, &'static str) {
    match stats_type {
        StatsType::Risk => ("risks", RiskAveragesOnDate::NAME),
        StatsType::Threat => ("threats", ThreatAverageOnDate::NAME),
        StatsType::Vulnerability => ("vulnerabilities", VulnerabilityAverageOnDate::NAME),
        StatsType::Cartography => ("cartography", CartographyAveragesOnDate::NAME),
        StatsType::Compliance => ("compliance", ComplianceAveragesOnDate::NAME),
    }
}

async fn answer(
    request: &HttpRequest,
    app: Data<App>,
    stats_type: StatsType,
) -> Result<HttpResponse, ApiError> {
    let query: PublicQuery = from_query(request)?;
    let last_only = query.last_stats == Some(Flag(true));
    let filter = StatsFilter {
        dates: DateRange::until(last_acceptable_date(Utc::now())),
        local_only: query.local_stats_only == Some(Flag(true)),
        ..StatsFilter::default()
    };
    let (route, default) = route(stats_type);
    let processor = query.processor.as_deref().unwrap_or(default);
    let parameters = json!({
        "weight": query.weight.map(|Text(weight)| weight),
        "counts": query.counts == Some(Flag(true)),
    });
    let processing = Processing::new(&app, processor, stats_type, &parameters, filter)?;
    let processing = match last_only {
        true => processing.with_newest(LAST_STATS),
        false => processing.with_days(query.days),
    };
    let known = Known::of(processing.processor());
    let names = app.names.version();
    let shape = match query.format {
        None => Shape::Map,
        Some(Text(Format::Json(shape))) => shape,
        Some(Text(Format::Csv)) => {
            let known = known.ok_or_else(|| {
                let message = format!("The result of processor '{processor}' is not a table.");
                ApiError::Malformed(message)
            })?;
            let language = reader(request, query.lang);
            let view = processing.view();
            let form = format!("csv {language:?} {view:?} {names}");
            let csv = processing.run_with(&app, Party::Visitors, &form, move |app, accumulator| {
                let csv = known.csv(accumulator, &app.names, language, view);
                csv.map_err(ApiError::Internal)
            });
            return Ok(shared(request, Shared::Csv(route), csv.await?));
        }
    };
    let json = match known {
        Some(Known::Labelled(labelled)) if query.labels == Some(Flag(true)) => {
            let view = processing.view();
            let form = format!("labels {shape:?} {view:?} {names}");
            let json =
                processing.run_with(&app, Party::Visitors, &form, move |app, accumulator| {
                    let json = labelled.json(accumulator, &app.names, shape, view);
                    json.map_err(ApiError::Internal)
                });
            json.await?
        }
        _ => processing.run(&app, Party::Visitors, shape).await?,
    };
    Ok(shared(request, Shared::Json, json))
}
