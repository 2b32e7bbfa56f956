use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{Local, NaiveDate};
use maud::{Markup, html};
use stats_core::{DateRange, StatsFilter, StatsType};
use stats_db::{Db, DbError, Snapshot};
use stats_processors::{ObjectPartial, Partial, RiskHistory, RiskLevels, RiskPartial};

use super::format;
use super::language::Language;
use super::site::{Page, Site};
use crate::answer::blocking;
use crate::app::App;
use crate::errors::ApiError;
use crate::public::{DEFAULT_DAYS, days, last_days};
use crate::request::Arguments;

/// The periods to choose from, in days. Others work too.
const PERIODS: [u32; 3] = [30, 90, 365];
/// So many threats and vulnerabilities are shown.
const TOP: usize = 10;
/// So many of the newest dates are shown.
const NEWEST_DATES: usize = 5;

/// `GET /stats`: what `/stats/*.json` say, for people.
pub(super) async fn statistics(request: HttpRequest, app: Data<App>, site: Site) -> HttpResponse {
    let page = page(&request, app, &site).await;
    site.answer(page)
}

async fn page(request: &HttpRequest, app: Data<App>, site: &Site) -> Result<Page, ApiError> {
    let days = read_days(Arguments::from_query(request.query_string())?)?;
    let dates = last_days(days, Local::now().date_naive());
    let figures = blocking(move || Ok(Figures::gather(&app.db, dates)?)).await?;
    Ok(Page {
        title: Some("Statistics"),
        content: content(site, days, dates.from, &figures),
    })
}

/// `days`. Other arguments are ignored, as those who link here may add some of their own.
fn read_days(mut arguments: Arguments) -> Result<u32, ApiError> {
    let days = arguments.take("days", days).unwrap_or(DEFAULT_DAYS);
    arguments.finish_leniently(|| Some(days))
}

/// What the page is made of.
struct Figures {
    risks: RiskPartial,
    threats: ObjectPartial,
    vulnerabilities: ObjectPartial,
}

impl Figures {
    /// It blocks.
    fn gather(db: &Db, dates: DateRange) -> Result<Self, DbError> {
        db.read(|snapshot| {
            Ok(Self {
                risks: gather(snapshot, StatsType::Risk, dates)?,
                threats: gather(snapshot, StatsType::Threat, dates)?,
                vulnerabilities: gather(snapshot, StatsType::Vulnerability, dates)?,
            })
        })
    }
}

fn gather<P: Partial>(
    snapshot: &mut Snapshot<'_>,
    stats_type: StatsType,
    dates: DateRange,
) -> Result<P, DbError> {
    let filter = StatsFilter {
        stats_type: Some(stats_type),
        dates,
        ..StatsFilter::default()
    };
    let mut partial = P::default();
    snapshot.for_each_document(&filter, |date, data| partial.fold(date, data))?;
    Ok(partial)
}

fn content(site: &Site, days: u32, from: NaiveDate, figures: &Figures) -> Markup {
    html! {
        h1 { "Statistics" }
        p.lead {
            "Averages over the risk analyses of all clients since " time { (from) } "."
        }
        div.controls {
            (period_form(site, days))
            (languages(site, days))
        }
        section aria-labelledby="risks" {
            h2 #risks { "Risks" }
            @if figures.risks.is_empty() {
                p { "There are no stats about risks in this period." }
            } @else {
                p { "The mean number of risks in an analysis, by level." }
                div.grid {
                    @for history in figures.risks.history() { (risk_table(&history)) }
                }
            }
            (json_link(site, "/stats/risks.json", days))
        }
        section aria-labelledby="threats" {
            h2 #threats { "Threats" }
            (object_table(site, "threats", "Threat", &figures.threats))
            (json_link(site, "/stats/threats.json", days))
        }
        section aria-labelledby="vulnerabilities" {
            h2 #vulnerabilities { "Vulnerabilities" }
            (object_table(site, "vulnerabilities", "Vulnerability", &figures.vulnerabilities))
            (json_link(site, "/stats/vulnerabilities.json", days))
        }
    }
}

fn period_form(site: &Site, days: u32) -> Markup {
    let is_other = !PERIODS.contains(&days);
    html! {
        form method="get" action=(site.base.link("/stats")) {
            @if let Some(language) = site.chosen_language() {
                input type="hidden" name="lang" value=(language.code());
            }
            label for="days" { "Period" }
            select #days name="days" {
                @if is_other { option value=(days) selected { "The last " (days) " days" } }
                @for period in PERIODS {
                    option value=(period) selected[period == days] { "The last " (period) " days" }
                }
            }
            button type="submit" { "Show" }
        }
    }
}

fn languages(site: &Site, days: u32) -> Markup {
    html! {
        nav aria-label="Language of the labels" {
            span aria-hidden="true" { "Labels in" }
            ul {
                @for language in Language::ALL {
                    @let query = format!("/stats?days={days}&lang={}", language.code());
                    li {
                        a href=(site.base.link(&query)) lang=(language.code()) hreflang=(language.code())
                            aria-current=[(language == site.language).then_some("true")] { (language.name()) }
                    }
                }
            }
        }
    }
}

fn json_link(site: &Site, path: &str, days: u32) -> Markup {
    html! {
        p.source { a href=(site.base.link(&format!("{path}?days={days}"))) { "The same as JSON, by date" } }
    }
}

fn risk_table(history: &RiskHistory) -> Markup {
    let RiskHistory {
        state,
        kind,
        overall,
        by_date,
    } = history;
    let state = match *state {
        "current" => "Current",
        "residual" => "Residual",
        other => other,
    };
    let levels = |levels: &RiskLevels| {
        html! { @for level in levels { td.number { (format::mean(*level)) } } }
    };
    html! {
        table {
            caption { (state) " " (kind) " risks" }
            thead {
                tr {
                    th scope="col" { "Date" }
                    th.number.low scope="col" { "Low" }
                    th.number.medium scope="col" { "Medium" }
                    th.number.high scope="col" { "High" }
                }
            }
            tbody {
                @for (date, means) in by_date.iter().rev().take(NEWEST_DATES) {
                    tr { th scope="row" { time { (date) } } (levels(means)) }
                }
            }
            tfoot {
                tr { th scope="row" { "All dates (" (by_date.len()) ")" } (levels(overall)) }
            }
        }
    }
}

fn object_table(site: &Site, plural: &str, singular: &str, partial: &ObjectPartial) -> Markup {
    if partial.is_empty() {
        return html! { p { "There are no stats about " (plural) " in this period." } };
    }
    let id = format!("top-{plural}");
    html! {
        div.scroll role="region" aria-labelledby=(id) tabindex="0" {
            table.top {
                caption #(id) { "The " (plural) " with the highest mean count" }
                thead {
                    tr {
                        th scope="col" { (singular) }
                        th.number scope="col" { "Mean count" }
                        th.number scope="col" { "Max risk" }
                        th.number scope="col" { "Average rate" }
                    }
                }
                tbody {
                    @for object in partial.top(TOP) {
                        tr {
                            @match site.language.label(&object.labels) {
                                Some((label, language)) => {
                                    th scope="row" lang=(language.code()) { (format::label(label)) }
                                }
                                None => { th scope="row" { code { (object.object) } } }
                            }
                            td.number { (format::mean(Some(object.count))) }
                            td.number { (format::mean(Some(object.max_risk))) }
                            td.number { (format::mean(Some(object.average_rate))) }
                        }
                    }
                }
            }
        }
        p.note {
            "In how many risks of an analysis it has a part, the highest of these risks, and their average rate: "
            "each the mean over all stats that have it."
        }
    }
}
