//! Links under the prefix of a proxy, and in a chosen language.

use std::collections::BTreeMap;

use reqwest::Url;
use reqwest::blocking::Client as Http;
use stats_testing_http::{ProxyKind, ReverseProxy};

use crate::browser::{Browser, is_within};
use crate::pages::{Frame, PAGES, site_pages};

/// Returns the URLs in a page that lead to this machine, each with its element and whether that names a language.
fn links(browser: &Browser) -> Vec<(Url, String, bool)> {
    let script = r#"
        const attributes = ["href", "src", "action", "formaction", "data", "poster"];
        return attributes.flatMap(name => [...document.querySelectorAll(`[${name}]`)].map(element => {
            const url = new URL(element.getAttribute(name), document.baseURI);
            url.hash = "";
            // A form with the method GET replaces the query.
            if (element.method === "get") url.search = new URLSearchParams(new FormData(element));
            return [url.href, element.localName, element.hasAttribute("hreflang")];
        }));
    "#;
    let links: Vec<(String, String, bool)> = browser.evaluate(script);
    let links = links
        .into_iter()
        .map(|(url, element, has_language)| (Url::parse(&url).unwrap(), element, has_language));
    links
        .filter(|(url, ..)| url.host_str() == Some("127.0.0.1"))
        .collect()
}

/// The status of a response, and whether it is a page.
type Answer = (u16, bool);

/// Fetches each URL once.
#[derive(Default)]
struct Answers {
    http: Http,
    known: BTreeMap<Url, Answer>,
}

impl Answers {
    fn get(&mut self, url: &Url) -> Answer {
        *self.known.entry(url.clone()).or_insert_with(|| {
            let request = self.http.get(url.clone()).header("Accept", "text/html,*/*");
            let response = request.send().unwrap();
            let content_type = response.headers().get("content-type");
            let is_page =
                content_type.is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
            (response.status().as_u16(), is_page)
        })
    }
}

#[test]
fn pages_stay_under_the_prefix_behind_a_proxy() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let upstream = browser.shared.server.port();
    let Some(proxy) = ReverseProxy::start(ProxyKind::Nginx, upstream) else {
        return;
    };
    browser.set_base(format!("{}/dashboardBO", proxy.base));
    let prefix = browser.url("/");
    let mut answers = Answers::default();
    let mut problems = Vec::new();
    for page in PAGES {
        browser.open(page.path);
        let mut problem = |text: String| problems.push(format!("{}: {text}", page.path));
        for (url, element, _) in links(&browser) {
            if !url.as_str().starts_with(&prefix) {
                problem(format!("<{element}> leads outside, to {url}"));
            } else if url.as_str() != browser.url(page.path) && answers.get(&url).0 != 200 {
                problem(format!("<{element}>: {} from {url}", answers.get(&url).0));
            }
        }
        for url in browser.requests() {
            if !is_within(&url, &prefix) {
                problem(format!("loads {url}"));
            }
        }
        let not_loaded: Vec<String> = browser.evaluate(
            r#"
            const sheets = [...document.querySelectorAll("link[rel=stylesheet]")];
            return sheets.filter(link => !link.sheet?.cssRules.length)
                .concat([...document.images].filter(image => !image.naturalWidth))
                .map(element => element.outerHTML)
                .concat(sheets.length ? [] : ["any style sheet"]);
            "#,
        );
        for element in not_loaded {
            problem(format!("does not load {element}"));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn links_between_pages_keep_the_chosen_language() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let untranslated = PAGES.iter().filter(|page| page.frame == Frame::SwaggerUi);
    let untranslated: Vec<_> = untranslated.map(|page| page.path).collect();
    let mut answers = Answers::default();
    let mut problems = Vec::new();
    for page in site_pages() {
        browser.open(&format!("{}?lang=fr", page.path));
        for (url, element, names_language) in links(&browser) {
            let keeps_language = url
                .query_pairs()
                .any(|pair| pair == ("lang".into(), "fr".into()));
            if !keeps_language
                && !names_language
                && !untranslated.contains(&url.path())
                && answers.get(&url).1
            {
                problems.push(format!("{}: <{element}> to {url}", page.path));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
