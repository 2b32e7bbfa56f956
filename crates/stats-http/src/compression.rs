//! Answers compressed for those who ask for it.

use actix_http::encoding::Encoder;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ResponseHead, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, ContentEncoding, ETAG, Encoding, HeaderValue,
    VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

/// Less than this is sent as it is: it fits a packet anyway.
const WORTH_IT: u64 = 1024;

/// Middleware that compresses long texts with gzip, chunk by chunk. The one of actix-web leaves `ETag` as it is, does
/// the same to a few bytes, and refuses to answer who accepts no encoding that it knows.
pub(crate) async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_asked_for = accepts_gzip(&request);
    let response = next.call(request).await?;
    Ok(response.map_body(|head, body| {
        let is_long = match body.size() {
            BodySize::None => false,
            BodySize::Sized(length) => length >= WORTH_IT,
            BodySize::Stream => true,
        };
        let is_unchanged = head.status == StatusCode::NOT_MODIFIED;
        if !(is_unchanged || is_long && is_text(head)) {
            return Encoder::response(ContentEncoding::Identity, head, body);
        }
        if is_asked_for {
            weaken_tag(head);
        }
        if is_asked_for && !is_unchanged {
            Encoder::response(ContentEncoding::Gzip, head, body)
        } else {
            let vary = HeaderValue::from_static("accept-encoding");
            head.headers_mut().append(VARY, vary);
            Encoder::response(ContentEncoding::Identity, head, body)
        }
    }))
}

fn accepts_gzip(request: &ServiceRequest) -> bool {
    let supported = [Encoding::identity(), Encoding::gzip()];
    let chosen = request
        .get_header::<AcceptEncoding>()
        .and_then(|accepted| accepted.negotiate(supported.iter()));
    chosen == Some(Encoding::gzip())
}

fn is_text(head: &ResponseHead) -> bool {
    let content_type = head.headers().get(CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_text = content_type.starts_with("text/")
        || ["json", "javascript", "xml"]
            .iter()
            .any(|kind| content_type.contains(kind));
    is_text && !head.headers().contains_key(CONTENT_ENCODING)
}

/// A strong tag stands for the same bytes, a weak one for the same content.
fn weaken_tag(head: &mut ResponseHead) {
    let strong = head.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    let weak = strong
        .filter(|tag| tag.starts_with('"'))
        .and_then(|tag| HeaderValue::from_str(&format!("W/{tag}")).ok());
    if let Some(weak) = weak {
        head.headers_mut().insert(ETAG, weak);
    }
}
