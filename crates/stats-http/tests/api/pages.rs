//! The pages, and the texts beside them.

use std::collections::{BTreeSet, VecDeque};

use chrono::{Days, Local};
use reqwest::Method;
use serde_json::{Value, json};
use stats_core::{Stat, StatsFilter, StatsType};
use stats_http::{HttpConfig, Routes};
use stats_sample::Sample;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Answer, Service, days_ago, stat, uuid};

const PAGES: [&str; 5] = ["/", "/stats", "/about", "/about/more", "/help"];
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn configured() -> HttpConfig {
    HttpConfig {
        contact: Some("info@example.org".to_owned()),
        operator_url: Some("https://example.org/us".to_owned()),
        trusts_proxy: true,
        ..HttpConfig::default()
    }
}

/// Three weeks of stats of two analyses, which end today.
fn fill(service: &Service) {
    let today = Local::now().date_naive();
    let start = today - Days::new(20);
    let office = service.front_office();
    let owner = service.db.client_by_token(&office.client.token).unwrap();
    for analysis in Sample::new(20).analyses(2, start) {
        let stats: Vec<_> = analysis
            .stats(start.iter_days().take(21))
            .map(Stat::from)
            .collect();
        service
            .db
            .insert_stats(owner.as_ref().unwrap().id, &stats)
            .unwrap();
    }
}

fn browse(service: &Service, path: &str) -> Answer {
    let request = service.request(Method::GET, path).header("Accept", BROWSER);
    Answer::to(request)
}

fn page(service: &Service, path: &str) -> String {
    let answer = browse(service, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    answer.body
}

/// The text of a page without its markup, with a space between any two pieces.
fn text_of(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1;
    let pieces = body
        .split('<')
        .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let words: Vec<_> = pieces.flat_map(str::split_whitespace).collect();
    words.join(" ")
}

/// The values of `href`, `src` and `action`.
fn links(page: &str) -> BTreeSet<String> {
    ["href", "src", "action"]
        .into_iter()
        .flat_map(|name| {
            let start = format!(" {name}=\"");
            let parts: Vec<_> = page.split(&start).skip(1).map(str::to_owned).collect();
            parts
        })
        .map(|rest| rest.split_once('"').unwrap().0.replace("&amp;", "&"))
        .collect()
}

fn mean(value: &Value) -> String {
    format!("{:.2}", value.as_f64().unwrap())
}

on_each_database!(an_empty_instance_says_so);
fn an_empty_instance_says_so(database: &TestDatabase) {
    let service = Service::start(database);
    let home = text_of(&page(&service, "/"));
    assert!(home.contains("Clients 0 Analyses 0 Stats 0"), "{home}");
    assert!(home.contains("No stats have been collected yet."), "{home}");
    assert!(!home.contains("First stat"), "{home}");
    let stats = text_of(&page(&service, "/stats"));
    for what in ["risks", "threats", "vulnerabilities"] {
        let sentence = format!("There are no stats about {what} in this period.");
        assert!(stats.contains(&sentence), "{stats}");
    }
    let more = text_of(&page(&service, "/about/more"));
    assert!(more.contains("has not said how to be reached"), "{more}");
}

on_each_database!(home_counts_what_is_here);
fn home_counts_what_is_here(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    let home = page(&service, "/");
    let text = text_of(&home);
    let count = service.db.stats(&StatsFilter::default()).unwrap().len();
    let numbers = format!(
        "Clients 1 Analyses 2 Stats {count} First stat {} Last stat {}",
        days_ago(20),
        days_ago(0)
    );
    assert!(text.contains(&numbers), "{text}");
    for stats_type in StatsType::ALL {
        let filter = StatsFilter {
            stats_type: Some(stats_type),
            ..StatsFilter::default()
        };
        let count = service.db.stats(&filter).unwrap().len();
        let cell = format!("<td class=\"number\">{count}</td>");
        assert!(home.contains(&cell), "{stats_type}: {home}");
    }
    for path in PAGES {
        let page = page(&service, path);
        for client in service.db.clients().unwrap() {
            assert!(!page.contains(&client.name), "{path}");
            assert!(!page.contains(&client.uuid.to_string()), "{path}");
        }
    }
}

on_each_database!(statistics_are_those_of_the_json);
fn statistics_are_those_of_the_json(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    for query in ["days=365", "days=7"] {
        let text = text_of(&page(&service, &format!("/stats?{query}&lang=en")));
        let json = |file: &str, more: &str| {
            service
                .get(&format!("/stats/{file}.json?{query}&{more}"))
                .json()
        };

        let overall = json("risks", "processor=risk_averages");
        let on_date = json("risks", "");
        let levels = ["Low risks", "Medium risks", "High risks"];
        for (state, heading) in [("current", "Current"), ("residual", "Residual")] {
            for kind in ["informational", "operational"] {
                let on_date = &on_date[state][kind];
                let dates = on_date["Low risks"].as_object().unwrap();
                let mut row = format!("{heading} {kind} risks Date Low Medium High");
                for date in dates.keys().rev().take(5) {
                    row += &format!(" {date}");
                    for level in levels {
                        row += &format!(" {}", mean(&on_date[level][date]));
                    }
                }
                row += &format!(" All dates ({})", dates.len());
                for level in levels {
                    row += &format!(" {}", mean(&overall[state][kind][level]));
                }
                assert!(text.contains(&row), "{row}\n{text}");
            }
        }

        for file in ["threats", "vulnerabilities"] {
            let mut objects = json(file, "format=series").as_array().unwrap().clone();
            let count = |object: &Value| object["averages"]["count"].as_f64().unwrap();
            objects.sort_by(|a, b| count(b).total_cmp(&count(a)));
            assert!(objects.len() > 10, "there is something to leave out");
            let mut rows = String::from("Mean count Max risk Average rate");
            for object in &objects[..10] {
                let averages = &object["averages"];
                rows += &format!(
                    " {} {} {} {}",
                    object["labels"]["label2"].as_str().unwrap(),
                    mean(&averages["count"]),
                    mean(&averages["maxRisk"]),
                    mean(&averages["averageRate"])
                );
            }
            rows += " In how many risks";
            assert!(text.contains(&rows), "{rows}\n{text}");
        }
    }
}

fn threat(label: &str, count: f64) -> Value {
    let element = json!({"uuid": uuid(), "label1": "Menace", "label2": label, "label3": "Bedrohung", "count": count,
        "maxRisk": 18, "averageRate": "2.50"});
    stat(&uuid(), "threat", &days_ago(1), json!([element]))
}

on_each_database!(whatever_a_label_holds_is_text);
fn whatever_a_label_holds_is_text(database: &TestDatabase) {
    let service = Service::start(database);
    let long = "x".repeat(10_000);
    service.front_office().post(&json!([
        threat("<script>alert(1)</script>\"'&", 5.0),
        threat(&long, 1e280),
        threat("", 0.25),
    ]));
    let page = page(&service, "/stats");
    assert!(!page.contains("<script"), "{page}");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;"),
        "{page}"
    );
    assert!(!page.contains(&long), "cut short");
    assert!(page.contains("1.00e280"), "{page}");

    let nameless = json!([{"uuid": uuid(), "count": 1, "maxRisk": 1, "averageRate": 1}]);
    let nameless_id = nameless[0]["uuid"].as_str().unwrap().to_owned();
    let sent = stat(&uuid(), "vulnerability", &days_ago(1), nameless);
    service.front_office().post(&json!([sent]));
    assert!(browse(&service, "/stats").body.contains(&nameless_id));
}

