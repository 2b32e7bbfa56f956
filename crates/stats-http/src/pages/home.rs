use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::Utc;
use maud::{Markup, html};
use stats_core::{StatsType, last_acceptable_date};
use stats_db::Summary;

use super::format;
use super::site::{NAME, Page, Site};
use crate::errors::ApiError;
use crate::respond::{blocking, process};
use crate::state::App;
use crate::turns::Party;

/// `GET /`
pub(super) async fn home(app: Data<App>, site: Site) -> HttpResponse {
    let page = page(app, &site).await;
    site.answer(page)
}

async fn page(app: Data<App>, site: &Site) -> Result<Page, ApiError> {
    let counts = blocking(&app, |db| Ok((db.count_active_users()?, db.changes()?)));
    let (clients, changes) = counts.await?;
    let last_date = last_acceptable_date(Utc::now());
    let summary = match app.summaries.get(&(changes, last_date)) {
        Some(summary) => summary,
        None => {
            let state = app.clone();
            process(&app, Party::Visitors, move |db| {
                let summarize = || {
                    db.read(|snapshot| snapshot.summary(last_date))
                        .map(Arc::new)
                };
                let key = (changes, last_date);
                Ok(state.summaries.get_or_insert_with(&key, summarize)?)
            })
            .await?
        }
    };
    Ok(Page {
        title: None,
        content: content(site, clients, &summary),
    })
}

fn content(site: &Site, clients: u64, summary: &Summary) -> Markup {
    html! {
        h1 { "Risk analyses in numbers" }
        p.lead {
            "This is a " (NAME) ": MONARC front offices send it statistics of their risk analyses every day. It "
            "computes anonymous averages for the dashboards of MONARC and for the public."
        }
        section aria-labelledby="numbers" {
            h2 #numbers { "Collected stats" }
            (figures(clients, summary))
            @if summary.dates.is_none() {
                p { "No stats have been collected yet." }
            } @else {
                (by_type(summary))
            }
        }
        section aria-labelledby="next" {
            h2 #next { "Pages" }
            ul.cards { (cards(site)) }
        }
    }
}

fn figures(clients: u64, summary: &Summary) -> Markup {
    let total = summary.stats.values().sum();
    html! {
        dl.figures {
            div { dt { "Clients" } dd { (format::count(clients)) } }
            div { dt { "Analyses" } dd { (format::count(summary.analyses)) } }
            div { dt { "Stats" } dd { (format::count(total)) } }
            @if let Some((first, last)) = summary.dates {
                div { dt { "First stat" } dd { time { (first) } } }
                div { dt { "Last stat" } dd { time { (last) } } }
            }
        }
    }
}

fn by_type(summary: &Summary) -> Markup {
    html! {
        table {
            caption { "Stats by type" }
            thead {
                tr {
                    th scope="col" { "Type" }
                    th scope="col" { "Content" }
                    th.number scope="col" { "Stats" }
                }
            }
            tbody {
                @for stats_type in StatsType::ALL {
                    tr {
                        th scope="row" { (name(stats_type)) }
                        td { (meaning(stats_type)) }
                        td.number {
                            (format::count(summary.stats.get(&stats_type).copied().unwrap_or(0)))
                        }
                    }
                }
            }
        }
    }
}

fn name(stats_type: StatsType) -> &'static str {
    match stats_type {
        StatsType::Risk => "Risk",
        StatsType::Threat => "Threat",
        StatsType::Vulnerability => "Vulnerability",
        StatsType::Cartography => "Cartography",
        StatsType::Compliance => "Compliance",
    }
}

fn meaning(stats_type: StatsType) -> &'static str {
    match stats_type {
        StatsType::Risk => "How many risks there are, by level, before and after treatment",
        StatsType::Threat => "The threats, and how much risk each causes",
        StatsType::Vulnerability => "The vulnerabilities, and how much risk each causes",
        StatsType::Cartography => "Risks by likelihood and impact",
        StatsType::Compliance => "How far the controls of a referential are put into practice",
    }
}

fn cards(site: &Site) -> Markup {
    let card = |link: String, title: &str, text: &str| {
        html! { li { a href=(link) { (title) } p { (text) } } }
    };
    html! {
        @if site.config.routes.stats {
            (card(site.link("/stats"), "Statistics", "Mean numbers of risks, and the threats and vulnerabilities that matter most."))
        }
        (card(site.base.link("/api/v1/"), "API browser", "Describes every route of the API and lets you try it."))
        (card(site.link("/help"), "Help", "How to connect a front office to this instance."))
        (card(site.link("/about"), "About", "What this service does, and what stays private."))
    }
}
