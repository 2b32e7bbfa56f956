use actix_web::HttpResponse;
use actix_web::web::Data;
use maud::html;
use stats_db::DatabaseUrl;

use super::site::{LICENCE, NAME, Page, SOURCE, Site, VERSION};
use crate::state::App;

/// `GET /about`
pub(super) async fn about(site: Site) -> HttpResponse {
    let content = html! {
        h1 { "About" }
        p.lead {
            "MONARC is a free tool for the analysis of information risks. This service collects statistics of risk "
            "analyses, so that its users can learn from each other: how many risks there are, and which threats and "
            "vulnerabilities cause them."
        }
        h2 { "What it does" }
        p {
            "Every front office of MONARC sends statistics of its risk analyses once a day. The service stores them, "
            "returns to each front office its own, and computes averages over all of them, which the global "
            "dashboard of MONARC shows beside its own numbers."
        }
        h2 { "What stays private" }
        p {
            "Public statistics do not name clients or analyses. A front office can read only its own stats and the "
            "averages over all clients."
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
            dd { (NAME) " " (VERSION) " (" a href={ (SOURCE) "/releases/tag/v" (VERSION) } { "release notes" } ")" }
            dt { "Database" }
            dd { (database) }
            dt { "Licence" }
            dd { "GNU Affero General Public License, version 3 or later (" (LICENCE) ")" }
            dt { "Source code" }
            dd { a href=(SOURCE) { (SOURCE) } }
        }
        h2 { "Operator" }
        @if site.config.contact.is_some() || site.config.operator_url.is_some() {
            ul { (site.contacts()) }
        } @else {
            p { "The operator of this instance has published no contact." }
        }
        h2 { "What is collected" }
        p {
            "For each risk analysis of a client and each day: the numbers of risks by level; the threats and the "
            "vulnerabilities with their labels, their number and their risk; the risk matrices; and the state of "
            "controls. A random number identifies an analysis; its title is not sent. For each client the service "
            "stores a name, a secret token, the time of its last request and, if the operator has set them, "
            "coordinates."
        }
        h2 { "What is shared" }
        ul {
            li {
                "With the public: averages over the analyses of all clients"
                @if site.config.routes.map {
                    ", and for the map the coordinates of clients that have some, without names"
                }
                "."
            }
            li { "With a client: its own stats, and the same averages." }
            li {
                "With another instance of this service, if the operator sends stats there: the stats of clients "
                "that have sharing enabled, without their names. A client can disable sharing."
            }
        }
    };
    site.answer(Ok(Page {
        title: Some("More about this instance"),
        content,
    }))
}
