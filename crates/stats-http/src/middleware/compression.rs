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

/// Minimum length of a compressed answer, in bytes. A shorter one fits into a packet anyway.
const MIN_LENGTH: u64 = 1024;

/// Compresses long texts with gzip, chunk by chunk.
///
/// The middleware of actix-web is unsuitable: it keeps strong `ETag`s, compresses short answers, and refuses clients that
/// accept none of its encodings.
pub(crate) async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_accepted = accepts_gzip(&request);
    let response = next.call(request).await?;
    Ok(response.map_body(|head, body| {
        let is_long = match body.size() {
            BodySize::None => false,
            BodySize::Sized(length) => length >= MIN_LENGTH,
            BodySize::Stream => true,
        };
        let is_not_modified = head.status == StatusCode::NOT_MODIFIED;
        let mut encoding = ContentEncoding::Identity;
        if is_not_modified || is_long && is_text(head) {
            if is_accepted {
                weaken_tag(head);
            }
            if is_accepted && !is_not_modified {
                encoding = ContentEncoding::Gzip;
            } else {
                // With gzip the encoder adds it.
                let vary = HeaderValue::from_static("accept-encoding");
                head.headers_mut().append(VARY, vary);
            }
        }
        Encoder::response(encoding, head, body)
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

/// Makes a strong `ETag` weak: it promises the same content, no longer the same bytes.
fn weaken_tag(head: &mut ResponseHead) {
    let strong = head.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    let weak = strong
        .filter(|tag| tag.starts_with('"'))
        .and_then(|tag| HeaderValue::from_str(&format!("W/{tag}")).ok());
    if let Some(weak) = weak {
        head.headers_mut().insert(ETAG, weak);
    }
}
