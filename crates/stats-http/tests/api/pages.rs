//! The pages, and the text files beside them.

use std::collections::{BTreeSet, VecDeque};

use chrono::{Days, Local};
use reqwest::Method;
use serde_json::{Value, json};
use stats_core::{Stat, StatsFilter, StatsType};
use stats_http::HttpConfig;
use stats_processors::MAX_LABEL_LENGTH;
use stats_sample::Sample;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Response, Service, days_ago, new_stat, stat, uuid};

const PAGES: [&str; 9] = [
    "/",
    "/stats",
    "/evolution",
    "/map",
    "/cartography",
    "/compliance",
    "/about",
    "/about/more",
    "/help",
];
const SECURITY: &str = "/.well-known/security.txt";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const HTML: Option<&str> = Some("text/html; charset=utf-8");

fn configure(config: &mut HttpConfig) {
    config.contact = Some("info@example.org".to_owned());
    config.operator_url = Some("https://example.org/us".to_owned());
    config.trusts_proxy = true;
}

/// Stores three weeks of stats of two analyses, which end today.
fn fill(service: &Service) {
    let start = Local::now().date_naive() - Days::new(20);
    let owner = service.front_office().stored().id;
    for analysis in Sample::new(20).analyses(2, start) {
        let stats = analysis.stats(start.iter_days().take(21)).map(Stat::from);
        let stats: Vec<_> = stats.collect();
        service.db.insert_stats(owner, &stats).unwrap();
    }
}

fn browse(service: &Service, path: &str) -> Response {
    service.get_with_header(path, "Accept", BROWSER)
}

#[track_caller]
fn page(service: &Service, path: &str) -> String {
    let response = browse(service, path);
    assert_eq!(response.status, 200, "{path}: {response:?}");
    assert_eq!(response.header("content-type"), HTML);
    response.body
}

/// The text of a page without markup, its parts separated by a space.
fn text_of(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1;
    let parts = body
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let words: Vec<_> = parts.flat_map(str::split_whitespace).collect();
    words.join(" ")
}

/// The values of `href`, `src` and `action`.
fn links(page: &str) -> BTreeSet<String> {
    let starts = [" href=\"", " src=\"", " action=\""];
    let links = starts.iter().flat_map(|start| page.split(start).skip(1));
    links
        .map(|rest| rest.split_once('"').unwrap().0.replace("&amp;", "&"))
        .collect()
}

/// A date as English pages show it.
fn long_date(days: u64) -> String {
    let date = Local::now().date_naive() - Days::new(days);
    date.format("%-d %B %Y").to_string()
}

on_each_database!(an_empty_instance_has_pages);
fn an_empty_instance_has_pages(database: &TestDatabase) {
    let service = Service::start(database);
    let home = text_of(&page(&service, "/"));
    assert!(home.contains("Clients 0 Analyses 0 Stats 0"), "{home}");
    assert!(home.contains("No stats have been collected yet."), "{home}");
    assert!(!home.contains("First stat"), "{home}");
    for (path, sentence, times) in [
        ("/stats", "No stats of the last 30 days.", 4),
        ("/evolution", "No stats of the last 180 days.", 4),
        ("/cartography?days=1", "No stats of the last day.", 4),
        ("/compliance?days=0", "No stats of today.", 1),
        ("/map", "No client shows where it is.", 1),
    ] {
        let text = text_of(&page(&service, path));
        assert_eq!(text.matches(sentence).count(), times, "{path}: {text}");
    }
    let more = text_of(&page(&service, "/about/more"));
    assert!(more.contains("has published no contact"), "{more}");
    assert_eq!(service.get(SECURITY).status, 404);
}

