use actix_web::HttpResponse;
use maud::html;

use super::site::{Page, SOURCE, Site};

/// `GET /help`
pub(super) async fn help(site: Site) -> HttpResponse {
    let address = site.base.url("");
    let content = html! {
        h1 { "Help" }
        p.lead { "How a front office of MONARC is connected to this instance, and where to read on." }
        section aria-labelledby="connect" {
            h2 #connect { "Connecting a front office" }
            ol.steps {
                li {
                    h3 { "Create a client" }
                    p { "On the machine of this service its administrator runs" }
                    pre tabindex="0" { code { "stats-admin client create --name \"My front office\"" } }
                    p {
                        "which prints the token of the new client. "
                        code { "stats-admin client list" } " shows all of them again."
                    }
                }
                li {
                    h3 { "Tell the front office" }
                    p {
                        "The token and the address of this service, " code { (address) }
                        ", go into the configuration of the front office."
                    }
                }
                li {
                    h3 { "Send stats every day" }
                    p { "A cron job of the front office does it:" }
                    pre tabindex="0" { code { "5 0 * * * /var/lib/monarc/fo/bin/console monarc:collect-stats" } }
                    p {
                        "Run once by hand it says what is wrong, if anything is. To whom a token belongs, the "
                        "service tells:"
                    }
                    pre tabindex="0" { code { "curl -H \"X-API-KEY: $TOKEN\" " (address) "/api/v1/client/me" } }
                }
            }
        }
        section aria-labelledby="clients" {
            h2 #clients { "Taking care of clients" }
            div.scroll role="region" aria-labelledby="commands" tabindex="0" {
                table {
                    caption #commands { "Commands on the machine of this service" }
                    thead {
                        tr { th scope="col" { "Command" } th scope="col" { "What it does" } }
                    }
                    tbody {
                        @for (command, what) in COMMANDS {
                            tr {
                                th scope="row" { code { "stats-admin client " (command) } }
                                td { (what) }
                            }
                        }
                    }
                }
            }
            p { code { "stats-admin --help" } " tells about all others, and about the options of each." }
        }
        section aria-labelledby="api" {
            h2 #api { "The API" }
            p {
                "The " a href=(site.base.link("/api/v1/")) { "API browser" }
                " describes every route and lets you try it. Programs find the same as "
                a href=(site.base.link("/api/v1/openapi.json")) { "OpenAPI 3.1" } " and as "
                a href=(site.base.link("/api/v1/swagger.json")) { "Swagger 2.0" } ". How to install and run the "
                "service stands with its " a href=(SOURCE) { "source code" } "."
            }
        }
        @if site.config.contact.is_some() || site.config.operator_url.is_some() {
            section aria-labelledby="ask" {
                h2 #ask { "Somebody to ask" }
                ul { (site.contacts()) }
            }
        }
    };
    site.answer(Ok(Page {
        title: Some("Help"),
        content,
    }))
}

const COMMANDS: [(&str, &str); 6] = [
    ("list", "Shows the clients with their tokens"),
    ("rotate-token --uuid UUID", "Gives a client a new token"),
    (
        "deactivate --uuid UUID",
        "Locks a client out; activate lets it in again",
    ),
    (
        "sharing-deactivate --uuid UUID",
        "Keeps the stats of a client from being sent to other instances; sharing-activate lets them go",
    ),
    (
        "coordinates-set --uuid UUID --latitude DEGREES --longitude DEGREES",
        "Puts a client on the map; coordinates-unset takes it off",
    ),
    ("delete --uuid UUID", "Deletes a client and its stats"),
];
