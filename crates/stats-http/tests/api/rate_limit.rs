//! The rate limit of visitors. The limit is one request per minute, so that no test lasts long enough for a second one.

use std::num::NonZeroU32;

use reqwest::Method;
use serde_json::json;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{ME, Response, STATS, Service, new_stat};

const PROCESSORS: &str = "/api/v1/stats/processed/list";

fn start(database: &TestDatabase, trusts_proxy: bool) -> Service {
    Service::with_config(database, |config| {
        config.visitor_requests_per_minute = NonZeroU32::new(1);
        config.trusts_proxy = trusts_proxy;
    })
}

on_each_database!(visitors_beyond_the_rate_limit_get_429);
fn visitors_beyond_the_rate_limit_get_429(database: &TestDatabase) {
    let service = start(database, false);
    assert_eq!(service.get("/about.json").status, 200);
    for path in [
        "/about.json",
        "/stats/threats.json",
        "/map/clients.json",
        "/api/v1",
        "/api/v1/openapi.json",
        PROCESSORS,
        "/about/",
        "/unknown",
    ] {
        let response = service.get(path);
        response.assert_message(
            429,
            "There were too many requests from this address. Please try again in a while.",
        );
        let seconds: u32 = response.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    let page = service.get_with_header("/about", "Accept", "text/html");
    assert_eq!(page.status, 429);
    assert!(page.body.contains("<h1>Too many requests</h1>"), "{page:?}");
    assert!(page.header("retry-after").is_some());
    let json = service.get_with_header(PROCESSORS, "Accept", "text/html");
    json.assert_error(429);
}

on_each_database!(the_rate_limit_does_not_apply_to_monitoring);
fn the_rate_limit_does_not_apply_to_monitoring(database: &TestDatabase) {
    let service = start(database, false);
    for _ in 0..5 {
        assert_eq!(service.get("/health/").status, 200);
        assert_eq!(service.get("/metrics").status, 200);
    }
    assert_eq!(service.get("/about.json").status, 200, "they do not count");
}

on_each_database!(the_rate_limit_does_not_apply_to_requests_with_a_valid_token);
fn the_rate_limit_does_not_apply_to_requests_with_a_valid_token(database: &TestDatabase) {
    let service = start(database, false);
    let office = service.front_office();
    let use_all = || {
        for _ in 0..3 {
            for path in [ME, STATS, PROCESSORS, "/stats/risks.json", "/about"] {
                assert_eq!(office.get(path).status, 200, "{path}");
            }
            office.store([new_stat("risk", 0, json!([]))]);
        }
    };
    use_all();
    assert_eq!(service.get("/about.json").status, 200, "they do not count");
    assert_eq!(service.get("/about.json").status, 429);
    use_all();
    for token in ["unknown", ""] {
        let response = service.get_with_header(PROCESSORS, "X-API-KEY", token);
        assert_eq!(response.status, 429, "{token}");
    }
    assert_eq!(service.get(ME).status, 401);
}

on_each_database!(addresses_behind_a_trusted_proxy_are_limited_separately);
fn addresses_behind_a_trusted_proxy_are_limited_separately(database: &TestDatabase) {
    let service = start(database, true);
    let status = |forwarded: &str| {
        let request = service.request(Method::GET, "/about.json");
        Response::to(request.header("X-Forwarded-For", forwarded)).status
    };
    assert_eq!(status("192.0.2.1"), 200);
    assert_eq!(status("192.0.2.1"), 429);
    assert_eq!(status("192.0.2.2"), 200);
    assert_eq!(
        status("192.0.2.3, 192.0.2.2"),
        429,
        "a client sent 192.0.2.3"
    );
    assert_eq!(status("2001:db8::1"), 200);
    assert_eq!(status("2001:db8::2"), 429);
}

on_each_database!(x_forwarded_for_does_not_evade_the_rate_limit_without_a_proxy);
fn x_forwarded_for_does_not_evade_the_rate_limit_without_a_proxy(database: &TestDatabase) {
    let service = start(database, false);
    for (address, status) in [("192.0.2.1", 200), ("192.0.2.2", 429)] {
        let response = service.get_with_header("/about.json", "X-Forwarded-For", address);
        assert_eq!(response.status, status, "{address}");
    }
}
