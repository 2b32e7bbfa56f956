use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use log::Level;

use crate::address::address;
use crate::errors::ApiError;
use crate::extract::ClientName;
use crate::metrics::Request;
use crate::state::App;

/// Counts a request, measures the time until its answer begins, and logs it if it is refused or fails.
pub(crate) async fn observe(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let response = next.call(request).await?;
    let elapsed = started.elapsed();
    log_request(&app, &response, elapsed);
    let request = response.request();
    let counted = Request {
        route: request.match_pattern().unwrap_or_else(|| "none".to_owned()),
        method: known_method(request.method()),
        status: response.status().as_u16(),
    };
    app.metrics.count_request(counted, elapsed);
    Ok(response)
}

fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];
    known
        .into_iter()
        .find(|known| method == known)
        .unwrap_or("other")
}

/// Logs every request if [`logs_requests`](crate::config::HttpConfig::logs_requests) is set; otherwise failures, and
/// refusals by the API and by the routes for admins. stats-db logs outages of the database.
fn log_request<B>(app: &App, response: &ServiceResponse<B>, elapsed: Duration) {
    let (request, status) = (response.request(), response.status());
    let error = response.response().error();
    let error = error.and_then(Error::as_error::<ApiError>);
    let is_for_clients = |path: &str| path.starts_with("/api/") || path.starts_with("/admin/");
    let level = match status {
        // A 503 without an error comes from the health check.
        StatusCode::SERVICE_UNAVAILABLE if error.is_none_or(ApiError::is_known_outage) => {
            Level::Info
        }
        StatusCode::INTERNAL_SERVER_ERROR => Level::Error,
        status if status.is_server_error() => Level::Warn,
        status if status.is_client_error() && is_for_clients(request.path()) => Level::Warn,
        _ => Level::Info,
    };
    if !app.config.logs_requests && (level == Level::Info || !app.refusals.admit()) {
        return;
    }
    let client = request.extensions().get::<ClientName>().cloned();
    let client = client.map_or_else(|| "-".to_owned(), |ClientName(name)| name);
    let address = address(request, &app.config);
    let address = address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let reason = error.map_or_else(String::new, |error| format!(": {error}"));
    log::log!(
        level,
        "{} {} {} to {client} at {address} in {} ms{reason}",
        request.method(),
        request.match_pattern().as_deref().unwrap_or("unknown path"),
        status.as_u16(),
        elapsed.as_millis(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_are_counted_together() {
        assert_eq!(known_method(&Method::PATCH), "PATCH");
        assert_eq!(known_method(&Method::from_bytes(b"BREW").unwrap()), "other");
    }
}
