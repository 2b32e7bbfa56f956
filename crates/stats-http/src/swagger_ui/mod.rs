//! Swagger UI, the API browser. Its files are embedded in the binary.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ContentType};
use actix_web::web::{Data, Path, ServiceConfig};
use maud::{DOCTYPE, Markup, html};
use utoipa_swagger_ui::Config;

use crate::base::Base;
use crate::config::HttpConfig;
use crate::errors::ApiError;
use crate::resource::{read, resource};
use crate::state::App;

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/api/v1", "GET, HEAD").route(read().to(page)))
        .service(resource("/api/v1/browser/{file}", "GET, HEAD").route(read().to(file)));
}

/// `GET /api/v1/`. Its links are absolute paths, because it is served with and without a trailing slash.
async fn page(app: Data<App>, base: Base) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(markup(&app.config, &base).into_string())
}

fn markup(config: &HttpConfig, base: &Base) -> Markup {
    let file = |name: &str| base.link(&format!("/api/v1/browser/{name}"));
    let specification = base.link("/api/v1/openapi.json");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (config.name) ": the API" }
                link rel="icon" href=(base.link("/favicon.ico"));
                link rel="stylesheet" href=(file("swagger-ui.css"));
                link rel="stylesheet" href=(file("browser.css"));
            }
            body {
                @if let Some(home) = home(config) {
                    nav aria-label="Main" {
                        a href=(base.link(home)) { "← " (config.name) }
                    }
                }
                div #api data-specification=(specification) {
                    noscript {
                        "The API browser needs JavaScript. The specification is at "
                        a href=(specification) { (specification) }
                        "."
                    }
                }
                script src=(file("swagger-ui-bundle.js")) {}
                script src=(file("start.js")) {}
            }
        }
    }
}

/// The page to return to: the first one that is not switched off.
fn home(config: &HttpConfig) -> Option<&'static str> {
    let pages = [(config.routes.pages, "/"), (config.routes.stats, "/stats")];
    let mut pages = pages.into_iter().filter(|(is_on, _)| *is_on);
    pages.next().map(|(_, path)| path)
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
        "browser.css" => Ok(response
            .content_type("text/css")
            .body(include_str!("browser.css"))),
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
