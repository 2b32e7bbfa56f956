use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::header::{
    Accept, CACHE_CONTROL, CONTENT_TYPE, Header, HeaderValue, Quality, VARY,
};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use stats_processors::Language;

use super::assets::{ICON, STYLE};
use super::language;
use crate::base::Base;
use crate::config::HttpConfig;
use crate::errors::ApiError;
use crate::extract::from_query;
use crate::state::App;

pub(super) const NAME: &str = "MONARC Stats Service";
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
pub(super) const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");
pub(super) const LICENCE: &str = env!("CARGO_PKG_LICENSE");
const LICENCE_URL: &str = "https://www.gnu.org/licenses/agpl-3.0.html";

/// The frame of a page, for one request.
pub(super) struct Site {
    pub(super) base: Base,
    pub(super) config: HttpConfig,
    /// The language of the labels.
    pub(super) language: Language,
    /// Whether the query string chooses the language, so that links keep it.
    is_language_chosen: bool,
    /// Whether an error is a page rather than JSON.
    wants_page: bool,
    /// The path of the request, without the prefix of a proxy.
    path: String,
}

/// The content of a page.
pub(super) struct Page {
    /// The title in the tab of the browser. The home page has none.
    pub(super) title: Option<&'static str>,
    /// The content, which begins with the heading.
    pub(super) content: Markup,
}

impl Site {
    /// Returns a link to a page of the site, in the chosen language.
    pub(super) fn link(&self, path: &str) -> String {
        if self.is_language_chosen {
            self.base
                .link(&format!("{path}?lang={}", self.language.code()))
        } else {
            self.base.link(path)
        }
    }

    /// Returns the language that the query string chooses.
    pub(super) fn chosen_language(&self) -> Option<Language> {
        self.is_language_chosen.then_some(self.language)
    }

    /// Responds with the page or the error. An error is a page for browsers and JSON for programs.
    pub(super) fn answer(&self, page: Result<Page, ApiError>) -> HttpResponse {
        match page {
            Ok(page) => self.finish(HttpResponse::Ok().finish(), &page),
            Err(error) if self.wants_page => self.error_page(&error),
            Err(error) => error.error_response(),
        }
    }

    /// Responds with a page about an error.
    fn error_page(&self, error: &ApiError) -> HttpResponse {
        let status = error.status_code();
        let title = status.canonical_reason().unwrap_or("Error");
        let content = html! {
            p.eyebrow { "Error " (status.as_u16()) }
            h1 { (title) }
            p.lead { (error.explanation()) }
            @if self.config.routes.pages {
                p { a href=(self.link("/")) { "Back to the start" } }
            }
        };
        let page = Page {
            title: Some(title),
            content,
        };
        self.finish(error.error_response(), &page)
    }

    fn finish(&self, response: HttpResponse, page: &Page) -> HttpResponse {
        let mut response = response.set_body(BoxBody::new(self.frame(page).into_string()));
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Language"));
        response
    }