on_each_database!(home_counts_stats_without_naming_clients);
fn home_counts_stats_without_naming_clients(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    let text = text_of(&page(&service, "/"));
    let count = |stats_type| {
        let filter = StatsFilter {
            stats_type,
            ..StatsFilter::default()
        };
        service.db.stats(&filter).unwrap().len()
    };
    let (all, first, last) = (count(None), long_date(20), long_date(0));
    let numbers = format!("Clients 1 Analyses 2 Stats {all} First stat {first} Last stat {last}");
    assert!(text.contains(&numbers), "{text}");
    let more = page(&service, "/about/more");
    for stats_type in StatsType::ALL {
        let cell = format!("<td class=\"number\">{}</td>", count(Some(stats_type)));
        assert!(more.contains(&cell), "{stats_type}: {more}");
    }
    for path in PAGES {
        let page = page(&service, path);
        for client in service.db.clients().unwrap() {
            assert!(!page.contains(&client.name), "{path}");
            assert!(!page.contains(&client.uuid.to_string()), "{path}");
        }
    }
    let other = service.front_office();
    other.store([&stat(&uuid(), "risk", &days_ago(0), json!([]))]);
    let text = text_of(&page(&service, "/"));
    let numbers = format!("Clients 2 Analyses 3 Stats {}", all + 1);
    assert!(text.contains(&numbers), "{text}");
}

fn threat(label: &str, count: f64) -> Value {
    let element = json!({"uuid": uuid(), "label1": "Menace", "label2": label, "label3": "Bedrohung", "count": count,
        "maxRisk": 18, "averageRate": "2.50"});
    new_stat("threat", 1, json!([element]))
}

on_each_database!(labels_are_escaped_and_shortened);
fn labels_are_escaped_and_shortened(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let long = "x".repeat(10_000);
    office.store([
        threat("<script>alert(1)</script>\"'&", 5.0),
        threat(&long, 1e9),
        threat("", 0.25),
    ]);
    for path in ["/stats", "/evolution", "/"] {
        let page = page(&service, path);
        assert!(!page.contains("<script>"), "{page}");
        for text in [
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;",
            &long[..MAX_LABEL_LENGTH],
            "1,000,000,000.0",
        ] {
            assert!(page.contains(text), "{path}: {text}\n{page}");
        }
        assert!(!page.contains(&long[..MAX_LABEL_LENGTH + 1]), "{page}");
    }

    let unlabelled = uuid();
    let element = json!({"uuid": unlabelled, "count": 1, "maxRisk": 1, "averageRate": 1});
    office.store([new_stat("vulnerability", 1, json!([element]))]);
    assert!(browse(&service, "/stats").body.contains(&unlabelled));
}

on_each_database!(pages_are_in_the_language_of_the_reader);
fn pages_are_in_the_language_of_the_reader(database: &TestDatabase) {
    let service = Service::start(database);
    service.front_office().store([threat("Threat", 5.0)]);
    for (query, header, language, label) in [
        ("", "", "en", "<bdi>Threat<"),
        ("", "fr-LU,fr;q=0.9,en;q=0.1", "fr", "<bdi>Menace<"),
        ("", "ja", "en", "<bdi>Threat<"),
        ("?lang=de", "fr", "de", "<bdi>Bedrohung<"),
        ("?lang=nl", "fr", "nl", "<bdi lang=\"en\">Threat<"),
        ("?lang=xx", "fr", "fr", "<bdi>Menace<"),
        ("?lang=&lang=de", "fr", "fr", "<bdi>Menace<"),
    ] {
        let path = format!("/stats{query}");
        let response = service.get_with_header(&path, "Accept-Language", header);
        assert_eq!(response.status, 200);
        for text in [label, &format!("<html lang=\"{language}\">")] {
            assert!(
                response.body.contains(text),
                "{query} {header} {text}: {response:?}"
            );
        }
        let vary = response.header("vary").unwrap();
        assert!(vary.contains("Accept-Language"), "{vary}");
    }
    let german = page(&service, "/stats?lang=de&days=90&by=rate");
    let links = links(&german);
    for link in [
        "/about?lang=de",
        "/stats?by=rate&days=90&lang=fr",
        "/chart/threats.svg?by=rate&days=90&lang=de",
    ] {
        assert!(links.contains(link), "{links:?}");
    }
    for text in [
        "<input type=\"hidden\" name=\"lang\" value=\"de\">",
        "<option value=\"90\" selected>",
        "<option value=\"rate\" selected>",
    ] {
        assert!(german.contains(text), "{text}\n{german}");
    }
}

