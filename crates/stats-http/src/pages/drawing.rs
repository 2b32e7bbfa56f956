//! Draws pages and pictures, or takes them from the cache.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Local;
use stats_db::{Db, DbError};

use super::options::Options;
use super::site::{Page, Site};
use super::source::Source;
use crate::errors::ApiError;
use crate::releases::cached_release;
use crate::respond::{blocking, cached};
use crate::turns::Party;

/// Returns what `draw` draws. `question` identifies it among everything that is drawn for the language and address of
/// this reader. It is drawn again after stats, clients or names have changed, and on another day; or, if there are releases,
/// after the release or names have changed.
pub(super) async fn drawn(
    site: &Site,
    question: String,
    draw: impl Fn(&Site, &mut Source<'_, '_>) -> Result<Bytes, ApiError> + Send + 'static,
) -> Result<Bytes, ApiError> {
    let names = site.app.names.version();
    if site.app.has_releases() {
        let question = format!("{question} {} {names}", site.key());
        let (app, site) = (site.app.clone(), site.clone());
        return cached_release(
            &app,
            Party::Visitors,
            question,
            move |app, snapshot, release| {
                draw(&site, &mut Source::new(app, snapshot, Some(release)))
            },
        )
        .await;
    }
    let clients = blocking(&site.app, |db| Ok(clients(db)?)).await?;
    let today = Local::now().date_naive();
    let question = format!("{question} {} {clients:x} {names} {today}", site.key());
    let site = site.clone();
    cached(
        &site.app.clone(),
        Party::Visitors,
        question,
        move |app, db| {
            db.read_replica(|snapshot| draw(&site, &mut Source::new(app, snapshot, None)))
        },
    )
    .await
}

/// Identifies what pages show of clients.
fn clients(db: &Db) -> Result<u64, DbError> {
    let mut hasher = DefaultHasher::new();
    for client in db.clients()? {
        let coordinates = client
            .coordinates
            .map(|at| (at.latitude().to_bits(), at.longitude().to_bits()));
        (
            client.id,
            client.is_active,
            client.is_excluded,
            client.role.number(),
            coordinates,
        )
            .hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Responds with the page that `draw` draws for the choices in the query string.
pub(super) async fn page(
    request: &HttpRequest,
    site: &Site,
    draw: fn(&Site, &mut Source<'_, '_>, Options) -> Result<Page, ApiError>,
) -> HttpResponse {
    let page = match Options::of(request) {
        Ok(options) => {
            let question = format!("{} {options:?}", request.path());
            drawn(site, question, move |site, source| {
                Ok(site.frame(&draw(site, source, options)?))
            })
            .await
        }
        Err(error) => Err(error),
    };
    site.respond(request, page)
}
