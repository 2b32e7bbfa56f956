//! What everybody may see: statistics over the stats of all clients, without any name.

mod map;
mod stats;

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ContentType, ETag, EntityTag, IfNoneMatch,
};
use actix_web::web::ServiceConfig;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use utoipa::OpenApi;

pub(crate) use self::stats::{DEFAULT_DAYS, days, last_days};
use crate::api::{read, resource};

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

/// The public statistics, described.
#[derive(OpenApi)]
#[openapi(paths(stats::threats, stats::vulnerabilities, stats::risks))]
pub(crate) struct DocumentedStats;

/// The map, described.
#[derive(OpenApi)]
#[openapi(paths(map::clients))]
pub(crate) struct DocumentedMap;

/// Answers with JSON that pages of any origin may read, and with 304 and nothing else to who has it already.
fn shared_json(request: &HttpRequest, json: String) -> HttpResponse {
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    let tag = EntityTag::new_strong(format!("{:016x}", hasher.finish()));
    let is_known = match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&tag)),
        None => false,
    };
    let mut response = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header(ETag(tag))
        // May be kept by anybody, and must be asked for again each time: new stats are seen at once.
        .insert_header((CACHE_CONTROL, "public, no-cache"))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if is_known {
        response.finish()
    } else {
        response.content_type(ContentType::json()).body(json)
    }
}
