//! Whatever is sent, the answer is a 2xx or a 4xx, and the service goes on.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Answer, Service, days_ago, stat, uuid};

const STATS: &str = "/api/v1/stats/";

/// JSON of any shape, with the names and values that the service knows among others.
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
            "get_last", "name", "token", "is_sharing_enabled",
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

/// Changes, drops, doubles or inserts bytes.
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

fn is_fine(answer: &Answer) -> bool {
    let is_json = answer.body.is_empty() || serde_json::from_str::<Value>(&answer.body).is_ok();
    is_json && (200..300).contains(&answer.status) || (400..500).contains(&answer.status)
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

on_each_database!(mutated_payloads_are_stored_or_refused);
fn mutated_payloads_are_stored_or_refused(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let payload = json!([
        {"anr": analysis, "type": "threat", "date": days_ago(0),
            "data": [{"uuid": uuid(), "label1": "é\u{1F6E1}", "count": 1, "maxRisk": 1.5, "averageRate": "2.82"}]},
        {"anr": analysis, "type": "risk", "date": days_ago(1),
            "data": {"risks": {"current": {"informational": [{"level": "Low risks", "value": 3}]}}}},
    ]);
    let stored = Cell::new(0_u64);
    runner(2000)
        .run(&mutated(payload.to_string().into_bytes()), |body| {
            let request = office
                .request(Method::POST, STATS)
                .header("Content-Type", "application/json")
                .body(body);
            let answer = Answer::to(request);
            prop_assert!(is_fine(&answer), "{answer:?}");
            if answer.status < 300 {
                prop_assert_eq!(answer.status, 201);
                let answer = answer.json();
                let count = answer["metadata"]["count"].as_str().unwrap();
                stored.set(stored.get() + count.parse::<u64>().unwrap());
            }
            Ok(())
        })
        .unwrap();
    let all = office.ask(
        STATS,
        &json!({"date_from": "0001-01-01", "date_to": "9999-12-31"}),
    );
    assert_eq!(
        all.header("x-total-count"),
        Some(stored.get().to_string().as_str()),
        "what was answered with 201 is there"
    );
    for known in stats_processors::all() {
        let arguments = json!({"type": known.stats_type(), "processor": known.name()});
        assert_eq!(
            office.ask("/api/v1/stats/processed/", &arguments).status,
            200
        );
    }
}

on_each_database!(documents_of_any_shape_are_stored_and_processed);
fn documents_of_any_shape_are_stored_and_processed(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    runner(300)
        .run(
            &(
                any_json(),
                proptest::sample::select(vec!["threat", "risk", "compliance"]),
            ),
            |(data, stats_type)| {
                let is_document = data.is_array() || data.is_object();
                let answer = office.post(&json!([stat(&uuid(), stats_type, &days_ago(0), data)]));
                prop_assert!(
                    answer.status == 400 || (answer.status == 201 && is_document),
                    "{answer:?}"
                );
                Ok(())
            },
        )
        .unwrap();
    for known in stats_processors::all() {
        let arguments = json!({"type": known.stats_type(), "processor": known.name()});
        assert_eq!(
            office.ask("/api/v1/stats/processed/", &arguments).status,
            200
        );
    }
    assert!(!office.list(&json!({})).is_empty());
}

on_each_database!(arguments_of_any_shape_are_understood_or_refused);
fn arguments_of_any_shape_are_understood_or_refused(database: &TestDatabase) {
    let service = Service::start(database);
    let admin = service.admin();
    let route = proptest::sample::select(vec![
        (Method::GET, "/api/v1/stats/"),
        (Method::POST, "/api/v1/stats/"),
        (Method::GET, "/api/v1/stats/processed/"),
        (Method::POST, "/api/v1/client/"),
        (Method::PATCH, "/api/v1/client/me"),
        (Method::DELETE, "/api/v1/stats/{anr}"),
    ]);
    runner(600)
        .run(
            &(route, any_json(), "[a-z_]{0,8}=[ -~]{0,20}"),
            |((method, path), body, query)| {
                let request = admin
                    .request(method, &format!("{path}?{query}"))
                    .json(&body);
                let answer = Answer::to(request);
                prop_assert!(is_fine(&answer) || answer.status == 304, "{answer:?}");
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(admin.get("/health").status, 200);
}
