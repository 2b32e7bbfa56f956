use actix_web::{HttpRequest, HttpResponse};
use maud::html;
use stats_processors::Kind;

use super::controls::{choice, days, form, top, weight};
use super::drawing;
use super::options::{Options, Top};
use super::pictures::Picture;
use super::site::{Page, Site};
use super::source::{Objects, Source};
use super::translation::text;
use crate::errors::ApiError;

/// The periods in the form, in days.
const PERIODS: [u32; 4] = [7, 30, 90, 365];
/// The numbers of threats and vulnerabilities in the form.
const NUMBERS: [u8; 3] = [5, 10, 15];

/// `GET /stats`: risks by level, and the first threats and vulnerabilities.
pub(super) async fn statistics(request: HttpRequest, site: Site) -> HttpResponse {
    drawing::page(&request, &site, draw).await
}

fn draw(site: &Site, source: &mut Source<'_, '_>, options: Options) -> Result<Page, ApiError> {
    let texts = site.texts();
    let mut figure = |picture: Picture, options| {
        Ok::<_, ApiError>(picture.draw(site, source, options)?.html(site))
    };
    let of_kind = |kind| Options {
        days: options.days,
        kind: Some(kind),
        weight: options.weight,
        ..Options::default()
    };
    let objects = Options {
        kind: None,
        state: None,
        referential: None,
        view: None,
        ..options
    };
    let content = html! {
        h1 { (text!(texts, "stats-heading")) }
        p.lead { (text!(texts, "stats-lead")) }
        (form(site, "/stats", &[
            days(site, &PERIODS, options.days.unwrap_or(Picture::Risks.default_days())),
            choice("by", text!(texts, "measure-label"), &options.by.unwrap_or_default(),
                |measure| text!(texts, "measure", measure = measure)),
            choice("order", text!(texts, "order"), &options.order.unwrap_or_default(),
                |order| text!(texts, "order-name", order = order)),
            top(site, &NUMBERS, options.top.unwrap_or(Top::DEFAULT)),
            weight(site, options.weight()),
        ]))
        div.grid {
            (figure(Picture::Risks, of_kind(Kind::Informational))?)
            (figure(Picture::Risks, of_kind(Kind::Operational))?)
            (figure(Picture::Objects(Objects::Threats), objects)?)
            (figure(Picture::Objects(Objects::Vulnerabilities), objects)?)
        }
    };
    Ok(Page {
        title: Some(text!(texts, "nav-stats")),
        content,
    })
}
