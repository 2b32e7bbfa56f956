use actix_web::{HttpRequest, HttpResponse};
use maud::html;

use super::site::{Page, Site};
use super::translation::text;

/// The commands of `stats-admin client` that the page explains.
const COMMANDS: [(&str, &str); 6] = [
    ("list", "list"),
    ("rotate-token NAME", "rotate-token"),
    ("deactivate NAME", "deactivate"),
    ("sharing-deactivate NAME", "sharing-deactivate"),
    (
        "coordinates-set NAME --latitude 49.61 --longitude 6.13",
        "coordinates-set",
    ),
    ("delete NAME", "delete"),
];

/// `GET /help`
pub(super) async fn help(request: HttpRequest, site: Site) -> HttpResponse {
    let texts = site.texts();
    let address = site.base.url("");
    let content = html! {
        h1 { (text!(texts, "nav-help")) }
        p.lead { (text!(texts, "help-lead")) }
        section aria-labelledby="connect" {
            h2 #connect { (text!(texts, "help-connect")) }
            ol.steps {
                li {
                    h3 { (text!(texts, "help-client")) }
                    p { (text!(texts, "help-client-run")) }
                    pre tabindex="0" { code { "stats-admin client create --name \"My front office\"" } }
                    p { (text!(texts, "help-client-tokens", command = "stats-admin client list --tokens")) }
                }
                li {
                    h3 { (text!(texts, "help-configure")) }
                    p { (text!(texts, "help-configure-text")) }
                    pre tabindex="0" { code { (address) } }
                }
                li {
                    h3 { (text!(texts, "help-send")) }
                    p { (text!(texts, "help-send-run")) }
                    pre tabindex="0" { code { "5 0 * * * /var/lib/monarc/fo/bin/console monarc:collect-stats" } }
                    p { (text!(texts, "help-send-check")) }
                    pre tabindex="0" { code { "curl -H \"X-API-KEY: $TOKEN\" " (address) "/api/v1/client/me" } }
                }
            }
        }
        section aria-labelledby="clients" {
            h2 #clients { (text!(texts, "help-clients")) }
            div.scroll role="region" aria-labelledby="commands" tabindex="0" {
                table {
                    caption #commands { (text!(texts, "help-commands")) }
                    thead {
                        tr {
                            th scope="col" { (text!(texts, "command")) }
                            th scope="col" { (text!(texts, "command-effect")) }
                        }
                    }
                    tbody {
                        @for (command, name) in COMMANDS {
                            tr {
                                th scope="row" { code { "stats-admin client " (command) } }
                                td { (text!(texts, "command-text", command = name)) }
                            }
                        }
                    }
                }
            }
            p { (text!(texts, "help-more-commands", command = "stats-admin --help")) }
        }
        section aria-labelledby="api" {
            h2 #api { (text!(texts, "help-api")) }
            p { (text!(texts, "help-api-text")) }
            ul {
                li { a href=(site.base.link("/api/v1/")) { (text!(texts, "api-browser")) } }
                li { a href=(site.base.link("/api/v1/openapi.json")) { "OpenAPI 3.1" } }
                li { a href=(site.base.link("/api/v1/swagger.json")) { "Swagger 2.0" } }
                li { a href=(site.config().source_url) { (text!(texts, "source-code")) } }
            }
        }
        section aria-labelledby="embed" {
            h2 #embed { (text!(texts, "help-embed")) }
            p { (text!(texts, "help-embed-text")) }
            pre tabindex="0" { code { "<img src=\"" (address) "/chart/threats.svg?days=90&top=5&lang=" (site.language.code()) "&theme=light&width=800\">" } }
        }
        @if site.has_contacts() {
            section aria-labelledby="ask" {
                h2 #ask { (text!(texts, "operator")) }
                ul { (site.contacts()) }
            }
        }
    };
    let title = Some(text!(texts, "nav-help"));
    site.answer(&request, &Page { title, content })
}
