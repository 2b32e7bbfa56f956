use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::json;
use stats_http::fuzzing::{self, Refusal, Route};

use crate::{SECRET, assert_short};

const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();

/// The arguments of a request: a letter for the route and the query string in the first line, the body in the others.
pub fn arguments(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (query, body) = data.split_at(end.unwrap_or(data.len()));
    // A query string is part of a URI, so it is ASCII.
    let query: String = query.iter().map(|byte| char::from(byte & 0x7F)).collect();
    let Some((route, query)) = query.split_at_checked(1) else {
        return;
    };
    let body = body.get(1..).unwrap_or_default();
    let route = match route {
        "l" => Route::ListStats,
        "p" => Route::Process,
        _ => Route::CreateClient,
    };
    let read = |query: &str, body: &[u8]| fuzzing::arguments(route, query, body, TODAY);
    let found = read(query, body);
    match &found {
        Ok(text) => assert!(!text.is_empty()),
        Err(refusal) => check_refusal(refusal),
    }
    check_flat_query(query, read);
    check_token(&String::from_utf8_lossy(body));
}

fn check_refusal(Refusal { status, body, log }: &Refusal) {
    assert_eq!(*status, 400);
    let message = body["message"].as_str().expect("a refusal has a message");
    assert!(!message.is_empty());
    assert_short(&body.to_string(), 1 << 10);
    assert_short(log, 1 << 10);
    if message == "Input payload validation failed" {
        let errors = body["errors"].as_object().expect("it has errors");
        assert!(!errors.is_empty());
    }
}

/// Arguments mean the same in the query string and in the body.
fn check_flat_query(query: &str, read: impl Fn(&str, &[u8]) -> Result<String, Refusal>) {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let pairs: Vec<(String, String)> = pairs.into_owned().collect();
    let object: BTreeMap<_, _> = pairs.iter().cloned().collect();
    if query.is_empty()
        || object.len() != pairs.len()
        || object.keys().any(|name| name.contains('['))
    {
        return;
    }
    let (one, other) = (
        read(query, b""),
        read("", json!(object).to_string().as_bytes()),
    );
    match (one, other) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (Err(one), Err(other)) => assert_eq!(one.body, other.body),
        // Dates in the wrong order are an error in a query string only.
        (Err(one), Ok(_)) => assert!(one.body["errors"]["date_from"].is_string(), "{one:?}"),
        (Ok(one), Err(other)) => panic!("{one}: {other:?}"),
    }
}

/// An invalid token is not quoted.
fn check_token(text: &str) {
    let token = format!("{text}{SECRET} ");
    let body = json!({"name": "x", "is_sharing_enabled": 1, "token": token}).to_string();
    let refusal = fuzzing::arguments(Route::CreateClient, "", body.as_bytes(), TODAY);
    let refusal = format!("{:?}", refusal.expect_err("a token has no space"));
    assert!(!refusal.contains(SECRET), "{refusal}");
}
