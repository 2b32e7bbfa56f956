//! Middleware: logs and metrics, compression, headers, and the protection of connections.

mod compression;
mod observe;
mod release;
mod user_agent;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{DefaultHeaders, Next};

pub(crate) use compression::compress;
pub(crate) use observe::observe;
pub(crate) use release::release_connection;
pub(crate) use user_agent::refuse_outdated_monarc;

/// Pages may load styles, scripts, images and data from this service only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
}

/// Prevents caches from storing answers to requests with a token.
pub(crate) async fn forbid_caching_for_tokens(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let has_token = request.headers().contains_key("X-API-KEY");
    let mut response = next.call(request).await?;
    if has_token {
        let no_store = HeaderValue::from_static("no-store");
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, no_store);
        headers.append(header::VARY, HeaderValue::from_static("x-api-key"));
    }
    Ok(response)
}
