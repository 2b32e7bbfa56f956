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
const PERIODS: [u32; 3] = [30, 180, 365];
/// The numbers of threats and vulnerabilities in the form.
const NUMBERS: [u8; 4] = [5, 10, 15, 20];

/// `GET /evolution`: risks, threats and vulnerabilities over time.
pub(super) async fn evolution(request: HttpRequest, site: Site) -> HttpResponse {
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
        days: options.days,
        by: options.by,
        top: options.top,
        weight: options.weight,
        ..Options::default()
    };
    let content = html! {
        h1 { (text!(texts, "evolution-heading")) }
        p.lead { (text!(texts, "evolution-lead")) }
        (form(site, "/evolution", &[
            days(site, &PERIODS, options.days.unwrap_or(Picture::RisksOverTime.default_days())),
            choice("by", text!(texts, "measure-label"), &options.by.unwrap_or_default(),
                |measure| text!(texts, "measure", measure = measure)),
            top(site, &NUMBERS, options.top.unwrap_or(Top::DEFAULT)),
            weight(site, options.weight()),
        ]))
        (figure(Picture::RisksOverTime, of_kind(Kind::Informational))?)
        (figure(Picture::RisksOverTime, of_kind(Kind::Operational))?)
        (figure(Picture::ObjectsOverTime(Objects::Threats), objects)?)
        (figure(Picture::ObjectsOverTime(Objects::Vulnerabilities), objects)?)
    };
    Ok(Page {
        title: Some(text!(texts, "nav-evolution")),
        content,
    })
}
