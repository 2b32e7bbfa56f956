use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::NaiveDate;
use maud::{Markup, html};
use serde::Deserialize;
use stats_core::{DateRange, StatsFilter};
use stats_db::Db;
use stats_partials::PartialsError;
use stats_processors::{
    Language, Level, Levels, ObjectPartial, Partial, Registered, RiskAverages, RiskHistory,
    RiskParameters, RiskPartial, State, ThreatAverageOnDate, VulnerabilityAverageOnDate,
};

use super::site::{Page, Site};
use super::{format, language};
use crate::errors::ApiError;
use crate::extract::from_query;
use crate::period::{Days, last_days};
use crate::respond::process;
use crate::state::App;
use crate::turns::Party;

/// The periods in the form, in days. The query string may choose others.
const PERIODS: [u32; 3] = [30, 90, 365];
/// Number of rows in a table of threats or vulnerabilities.
const TOP: usize = 10;
/// Number of dates in a table of risks.
const NEWEST_DATES: usize = 5;

/// `GET /stats`: the public statistics as a page.
pub(super) async fn statistics(request: HttpRequest, app: Data<App>, site: Site) -> HttpResponse {
    let page = page(&request, app, &site).await;
    site.answer(page)
}

/// Unknown arguments are ignored: links may carry arguments for other programs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PeriodQuery {
    days: Days,
}

async fn page(request: &HttpRequest, app: Data<App>, site: &Site) -> Result<Page, ApiError> {
    let PeriodQuery { days } = from_query(request)?;
    let dates = last_days(days);
    let state = app.clone();
    let figures = process(&app, Party::Visitors, move |db| {
        Ok(Figures::gather(&state, db, dates)?)
    });
    Ok(Page {
        title: Some("Statistics"),
        content: content(site, days, dates.from(), &figures.await?),
    })
}

/// The figures on the page.
struct Figures {
    risks: RiskPartial,
    threats: ObjectPartial,
    vulnerabilities: ObjectPartial,
}

impl Figures {
    fn gather(app: &App, db: &Db, dates: DateRange) -> Result<Self, PartialsError> {
        let filter = StatsFilter {
            dates,
            ..StatsFilter::default()
        };
        db.read(|snapshot| {
            let mut accumulate = |processor| app.partials.accumulate(snapshot, &processor, &filter);
            Ok(Self {
                risks: accumulate(Registered::stored::<RiskAverages>())?.into_partial()?,
                threats: accumulate(Registered::stored::<ThreatAverageOnDate>())?.into_partial()?,
                vulnerabilities: accumulate(Registered::stored::<VulnerabilityAverageOnDate>())?
                    .into_partial()?,
            })
        })
    }
}

fn content(site: &Site, days: Days, from: NaiveDate, figures: &Figures) -> Markup {
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
                    @for history in figures.risks.histories(&RiskParameters::default()) { (risk_table(&history)) }
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

fn period_form(site: &Site, Days(days): Days) -> Markup {
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

fn languages(site: &Site, Days(days): Days) -> Markup {
    html! {
        nav aria-label="Language of the labels" {
            span aria-hidden="true" { "Labels in" }
            ul {
                @for language in Language::ALL {
                    @let query = format!("/stats?days={days}&lang={}", language.code());
                    li {
                        a href=(site.base.link(&query)) lang=(language.code()) hreflang=(language.code())
                            aria-current=[(language == site.language).then_some("true")] { (language::name(language)) }
                    }
                }
            }
        }
    }
}

fn json_link(site: &Site, path: &str, Days(days): Days) -> Markup {
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
    let state = match state {
        State::Current => "Current",
        State::Residual => "Residual",
        other => other.as_str(),
    };
    let levels = |levels: &Levels| {
        html! {
            @for level in Level::ALL { td.number { (format::mean(levels.get(level).analyses)) } }
        }
    };
    html! {
        table {
            caption { (state) " " (kind.as_str()) " risks" }
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
                            @match language::label(&object.labels, site.language) {
                                Some((label, language)) => {
                                    th scope="row" lang=(language.code()) { (label) }
                                }
                                None => { th scope="row" { code { (object.object) } } }
                            }
                            td.number { (format::mean(object.overall.count.analyses)) }
                            td.number { (format::mean(object.overall.max_risk.analyses)) }
                            td.number { (format::mean(object.overall.average_rate.analyses)) }
                        }
                    }
                }
            }
        }
        p.note {
            "In how many risks of an analysis it occurs, the highest of these risks, and their average rate. Each "
            "value is the mean over all stats that contain it."
        }
    }
}