/// The texts of a page that are sentences or phrases, without code.
fn phrases(page: &str) -> BTreeSet<&str> {
    let body = page.split_once("<body>").unwrap().1;
    let mut phrases = BTreeSet::new();
    for part in body.split('<') {
        let (element, text) = part.split_once('>').unwrap_or(("", part));
        // Names of objects may be the same in several languages.
        let is_code = element.starts_with("code") || element.starts_with("bdi");
        if !is_code
            && text
                .split_whitespace()
                .filter(|word| word.chars().any(char::is_alphabetic))
                .count()
                > 1
        {
            phrases.insert(text.trim());
        }
    }
    phrases
}

on_each_database!(no_phrase_is_the_same_in_two_languages);
fn no_phrase_is_the_same_in_two_languages(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    for path in PAGES.into_iter().chain(["/nothing"]) {
        let translations = ["en", "fr", "de", "nl"].map(|language| {
            let path = format!("{path}?lang={language}");
            (language, browse(&service, &path).body)
        });
        for (index, (language, page)) in translations.iter().enumerate() {
            for (other, other_page) in &translations[..index] {
                let same: Vec<_> = phrases(page)
                    .intersection(&phrases(other_page))
                    .copied()
                    .collect();
                let names = ["MONARC Stats Service"];
                let untranslated = same
                    .iter()
                    .filter(|text| !names.iter().any(|name| text.starts_with(name)));
                let untranslated: Vec<_> = untranslated.collect();
                assert!(
                    untranslated.is_empty(),
                    "{path} in {language} and {other}: {untranslated:?}"
                );
            }
        }
    }
}

on_each_database!(an_invalid_period_is_an_error_as_page_and_json);
fn an_invalid_period_is_an_error_as_page_and_json(database: &TestDatabase) {
    let service = Service::start(database);
    for query in ["days=junk", "days=-1", "days=99999999999", "days=1&days=2"] {
        let path = format!("/stats?{query}");
        let json = service.get(&path);
        assert_eq!(json.status, 400, "{path}");
        assert!(json.json()["errors"]["days"].is_string(), "{json:?}");
        let page = browse(&service, &path);
        assert_eq!(page.status, 400, "{path}");
        assert_eq!(page.header("content-type"), HTML);
        let text = text_of(&page.body);
        assert!(text.contains("Error 400 Bad request"), "{text}");
        assert!(text.contains("days: '"), "{text}");
    }
    for query in ["days=0", "days=36525", "utm_source=x&%FF", "lang"] {
        page(&service, &format!("/stats?{query}"));
    }
    let other = page(&service, "/stats?days=17");
    assert!(other.contains("<option value=\"17\" selected>The last 17 days"));
}

on_each_database!(internal_links_are_not_broken);
fn internal_links_are_not_broken(database: &TestDatabase) {
    let service = Service::with_config(database, configure);
    fill(&service);
    let mut queue = VecDeque::from(PAGES.map(str::to_owned));
    let mut seen: BTreeSet<_> = queue.iter().cloned().collect();
    while let Some(path) = queue.pop_front() {
        let response = browse(&service, &path);
        assert_eq!(response.status, 200, "{path}");
        let content_type = response.header("content-type").unwrap();
        if !content_type.starts_with("text/html") {
            continue;
        }
        for link in links(&response.body) {
            let is_internal = link.starts_with('/') && !link.starts_with("//");
            let is_external = link.starts_with("https://") || link.starts_with("mailto:");
            let is_other = link == "#content";
            assert!(is_internal || is_external || is_other, "{path}: {link}");
            if is_internal && seen.insert(link.clone()) {
                queue.push_back(link);
            }
        }
    }
    for path in [
        "/api/v1/",
        "/about.json",
        "/stats?lang=nl",
        "/chart/risks.png?kind=operational&lang=en",
    ] {
        assert!(seen.contains(path), "{path}: {seen:?}");
    }
}

