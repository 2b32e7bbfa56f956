//! Arbitrary input: the status is 2xx or 4xx, and the service keeps running.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use stats_processors::Registry;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{
    FrontOffice, ME, PROCESSED, Response, STATS, Service, days_ago, new_stat, uuid,
};

/// Arbitrary JSON, often with names and values that the service interprets.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        known_value(),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((known_name(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

fn known_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec![
            "uuid", "anr", "anrs", "type", "date", "data", "risks", "current", "informational", "level", "value", "count",
            "maxRisk", "averageRate", "label1", "processor", "processor_params", "date_from", "limit", "offset",
            "get_last", "name", "token", "is_sharing_enabled", "deleted_at",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn known_value() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        json!("threat"),
        json!("risk"),
        json!("2026-11-20"),
        json!("2026-02-30"),
        json!("Low risks"),
        json!("2.82"),
        json!("b402d4e0-4576-11e9-9173-0800277f0571"),
        json!("risk_averages"),
        json!("\u{0}"),
        json!("NaN"),
        json!(1e308),
        json!(-1),
        json!(4_294_967_296_u64),
        json!([]),
        json!({}),
    ])
}

/// Replaces, removes, repeats or inserts bytes.
fn mutated(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..5_u8);
    proptest::collection::vec(edit, 1..8).prop_map(move |edits| {
        let mut bytes = bytes.clone();
        for (position, byte, kind) in edits {
            let position = position
                .index(bytes.len().max(1))
                .min(bytes.len().saturating_sub(1));
            match kind {
                _ if bytes.is_empty() => bytes.push(byte),
                0 => bytes[position] = byte,
                1 => drop(bytes.remove(position)),
                2 => bytes.insert(position, b"\"\\{}[],:0-eE.u"[usize::from(byte) % 14]),
                3 => bytes.truncate(position),
                _ => bytes.extend_from_within(position..),
            }
            bytes.truncate(50_000);
        }
        bytes
    })
}

/// Whether the response is JSON with the status 2xx, or an error 4xx.
fn is_regular(response: &Response) -> bool {
    let is_json = response.body.is_empty() || serde_json::from_str::<Value>(&response.body).is_ok();
    is_json && (200..300).contains(&response.status) || (400..500).contains(&response.status)
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

/// Asserts that all processors read the stored stats.
fn assert_processable(office: &FrontOffice<'_>) {
    for known in Registry::default().iter() {
        let arguments = json!({"type": known.stats_type, "processor": known.name});
        assert_eq!(office.get_with(PROCESSED, &arguments).status, 200);
    }
}

on_each_database!(mutated_payloads_do_not_break_the_service);
fn mutated_payloads_do_not_break_the_service(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let payload = json!([
        {"anr": analysis, "type": "threat", "date": days_ago(0),
            "data": [{"uuid": uuid(), "label1": "é\u{1F6E1}", "count": 1, "maxRisk": 1.5, "averageRate": "2.82"}]},
        {"anr": analysis, "type": "risk", "date": days_ago(1),
            "data": {"risks": {"current": {"informational": [{"level": "Low risks", "value": 3}]}}}},
    ]);
    let stored = Cell::new(0);
    runner(2000)
        .run(&mutated(payload.to_string().into_bytes()), |body| {
            let request = office.post_request("application/json").body(body);
            let response = Response::to(request);
            prop_assert!(is_regular(&response), "{response:?}");
            if response.status < 300 {
                prop_assert_eq!(response.status, 201);
                let count = response.json()["metadata"]["count"].clone();
                let count: usize = count.as_str().unwrap().parse().unwrap();
                stored.set(stored.get() + count);
            }
            Ok(())
        })
        .unwrap();
    let all = json!({"date_from": "0001-01-01", "date_to": "9999-12-31"});
    let list = office.get_with(STATS, &all);
    let total = stored.get().to_string();
    assert_eq!(list.header("x-total-count"), Some(total.as_str()));
    assert_processable(&office);
}

on_each_database!(arbitrary_documents_are_stored_and_processed);
fn arbitrary_documents_are_stored_and_processed(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let stats_type = proptest::sample::select(vec!["threat", "risk", "compliance"]);
    runner(300)
        .run(&(any_json(), stats_type), |(data, stats_type)| {
            let is_document = data.is_array() || data.is_object();
            let response = office.post(&json!([new_stat(stats_type, 0, data)]));
            let is_stored = response.status == 201 && is_document;
            prop_assert!(response.status == 400 || is_stored, "{response:?}");
            Ok(())
        })
        .unwrap();
    assert_processable(&office);
    assert!(!office.list(&json!({})).is_empty());
}

on_each_database!(arbitrary_arguments_do_not_break_the_service);
fn arbitrary_arguments_do_not_break_the_service(database: &TestDatabase) {
    let service = Service::start(database);
    let admin = service.admin();
    let route = proptest::sample::select(vec![
        (Method::GET, STATS),
        (Method::POST, STATS),
        (Method::GET, PROCESSED),
        (Method::POST, "/api/v1/client/"),
        (Method::PATCH, ME),
        (Method::DELETE, "/api/v1/stats/{anr}"),
        (Method::POST, "/api/v1/stats/deleted/"),
    ]);
    let input = (route, any_json(), "[a-z_]{0,8}=[ -~]{0,20}");
    runner(600)
        .run(&input, |((method, path), body, query)| {
            let response = admin.send(method, &format!("{path}?{query}"), &body);
            let is_unmodified = response.status == 304;
            prop_assert!(is_unmodified || is_regular(&response), "{response:?}");
            Ok(())
        })
        .unwrap();
    assert_eq!(admin.get("/health").status, 200);
}
