use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{NaiveDate, Utc};
use maud::{Markup, html};
use stats_charts::{Caption, Chart, DateForm, Locale, Sparkline, Value};
use stats_core::last_acceptable_date;
use stats_partials::Figures;
use stats_processors::{Average, Kind, ObjectAverages};

use super::drawing;
use super::options::{Measure, Options, Top};
use super::pictures::{Picture, label};
use super::site::{Page, Site};
use super::source::{Objects, Source};
use super::translation::text;
use crate::errors::ApiError;
use crate::period::Days;

/// The number of threats and vulnerabilities.
const LEADERS: Top = Top(5);
/// The period of the small lines beside them.
const HISTORY: Days = Days(90);

/// `GET /`: the state of things in four pictures.
pub(super) async fn home(request: HttpRequest, site: Site) -> HttpResponse {
    drawing::page(&request, &site, draw).await
}

fn draw(site: &Site, source: &mut Source<'_, '_>, _: Options) -> Result<Page, ApiError> {
    let texts = site.texts();
    let routes = site.config().routes;
    let totals = Totals::read(source)?;
    let few = source.edition.few_clients(texts);
    let content = html! {
        h1 { (text!(texts, "home-heading")) }
        @match site.config().text.first() {
            Some(text) => { p { (text) } }
            None => { p { (text!(texts, "home-lead")) } }
        }
        (figures(site, source, &totals))
        @if totals.dates.is_none() {
            p { (few.unwrap_or_else(|| text!(texts, "home-empty"))) }
        } @else {
            div.overview {
                @if routes.stats {
                    (risks(site, source)?)
                    (top(site, source)?)
                }
                @if routes.map { (map(site, source)?) }
                @if routes.stats { (activity(site, source)?) }
            }
        }
    };
    Ok(Page {
        title: None,
        content,
    })
}

/// Totals over all stats. In a release, those that too few clients are behind are missing.
struct Totals {
    clients: Option<u64>,
    analyses: Option<u64>,
    stats: Option<u64>,
    dates: Option<(NaiveDate, NaiveDate)>,
}

impl Totals {
    fn read(source: &mut Source<'_, '_>) -> Result<Self, ApiError> {
        if let Some(release) = &source.release {
            let figures = Figures::of(release)?;
            return Ok(Self {
                clients: figures.clients,
                analyses: figures.analyses,
                stats: figures.dates.map(|_| figures.stats.values().sum()),
                dates: figures.dates,
            });
        }
        let clients = source.snapshot.clients()?;
        let clients = clients
            .iter()
            .filter(|client| client.is_active && !client.is_excluded && !client.is_admin());
        let summary = source.snapshot.summary(last_acceptable_date(Utc::now()))?;
        Ok(Self {
            clients: Some(clients.count() as u64),
            analyses: Some(summary.analyses),
            stats: Some(summary.stats.values().sum()),
            dates: summary.dates,
        })
    }
}

fn figures(site: &Site, source: &Source<'_, '_>, totals: &Totals) -> Markup {
    let texts = site.texts();
    let count = |number| source.edition.count(texts, number);
    let date =
        |date: NaiveDate| html! { time datetime=(date) { (texts.date(date, DateForm::Full)) } };
    html! {
        dl.figures {
            div { dt { (text!(texts, "clients")) } dd { (count(totals.clients)) } }
            div { dt { (text!(texts, "analyses")) } dd { (count(totals.analyses)) } }
            div { dt { (text!(texts, "stats")) } dd { (count(totals.stats)) } }
            @if let Some((first, last)) = totals.dates {
                div { dt { (text!(texts, "first-stat")) } dd { (date(first)) } }
                div { dt { (text!(texts, "last-stat")) } dd { (date(last)) } }
            }
        }
    }
}

/// Frames a part of the page, which links to the page that has more of it.
fn part(site: &Site, path: &str, more: String, content: Markup) -> Markup {
    html! {
        section {
            (content)
            p.more { a href=(site.link(path)) { (more) } }
        }
    }
}

fn risks(site: &Site, source: &mut Source<'_, '_>) -> Result<Markup, ApiError> {
    let options = Options {
        kind: Some(Kind::Informational),
        ..Options::default()
    };
    let figure = Picture::Risks.draw(site, source, options)?.html(site);
    Ok(part(
        site,
        "/evolution",
        text!(site.texts(), "more-risks"),
        figure,
    ))
}