on_each_database!(pages_are_valid_html_without_inline_code);
fn pages_are_valid_html_without_inline_code(database: &TestDatabase) {
    let service = Service::with_config(database, configure);
    fill(&service);
    for path in PAGES.into_iter().chain(["/nothing/here"]) {
        let response = browse(&service, path);
        let page = &response.body;
        let policy = response.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let count = |text: &str| page.matches(text).count();
        let is_in_menu = !["/about/more", "/nothing/here"].contains(&path);
        for (text, expected) in [
            ("<script", 1),
            ("<script src=\"/assets/chart-", 1),
            ("<style", 0),
            (" style=", 0),
            (" onclick=", 0),
            (" onload=", 0),
            ("javascript:", 0),
            ("<h1>", 1),
            ("<main ", 1),
            ("</title><link ", 1),
            ("<main id=\"content\"", 1),
            ("<table", count("<caption") + count("class=\"ch-scroll\"")),
            ("<th>", 0),
            ("<th ", count(" scope=\"")),
            ("aria-current=\"page\"", usize::from(is_in_menu)),
        ] {
            assert_eq!(count(text), expected, "{path}: {text}");
        }
        for labelled in page.split("aria-labelledby=\"").skip(1) {
            let id = labelled.split_once('"').unwrap().0;
            assert_eq!(count(&format!(" id=\"{id}\"")), 1, "{path}: {id}");
        }
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
        for text in [
            "class=\"skip\" href=\"#content\"",
            "AGPL-3.0-or-later",
            "mailto:info@example.org",
        ] {
            assert!(page.contains(text), "{path}: {text}");
        }
    }
}

on_each_database!(assets_are_immutable);
fn assets_are_immutable(database: &TestDatabase) {
    let service = Service::start(database);
    let mut assets = links(&page(&service, "/"));
    assets.retain(|link| link.starts_with("/assets/"));
    let css = "text/css; charset=utf-8";
    let content_types = [css, "text/javascript; charset=utf-8", "image/svg+xml", css];
    assert_eq!(assets.len(), content_types.len(), "{assets:?}");
    for (asset, content_type) in assets.iter().zip(content_types) {
        let response = service.get(asset);
        assert_eq!(response.status, 200, "{asset}");
        assert_eq!(response.header("content-type"), Some(content_type));
        let cache_control = response.header("cache-control");
        assert_eq!(cache_control, Some("public, max-age=31536000, immutable"));
        Response::to(service.request(Method::HEAD, asset)).assert_empty(200);
    }
    for name in ["/style.css", "/..%2fstyle.css", "", "/"] {
        let path = format!("/assets{name}");
        assert_eq!(service.get(&path).status, 404, "{path}");
    }
}

on_each_database!(links_have_the_prefix_of_the_proxy);
fn links_have_the_prefix_of_the_proxy(database: &TestDatabase) {
    let service = Service::with_config(database, configure);
    let forwarded = |path: &str| {
        let request = service
            .request(Method::GET, path)
            .header("X-Forwarded-Prefix", "/dashboardBO")
            .header("X-Forwarded-Host", "dashboard.example.org")
            .header("X-Forwarded-Proto", "https");
        Response::to(request).body
    };
    for path in PAGES {
        for link in links(&forwarded(path)) {
            let has_prefix = link.starts_with("/dashboardBO/");
            assert!(has_prefix || !link.starts_with('/'), "{path}: {link}");
        }
    }
    let base = "https://dashboard.example.org/dashboardBO";
    for (path, text) in [
        ("/help", format!("<code>{base}</code>")),
        ("/robots.txt", "Disallow: /dashboardBO/api/\n".to_owned()),
        (SECURITY, format!("Canonical: {base}{SECURITY}\n")),
    ] {
        let body = forwarded(path);
        assert!(body.contains(&text), "{path}: {body}");
    }
}

