//! The specification of the HTTP API: OpenAPI 3.1 made from the code, and the Swagger 2.0 that clients were written for.
//!
//! What a route takes and gives is told beside its handler. What many have in common is added here, and what has no
//! type in the code is described in [`schemas`].

pub(crate) mod schemas;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Json, ServiceConfig};
use serde_json::Value;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, Object, OpenApi as Document, Ref, RefOr, Required, Response,
    ResponseBuilder, Server, Type,
};
use utoipa::{OpenApi, ToSchema};

use crate::api::{read, resource};
use crate::base::Base;
use crate::errors::ApiError;
use crate::{about, admin, api, public};

/// The routes of the specification itself.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/api/v1/openapi.json", "GET, HEAD").route(read().to(openapi)))
        .service(resource("/api/v1/swagger.json", "GET, HEAD").route(read().to(swagger)));
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "MONARC Stats Service",
        description = "Collects statistics of risk analyses from MONARC front offices, and returns them plain or processed. \
            Every path works with and without its last slash. GET takes its arguments in the query string or, which this \
            format cannot tell, as a JSON object in the body; where both have an argument the body counts.",
        license(name = "GNU Affero General Public License, version 3 or later", identifier = "AGPL-3.0-or-later"),
    ),
    paths(openapi, swagger),
    components(schemas(schemas::Failure)),
    tags(
        (name = "stats", description = "Stats as front offices send them"),
        (name = "processed", description = "What processors make of the stats of all clients"),
        (name = "client", description = "The account of who asks, and new accounts"),
        (name = "public", description = "Statistics over the stats of all clients, for everybody"),
        (name = "admin", description = "What an admin can do outside of the API"),
        (name = "service", description = "What this instance is, and whether it works"),
    ),
)]
struct Specification;

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let mut document = Specification::openapi();
    for part in [
        api::Documented::openapi(),
        public::DocumentedStats::openapi(),
        public::DocumentedMap::openapi(),
        admin::Documented::openapi(),
        about::Documented::openapi(),
    ] {
        document.merge(part);
    }
    add_what_is_common(&mut document);
    document
});

/// The document for who reaches the service at `base`.
fn document(base: &Base) -> Document {
    let mut document = DOCUMENT.clone();
    document.servers = Some(vec![Server::new(base.link("/"))]);
    document
}

/// This specification
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "service", security(()), responses(
    (status = 200, description = "OpenAPI 3.1", body = Object),
))]
async fn openapi(base: Base) -> Json<Document> {
    Json(document(&base))
}

/// The specification that the clients of the first version know
#[utoipa::path(get, path = "/api/v1/swagger.json", tag = "service", security(()), responses(
    (status = 200, description = "Swagger 2.0", body = Object),
))]
async fn swagger(base: Base) -> Result<HttpResponse, ApiError> {
    let mut document: Value = serde_json::from_str(include_str!("swagger.json"))
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    document["basePath"] = base.link("/api/v1").into();
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(document.to_string()))
}

const TOKEN: &str = "X-API-KEY";

/// The failures that many routes share: status, name, and when it happens.
const FAILURES: [(&str, &str, &str); 8] = [
    ("400", "Wrong", "An argument or the body is wrong"),
    ("401", "NoToken", "There is no token"),
    (
        "403",
        "Forbidden",
        "Nobody has this token, the client was deactivated, or it may not do this",
    ),
    ("413", "TooLarge", "The body is too large"),
    ("415", "NotJson", "The body is not JSON by its content type"),
    ("426", "Outdated", "A MONARC before 2.10.2 asks"),
    ("500", "Broken", "The service is broken; the log tells why"),
    ("503", "Busy", "The service is busy; try again in a while"),
];

/// Adds the token, the failures and the field mask.
fn add_what_is_common(document: &mut Document) {
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.security = Some(vec![SecurityRequirement::new(TOKEN, [""; 0])]);
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(
        TOKEN,
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(TOKEN))),
    );
    for (_, name, description) in FAILURES {
        components
            .responses
            .insert(name.to_owned(), failure(description).into());
    }
    for (path, item) in &mut document.paths.paths {
        complete(path, item);
    }
}

fn failure(description: &str) -> Response {
    let schema = Ref::from_schema_name(schemas::Failure::name());
    ResponseBuilder::new()
        .description(description)
        .content("application/json", Content::new(Some(schema)))
        .build()
}

