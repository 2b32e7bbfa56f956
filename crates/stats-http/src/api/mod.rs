//! The API, version 1.

mod client;
mod processed;
mod stats;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, patch, post, scope};
use actix_web::{HttpResponse, Resource, Route, guard};
use utoipa::OpenApi;

use crate::errors::ApiError;
use crate::request::refuse_outdated_monarc;

pub(crate) fn configure(config: &mut ServiceConfig) {
    let processed = scope("/stats/processed")
        .service(resource("", "GET, HEAD").route(read().to(processed::process)))
        .service(resource("/list", "GET, HEAD").route(read().to(processed::list)));
    let stats = scope("/stats")
        .wrap(from_fn(refuse_outdated_monarc))
        .service(
            resource("", "GET, HEAD, POST")
                .route(read().to(stats::list))
                .route(post().to(stats::create)),
        )
        .service(
            resource("/{anr}", "GET, HEAD, DELETE")
                .route(read().to(stats::list_analysis))
                .route(web::delete().to(stats::delete_analysis)),
        );
    let client = scope("/client")
        .wrap(from_fn(refuse_outdated_monarc))
        .service(resource("", "POST").route(post().to(client::create)))
        .service(
            resource("/me", "GET, HEAD, PATCH")
                .route(read().to(client::me))
                .route(patch().to(client::change)),
        );
    config.service(
        scope("/api/v1")
            .service(processed)
            .service(stats)
            .service(client),
    );
}

/// The routes above, described.
#[derive(OpenApi)]
#[openapi(paths(
    stats::create,
    stats::list,
    stats::list_analysis,
    stats::delete_analysis,
    processed::process,
    processed::list,
    client::create,
    client::me,
    client::change,
))]
pub(crate) struct Documented;

/// A path that answers other methods than those of its routes with 405, in JSON. `allowed` names those methods.
pub(crate) fn resource(path: &str, allowed: &'static str) -> Resource {
    let refuse = move || async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed(allowed)) };
    web::resource(path).default_service(web::to(refuse))
}

/// A route for GET, and so for HEAD.
pub(crate) fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