on_each_database!(text_files_are_plain_text);
fn text_files_are_plain_text(database: &TestDatabase) {
    let service = Service::with_config(database, configure);
    for (path, start) in [
        ("/robots.txt", "User-agent: *\nDisallow: /api/\n"),
        ("/human.txt", "MONARC Stats Service "),
        (
            SECURITY,
            "Contact: mailto:info@example.org\nContact: https://example.org/us\nExpires: ",
        ),
    ] {
        let response = service.get(path);
        assert_eq!(response.status, 200, "{path}");
        let content_type = response.header("content-type");
        assert_eq!(content_type, Some("text/plain; charset=utf-8"));
        assert!(response.body.starts_with(start), "{response:?}");
        assert!(response.body.ends_with('\n'));
    }
}

on_each_database!(an_unknown_path_is_a_page_for_browsers_and_json_otherwise);
fn an_unknown_path_is_a_page_for_browsers_and_json_otherwise(database: &TestDatabase) {
    let service = Service::start(database);
    for path in [
        "/nothing",
        "/about/nothing",
        "/stats/nothing",
        "/apix",
        "/%00",
    ] {
        let page = browse(&service, path);
        assert_eq!(page.status, 404, "{path}");
        let text = text_of(&page.body);
        let error = "Error 404 Not found There is nothing here.";
        assert!(text.contains(error), "{text}");
        let json = service.get(path);
        assert_eq!(json.status, 404, "{path}");
        assert_eq!(json.json()["message"], "There is nothing here.");
    }
    for path in ["/api", "/api/", "/api/v2", "/api/v1/nothing"] {
        let response = browse(&service, path);
        assert_eq!(response.status, 404, "{path}");
        let content_type = response.header("content-type");
        assert_eq!(content_type, Some("application/json"), "{path}");
    }
    let post = service.request(Method::POST, "/about");
    let response = Response::to(post.header("Accept", BROWSER));
    assert_eq!(response.status, 405);
    assert_eq!(response.header("allow"), Some("GET, HEAD"));
}

on_each_database!(routes_that_are_switched_off_are_not_linked);
fn routes_that_are_switched_off_are_not_linked(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        configure(config);
        (config.routes.stats, config.routes.map) = (false, false);
    });
    for path in [
        "/stats",
        "/evolution",
        "/map",
        "/cartography",
        "/compliance",
        "/chart/risks.svg",
        "/chart/map.svg",
    ] {
        assert_eq!(browse(&service, path).status, 404, "{path}");
    }
    for path in ["/", "/about", "/about/more", "/help", "/nothing"] {
        let links = links(&browse(&service, path).body);
        let off = [
            "/stats",
            "/map",
            "/evolution",
            "/cartography",
            "/compliance",
            "/chart",
        ];
        let is_off = |link: &String| off.iter().any(|off| link.starts_with(off));
        assert!(!links.iter().any(is_off), "{path}: {links:?}");
        assert!(links.contains("/about"), "{path}: {links:?}");
    }
}

on_each_database!(statistics_work_without_the_other_pages);
fn statistics_work_without_the_other_pages(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        configure(config);
        config.routes.pages = false;
    });
    let pages = PAGES
        .into_iter()
        .filter(|path| ["/", "/help"].contains(path) || path.starts_with("/about"));
    for path in pages.chain(["/robots.txt", "/human.txt", SECURITY]) {
        assert_eq!(browse(&service, path).status, 404, "{path}");
    }
    for path in ["/stats", "/nothing"] {
        let links = links(&browse(&service, path).body);
        for off in ["/", "/about", "/help"] {
            assert!(!links.contains(off), "{path}: {off}");
        }
    }
    assert!(page(&service, "/stats").contains("aria-current=\"page\""));
    assert_eq!(service.get("/about.json").status, 200);
}
