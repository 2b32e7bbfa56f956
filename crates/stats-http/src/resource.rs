//! Helpers to register routes.

use actix_web::web;
use actix_web::{HttpResponse, Resource, Route, guard};

use crate::errors::ApiError;

/// A path that answers 405 in JSON to methods without a route. `allowed` is the value of the `Allow` header.
pub(crate) fn resource(path: &str, allowed: &'static str) -> Resource {
    let refuse = move || async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed(allowed)) };
    web::resource(path).default_service(web::to(refuse))
}

/// A route for GET and HEAD.
pub(crate) fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
