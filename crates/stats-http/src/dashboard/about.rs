use actix_web::HttpResponse;
use actix_web::web::Data;
use maud::{Markup, html};
use stats_db::DatabaseUrl;

use super::site::{LICENCE, NAME, Page, SOURCE, Site, VERSION};
use crate::app::App;

/// `GET /about`
pub(super) async fn about(site: Site) -> HttpResponse {
    let content = html! {
        h1 { "About" }
        p.lead {
            "MONARC is a free tool for the analysis of information risks. This service collects what its users can "
            "learn from each other: how many risks there are, and which threats and vulnerabilities are behind them."
        }
        h2 { "What it does" }
        p {
            "Every front office of MONARC sends statistics of its risk analyses once a day. The service keeps them, "
            "gives each front office its own back, and works out averages over all of them, which the global "
            "dashboard of MONARC shows next to one's own numbers."
        }
        h2 { "What it never tells" }
        p {
            "Nothing that is public names a client or an analysis. A front office reads its own stats and the "
            "averages over all, and nothing else."
        }
        p { a href=(site.link("/about/more")) { "More about this instance" } }
    };
    site.answer(Ok(Page {
        title: Some("About"),
        content,
    }))
}

/// `GET /about/more`
pub(super) async fn more(app: Data<App>, site: Site) -> HttpResponse {
    let database = match app.db.url() {
        DatabaseUrl::Sqlite(_) => "SQLite",
        DatabaseUrl::Postgres(_) => "PostgreSQL",
    };
    let content = html! {
        h1 { "More about this instance" }
        h2 { "The software" }
        dl.facts {
            dt { "Version" }
            dd { (NAME) " " (VERSION) " (" a href={ (SOURCE) "/releases/tag/v" (VERSION) } { "what is new" } ")" }
            dt { "Database" }
            dd { (database) }
            dt { "Licence" }
            dd { "GNU Affero General Public License, version 3 or later (" (LICENCE) ")" }
            dt { "Source code" }
            dd { a href=(SOURCE) { (SOURCE) } }
        }
        h2 { "Who runs it" }
        (operator(&site))
        h2 { "What is collected" }
        p {
            "For each risk analysis of a client and each day: the numbers of risks by level; the threats and the "
            "vulnerabilities with their labels, how often they occur and how much risk they bring; the risk "
            "matrices; and how far controls are put into practice. An analysis is known by a random number, not by "
            "its title. Of a client the service keeps a name, a secret token, when it was last seen and, where the "
            "operator has set them, coordinates."
        }
        h2 { "What is shared" }
        ul {
            li {
                "With everybody: averages over the analyses of all clients"
                @if site.config.routes.map {
                    ", and for the map the coordinates of clients whose operator has set some, without a name"
                }
                "."
            }
            li { "With a client: its own stats, and the same averages." }
            li {
                "With another instance of this service, if the operator sends stats there: those of clients that "
                "have sharing enabled, without anything that names the client. A client can switch sharing off "
                "itself."
            }
        }
    };
    site.answer(Ok(Page {
        title: Some("More about this instance"),
        content,
    }))
}

fn operator(site: &Site) -> Markup {
    let is_known = site.config.contact.is_some() || site.config.operator_url.is_some();
    html! {
        @if is_known {
            ul { (site.contacts()) }
        } @else {
            p { "Whoever runs this instance has not said how to be reached." }
        }
    }
}
