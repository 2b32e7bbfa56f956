use actix_web::{HttpRequest, HttpResponse};
use maud::html;

use super::controls::{days, form, weight};
use super::drawing;
use super::options::Options;
use super::pictures::{Picture, referentials};
use super::site::{Page, Site};
use super::source::Source;
use super::translation::text;
use crate::errors::ApiError;

/// The periods in the form, in days.
const PERIODS: [u32; 4] = [7, 30, 90, 365];
/// The number of referentials on the page.
const REFERENTIALS: usize = 6;

/// `GET /compliance`: current against target compliance, by referential and category.
pub(super) async fn compliance(request: HttpRequest, site: Site) -> HttpResponse {
    drawing::page(&request, &site, draw).await
}

fn draw(site: &Site, source: &mut Source<'_, '_>, options: Options) -> Result<Page, ApiError> {
    let texts = site.texts();
    let days_chosen = options.days.unwrap_or(Picture::Compliance.default_days());
    let mut figures = Vec::new();
    let referentials = referentials(source, days_chosen)?;
    let shown = referentials.into_iter().take(REFERENTIALS).map(Some);
    // Without stats, one picture says so.
    let shown: Vec<_> = shown.collect();
    for referential in if shown.is_empty() { vec![None] } else { shown } {
        let options = Options {
            days: options.days,
            referential,
            weight: options.weight,
            ..Options::default()
        };
        figures.push(Picture::Compliance.draw(site, source, options)?.html(site));
    }
    let content = html! {
        h1 { (text!(texts, "compliance-heading")) }
        p.lead { (text!(texts, "compliance-lead")) }
        (form(site, "/compliance", &[
            days(site, &PERIODS, days_chosen),
            weight(site, options.weight()),
        ]))
        @for figure in figures { (figure) }
    };
    Ok(Page {
        title: Some(text!(texts, "nav-compliance")),
        content,
    })
}
