use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::refuse;
use super::site::Site;
use crate::address::address;
use crate::errors::ApiError;
use crate::extract::has_valid_token;
use crate::rate_limit::is_limited;
use crate::state::App;

/// Refuses requests without a token that exceed [`HttpConfig::visitor_requests_per_minute`].
///
/// [`HttpConfig::visitor_requests_per_minute`]: crate::config::HttpConfig::visitor_requests_per_minute
pub(crate) async fn limit_visitors(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let Err(error) = count(&app, &request).await else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let site = Site::new(request.request(), app.clone());
    let response = match refuse(request.request(), &site, error) {
        Ok(page) => request.into_response(page),
        Err(error) => request.error_response(error),
    };
    Ok(response.map_into_right_body())
}

async fn count(app: &Data<App>, request: &ServiceRequest) -> Result<(), ApiError> {
    let Some(limit) = &app.rate_limit else {
        return Ok(());
    };
    if !is_limited(request.path()) || has_valid_token(request.request(), app).await {
        return Ok(());
    }
    limit.count(address(request.request(), &app.config))
}
