use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};

use crate::errors::ApiError;
use crate::mask::{Mask, MaskError};

/// Tells which fields of an answer are wanted.
const FIELDS: HeaderName = HeaderName::from_static("x-fields");

/// The mask in `X-Fields`. Several such headers are one list, as HTTP has it; none or empty ones keep everything.
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

/// For routes that anybody may call. In a [`Call`](super::Call) the mask is read after it is known who asks.
impl FromRequest for Mask {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read_mask(request))
    }
}
