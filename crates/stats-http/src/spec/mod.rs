//! The specifications of the HTTP API: OpenAPI 3.1, generated from the code, and Swagger 2.0, from the Python service.
//!
//! Each handler carries the description of its route. This module adds the parts that routes share.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Data, Json, ServiceConfig};
use serde_json::Value;
use stats_core::StatsType;
use stats_processors::{Registered, Registry};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, Object, OpenApi as Document, Ref, RefOr, Required, Response,
    ResponseBuilder, Server,
};
use utoipa::{OpenApi, ToSchema};

use crate::base::Base;
use crate::errors::ApiError;
use crate::rate_limit::is_limited;
use crate::resource::{read, resource};

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/api/v1/openapi.json", "GET, HEAD").route(read().to(openapi)))
        .service(resource("/api/v1/swagger.json", "GET, HEAD").route(read().to(swagger)));
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "MONARC Stats Service",
        description = "Collects statistics of risk analyses from MONARC front offices, and returns them unchanged or processed. \
            Every path works with and without a trailing slash. GET reads its arguments from the query string and from a \
            JSON object in the body, which OpenAPI cannot express. The body overrides the query string.",
        license(name = "GNU Affero General Public License, version 3 or later", identifier = "AGPL-3.0-or-later"),
    ),
    paths(openapi, swagger),
    components(schemas(Failure)),
    tags(
        (name = "stats", description = "Stats as front offices send them"),
        (name = "processed", description = "Results of processors for the stats of all clients"),
        (name = "client", description = "The authenticated client, and new clients"),
        (name = "public", description = "Statistics over the stats of all clients, without a token"),
        (name = "admin", description = "For admins, outside the API"),
        (name = "service", description = "This instance"),
    ),
)]
struct Specification;

/// Why a request failed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "errors are written by ApiError")]
struct Failure {
    /// The error message.
    message: Option<String>,
    /// The error message of each invalid field.
    errors: Option<BTreeMap<String, String>>,
    /// The error message, for failures whose message has this key in the Python service.
    #[schema(rename = "Error")]
    error: Option<String>,
}

/// Merges the parts of the specification and completes them.
pub(crate) fn assemble(
    parts: impl IntoIterator<Item = Document>,
    processors: &Registry,
) -> Document {
    let mut document = Specification::openapi();
    for part in parts {
        document.merge(part);
    }
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.security = Some(vec![SecurityRequirement::new(TOKEN, [""; 0])]);
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(
        TOKEN,
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(TOKEN))),
    );
    for (_, name, description) in FAILURES {
        let response = failure(description).into();
        components.responses.insert(name.to_owned(), response);
    }
    for (path, item) in &mut document.paths.paths {
        complete(path, item, processors);
    }
    document
}

/// Get this specification
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "service", security(()), responses(
    (status = 200, description = "OpenAPI 3.1", body = Object),
))]
async fn openapi(document: Data<Document>, base: Base) -> Json<Document> {
    let mut document = Document::clone(&document);
    document.servers = Some(vec![Server::new(base.link("/"))]);
    Json(document)
}

/// The specification of the Python service.
pub(crate) const SWAGGER: &str = include_str!("swagger.json");

/// Get the specification of the Python service
#[utoipa::path(get, path = "/api/v1/swagger.json", tag = "service", security(()), responses(
    (status = 200, description = "Swagger 2.0", body = Object),
))]
async fn swagger(base: Base) -> Result<HttpResponse, ApiError> {
    let mut document: Value = serde_json::from_str(SWAGGER).map_err(ApiError::internal)?;
    document["basePath"] = base.link("/api/v1").into();
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(document.to_string()))
}

const TOKEN: &str = "X-API-KEY";

/// The failures that many routes share: status, name and description.
const FAILURES: [(&str, &str, &str); 10] = [
    ("400", "Wrong", "An argument or the body is wrong"),
    ("401", "NoToken", "The request has no token"),
    (
        "403",
        "Forbidden",
        "The token is unknown, the client is deactivated, or it lacks the permission",
    ),
    ("408", "Slow", "The body arrived too slowly"),
    ("413", "TooLarge", "The body is too large"),
    (
        "415",
        "NotJson",
        "The content type is not JSON, or the content encoding is not gzip",
    ),
    ("426", "Outdated", "The MONARC version is older than 2.10.2"),
    (
        "429",
        "TooMany",
        "The address sent too many requests without a token; retry later",
    ),
    (
        "500",
        "Broken",
        "Internal error; the log of the service has the cause",
    ),
    (
        "503",
        "Busy",
        "The service is busy or its database unavailable; retry later",
    ),
];

fn failure(description: &str) -> Response {
    let schema = Ref::from_schema_name(Failure::name());
    ResponseBuilder::new()
        .description(description)
        .content("application/json", Content::new(Some(schema)))
        .build()
}

/// Completes the operations of a path with shared parameters and failures.
fn complete(path: &str, item: &mut PathItem, processors: &Registry) {
    let is_api = path.starts_with("/api/v1/") && !path.ends_with(".json");
    let is_public_stats = path.starts_with("/stats/");
    let is_of_front_offices =
        path.starts_with("/api/v1/stats/") || path.starts_with("/api/v1/client/");
    let is_of_front_offices = is_of_front_offices && !path.starts_with("/api/v1/stats/processed");
    for operation in operations(item) {
        let needs_token = operation.security.is_none();
        let mut statuses = vec!["500", "503"];
        let parameters = operation.parameters.get_or_insert_default();
        for parameter in parameters.iter_mut() {
            name_processors(parameter, path, processors);
        }
        if is_api {
            parameters.push(mask().into());
            statuses.push("400");
        }
        if is_public_stats {
            statuses.push("400");
        }
        if needs_token {
            statuses.extend(["400", "401", "403", "408", "413", "415", "429"]);
        }
        if is_of_front_offices {
            statuses.push("426");
        }
        if is_limited(path) {
            statuses.push("429");
        }
        for (status, name, _) in FAILURES {
            if statuses.contains(&status) {
                let answer = RefOr::Ref(Ref::from_response_name(name));
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_owned()).or_insert(answer);
            }
        }
    }
}

fn mask() -> Parameter {
    ParameterBuilder::new()
        .name("X-Fields")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The fields of the answer to keep: names separated by commas, with the fields of a field in braces, such as data{uuid,date}"))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

/// Lists the values of the parameter `processor`. A path for one type of stats accepts processors of this type.
fn name_processors(parameter: &mut RefOr<Parameter>, path: &str, processors: &Registry) {
    let stats_type = match path {
        "/stats/risks.json" => Some(StatsType::Risk),
        "/stats/threats.json" => Some(StatsType::Threat),
        "/stats/vulnerabilities.json" => Some(StatsType::Vulnerability),
        _ => None,
    };
    let fits = |known: &&Registered| stats_type.is_none_or(|wanted| known.stats_type == wanted);
    if let RefOr::T(parameter) = parameter
        && parameter.name == "processor"
    {
        let names = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(processors.iter().filter(fits).map(|known| known.name)));
        parameter.schema = Some(names.build().into());
    }
}

/// Returns the operations of a path. Operations that share a handler get different ids.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    if let (Some(get), Some(post)) = (&item.get, &mut item.post)
        && get.operation_id == post.operation_id
    {
        post.operation_id = post.operation_id.take().map(|id| id + "_by_post");
    }
    [
        &mut item.get,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}
