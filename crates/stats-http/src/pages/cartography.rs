use actix_web::{HttpRequest, HttpResponse};
use maud::html;
use stats_processors::{Kind, State};

use super::controls::{days, form, weight};
use super::drawing;
use super::options::Options;
use super::pictures::Picture;
use super::site::{Page, Site};
use super::source::Source;
use super::translation::text;
use crate::errors::ApiError;

/// The periods in the form, in days.
const PERIODS: [u32; 4] = [7, 30, 90, 365];

/// `GET /cartography`: risk matrices, current beside residual.
pub(super) async fn cartography(request: HttpRequest, site: Site) -> HttpResponse {
    drawing::page(&request, &site, draw).await
}

fn draw(site: &Site, source: &mut Source<'_, '_>, options: Options) -> Result<Page, ApiError> {
    let texts = site.texts();
    let mut matrix = |kind, state| {
        let options = Options {
            days: options.days,
            kind: Some(kind),
            state: Some(state),
            weight: options.weight,
            ..Options::default()
        };
        Ok::<_, ApiError>(Picture::Cartography.draw(site, source, options)?.html(site))
    };
    let content = html! {
        h1 { (text!(texts, "cartography-heading")) }
        p.lead { (text!(texts, "cartography-lead")) }
        (form(site, "/cartography", &[
            days(site, &PERIODS, options.days.unwrap_or(Picture::Cartography.default_days())),
            weight(site, options.weight()),
        ]))
        (matrix(Kind::Informational, State::Current)?)
        (matrix(Kind::Informational, State::Residual)?)
        div.grid {
            (matrix(Kind::Operational, State::Current)?)
            (matrix(Kind::Operational, State::Residual)?)
        }
        p.note { (text!(texts, "cartography-scales")) }
    };
    Ok(Page {
        title: Some(text!(texts, "nav-cartography")),
        content,
    })
}
