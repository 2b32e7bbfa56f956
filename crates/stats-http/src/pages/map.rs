use actix_web::{HttpRequest, HttpResponse};
use maud::html;

use super::controls::{choice, form};
use super::drawing;
use super::options::Options;
use super::pictures::Picture;
use super::site::{Page, Site};
use super::source::Source;
use super::translation::text;
use crate::errors::ApiError;

/// `GET /map`: where clients are.
pub(super) async fn map(request: HttpRequest, site: Site) -> HttpResponse {
    drawing::page(&request, &site, draw).await
}

fn draw(site: &Site, source: &mut Source<'_, '_>, options: Options) -> Result<Page, ApiError> {
    let texts = site.texts();
    let shown = Options {
        view: options.view,
        ..Options::default()
    };
    let content = html! {
        h1 { (text!(texts, "map-heading")) }
        p.lead { (text!(texts, "map-lead")) }
        (form(site, "/map", &[
            choice("view", text!(texts, "view"), &options.view.unwrap_or_default(),
                |view| text!(texts, "view-name", view = view)),
        ]))
        (Picture::Map.draw(site, source, shown)?.html(site))
    };
    Ok(Page {
        title: Some(text!(texts, "nav-map")),
        content,
    })
}
