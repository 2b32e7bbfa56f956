use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    Accept, CACHE_CONTROL, CONTENT_TYPE, Header, HeaderName, HeaderValue, Quality, VARY,
};
use actix_web::web::{Bytes, Data};
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, ResponseError};
use chrono::NaiveDate;
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use stats_charts::{DateForm, Locale};
use stats_processors::{Language, View};

use super::assets::{CHART_SCRIPT, CHART_STYLE, ICON, STYLE};
use super::options::Options;
use super::translation::{Texts, text};
use crate::base::Base;
use crate::config::HttpConfig;
use crate::errors::ApiError;
use crate::extract::from_query;
use crate::language;
use crate::respond::tagged;
use crate::state::App;

pub(super) const NAME: &str = "MONARC Stats Service";
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
pub(super) const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");
pub(super) const LICENCE: &str = env!("CARGO_PKG_LICENSE");
const LICENCE_URL: &str = "https://www.gnu.org/licenses/agpl-3.0.html";

/// The frame of a page, for one request.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) app: Data<App>,
    pub(super) base: Base,
    /// The language of the reader.
    pub(super) language: Language,
    /// Whether the query string chooses the language, so that links keep it.
    is_language_chosen: bool,
    /// Whether an error is a page rather than JSON.
    wants_page: bool,
    /// The path of the page, without the prefix of a proxy. `None` for a page about an error.
    path: Option<String>,
    /// The choices in the query string, as far as they are valid.
    options: Options,
}

/// The content of a page.
pub(super) struct Page {
    /// The title in the tab of the browser. The home page has none.
    pub(super) title: Option<String>,
    /// The content, which begins with the heading.
    pub(super) content: Markup,
}

impl Site {
    pub(super) fn new(request: &HttpRequest, app: Data<App>) -> Self {
        // Handlers that read the query string report its errors.
        let query: LanguageQuery = from_query(request).unwrap_or_default();
        let chosen = query.lang.and_then(|lang| language::parse_tag(&lang));
        Self {
            base: Base::new(request, &app.config),
            app,
            language: chosen.unwrap_or_else(|| language::accepted(request)),
            is_language_chosen: chosen.is_some(),
            wants_page: wants_page(request),
            path: Some(request.path().to_owned()),
            options: Options::of(request).unwrap_or_default(),
        }
    }

    pub(super) fn config(&self) -> &HttpConfig {
        &self.app.config
    }

    /// Returns how means are shown.
    pub(super) fn view(&self) -> View {
        View {
            precision: self.app.public_precision(),
            ..View::default()
        }
    }

