use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_DISPOSITION, ContentType, ETag, EntityTag,
    IfNoneMatch, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder};

/// What a shared response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    Json,
    /// JSON with names in the reader's language.
    JsonWithNames,
    /// A file of CSV with names in the reader's language. Holds the name of the file without `.csv`.
    Csv(&'static str),
}

/// Responds like [`tagged`] with a body that pages of any origin may read.
pub(crate) fn shared(request: &HttpRequest, what: Shared, body: Bytes) -> HttpResponse {
    tagged(request, body, |response| {
        response.insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
        if what != Shared::Json {
            response.insert_header((VARY, "accept-language"));
        }
        match what {
            Shared::Json | Shared::JsonWithNames => {
                response.content_type(ContentType::json());
            }
            Shared::Csv(name) => {
                let disposition = format!("attachment; filename=\"{name}.csv\"");
                response.insert_header((CONTENT_DISPOSITION, disposition));
                response.content_type("text/csv; charset=utf-8");
            }
        }
    })
}

/// Responds with `body`, or with 304 if `If-None-Match` matches. Caches must revalidate, so that new stats are visible at
/// once, unless `add_headers` allows more.
pub(crate) fn tagged(
    request: &HttpRequest,
    body: Bytes,
    add_headers: impl FnOnce(&mut HttpResponseBuilder),
) -> HttpResponse {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
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
        .insert_header((CACHE_CONTROL, "public, no-cache"));
    add_headers(&mut response);
    if is_cached {
        response.finish()
    } else {
        response.body(body)
    }
}
