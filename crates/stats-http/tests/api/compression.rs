//! Compressed responses.

use std::io::Read;

use flate2::read::GzDecoder;
use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::json;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Response, STATS, Service, new_stat, uuid};

/// Sends a request with this `Accept-Encoding`; returns the status, the headers and the bytes of the body.
fn fetch(request: RequestBuilder, accepted: &str) -> (u16, HeaderMap, Vec<u8>) {
    let response = request.header("Accept-Encoding", accepted).send().unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().unwrap().to_vec())
}

fn decompress(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

on_each_database!(long_responses_are_compressed_on_request);
fn long_responses_are_compressed_on_request(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let words = (0..20_000).map(|number| format!("word {number} "));
    let text: String = words.collect();
    let stats: Vec<_> = (0..10)
        .map(|_| new_stat("threat", 0, json!([text])))
        .collect();
    office.store(&stats);
    let list = || office.request(Method::GET, STATS);
    let plain = Response::to(list());
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    for accepted in ["gzip", "br, deflate, gzip;q=0.5", "identity;q=0, gzip"] {
        let (status, headers, body) = fetch(list(), accepted);
        assert_eq!(status, 200);
        assert_eq!(headers["content-encoding"], "gzip", "{accepted}");
        assert_eq!(headers["vary"], "accept-encoding");
        assert_eq!(headers["x-total-count"], "10");
        assert!(body.len() * 3 < plain.body.len(), "{}", body.len());
        assert!(decompress(&body) == plain.body, "{accepted}");
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
        assert_eq!(status, 200, "{accepted}");
        assert_eq!(headers.get("content-encoding"), None, "{accepted}");
        assert!(body == plain.body.as_bytes());
    }
}

#[test]
fn short_responses_are_not_compressed() {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database);
    let (status, headers, body) = fetch(service.request(Method::GET, "/health"), "gzip");
    assert_eq!((status, headers.get("content-encoding")), (200, None));
    assert_eq!(body, br#"{"status":"ok"}"#);
    assert_eq!(headers["content-length"], "15");
}

#[test]
fn compressed_responses_have_weak_etags() {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database);
    let threat =
        || json!({"uuid": uuid(), "label2": "x", "count": 1, "maxRisk": 2, "averageRate": "1.5"});
    let data: Vec<_> = (0..20).map(|_| threat()).collect();
    let office = service.front_office();
    office.store([new_stat("threat", 0, json!(data))]);
    let threats = || service.request(Method::GET, "/stats/threats.json");
    let plain = Response::to(threats());
    let strong = plain.header("etag").unwrap().to_owned();
    assert!(strong.starts_with('"'));
    let (_, headers, body) = fetch(threats(), "gzip");
    assert_eq!(headers["etag"], format!("W/{strong}"));
    assert_eq!(decompress(&body), plain.body);
    for tag in [format!("W/{strong}"), strong] {
        let (status, headers, body) = fetch(threats().header("If-None-Match", &tag), "gzip");
        assert_eq!((status, body.len()), (304, 0), "{tag}");
        assert!(headers["etag"].to_str().unwrap().starts_with("W/"));
        assert_eq!(headers["vary"], "accept-encoding");
    }
}
