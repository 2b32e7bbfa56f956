//! The namespace `processed`: what processors make of the stats of all clients.

use std::io;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use stats_core::{DateRange, InvalidValue, MAX_DATE, MIN_DATE, StatsFilter, StatsType};
use stats_processors::{Registered, Shape};
use utoipa::ToSchema;

use crate::answer::{json, stream_json};
use crate::app::HttpConfig;
use crate::errors::ApiError;
use crate::mask::Mask;
use crate::openapi::schemas;
use crate::processing::{Processing, known_processor};
use crate::request::{Arguments, Call, Input, values};

/// A processor as it introduces itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Processor)]
pub(super) struct Description {
    name: &'static str,
    description: &'static str,
}

/// Lists the processors
#[utoipa::path(get, path = "/api/v1/stats/processed/list", operation_id = "get_processor_list", tag = "processed",
    security(()), responses(
    (status = 200, description = "The processors", body = [Description]),
))]
pub(super) async fn list(mask: Mask) -> HttpResponse {
    let describe = |known: &Registered| Description {
        name: known.name(),
        description: known.description(),
    };
    let descriptions: Vec<_> = stats_processors::all().iter().map(describe).collect();
    json(StatusCode::OK, &mask, &descriptions)
}

/// Which processor to run, and on what.
pub(super) struct Process(Processing);

impl Input for Process {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        _: &HttpConfig,
    ) -> Result<Self, ApiError> {
        Self::from_arguments(Arguments::read(request, payload).await?)
    }
}

impl Process {
    fn from_arguments(mut arguments: Arguments) -> Result<Self, ApiError> {
        let stats_type = arguments.require("type", values::parsed::<StatsType>);
        let processor = arguments.require("processor", known_processor);
        let parameters = arguments
            .take("processor_params", parameters)
            .unwrap_or_default();
        let analyses = arguments
            .take("anrs", values::analyses)
            .filter(|analyses| !analyses.is_empty());
        let from = arguments
            .take("date_from", values::date)
            .unwrap_or(MIN_DATE);
        let to = arguments.take("date_to", values::date).unwrap_or(MAX_DATE);
        let local_only = arguments
            .take("local_stats_only", values::boolean)
            .unwrap_or(false);
        let (stats_type, processor) = arguments.finish(|| stats_type.zip(processor))?;
        let filter = StatsFilter {
            analyses,
            dates: DateRange { from, to },
            local_only,
            ..StatsFilter::default()
        };
        Processing::new(processor, stats_type, &parameters, filter, Shape::Series).map(Self)
    }
}

/// Parameters of a processor: JSON, or JSON in a string, which is how they travel in a query string.
fn parameters(value: &Value) -> Result<Value, InvalidValue> {
    match value {
        Value::String(text) if text.trim().is_empty() => Ok(Value::Null),
        Value::String(text) => {
            serde_json::from_str(text).map_err(|_| InvalidValue::new(text, "JSON"))
        }
        other => Ok(other.clone()),
    }
}

/// What a processor made of the stats.
#[derive(Serialize)]
struct Processed {
    #[serde(rename = "type")]
    stats_type: StatsType,
    processor: &'static str,
    /// Nothing where nobody wants it, which spares the work.
    data: Option<Box<RawValue>>,
}

/// Runs a processor on the stats of all clients
#[utoipa::path(get, path = "/api/v1/stats/processed/", operation_id = "processing_list", tag = "processed",
    params(schemas::ProcessQuery), responses(
    (status = 200, description = "What it made of them", body = schemas::ProcessorResult),
))]
pub(super) async fn process(call: Call<Process>) -> Result<HttpResponse, ApiError> {
    let Call {
        app, input, mask, ..
    } = call;
    let limits = app.config.limits.clone();
    stream_json(&limits, mask, move |answer, mask| {
        let Process(processing) = input;
        let data = match mask.of("data") {
            Some(_) => Some(processing.run(&app)?),
            None => None,
        };
        let processed = Processed {
            stats_type: processing.processor().stats_type(),
            processor: processing.processor().name(),
            data: data
                .map(RawValue::from_string)
                .transpose()
                .map_err(|error| ApiError::Internal(error.to_string()))?,
        };
        serde_json::to_writer(answer, &mask.apply(&processed)).map_err(io::Error::from)?;
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(arguments: Value) -> ApiError {
        Process::from_arguments(Arguments::of(arguments))
            .err()
            .unwrap()
    }

    #[test]
    fn parameters_come_as_json_or_as_text() {
        for params in [
            json!({"risks_state": "current"}),
            json!(r#"{"risks_state": "current"}"#),
            json!(""),
            json!([]),
        ] {
            let arguments =
                json!({"type": "risk", "processor": "risk_averages", "processor_params": params});
            assert!(
                Process::from_arguments(Arguments::of(arguments)).is_ok(),
                "{params}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let fields = |error: &ApiError| match error {
            ApiError::Invalid(errors) => errors.iter().map(|(field, _)| field.to_owned()).collect(),
            other => vec![other.to_string()],
        };
        let base = json!({"type": "risk", "processor": "risk_averages"});
        for (field, value) in [
            ("type", json!("odd")),
            ("type", json!(null)),
            ("processor", json!("tree")),
            ("processor", json!(5)),
            ("processor_params", json!({"risks_type": "junk"})),
            ("processor_params", json!("{")),
            ("processor_params", json!(5)),
            ("local_stats_only", json!(3)),
            ("date_from", json!("junk")),
            ("anrs", json!(["zz"])),
        ] {
            let mut arguments = base.clone();
            arguments[field] = value;
            assert_eq!(fields(&error(arguments.clone())), [field], "{arguments}");
        }
        let mismatch = error(json!({"type": "risk", "processor": "threat_average_on_date"}));
        assert!(matches!(mismatch, ApiError::WrongType { .. }), "{mismatch}");
    }
}
