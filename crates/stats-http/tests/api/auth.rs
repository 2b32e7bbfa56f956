//! Who is let in, and what the others are told.
use crate::support::{Answer, FrontOffice, Service, days_ago, stat, uuid};
use reqwest::Method;
use serde_json::json;
use stats_db::ClientChange;
use stats_testing::{TestDatabase, on_each_database};

/// Every route that asks for a token.
fn private_routes() -> Vec<(Method, String)> {
    let of_analysis = format!("/api/v1/stats/{}", uuid());
    [
        (Method::GET, "/api/v1/stats/"),
        (Method::POST, "/api/v1/stats/"),
        (Method::GET, &of_analysis),
        (Method::DELETE, &of_analysis),
        (Method::GET, "/api/v1/stats/processed/"),
        (Method::POST, "/api/v1/client/"),
        (Method::GET, "/api/v1/client/me"),
        (Method::PATCH, "/api/v1/client/me"),
    ]
    .map(|(method, path)| (method, path.to_owned()))
    .to_vec()
}

/// An analysis of which there is a stat.
fn one_analysis(office: &FrontOffice<'_>) -> String {
    let analysis = uuid();
    let stats = json!([stat(&analysis, "risk", &days_ago(0), json!([]))]);
    assert_eq!(office.post(&stats).status, 201);
    analysis
}

on_each_database!(every_private_route_asks_for_a_token);
fn every_private_route_asks_for_a_token(database: &TestDatabase) {
    let service = Service::start(database);
    for (method, path) in private_routes() {
        let ask = |token: Option<&str>| {
            let request = service.request(method.clone(), &path).json(&json!({}));
            Answer::to(
                token
                    .into_iter()
                    .fold(request, |request, token| request.header("X-API-KEY", token)),
            )
        };
        for nothing in [None, Some("")] {
            let answer = ask(nothing);
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(
                answer.json(),
                json!({"Error": "Unauthorized - Authentication required."})
            );
        }
        for unknown in ["nope", "' OR 1=1 --", "\u{e9}", &"x".repeat(5000)] {
            let answer = ask(Some(unknown));
            assert_eq!(answer.status, 403, "{method} {path}");
            assert_eq!(
                answer.json(),
                json!({"Error": "Forbidden - Authentication failed."})
            );
        }
    }
}

on_each_database!(a_deactivated_client_is_forbidden_at_once);
fn a_deactivated_client_is_forbidden_at_once(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    assert_eq!(office.get("/api/v1/client/me").status, 200);
    let activate = |is_active| {
        let change = ClientChange {
            is_active: Some(is_active),
            ..ClientChange::default()
        };
        service
            .db
            .change_client(office.client.uuid, &change)
            .unwrap();
    };
    activate(false);
    let answer = office.get("/api/v1/client/me");
    assert_eq!(
        (answer.status, answer.json()),
        (403, json!({"Error": "Forbidden - Authentication failed."}))
    );
    activate(true);
    assert_eq!(office.get("/api/v1/client/me").status, 200);
}

on_each_database!(who_calls_is_seen);
fn who_calls_is_seen(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let last_seen = || {
        service
            .db
            .client(office.client.uuid)
            .unwrap()
            .unwrap()
            .last_seen
    };
    assert_eq!(last_seen(), None);
    office.get("/api/v1/client/me");
    assert!(last_seen().is_some());
}

on_each_database!(a_monarc_that_is_too_old_is_told_so);
fn a_monarc_that_is_too_old_is_told_so(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = format!("/api/v1/stats/{}", one_analysis(&office));
    for path in [
        "/api/v1/client/me",
        "/api/v1/stats",
        "/api/v1/stats/",
        &analysis,
    ] {
        let status = |agent: &str| {
            let answer = Answer::to(
                office
                    .request(Method::GET, path)
                    .header("User-Agent", agent),
            );
            assert!(
                answer.status != 426 || answer.json()["Error"].as_str().unwrap().contains("2.10.2")
            );
            answer.status
        };
        for old in ["MONARC/2.9.1", "MONARC/2.10.1", "MONARC/1", "MONARC/v2.8.2"] {
            assert_eq!(status(old), 426, "{old} {path}");
        }
        for fine in [
            "MONARC/2.10.2",
            "MONARC/2.13.3-p1",
            "MONARC/",
            "MONARC/abc",
            "curl/8",
            "MONARC/v2.12.5",
            "",
        ] {
            assert_eq!(status(fine), 200, "{fine} {path}");
        }
    }
}

on_each_database!(paths_work_with_and_without_their_last_slash);
fn paths_work_with_and_without_their_last_slash(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = format!("/api/v1/stats/{}", one_analysis(&office));
    for path in [
        "/api/v1/client/me",
        "/api/v1/stats",
        &analysis,
        "/api/v1/stats/processed/list",
        "/about.json",
        "/health",
    ] {
        assert_eq!(office.get(path).status, 200, "{path}");
        assert_eq!(office.get(&format!("{path}/")).status, 200, "{path}/");
        let head = Answer::to(office.request(Method::HEAD, path));
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    }
}

on_each_database!(what_is_not_there_is_told_in_json);
fn what_is_not_there_is_told_in_json(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for path in [
        "/api/v1/nothing",
        "/api/v1/stats/processed/nothing",
        "/api/v1/client/you",
        "/api/v2",
        "/api",
        "/%00%ff",
    ] {
        let answer = office.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("application/json")),
            "{path}"
        );
        assert!(answer.json()["message"].is_string(), "{path}");
    }
    for (method, path, allowed) in [
        (Method::PUT, "/api/v1/stats/", "GET, HEAD, POST"),
        (Method::POST, "/api/v1/client/me", "GET, HEAD, PATCH"),
        (Method::GET, "/api/v1/client/", "POST"),
        (Method::POST, "/about.json", "GET, HEAD"),
        (Method::POST, "/api/v1/stats/processed/list", "GET, HEAD"),
    ] {
        let answer = office.send(method, path, &json!({}));
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(allowed)),
            "{path}"
        );
        assert!(answer.json()["message"].is_string(), "{path}");
    }
}

on_each_database!(the_instance_tells_what_it_is);
fn the_instance_tells_what_it_is(database: &TestDatabase) {
    let config = stats_http::HttpConfig {
        contact: Some("admin@example.org".to_owned()),
        ..Default::default()
    };
    let service = Service::with_config(database, config);
    let about = service.get("/about.json").json();
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(about["api_v1_root"], "/api/v1/");
    assert_eq!(about["contact"], "admin@example.org");
    assert!(
        about["version_url"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );
    assert_eq!(service.get("/health").json(), json!({"status": "ok"}));
}
