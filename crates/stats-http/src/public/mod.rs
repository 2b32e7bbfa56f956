//! Public statistics over the stats of all clients.

mod figures;
mod map;
mod stats;

use actix_web::HttpRequest;
use actix_web::web::ServiceConfig;
use stats_processors::Language;
use utoipa::OpenApi;

use crate::extract::lenient::Tag;
use crate::language;
use crate::resource::{read, resource};

pub(crate) fn configure_stats(config: &mut ServiceConfig) {
    let get = "GET, HEAD";
    config
        .service(resource("/stats/threats.json", get).route(read().to(stats::threats)))
        .service(
            resource("/stats/vulnerabilities.json", get).route(read().to(stats::vulnerabilities)),
        )
        .service(resource("/stats/risks.json", get).route(read().to(stats::risks)))
        .service(resource("/stats/cartography.json", get).route(read().to(stats::cartography)))
        .service(resource("/stats/compliance.json", get).route(read().to(stats::compliance)));
}

pub(crate) fn configure_map(config: &mut ServiceConfig) {
    config.service(resource("/map/clients.json", "GET, HEAD").route(read().to(map::clients)));
}

/// Returns the language of names: the one asked for, else the one that the browser prefers.
fn reader(request: &HttpRequest, asked: Option<Tag>) -> Language {
    match asked {
        Some(Tag(language)) => language,
        None => language::accepted(request),
    }
}

/// The specification of the public statistics.
#[derive(OpenApi)]
#[openapi(paths(
    stats::threats,
    stats::vulnerabilities,
    stats::risks,
    stats::cartography,
    stats::compliance
))]
pub(crate) struct DocumentedStats;

/// The specification of the map.
#[derive(OpenApi)]
#[openapi(paths(map::clients))]
pub(crate) struct DocumentedMap;
