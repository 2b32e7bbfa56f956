//! Builds responses: runs work on blocking threads and streams long answers.

mod blocking;
mod shared;
mod stream;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

pub(crate) use blocking::{background, blocking, cached, cached_of};
pub(crate) use shared::{Shared, shared, tagged};
pub(crate) use stream::{AnswerWriter, stream_json};

use crate::errors::ApiError;
use crate::mask::Mask;

/// Responds with `value`, reduced to the fields that `mask` keeps.
pub(crate) fn json(
    status: StatusCode,
    mask: &Mask,
    value: &impl Serialize,
) -> Result<HttpResponse, ApiError> {
    let mut response = HttpResponse::build(status);
    if *mask == Mask::All {
        return Ok(response.json(value));
    }
    let mut value = serde_json::to_value(value).map_err(ApiError::internal)?;
    mask.apply(&mut value);
    Ok(response.json(value))
}
