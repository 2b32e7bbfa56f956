use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};

use crate::errors::ApiError;
use crate::mask::{Mask, MaskError};

const FIELDS: HeaderName = HeaderName::from_static("x-fields");

/// Reads the mask in `X-Fields`. Repeated headers form one list (RFC 9110, section 5.3). No mask keeps everything.
pub(super) fn read_mask(request: &HttpRequest) -> Result<Mask, ApiError> {
    let values = request.headers().get_all(FIELDS);
    let values: Result<Vec<_>, _> = values
        .map(|value| std::str::from_utf8(value.as_bytes()).map(str::trim))
        .filter(|value| *value != Ok(""))
        .collect();
    values
        .map_err(|_| MaskError::NotUtf8)
        .and_then(|values| Mask::parse(&values.join(",")))
        .map_err(|error| ApiError::Malformed(format!("Mask parse error: {error}.")))
}

/// For routes without a token. [`Authenticated`](super::Authenticated) reads the mask after it has checked the token.
impl FromRequest for Mask {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read_mask(request))
    }
}
