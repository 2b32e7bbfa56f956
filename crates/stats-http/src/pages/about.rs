use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use maud::{Markup, html};
use stats_charts::{DateForm, Locale};
use stats_core::{StatsType, last_acceptable_date};
use stats_db::DatabaseUrl;
use stats_partials::Figures;

use super::drawing;
use super::options::Options;
use super::site::{LICENCE, NAME, Page, SOURCE, Site, VERSION};
use super::source::Source;
use super::translation::text;
use crate::errors::ApiError;

/// `GET /about`
pub(super) async fn about(request: HttpRequest, site: Site) -> HttpResponse {
    let texts = site.texts();
    let content = html! {
        h1 { (text!(texts, "nav-about")) }
        p.lead { (text!(texts, "about-lead")) }
        @for paragraph in &site.config().text { p { (paragraph) } }
        h2 { (text!(texts, "about-what")) }
        p { (text!(texts, "about-what-text")) }
        h2 { (text!(texts, "about-private")) }
        p { (text!(texts, "about-private-text")) }
        p { a href=(site.link("/about/more")) { (text!(texts, "about-more")) } }
    };
    let title = Some(text!(texts, "nav-about"));
    site.answer(&request, &Page { title, content })
}

/// `GET /about/more`
pub(super) async fn more(request: HttpRequest, site: Site) -> HttpResponse {
    drawing::page(&request, &site, draw_more).await
}

fn draw_more(site: &Site, source: &mut Source<'_, '_>, _: Options) -> Result<Page, ApiError> {
    let texts = site.texts();
    let database = match site.app.db.url() {
        DatabaseUrl::Sqlite(_) => "SQLite",
        DatabaseUrl::Postgres(_) => "PostgreSQL",
    };
    let figures = if source.release.is_some() {
        "none"
    } else {
        "shown"
    };
    let content = html! {
        h1 { (text!(texts, "about-more")) }
        h2 { (text!(texts, "software")) }
        dl.facts {
            dt { (text!(texts, "version")) }
            dd { (NAME) " " (VERSION) " (" a href={ (SOURCE) "/releases/tag/v" (VERSION) } { (text!(texts, "release-notes")) } ")" }
            dt { (text!(texts, "database")) }
            dd { (database) }
            dt { (text!(texts, "licence")) }
            dd { (text!(texts, "licence-name")) " (" (LICENCE) ")" }
            dt { (text!(texts, "source-code")) }
            dd { a href=(site.config().source_url) { (site.config().source_url) } }
        }
        h2 { (text!(texts, "operator")) }
        @if site.has_contacts() {
            ul { (site.contacts()) }
        } @else {
            p { (text!(texts, "operator-unknown")) }
        }
        h2 { (text!(texts, "collected")) }
        p { (text!(texts, "collected-text")) }
        (by_type(site, source)?)
        @if let Some(release) = &source.release {
            h2 { (text!(texts, "release")) }
            p { (text!(
                texts,
                "release-text",
                day = texts.date(release.day, DateForm::Full),
                made = release.made_at.format("%Y-%m-%d %H:%M UTC").to_string(),
                clients = release.min_clients,
            )) }
        }
        h2 { (text!(texts, "shared")) }
        ul {
            li { (text!(texts, "shared-public")) }
            @if site.config().routes.map {
                li { (text!(texts, "shared-map", figures = figures)) }
            }
            li { (text!(texts, "shared-client")) }
            li { (text!(texts, "shared-instance")) }
        }
    };
    Ok(Page {
        title: Some(text!(texts, "about-more")),
        content,
    })
}

/// Returns the numbers of stats by type.
fn by_type(site: &Site, source: &mut Source<'_, '_>) -> Result<Markup, ApiError> {
    let texts = site.texts();
    let stats = match &source.release {
        Some(release) => Figures::of(release)?.stats,
        None => {
            let summary = source.snapshot.summary(last_acceptable_date(Utc::now()))?;
            summary.stats
        }
    };
    let count = |stats_type| {
        let none = source.release.is_none().then_some(0);
        let number = stats.get(&stats_type).copied().or(none);
        source.edition.count(texts, number)
    };
    Ok(html! {
        div.scroll role="region" aria-labelledby="by-type" tabindex="0" {
            table {
                caption #by-type { (text!(texts, "stats-by-type")) }
                thead {
                    tr {
                        th scope="col" { (text!(texts, "type")) }
                        th scope="col" { (text!(texts, "content")) }
                        th.number scope="col" { (text!(texts, "stats")) }
                    }
                }
                tbody {
                    @for stats_type in StatsType::ALL {
                        tr {
                            th scope="row" { (text!(texts, "type-name", type = stats_type.as_str())) }
                            td { (text!(texts, "type-content", type = stats_type.as_str())) }
                            td.number { (count(stats_type)) }
                        }
                    }
                }
            }
        }
    })
}
