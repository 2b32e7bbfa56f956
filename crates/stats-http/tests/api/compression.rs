//! Answers for those who understand gzip, and for those who do not.

use std::io::Read;

use flate2::read::GzDecoder;
use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::json;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Answer, Service, days_ago, stat, uuid};

/// Status, headers and the bytes of the body, as somebody who sends this `Accept-Encoding` gets them.
fn fetch(request: RequestBuilder, accepted: &str) -> (u16, HeaderMap, Vec<u8>) {
    let answer = request.header("Accept-Encoding", accepted).send().unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.bytes().unwrap().to_vec())
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

on_each_database!(long_lists_are_compressed_on_demand);
fn long_lists_are_compressed_on_demand(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let text: String = (0..20_000)
        .map(|number| format!("word {number} "))
        .collect();
    let stats: Vec<_> = (0..10)
        .map(|_| stat(&uuid(), "threat", &days_ago(0), json!([text])))
        .collect();
    assert_eq!(office.post(&json!(stats)).status, 201);
    let list = || office.request(Method::GET, "/api/v1/stats/");
    let plain = Answer::to(list());
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    for accepted in ["gzip", "br, deflate, gzip;q=0.5", "identity;q=0, gzip"] {
        let (status, headers, body) = fetch(list(), accepted);
        assert_eq!(status, 200);
        assert_eq!(headers["content-encoding"], "gzip", "{accepted}");
        assert_eq!(headers["vary"], "accept-encoding");
        assert_eq!(headers["x-total-count"], "10");
        assert!(body.len() * 3 < plain.body.len(), "{}", body.len());
        assert!(unpacked(&body) == plain.body, "{accepted}");
    }
    for accepted in [
        "",
        "br",
        "gzip;q=0",
        "identity;q=0",
        "*;q=0",
        "\"",
        "identity",
    ] {
        let (status, headers, body) = fetch(list(), accepted);
        assert_eq!(
            (status, headers.get("content-encoding")),
            (200, None),
            "{accepted}"
        );
        assert!(body == plain.body.as_bytes());
    }
}

#[test]
fn a_few_bytes_are_sent_as_they_are() {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database);
    let (status, headers, body) = fetch(service.request(Method::GET, "/health"), "gzip");
    assert_eq!((status, headers.get("content-encoding")), (200, None));
    assert_eq!(body, br#"{"status":"ok"}"#);
    assert_eq!(headers["content-length"], "15");
}

#[test]
fn what_is_compressed_has_a_weak_tag_that_is_known_again() {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database);
    let office = service.front_office();
    let data: Vec<_> = (0..20)
        .map(|_| json!({"uuid": uuid(), "label2": "x", "count": 1, "maxRisk": 2, "averageRate": "1.5"}))
        .collect();
    office.post(&json!([stat(&uuid(), "threat", &days_ago(0), json!(data))]));
    let threats = || service.request(Method::GET, "/stats/threats.json");
    let plain = Answer::to(threats());
    let strong = plain.header("etag").unwrap().to_owned();
    assert!(strong.starts_with('"'));
    let (_, headers, body) = fetch(threats(), "gzip");
    assert_eq!(headers["etag"], format!("W/{strong}"));
    assert_eq!(unpacked(&body), plain.body);
    for tag in [format!("W/{strong}"), strong] {
        let (status, headers, body) = fetch(threats().header("If-None-Match", &tag), "gzip");
        assert_eq!((status, body.len()), (304, 0), "{tag}");
        assert!(headers["etag"].to_str().unwrap().starts_with("W/"));
        assert_eq!(headers["vary"], "accept-encoding");
    }
}
