//! The pages: drawn here, on the server, with one style sheet and without a script.
//!
//! Each page is a file with a handler that makes a [`site::Page`] and lets the [`Site`] frame it. Links lead through the
//! site, so that they work behind a proxy and keep the language that was chosen.

mod about;
mod assets;
mod format;
mod help;
mod home;
mod language;
mod site;
mod statistics;
mod texts;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use self::site::Site;
use crate::api::{read, resource};
use crate::errors::ApiError;

/// What all pages share, and what is said where there is no page.
pub(crate) fn configure_frame(config: &mut ServiceConfig) {
    config
        .service(resource("/assets/{name}", "GET, HEAD").route(read().to(assets::asset)))
        .default_service(web::to(nothing_here));
}

pub(crate) fn configure_pages(config: &mut ServiceConfig) {
    let get = "GET, HEAD";
    config
        .service(resource("/", get).route(read().to(home::home)))
        .service(resource("/about", get).route(read().to(about::about)))
        .service(resource("/about/more", get).route(read().to(about::more)))
        .service(resource("/help", get).route(read().to(help::help)))
        .service(resource("/robots.txt", get).route(read().to(texts::robots)))
        .service(resource("/human.txt", get).route(read().to(texts::human)))
        .service(resource("/.well-known/security.txt", get).route(read().to(texts::security)));
}

pub(crate) fn configure_stats(config: &mut ServiceConfig) {
    config.service(resource("/stats", "GET, HEAD").route(read().to(statistics::statistics)));
}

/// A page for a person, JSON for a program.
async fn nothing_here(request: HttpRequest, site: Site) -> Result<HttpResponse, ApiError> {
    if request.path() == "/api" || request.path().starts_with("/api/") {
        return Err(ApiError::NotFound);
    }
    Ok(site.answer(Err(ApiError::NotFound)))
}