on_each_database!(labels_come_in_the_language_of_the_reader);
fn labels_come_in_the_language_of_the_reader(database: &TestDatabase) {
    let service = Service::start(database);
    service.front_office().post(&json!([threat("Threat", 5.0)]));
    for (query, header, label) in [
        ("", "", "lang=\"en\">Threat<"),
        ("", "fr-LU,fr;q=0.9,en;q=0.1", "lang=\"fr\">Menace<"),
        ("", "ja", "lang=\"en\">Threat<"),
        ("?lang=de", "fr", "lang=\"de\">Bedrohung<"),
        ("?lang=nl", "fr", "lang=\"en\">Threat<"),
        ("?lang=xx", "fr", "lang=\"fr\">Menace<"),
        ("?lang=&lang=de", "fr", "lang=\"fr\">Menace<"),
    ] {
        let request = service
            .request(Method::GET, &format!("/stats{query}"))
            .header("Accept-Language", header);
        let answer = Answer::to(request);
        assert_eq!(answer.status, 200);
        let cell = format!("<th scope=\"row\" {label}");
        assert!(answer.body.contains(&cell), "{query} {header}: {answer:?}");
        let vary = answer.header("vary").unwrap();
        assert!(vary.contains("Accept-Language"), "{vary}");
    }
    let chosen = page(&service, "/stats?lang=de&days=90");
    let links = links(&chosen);
    assert!(links.contains("/about?lang=de"), "{links:?}");
    assert!(links.contains("/stats?days=90&lang=fr"), "{links:?}");
    assert!(links.contains("/stats/threats.json?days=90"), "{links:?}");
    assert!(chosen.contains("<input type=\"hidden\" name=\"lang\" value=\"de\">"));
    assert!(
        chosen.contains("<option value=\"90\" selected>"),
        "{chosen}"
    );
}

