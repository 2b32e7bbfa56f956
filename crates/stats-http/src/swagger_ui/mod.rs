//! Swagger UI, the API browser. Its files are embedded in the binary.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ContentType};
use actix_web::web::{Path, ServiceConfig};
use utoipa_swagger_ui::Config;

use crate::base::Base;
use crate::errors::ApiError;
use crate::resource::{read, resource};

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/api/v1", "GET, HEAD").route(read().to(page)))
        .service(resource("/api/v1/browser/{file}", "GET, HEAD").route(read().to(file)));
}

/// `GET /api/v1/`. Its links are absolute paths, because it is served with and without a trailing slash.
async fn page(base: Base) -> HttpResponse {
    let page = include_str!("page.html").replace("{api}", &base.link("/api/v1"));
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(page)
}

/// A file that the page loads.
async fn file(name: Path<String>) -> Result<HttpResponse, ApiError> {
    let mut response = HttpResponse::Ok();
    // An upgrade of this service may change the files.
    response.insert_header((CACHE_CONTROL, "public, max-age=3600"));
    match name.as_str() {
        "start.js" => Ok(response
            .content_type("text/javascript")
            .body(include_str!("start.js"))),
        name @ ("swagger-ui.css" | "swagger-ui-bundle.js") => {
            let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default()))
                .map_err(|error| ApiError::internal(error.to_string()))?
                .ok_or(ApiError::NotFound)?;
            if file.gzpipped {
                response.insert_header((CONTENT_ENCODING, "gzip"));
            }
            Ok(response
                .content_type(file.content_type)
                .body(file.bytes.into_owned()))
        }
        _ => Err(ApiError::NotFound),
    }
}
