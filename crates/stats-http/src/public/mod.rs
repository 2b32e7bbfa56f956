//! Public statistics over the stats of all clients.

mod map;
mod stats;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

use crate::resource::{read, resource};

pub(crate) fn configure_stats(config: &mut ServiceConfig) {
    let get = "GET, HEAD";
    config
        .service(resource("/stats/threats.json", get).route(read().to(stats::threats)))
        .service(
            resource("/stats/vulnerabilities.json", get).route(read().to(stats::vulnerabilities)),
        )
        .service(resource("/stats/risks.json", get).route(read().to(stats::risks)));
}

pub(crate) fn configure_map(config: &mut ServiceConfig) {
    config.service(resource("/map/clients.json", "GET, HEAD").route(read().to(map::clients)));
}

/// The specification of the public statistics.
#[derive(OpenApi)]
#[openapi(paths(stats::threats, stats::vulnerabilities, stats::risks))]
pub(crate) struct DocumentedStats;

/// The specification of the map.
#[derive(OpenApi)]
#[openapi(paths(map::clients))]
pub(crate) struct DocumentedMap;
