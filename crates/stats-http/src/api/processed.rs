//! The namespace `processed`: run processors on the stats of all clients.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use stats_core::{Client, MIN_DATE, StatsFilter, StatsType, last_acceptable_date};
use stats_processors::Shape;
use utoipa::{IntoParams, ToSchema};

use super::{documents, schema};
use crate::errors::ApiError;
use crate::extract::lenient::{Analyses, Day, Flag, Parameters, StatsTypeText, Text};
use crate::extract::{Authenticated, Input, from_query_and_body};
use crate::mask::Mask;
use crate::period::select_dates;
use crate::processing::Processing;
use crate::respond::json;
use crate::state::App;
use crate::turns::Party;

/// A processor.
#[derive(Serialize, ToSchema)]
#[schema(as = Processor)]
pub(super) struct Description {
    name: &'static str,
    description: &'static str,
}

/// List the processors
#[utoipa::path(get, path = "/api/v1/stats/processed/list", operation_id = "get_processor_list", tag = "processed",
    security(()), responses(
    (status = 200, description = "The processors", body = [Description]),
))]
pub(super) async fn list(app: Data<App>, mask: Mask) -> Result<HttpResponse, ApiError> {
    let processors = app.processors.iter().map(|known| Description {
        name: known.name,
        description: known.description,
    });
    json(StatusCode::OK, &mask, &processors.collect::<Vec<_>>())
}

/// The processor to run, and the stats to run it on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessQuery {
    /// The type of the stats. The processor must be for this type.
    #[serde(rename = "type")]
    #[param(inline)]
    stats_type: StatsTypeText,
    /// The processor to run.
    processor: String,
    /// The parameters of the processor: a JSON object as text, such as `{"risks_state": "current"}`, or
    /// `processor_params[risks_state]=current`.
    #[serde(default)]
    #[param(inline)]
    processor_params: Parameters,
    /// Only stats of these analyses. Analyses of other clients count as nonexistent, except for an admin.
    #[serde(default)]
    #[param(style = Form, explode = false, inline)]
    anrs: Analyses,
    /// The first day.
    #[param(inline)]
    date_from: Option<Day>,
    /// The last day.
    #[param(inline)]
    date_to: Option<Day>,
    /// Leave out stats that were pulled from other instances.
    #[param(inline)]
    local_stats_only: Option<Flag>,
}

/// A processor that is ready to run.
pub(super) struct Process(Processing);

impl Input for Process {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        client: &Client,
        app: &App,
    ) -> Result<Self, ApiError> {
        let query: ProcessQuery = from_query_and_body(request, payload, client.id, app).await?;
        let is_strict = !request.query_string().is_empty();
        query.prepare(client, app, is_strict).map(Self)
    }
}

impl ProcessQuery {
    fn prepare(self, client: &Client, app: &App, is_strict: bool) -> Result<Processing, ApiError> {
        let Analyses(analyses) = self.anrs;
        let analyses = Some(analyses).filter(|analyses| !analyses.is_empty());
        let filter = StatsFilter {
            owner: (analyses.is_some() && !client.is_admin()).then_some(client.id),
            analyses,
            local_only: self.local_stats_only == Some(Flag(true)),
            ..StatsFilter::default()
        };
        let from = self.date_from.map_or(MIN_DATE, |Day(day)| day);
        // Earlier versions accepted stats of future dates. Exclude them by default.
        let to = self
            .date_to
            .map_or_else(|| last_acceptable_date(Utc::now()), |Day(day)| day);
        let filter = select_dates(filter, from, to, is_strict)?;
        let (Text(stats_type), Parameters(parameters)) = (self.stats_type, self.processor_params);
        Processing::new(app, &self.processor, stats_type, &parameters, filter)
    }
}

/// The result of a processor.
#[derive(Serialize, ToSchema)]
pub(super) struct Processed {
    #[serde(rename = "type")]
    #[schema(value_type = StatsTypeText)]
    stats_type: StatsType,
    processor: &'static str,
    /// An empty list if there are no stats to process.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = schema::Document)]
    data: Option<Box<RawValue>>,
}

/// Run a processor on the stats of all clients
#[utoipa::path(get, path = "/api/v1/stats/processed/", operation_id = "processing_list", tag = "processed",
    params(ProcessQuery), responses(
    (status = 200, description = "The result", body = Processed, example = json!(documents::processed())),
))]
pub(super) async fn process(request: Authenticated<Process>) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        client,
        app,
        input: Process(processing),
        mask,
        ..
    } = request;
    let mut processed = Processed {
        stats_type: processing.processor().stats_type,
        processor: processing.processor().name,
        data: None,
    };
    // Do not run the processor if the mask removes its result.
    if mask.field("data").is_some() {
        let party = Party::Client(client.id);
        let data = processing.run(&app, party, Shape::Series).await?;
        let data = serde_json::from_slice(&data).map_err(ApiError::internal)?;
        processed.data = Some(data);
    }
    json(StatusCode::OK, &mask, &processed)
}
