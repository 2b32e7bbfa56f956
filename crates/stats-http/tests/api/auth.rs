//! Tokens, user agents, paths and methods.

use reqwest::Method;
use serde_json::json;
use stats_db::ClientChange;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{FrontOffice, ME, PROCESSED, Response, STATS, Service, new_stat, uuid};

/// The path of an analysis with a stat.
fn stored_analysis(office: &FrontOffice<'_>) -> String {
    let stat = new_stat("risk", 0, json!([]));
    let path = format!("{STATS}{}", stat["anr"].as_str().unwrap());
    office.store([stat]);
    path
}

on_each_database!(private_routes_require_a_token);
fn private_routes_require_a_token(database: &TestDatabase) {
    let service = Service::start(database);
    let analysis = format!("{STATS}{}", uuid());
    for (method, path) in [
        (Method::GET, STATS),
        (Method::POST, STATS),
        (Method::GET, &analysis),
        (Method::DELETE, &analysis),
        (Method::GET, PROCESSED),
        (Method::POST, "/api/v1/client/"),
        (Method::GET, ME),
        (Method::PATCH, ME),
    ] {
        let request = || service.request(method.clone(), path).json(&json!({}));
        let with_token = |token: &str| request().header("X-API-KEY", token);
        let error = json!({"Error": "Unauthorized - Authentication required."});
        for request in [request(), with_token("")] {
            Response::to(request).assert_json(401, error.clone());
        }
        let error = json!({"Error": "Forbidden - Authentication failed."});
        for unknown in ["nope", "' OR 1=1 --", "\u{e9}", &"x".repeat(5000)] {
            Response::to(with_token(unknown)).assert_json(403, error.clone());
        }
    }
}

on_each_database!(a_deactivated_client_is_forbidden);
fn a_deactivated_client_is_forbidden(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    assert_eq!(office.get(ME).status, 200);
    office.change(&ClientChange::Active(false));
    let error = json!({"Error": "Forbidden - Authentication failed."});
    office.get(ME).assert_json(403, error);
    office.change(&ClientChange::Active(true));
    assert_eq!(office.get(ME).status, 200);
}

on_each_database!(responses_to_a_token_are_not_cached);
fn responses_to_a_token_are_not_cached(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for path in [
        ME,
        STATS,
        &format!("{PROCESSED}?type=risk&processor=risk_averages"),
        &stored_analysis(&office),
        "/api/v1/stats/?limit=x",
        "/stats/risks.json",
    ] {
        let response = office.get(path);
        assert_eq!(response.header("cache-control"), Some("no-store"), "{path}");
        let mut varies = response.headers.get_all("vary").iter();
        let varies = varies.any(|name| name == "x-api-key");
        assert!(varies, "{path}: {response:?}");
    }
    let posted = office.post(&json!([]));
    assert_eq!(posted.header("cache-control"), Some("no-store"));
}

on_each_database!(authentication_updates_last_seen);
fn authentication_updates_last_seen(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    assert_eq!(office.stored().last_seen, None);
    // The service updates it concurrently with the response, and retries with the next request.
    while office.stored().last_seen.is_none() {
        assert_eq!(office.get(ME).status, 200);
    }
}

on_each_database!(an_outdated_monarc_gets_426);
fn an_outdated_monarc_gets_426(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for path in [ME, "/api/v1/stats", STATS, &stored_analysis(&office)] {
        let get = |agent: &str| {
            let request = office.request(Method::GET, path);
            Response::to(request.header("User-Agent", agent))
        };
        for old in ["MONARC/2.9.1", "MONARC/2.10.1", "MONARC/1", "MONARC/v2.8.2"] {
            let response = get(old);
            assert_eq!(response.status, 426, "{old} {path}");
            let error = response.json()["Error"].to_string();
            assert!(error.contains("2.10.2"), "{error}");
        }
        for accepted in [
            "MONARC/2.10.2",
            "MONARC/2.13.3-p1",
            "MONARC/",
            "MONARC/abc",
            "curl/8",
            "MONARC/v2.12.5",
            "",
        ] {
            assert_eq!(get(accepted).status, 200, "{accepted} {path}");
        }
    }
}

on_each_database!(paths_work_with_and_without_a_trailing_slash);
fn paths_work_with_and_without_a_trailing_slash(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for path in [
        ME,
        "/api/v1/stats",
        &stored_analysis(&office),
        "/api/v1/stats/processed/list",
        "/about.json",
        "/health",
    ] {
        assert_eq!(office.get(path).status, 200, "{path}");
        assert_eq!(office.get(&format!("{path}/")).status, 200, "{path}/");
        Response::to(office.request(Method::HEAD, path)).assert_empty(200);
    }
}

on_each_database!(unknown_paths_and_methods_are_json_errors);
fn unknown_paths_and_methods_are_json_errors(database: &TestDatabase) {
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
        let response = office.get(path);
        response.assert_error(404);
        let content_type = response.header("content-type");
        assert_eq!(content_type, Some("application/json"), "{path}");
    }
    for (method, path, allowed) in [
        (Method::PUT, STATS, "GET, HEAD, POST"),
        (Method::POST, ME, "GET, HEAD, PATCH"),
        (Method::GET, "/api/v1/client/", "POST"),
        (Method::POST, "/about.json", "GET, HEAD"),
        (Method::POST, "/api/v1/stats/processed/list", "GET, HEAD"),
    ] {
        let response = office.send(method, path, &json!({}));
        response.assert_error(405);
        assert_eq!(response.header("allow"), Some(allowed), "{path}");
    }
}

on_each_database!(about_json_describes_the_instance);
fn about_json_describes_the_instance(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.contact = Some("admin@example.org".to_owned());
    });
    let about = service.get("/about.json").json();
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(about["api_v1_root"], "/api/v1/");
    assert_eq!(about["contact"], "admin@example.org");
    let url = about["version_url"].as_str().unwrap();
    assert!(url.starts_with("https://"), "{url}");
    assert_eq!(service.get("/health").json(), json!({"status": "ok"}));
}
