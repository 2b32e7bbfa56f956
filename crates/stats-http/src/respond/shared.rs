use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ContentType, ETag, EntityTag, IfNoneMatch,
};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

/// Responds with JSON that pages of any origin may read, or with 304 if `If-None-Match` matches.
pub(crate) fn shared_json(request: &HttpRequest, json: Bytes) -> HttpResponse {
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    let tag = EntityTag::new_strong(format!("{:016x}", hasher.finish()));
    let is_cached = match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(cached)) => cached.iter().any(|cached| cached.weak_eq(&tag)),
        None => false,
    };
    let mut response = if is_cached {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header(ETag(tag))
        // Caches must revalidate, so that new stats are visible at once.
        .insert_header((CACHE_CONTROL, "public, no-cache"))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if is_cached {
        response.finish()
    } else {
        response.content_type(ContentType::json()).body(json)
    }
}