/// Adds what the operations of a path have in common with others.
fn complete(path: &str, item: &mut PathItem) {
    let is_api = path.starts_with("/api/v1/") && !path.ends_with(".json");
    let is_of_front_offices =
        path.starts_with("/api/v1/stats/") || path.starts_with("/api/v1/client/");
    let is_of_front_offices = is_of_front_offices && !path.starts_with("/api/v1/stats/processed");
    for operation in operations(item) {
        let needs_token = operation.security.is_none();
        let has_body = operation.request_body.is_some();
        let mut statuses = vec!["500", "503"];
        if is_api {
            let mask = ParameterBuilder::new()
                .name("X-Fields")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(
                    "Which fields of the answer to give, such as `data{uuid,date}`",
                ))
                .schema(Some(Object::with_type(Type::String)))
                .build();
            operation
                .parameters
                .get_or_insert_default()
                .push(mask.into());
            statuses.push("400");
        }
        if needs_token {
            statuses.extend(["400", "401", "403", "413"]);
        }
        if has_body {
            statuses.push("415");
        }
        if is_of_front_offices {
            statuses.push("426");
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

/// The operations of a path. Those that share a handler are told apart by their method.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::App;
    use actix_web::introspection::IntrospectionTree;
    use actix_web::test::{TestRequest, call_and_read_body_json, init_service};
    use actix_web::web::{Data, get};

    use super::*;
    use crate::app::{Routes, configure};

    /// Rewrites the file when this variable is set.
    const REWRITE: &str = "UPDATE_OPENAPI";

    #[test]
    fn the_file_in_the_documentation_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let mut document = serde_json::to_string_pretty(&*DOCUMENT).unwrap();
        document.push('\n');
        if std::env::var_os(REWRITE).is_some() {
            std::fs::write(path, &document).unwrap();
        }
        let is_same = std::fs::read_to_string(path).is_ok_and(|file| file == document);
        assert!(
            is_same,
            "docs/openapi.json is not what the code says: run this test with {REWRITE}=1 and look at the difference"
        );
    }

    /// What is for people, and for the programs that look after the service.
    const UNDOCUMENTED: [&str; 12] = [
        "GET /metrics",
        "GET /api/v1",
        "GET /api/v1/browser/{file}",
        "GET /",
        "GET /stats",
        "GET /about",
        "GET /about/more",
        "GET /help",
        "GET /human.txt",
        "GET /robots.txt",
        "GET /.well-known/security.txt",
        "GET /assets/{name}",
    ];

    #[actix_web::test]
    async fn every_route_is_documented_and_every_documented_route_is_there() {
        const TREE: &str = "/routes-of-this-test";
        let tree = async |tree: Data<IntrospectionTree>| tree.report_as_json();
        let app = App::new()
            .configure(|config| configure(config, Routes::default()))
            .route(TREE, get().to(tree));
        let request = TestRequest::with_uri(TREE).to_request();
        let report: Value = call_and_read_body_json(&init_service(app).await, request).await;
        let registered = report.as_array().unwrap().iter().flat_map(|route| {
            let path = route["full_path"].as_str().unwrap();
            let methods = route["methods"].as_array().unwrap().iter();
            methods.map(move |method| format!("{} {path}", method.as_str().unwrap()))
        });
        let registered: BTreeSet<_> = registered
            .filter(|route| !route.starts_with("HEAD ") && !route.contains(TREE))
            .filter(|route| !UNDOCUMENTED.contains(&route.as_str()))
            .collect();
        let document = serde_json::to_value(&*DOCUMENT).unwrap();
        assert_eq!(registered, routes(&document, ""));
        let swagger = serde_json::from_str(include_str!("swagger.json")).unwrap();
        let missing = &routes(&swagger, "/api/v1") - &registered;
        assert_eq!(missing, BTreeSet::new());
    }

    /// The operations of a specification as `METHOD /path`.
    fn routes(document: &Value, base: &str) -> BTreeSet<String> {
        let paths = document["paths"].as_object().unwrap().iter();
        let routes = paths.flat_map(|(path, item)| {
            let path = format!("{base}{}", path.trim_end_matches('/'));
            let operations = item.as_object().unwrap().keys();
            operations
                .filter(|name| *name != "parameters")
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        routes.collect()
    }
}