    /// Adds the header and the footer to a page.
    fn frame(&self, page: &Page) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title {
                        @if let Some(title) = page.title { (title) " · " }
                        (NAME)
                    }
                    link rel="stylesheet" href=(self.base.link(&STYLE.path()));
                    link rel="icon" type="image/svg+xml" href=(self.base.link(&ICON.path()));
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    (self.header())
                    main #content tabindex="-1" { (page.content) }
                    (self.footer())
                }
            }
        }
    }

    fn header(&self) -> Markup {
        let routes = self.config.routes;
        let name = html! {
            img src=(self.base.link(&ICON.path())) alt="" width="28" height="28";
            span { "MONARC " b { "Stats Service" } }
        };
        html! {
            header.site {
                div.inner {
                    @if routes.pages {
                        a.name href=(self.link("/")) aria-current=[self.current("/")] { (name) }
                    } @else {
                        span.name { (name) }
                    }
                    nav aria-label="Main" {
                        ul {
                            @if routes.stats { (self.entry("/stats", "Statistics")) }
                            @if routes.pages {
                                (self.entry("/about", "About"))
                                (self.entry("/help", "Help"))
                            }
                        }
                    }
                }
            }
        }
    }

    fn entry(&self, path: &str, text: &str) -> Markup {
        html! {
            li { a href=(self.link(path)) aria-current=[self.current(path)] { (text) } }
        }
    }

    /// Returns `aria-current` of a link to `path`: `page` on that page, `true` on a page below it.
    fn current(&self, path: &str) -> Option<&'static str> {
        if self.path == path {
            Some("page")
        } else {
            let below = self.path.strip_prefix(path)?;
            (path != "/" && below.starts_with('/')).then_some("true")
        }
    }

    fn footer(&self) -> Markup {
        let routes = self.config.routes;
        html! {
            footer.site {
                div.inner {
                    nav aria-label="For programs" {
                        h2 { "For programs" }
                        ul {
                            li { a href=(self.base.link("/api/v1/")) { "API browser" } }
                            li { a href=(self.base.link("/about.json")) { "This instance as JSON" } }
                            @if routes.stats {
                                li { a href=(self.base.link("/stats/threats.json")) { "Threats as JSON" } }
                                li { a href=(self.base.link("/stats/vulnerabilities.json")) { "Vulnerabilities as JSON" } }
                                li { a href=(self.base.link("/stats/risks.json")) { "Risks as JSON" } }
                            }
                            @if routes.map {
                                li { a href=(self.base.link("/map/clients.json")) { "Map as JSON" } }
                            }
                        }
                    }
                    @if self.config.contact.is_some() || self.config.operator_url.is_some() {
                        section aria-labelledby="operator" {
                            h2 #operator { "Operator" }
                            ul { (self.contacts()) }
                        }
                    }
                    section aria-labelledby="software" {
                        h2 #software { "Software" }
                        ul {
                            li { (NAME) " " (VERSION) }
                            li { a href=(SOURCE) { "Source code" } }
                            li { "Licence: " a href=(LICENCE_URL) { (LICENCE) } }
                        }
                    }
                }
            }
        }
    }

    /// Returns the contacts of the operator as list items.
    pub(super) fn contacts(&self) -> Markup {
        html! {
            @if let Some(url) = &self.config.operator_url {
                li { a href=(url) { (url) } }
            }
            @if let Some(contact) = &self.config.contact {
                li { a href={ "mailto:" (contact) } { (contact) } }
            }
        }
    }
}

impl FromRequest for Site {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let Ok(base) = Base::from_request(request, payload).into_inner();
        let app = request.app_data::<Data<App>>();
        // Handlers that read the query string report its errors.
        let query: LanguageQuery = from_query(request).unwrap_or_default();
        let chosen = query.lang.and_then(|lang| language::parse_tag(&lang));
        ready(Ok(Self {
            base,
            config: app.map(|app| app.config.clone()).unwrap_or_default(),
            language: chosen.unwrap_or_else(|| language::accepted(request)),
            is_language_chosen: chosen.is_some(),
            wants_page: wants_page(request),
            path: request.path().to_owned(),
        }))
    }
}

#[derive(Default, Deserialize)]
struct LanguageQuery {
    lang: Option<String>,
}

/// Whether the client is a browser: these name `text/html` in `Accept`.
fn wants_page(request: &HttpRequest) -> bool {
    Accept::parse(request).is_ok_and(|accept| {
        accept.iter().any(|accepted| {
            accepted.item.essence_str() == "text/html" && accepted.quality > Quality::ZERO
        })
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn clients_that_name_html_get_pages() {
        let wants = |accept: &str| {
            let request = TestRequest::get().insert_header(("Accept", accept));
            wants_page(&request.to_http_request())
        };
        for browser in [
            "text/html",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "application/json, text/html; charset=utf-8;q=0.1",
        ] {
            assert!(wants(browser), "{browser}");
        }
        for program in [
            "*/*",
            "",
            "application/json",
            "text/*",
            "text/html;q=0",
            "junk, ;q=x",
        ] {
            assert!(!wants(program), "{program}");
        }
        assert!(!wants_page(&TestRequest::get().to_http_request()));
    }
}