on_each_database!(a_bad_period_is_told_to_people_and_programs);
fn a_bad_period_is_told_to_people_and_programs(database: &TestDatabase) {
    let service = Service::start(database);
    for query in ["days=junk", "days=-1", "days=99999999999", "days=1&days=2"] {
        let path = format!("/stats?{query}");
        let program = service.get(&path);
        assert_eq!(program.status, 400, "{path}");
        assert!(program.json()["errors"]["days"].is_string(), "{program:?}");
        let person = browse(&service, &path);
        assert_eq!(person.status, 400, "{path}");
        assert_eq!(
            person.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let text = text_of(&person.body);
        assert!(text.contains("Error 400 Bad Request Days: must"), "{text}");
    }
    for query in [
        "days=0",
        "days=17",
        "days=36525",
        "utm_source=x&%FF",
        "lang",
    ] {
        page(&service, &format!("/stats?{query}"));
    }
    let other = page(&service, "/stats?days=17");
    assert!(other.contains("<option value=\"17\" selected>The last 17 days"));
}

on_each_database!(every_link_leads_somewhere);
fn every_link_leads_somewhere(database: &TestDatabase) {
    let service = Service::with_config(database, configured());
    fill(&service);
    let mut waiting = VecDeque::from(PAGES.map(str::to_owned));
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    while let Some(path) = waiting.pop_front() {
        let answer = browse(&service, &path);
        assert_eq!(answer.status, 200, "{path}");
        if !answer
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
        {
            continue;
        }
        for link in links(&answer.body) {
            let is_internal = link.starts_with('/') && !link.starts_with("//");
            let is_known_kind =
                is_internal || link.starts_with("https://") || link.starts_with("mailto:");
            // The API browser asks for no icon.
            let is_nothing = ["#content", "data:,"].contains(&link.as_str());
            assert!(is_known_kind || is_nothing, "{path}: {link}");
            if is_internal && seen.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    for path in ["/api/v1/", "/about.json", "/stats?days=365&lang=nl"] {
        assert!(seen.contains(path), "{path}: {seen:?}");
    }
}

on_each_database!(pages_are_whole_and_need_nothing_inline);
fn pages_are_whole_and_need_nothing_inline(database: &TestDatabase) {
    let service = Service::with_config(database, configured());
    fill(&service);
    for path in PAGES.into_iter().chain(["/nothing/here"]) {
        let answer = browse(&service, path);
        let page = &answer.body;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for inline in [
            "<script",
            "<style",
            " style=",
            " onclick=",
            " onload=",
            "javascript:",
        ] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
        let count = |text: &str| page.matches(text).count();
        assert_eq!(
            (count("<h1>"), count("<main "), count("<title>")),
            (1, 1, 1),
            "{path}"
        );
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
        assert_eq!(count("<table"), count("<caption"), "{path}");
        assert_eq!(
            count("<th "),
            count("scope=\"col\"") + count("scope=\"row\""),
            "{path}"
        );
        assert_eq!(count("<th>"), 0, "{path}");
        assert!(page.contains("class=\"skip\" href=\"#content\""), "{path}");
        assert!(page.contains("<main id=\"content\""), "{path}");
        for labelled in page.split("aria-labelledby=\"").skip(1) {
            let id = labelled.split_once('"').unwrap().0;
            assert_eq!(count(&format!(" id=\"{id}\"")), 1, "{path}: {id}");
        }
        let current = usize::from(path != "/nothing/here");
        assert_eq!(
            count("aria-current=\"page\""),
            match path {
                "/about/more" => 0,
                _ => current,
            },
            "{path}"
        );
        assert!(page.contains("AGPL-3.0-or-later"), "{path}");
        assert!(page.contains("mailto:info@example.org"), "{path}");
    }
}

on_each_database!(browsers_keep_the_style_sheet);
fn browsers_keep_the_style_sheet(database: &TestDatabase) {
    let service = Service::start(database);
    let links = links(&page(&service, "/"));
    let assets: Vec<_> = links
        .iter()
        .filter(|link| link.starts_with("/assets/"))
        .collect();
    assert_eq!(assets.len(), 2, "{assets:?}");
    for (asset, content_type) in assets
        .into_iter()
        .zip(["image/svg+xml", "text/css; charset=utf-8"])
    {
        let answer = service.get(asset);
        assert_eq!(answer.status, 200, "{asset}");
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
        let head = Answer::to(service.request(Method::HEAD, asset));
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }
    for path in [
        "/assets/style.css",
        "/assets/..%2fstyle.css",
        "/assets",
        "/assets/",
    ] {
        assert_eq!(service.get(path).status, 404, "{path}");
    }
}

on_each_database!(links_lead_through_the_proxy);
fn links_lead_through_the_proxy(database: &TestDatabase) {
    let service = Service::with_config(database, configured());
    let forwarded = |path: &str| {
        Answer::to(
            service
                .request(Method::GET, path)
                .header("X-Forwarded-Prefix", "/dashboardBO")
                .header("X-Forwarded-Host", "dashboard.example.org")
                .header("X-Forwarded-Proto", "https"),
        )
    };
    for path in PAGES {
        for link in links(&forwarded(path).body) {
            let is_ours = link.starts_with('/');
            assert!(
                !is_ours || link.starts_with("/dashboardBO/"),
                "{path}: {link}"
            );
        }
    }
    assert!(
        forwarded("/help")
            .body
            .contains("<code>https://dashboard.example.org/dashboardBO</code>")
    );
    let robots = forwarded("/robots.txt").body;
    assert!(robots.contains("Disallow: /dashboardBO/api/\n"), "{robots}");
    let security = forwarded("/.well-known/security.txt").body;
    assert!(
        security.contains(
            "Canonical: https://dashboard.example.org/dashboardBO/.well-known/security.txt\n"
        ),
        "{security}"
    );
}

on_each_database!(texts_are_plain);
fn texts_are_plain(database: &TestDatabase) {
    let service = Service::with_config(database, configured());
    for (path, begin) in [
        ("/robots.txt", "User-agent: *\nDisallow: /api/\n"),
        ("/human.txt", "MONARC Stats Service "),
        (
            "/.well-known/security.txt",
            "Contact: mailto:info@example.org\nContact: https://example.org/us\nExpires: ",
        ),
    ] {
        let answer = service.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert!(answer.body.starts_with(begin), "{answer:?}");
        assert!(answer.body.ends_with('\n'));
    }
}

on_each_database!(nobody_to_write_to_is_nothing_there);
fn nobody_to_write_to_is_nothing_there(database: &TestDatabase) {
    let service = Service::start(database);
    assert_eq!(service.get("/.well-known/security.txt").status, 404);
}

on_each_database!(an_unknown_path_is_a_page_for_browsers_alone);
fn an_unknown_path_is_a_page_for_browsers_alone(database: &TestDatabase) {
    let service = Service::start(database);
    for path in [
        "/nothing",
        "/about/nothing",
        "/stats/nothing",
        "/apix",
        "/%00",
    ] {
        let person = browse(&service, path);
        assert_eq!(person.status, 404, "{path}");
        let text = text_of(&person.body);
        assert!(
            text.contains("Error 404 Not Found There is nothing here."),
            "{text}"
        );
        let program = service.get(path);
        assert_eq!(program.status, 404, "{path}");
        assert_eq!(program.json()["message"], "There is nothing here.");
    }
    for path in ["/api", "/api/", "/api/v2", "/api/v1/nothing"] {
        let answer = browse(&service, path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("application/json")),
            "{path}"
        );
    }
    let posted = Answer::to(
        service
            .request(Method::POST, "/about")
            .header("Accept", BROWSER),
    );
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

on_each_database!(what_is_switched_off_is_not_linked);
fn what_is_switched_off_is_not_linked(database: &TestDatabase) {
    let with = |routes: Routes| HttpConfig {
        routes,
        ..configured()
    };
    let no_stats = Routes {
        stats: false,
        map: false,
        ..Routes::default()
    };
    let service = Service::with_config(database, with(no_stats));
    assert_eq!(browse(&service, "/stats").status, 404);
    for path in ["/", "/about", "/about/more", "/help", "/nothing"] {
        let links = links(&browse(&service, path).body);
        let is_off = |link: &String| link.starts_with("/stats") || link.starts_with("/map");
        assert!(!links.iter().any(is_off), "{path}: {links:?}");
        assert!(links.contains("/about"), "{path}: {links:?}");
    }
}

on_each_database!(statistics_stand_alone_without_the_other_pages);
fn statistics_stand_alone_without_the_other_pages(database: &TestDatabase) {
    let routes = Routes {
        pages: false,
        ..Routes::default()
    };
    let config = HttpConfig {
        routes,
        ..configured()
    };
    let service = Service::with_config(database, config);
    for path in [
        "/",
        "/about",
        "/about/more",
        "/help",
        "/robots.txt",
        "/human.txt",
        "/.well-known/security.txt",
    ] {
        assert_eq!(browse(&service, path).status, 404, "{path}");
    }
    for path in ["/stats", "/nothing"] {
        for link in links(&browse(&service, path).body) {
            let is_off = ["/", "/about", "/help"].contains(&link.as_str());
            assert!(!is_off, "{path}: {link}");
        }
    }
    assert!(page(&service, "/stats").contains("aria-current=\"page\""));
    assert_eq!(service.get("/about.json").status, 200);
}