fn top(site: &Site, source: &mut Source<'_, '_>) -> Result<Markup, ApiError> {
    let content = html! {
        div.pair {
            (table(site, source, Objects::Threats)?)
            (table(site, source, Objects::Vulnerabilities)?)
        }
    };
    Ok(part(
        site,
        "/stats",
        text!(site.texts(), "more-objects"),
        content,
    ))
}

/// Returns the first threats or vulnerabilities, each with a small line.
fn table(site: &Site, source: &mut Source<'_, '_>, kind: Objects) -> Result<Markup, ApiError> {
    let texts = site.texts();
    let picture = Picture::Objects(kind);
    let options = Options {
        top: Some(LEADERS),
        ..Options::default()
    };
    let by = Measure::default();
    let figure = picture.draw(site, source, options)?;
    // The same means as in the picture, without reading its stats once more.
    let from = source.last_days(picture.default_days()).from();
    let histories = source.objects(kind, HISTORY)?.averages(site.view());
    let recent = |object: &ObjectAverages| mean_since(object, by, from);
    let mut first: Vec<_> = histories
        .iter()
        .filter_map(|object| Some((recent(object)?, object)))
        .collect();
    first.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let Top(leaders) = LEADERS;
    first.truncate(leaders.into());
    let Days(days) = HISTORY;
    let rows = first.into_iter().map(|(mean, object)| {
        let name = label(site, source, object.object, &object.labels);
        let line = Sparkline {
            caption: Caption {
                title: text!(texts, "sparkline", name = name.text.as_str(), days = days),
                description: String::new(),
                source: String::new(),
                empty: String::new(),
            },
            values: weeks(object, by),
        };
        let mean = Value::new(mean).unwrap_or_default();
        html! {
            tr {
                th scope="row" { bdi lang=[name.language] { (name.text) } }
                td.spark { (line.html(texts)) }
                td.number { (texts.number(mean, by.form())) }
            }
        }
    });
    let rows: Vec<_> = rows.collect();
    Ok(html! {
        div.figure {
            @if rows.is_empty() {
                (figure.chart.html(texts))
            } @else {
                table.top {
                    caption { h2 { (figure.table.title) } }
                    thead {
                        tr {
                            th scope="col" { (text!(texts, "object", objects = kind.as_str())) }
                            th scope="col" { (text!(texts, "last-days", days = days)) }
                            th.number scope="col" { (text!(texts, "risks-column")) }
                        }
                    }
                    tbody { @for row in rows { (row) } }
                }
                (figure.links(site))
            }
        }
    })
}

/// Returns the mean of the dates from `from` on.
fn mean_since(object: &ObjectAverages, by: Measure, from: NaiveDate) -> Option<f64> {
    let mut mean = Average::default();
    for on in object.by_date.iter().filter(|on| on.date >= from) {
        mean.merge(by.of(&on.means));
    }
    mean.value()
}

/// Returns the mean of each week, up to the last date.
fn weeks(object: &ObjectAverages, by: Measure) -> Vec<Option<Value>> {
    let Some(last) = object.by_date.last().map(|on| on.date) else {
        return Vec::new();
    };
    let mut weeks: BTreeMap<i64, Average> = BTreeMap::new();
    for on in &object.by_date {
        let before = (last - on.date).num_days() / 7;
        weeks.entry(before).or_default().merge(by.of(&on.means));
    }
    let first = weeks.keys().next_back().copied().unwrap_or(0);
    let mean = |week: i64| Value::new(weeks.get(&week)?.value()?);
    (0..=first).rev().map(mean).collect()
}

fn activity(site: &Site, source: &mut Source<'_, '_>) -> Result<Markup, ApiError> {
    let figure = Picture::Activity
        .draw(site, source, Options::default())?
        .html(site);
    Ok(part(
        site,
        "/about/more",
        text!(site.texts(), "more-activity"),
        figure,
    ))
}

fn map(site: &Site, source: &mut Source<'_, '_>) -> Result<Markup, ApiError> {
    let figure = Picture::Map
        .draw(site, source, Options::default())?
        .html(site);
    Ok(part(site, "/map", text!(site.texts(), "more-map"), figure))
}
