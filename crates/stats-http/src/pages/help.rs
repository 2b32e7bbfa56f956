use actix_web::HttpResponse;
use maud::html;

use super::site::{Page, SOURCE, Site};

/// `GET /help`
pub(super) async fn help(site: Site) -> HttpResponse {
    let address = site.base.url("");
    let content = html! {
        h1 { "Help" }
        p.lead { "How to connect a front office of MONARC to this instance." }
        section aria-labelledby="connect" {
            h2 #connect { "Connect a front office" }
            ol.steps {
                li {
                    h3 { "Create a client" }
                    p { "The administrator of this service runs" }
                    pre tabindex="0" { code { "stats-admin client create --name \"My front office\"" } }
                    p {
                        "which prints the token of the new client. "
                        code { "stats-admin client list" } " lists the tokens of all clients."
                    }
                }
                li {
                    h3 { "Configure the front office" }
                    p {
                        "Set the token and the address of this service, " code { (address) }
                        ", in the configuration of the front office."
                    }
                }
                li {
                    h3 { "Send stats every day" }
                    p { "Run this as a cron job of the front office:" }
                    pre tabindex="0" { code { "5 0 * * * /var/lib/monarc/fo/bin/console monarc:collect-stats" } }
                    p {
                        "When run by hand, the command reports errors. To see which client a token belongs to, run:"
                    }
                    pre tabindex="0" { code { "curl -H \"X-API-KEY: $TOKEN\" " (address) "/api/v1/client/me" } }
                }
            }
        }
        section aria-labelledby="clients" {
            h2 #clients { "Manage clients" }
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
            p { code { "stats-admin --help" } " lists all commands and their options." }
        }
        section aria-labelledby="api" {
            h2 #api { "The API" }
            p {
                "The " a href=(site.base.link("/api/v1/")) { "API browser" }
                " describes every route and lets you try it. The specification is available as "
                a href=(site.base.link("/api/v1/openapi.json")) { "OpenAPI 3.1" } " and as "
                a href=(site.base.link("/api/v1/swagger.json")) { "Swagger 2.0" } ". The "
                a href=(SOURCE) { "source code" } " comes with instructions to install and run the service."
            }
        }
        @if site.config.contact.is_some() || site.config.operator_url.is_some() {
            section aria-labelledby="ask" {
                h2 #ask { "Contact" }
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
    ("list", "Lists the clients with their tokens"),
    ("rotate-token --uuid UUID", "Gives a client a new token"),
    (
        "deactivate --uuid UUID",
        "Locks a client out; activate lets it in again",
    ),
    (
        "sharing-deactivate --uuid UUID",
        "Keeps the stats of a client from being pushed to other instances; sharing-activate allows it",
    ),
    (
        "coordinates-set --uuid UUID --latitude DEGREES --longitude DEGREES",
        "Puts a client on the map; coordinates-unset takes it off",
    ),
    ("delete --uuid UUID", "Deletes a client and its stats"),
];
