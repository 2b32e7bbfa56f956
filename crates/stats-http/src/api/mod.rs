//! The API, version 1.

mod client;
mod deleted;
mod digests;
mod documents;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod list;
mod post;
mod processed;
mod schema;
mod stats_json;

use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, delete, patch, post as on_post, scope};
use utoipa::OpenApi;

use crate::middleware::refuse_outdated_monarc;
use crate::resource::{read, resource};

pub(crate) fn configure(config: &mut ServiceConfig) {
    let processed = scope("/stats/processed")
        .service(resource("", "GET, HEAD").route(read().to(processed::process)))
        .service(resource("/list", "GET, HEAD").route(read().to(processed::list)));
    let stats = scope("/stats")
        .wrap(from_fn(refuse_outdated_monarc))
        .service(
            resource("", "GET, HEAD, POST")
                .route(read().to(list::list))
                .route(on_post().to(post::create)),
        )
        .service(resource("/digests", "GET, HEAD").route(read().to(digests::digests)))
        .service(resource("/deleted", "POST").route(on_post().to(deleted::delete)))
        .service(
            resource("/{anr}", "GET, HEAD, DELETE")
                .route(read().to(list::list_analysis))
                .route(delete().to(list::delete_analysis)),
        );
    let client = scope("/client")
        .wrap(from_fn(refuse_outdated_monarc))
        .service(resource("", "POST").route(on_post().to(client::create)))
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

/// The specification of these routes.
#[derive(OpenApi)]
#[openapi(
    paths(
        post::create,
        list::list,
        list::list_analysis,
        list::delete_analysis,
        deleted::delete,
        digests::digests,
        processed::process,
        processed::list,
        client::create,
        client::me,
        client::change,
    ),
    components(schemas(documents::StatData))
)]
pub(crate) struct Documented;
