use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::errors::ApiError;
use crate::limits::Limits;

/// Reads a body of at most `limit` bytes, of whatever content type, for as long as it keeps arriving.
pub(crate) async fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> Result<Vec<u8>, ApiError> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length: usize = length
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or(0);
    if length > limit {
        return Err(ApiError::TooLarge(limit));
    }
    let limits = request
        .app_data::<Data<App>>()
        .map_or_else(Limits::default, |app| app.config.limits.clone());
    let started = Instant::now();
    let mut body = Vec::new();
    loop {
        // What keeps coming may go on.
        let deadline = started + limits.time_for(body.len() as u64);
        let chunk = timeout_at(deadline, payload.next()).await;
        let Some(chunk) = chunk.map_err(|_| ApiError::BodyTimeout)? else {
            return Ok(body);
        };
        let chunk = chunk
            .map_err(|error| ApiError::Malformed(format!("The body cannot be read: {error}.")))?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
}

/// Reads a body that must be JSON by its content type.
pub(crate) async fn read_json_body(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> Result<Vec<u8>, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if essence != "application/json" && !essence.ends_with("+json") {
        return Err(ApiError::NotJson);
    }
    read_body(request, payload, limit).await
}
