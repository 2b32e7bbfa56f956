//! HTML pages with pictures, drawn on the server. They work without scripts.
//!
//! Each page has a file with a handler, which builds a [`site::Page`] that the [`Site`] frames. Links are made by
//! [`Site::link`], so that they work behind a proxy and keep the chosen language. The pictures are in `pictures`; their
//! texts, in each language, in `translations`.

mod about;
mod assets;
mod cartography;
mod compliance;
mod controls;
mod drawing;
mod evolution;
mod export;
mod figure;
mod help;
mod home;
mod language;
mod limit;
mod map;
mod options;
mod pictures;
mod site;
mod source;
mod statistics;
mod texts;
mod translation;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

pub(crate) use limit::limit_visitors;

use self::site::Site;
use crate::errors::ApiError;
use crate::resource::{read, resource};

/// Registers the files that pages load, the pictures, and the answer to unknown paths.
pub(crate) fn configure_frame(config: &mut ServiceConfig) {
    config
        .service(resource("/assets/{name}", "GET, HEAD").route(read().to(assets::asset)))
        .service(resource("/chart/{file}", "GET, HEAD").route(read().to(export::chart)))
        .service(resource("/favicon.ico", "GET, HEAD").route(read().to(assets::favicon)))
        .default_service(web::to(not_found));
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
    let get = "GET, HEAD";
    config
        .service(resource("/stats", get).route(read().to(statistics::statistics)))
        .service(resource("/evolution", get).route(read().to(evolution::evolution)))
        .service(resource("/cartography", get).route(read().to(cartography::cartography)))
        .service(resource("/compliance", get).route(read().to(compliance::compliance)));
}

pub(crate) fn configure_map(config: &mut ServiceConfig) {
    config.service(resource("/map", "GET, HEAD").route(read().to(map::map)));
}

/// Answers 404 to an unknown path.
async fn not_found(request: HttpRequest, site: Site) -> Result<HttpResponse, ApiError> {
    refuse(&request, &site, ApiError::NotFound)
}

/// Answers an error outside of the handlers of pages: JSON for the API and for programs, a page for browsers.
fn refuse(request: &HttpRequest, site: &Site, error: ApiError) -> Result<HttpResponse, ApiError> {
    if request.path() == "/api" || request.path().starts_with("/api/") {
        return Err(error);
    }
    Ok(site.refuse(&error))
}