    pub(super) fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }

    /// Identifies what of a request its page depends on, besides the path and the choices.
    pub(super) fn key(&self) -> String {
        let Self {
            base,
            language,
            is_language_chosen,
            ..
        } = self;
        format!("{base:?} {} {is_language_chosen}", language.code())
    }

    /// Returns a link to a page of the site, in the chosen language.
    pub(super) fn link(&self, path: &str) -> String {
        self.link_with(path, Options::default())
    }

    /// Returns a link to a page with choices, in the chosen language.
    pub(super) fn link_with(&self, path: &str, options: Options) -> String {
        self.link_in(path, options, self.chosen_language())
    }

    /// Returns a link to a file in the language of the page.
    pub(super) fn file_link(&self, path: &str, options: Options) -> String {
        self.link_in(path, options, Some(self.language))
    }

    fn link_in(&self, path: &str, options: Options, language: Option<Language>) -> String {
        let mut pairs = options.pairs();
        pairs.extend(language.map(|language| ("lang".to_owned(), language.code().to_owned())));
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let separator = if pairs.is_empty() { "" } else { "?" };
        self.base
            .link(&format!("{path}{separator}{}", pairs.join("&")))
    }

    /// Returns the language that the query string chooses.
    pub(super) fn chosen_language(&self) -> Option<Language> {
        self.is_language_chosen.then_some(self.language)
    }

    /// Says where a picture is from.
    pub(super) fn source(&self, today: NaiveDate) -> String {
        let texts = self.texts();
        let address = self.base.url("");
        let address = address
            .split_once("://")
            .map_or(address.as_str(), |(_, rest)| rest);
        let date = texts.date(today, DateForm::Full);
        text!(
            texts,
            "figure-source",
            instance = self.config().name.as_str(),
            address = address,
            date = date
        )
    }

    /// Responds with a page that depends on nothing but the request and the configuration.
    pub(super) fn answer(&self, request: &HttpRequest, page: &Page) -> HttpResponse {
        self.respond(request, Ok(self.frame(page)))
    }

    /// Responds with the page or the error. An error is a page for browsers and JSON for programs.
    pub(super) fn respond(
        &self,
        request: &HttpRequest,
        page: Result<Bytes, ApiError>,
    ) -> HttpResponse {
        match page {
            Ok(page) => tagged(request, page, |response| {
                for header in HEADERS {
                    response.insert_header(header);
                }
            }),
            Err(error) => self.refuse(&error),
        }
    }

    /// Responds with an error: a page for browsers and JSON for programs.
    pub(super) fn refuse(&self, error: &ApiError) -> HttpResponse {
        let response = error.error_response();
        if !self.wants_page {
            return response;
        }
        let site = Self {
            path: None,
            options: Options::default(),
            ..self.clone()
        };
        let mut response = response
            .set_body(site.frame(&site.error_page(error)))
            .map_into_boxed_body();
        for (name, value) in HEADERS {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn error_page(&self, error: &ApiError) -> Page {
        let texts = self.texts();
        let status = error.status_code();
        let title = text!(texts, "error-title", status = status.as_u16());
        let content = html! {
            p.eyebrow { (text!(texts, "error-number", status = status.as_str())) }
            h1 { (title) }
            p.lead { (text!(texts, "error-explanation", status = status.as_u16())) }
            @if status == StatusCode::BAD_REQUEST {
                // What is wrong, for those who wrote the address.
                p lang="en" { (error.explanation()) }
            }
            @if self.config().routes.pages {
                p { a href=(self.link("/")) { (text!(texts, "error-home")) } }
            }
        };
        Page {
            title: Some(title),
            content,
        }
    }

    /// Adds the header and the footer to a page.
    pub(super) fn frame(&self, page: &Page) -> Bytes {
        let style = |path: String| html! { link rel="stylesheet" href=(self.base.link(&path)); };
        let page = html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title {
                        @if let Some(title) = &page.title { (title) " · " }
                        (self.config().name)
                    }
                    (style(CHART_STYLE.path()))
                    (style(STYLE.path()))
                    link rel="icon" type="image/svg+xml" href=(self.base.link(&ICON.path()));
                    script src=(self.base.link(&CHART_SCRIPT.path())) defer="" {}
                }
                body {
                    a.skip href="#content" { (text!(self.texts(), "skip")) }
                    (self.header())
                    main #content tabindex="-1" { (page.content) }
                    (self.footer())
                }
            }
        };
        page.into_string().into()
    }

    fn header(&self) -> Markup {
        let texts = self.texts();
        let routes = self.config().routes;
        let logo = self.config().logo.as_ref();
        let logo = logo.map_or_else(|| ICON.path(), |logo| logo.path());
        let name = html! {
            img src=(self.base.link(&logo)) alt="" height="28";
            span { (self.config().name) }
        };
        html! {
            header.site {
                div.inner {
                    @if routes.pages {
                        a.name href=(self.link("/")) aria-current=[self.current("/")] { (name) }
                    } @else {
                        span.name { (name) }
                    }
                    nav aria-label=(text!(texts, "nav-main")) {
                        ul {
                            @if routes.stats {
                                (self.entry("/stats", text!(texts, "nav-stats")))
                                (self.entry("/evolution", text!(texts, "nav-evolution")))
                            }
                            @if routes.map { (self.entry("/map", text!(texts, "nav-map"))) }
                            @if routes.stats {
                                (self.entry("/cartography", text!(texts, "nav-cartography")))
                                (self.entry("/compliance", text!(texts, "nav-compliance")))
                            }
                            @if routes.pages {
                                (self.entry("/about", text!(texts, "nav-about")))
                                (self.entry("/help", text!(texts, "nav-help")))
                            }
                        }
                    }
                }
            }
        }
    }

    fn entry(&self, path: &str, text: String) -> Markup {
        html! {
            li { a href=(self.link(path)) aria-current=[self.current(path)] { (text) } }
        }
    }

    /// Returns `aria-current` of a link to `path`: `page` on that page, `true` on a page below it.
    fn current(&self, path: &str) -> Option<&'static str> {
        let current = self.path.as_deref()?;
        if current == path {
            Some("page")
        } else {
            let below = current.strip_prefix(path)?;
            (path != "/" && below.starts_with('/')).then_some("true")
        }
    }

    fn footer(&self) -> Markup {
        let texts = self.texts();
        let routes = self.config().routes;
        // The other languages of a page about an error are those of the start page.
        let path = self.path.as_deref().unwrap_or("/");
        let file =
            |path: &str, name: String| html! { li { a href=(self.base.link(path)) { (name) } } };
        html! {
            footer.site {
                div.inner {
                    nav aria-label=(text!(texts, "nav-language")) {
                        h2 { (text!(texts, "nav-language")) }
                        ul {
                            @for &language in &Language::ALL {
                                li {
                                    a href=(self.link_in(path, self.options, Some(language)))
                                        lang=(language.code()) hreflang=(language.code())
                                        aria-current=[(language == self.language).then_some("true")] {
                                        (super::language::name(language))
                                    }
                                }
                            }
                        }
                    }
                    nav aria-label=(text!(texts, "nav-programs")) {
                        h2 { (text!(texts, "nav-programs")) }
                        ul {
                            (file("/api/v1/", text!(texts, "api-browser")))
                            (file("/about.json", text!(texts, "json-instance")))
                            @if routes.stats {
                                (file("/stats/threats.json", text!(texts, "json-threats")))
                                (file("/stats/vulnerabilities.json", text!(texts, "json-vulnerabilities")))
                                (file("/stats/risks.json", text!(texts, "json-risks")))
                                (file("/stats/cartography.json", text!(texts, "json-cartography")))
                                (file("/stats/compliance.json", text!(texts, "json-compliance")))
                            }
                            @if routes.map { (file("/map/clients.json", text!(texts, "json-map"))) }
                        }
                    }
                    @if self.has_contacts() {
                        section aria-labelledby="operator" {
                            h2 #operator { (text!(texts, "operator")) }
                            ul { (self.contacts()) }
                        }
                    }
                    section aria-labelledby="software" {
                        h2 #software { (text!(texts, "software")) }
                        ul {
                            li { (NAME) " " (VERSION) }
                            li { a href=(self.config().source_url) { (text!(texts, "source-code")) } }
                            li { (text!(texts, "licence")) " " a href=(LICENCE_URL) { (LICENCE) } }
                        }
                    }
                }
            }
        }
    }

    pub(super) fn has_contacts(&self) -> bool {
        self.config().contact.is_some() || self.config().operator_url.is_some()
    }

    /// Returns the contacts of the operator as list items.
    pub(super) fn contacts(&self) -> Markup {
        html! {
            @if let Some(url) = &self.config().operator_url {
                li { a href=(url) { (url) } }
            }
            @if let Some(contact) = &self.config().contact {
                li { a href={ "mailto:" (contact) } { (contact) } }
            }
        }
    }
}

/// The headers of all pages.
const HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-cache"),
    (VARY, "Accept, Accept-Language"),
];

impl FromRequest for Site {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = Data::from_request(request, payload).into_inner();
        ready(app.map(|app| Self::new(request, app)))
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
