//! Signals that stop the server.

use std::io::{Read, Write};

use reqwest::blocking::Client as Http;
use serde_json::{Value, json};
use stats_core::{AnalysisId, RawJson, Stat, StatId, StatsType};
use stats_testing::{TestDatabase, client, day, on_each_database};
use stats_testing_http::{ADMIN_TOKEN, wait_for};

use crate::support::{count_stats, start_on, start_with, stats};

#[test]
fn requests_in_flight_are_answered_before_the_server_stops() {
    for signal in ["TERM", "INT"] {
        let database = TestDatabase::sqlite();
        let mut server = start_on(&database);
        let body = stats(2).to_string();
        let (start, rest) = body.split_at(body.len() / 2);
        let mut socket = server.begin_post(body.len(), start);
        server.signal(signal);
        wait_for(&mut server.log, "Stopping");
        socket.write_all(rest.as_bytes()).unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 201 Created"), "{response}");
        assert!(server.wait().success());
        assert_eq!(count_stats(&start_on(&database)), 2);
    }
}

#[test]
fn only_a_second_signal_interrupts_requests_in_flight() {
    let database = TestDatabase::sqlite();
    let mut idle = start_on(&database);
    idle.signal("TERM");
    assert!(idle.wait().success());

    let mut busy = start_on(&database);
    let _socket = busy.begin_post(9, "[");
    busy.signal("TERM");
    wait_for(&mut busy.log, "Stopping");
    busy.signal("TERM");
    wait_for(&mut busy.log, "Stopped at once");
    assert_eq!(busy.wait().code(), Some(130));
}

#[test]
fn a_server_that_is_about_to_stop_serves_and_sends_clients_elsewhere() {
    let database = TestDatabase::sqlite();
    let mut server = start_with(&database, &[("SHUTDOWN_DELAY", "600")]);
    let before = server.request("/health");
    assert!(!before.headers().contains_key("connection"));
    assert_eq!(server.get("/health/live"), json!({"status": "ok"}));
    server.signal("TERM");
    wait_for(&mut server.log, "Stopping in 600 s");
    let health = server.request("/health");
    assert_eq!(health.status(), 503);
    assert_eq!(
        health.json::<Value>().unwrap(),
        json!({"status": "stopping"})
    );
    assert_eq!(server.get("/health/live"), json!({"status": "ok"}));
    assert_eq!(server.post(&stats(2)).status(), 201);
    assert_eq!(count_stats(&server), 2);
    for path in [
        "/health",
        "/health/live",
        "/",
        "/api/v1/client/me",
        "/nothing",
    ] {
        let response = server.request(path);
        assert_eq!(response.headers()["connection"], "close", "{path}");
    }
    server.signal("INT");
    wait_for(&mut server.log, "Stopped at once");
    assert_eq!(server.wait().code(), Some(130));
}

#[test]
fn a_server_stops_after_the_delay_once_requests_are_answered() {
    let database = TestDatabase::sqlite();
    let mut server = start_with(&database, &[("SHUTDOWN_DELAY", "1")]);
    let body = stats(2).to_string();
    let (start, rest) = body.split_at(body.len() / 2);
    let mut socket = server.begin_post(body.len(), start);
    server.signal("TERM");
    wait_for(&mut server.log, "Stopping in 1 s");
    wait_for(&mut server.log, "Stopping once the requests in flight");
    socket.write_all(rest.as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 201 Created"), "{response}");
    assert!(server.wait().success());
    assert_eq!(count_stats(&start_on(&database)), 2);
}

on_each_database!(a_list_that_is_being_sent_is_completed_before_the_server_stops);
fn a_list_that_is_being_sent_is_completed_before_the_server_stops(database: &TestDatabase) {
    // Many times what the buffers of both sides hold, so that the server still reads rows when the signal comes.
    const STATS: usize = 300;
    let document = format!("[\"{}\"]", "x".repeat(100_000));
    let stats: Vec<_> = (0..STATS)
        .map(|_| Stat {
            uuid: StatId::random(),
            analysis: AnalysisId::random(),
            stats_type: StatsType::Risk,
            date: day("2026-01-01"),
            data: RawJson::parse(&document).unwrap(),
        })
        .collect();
    let db = database.migrated();
    let owner = client(&db, "CASES").id;
    for batch in stats.chunks(100) {
        db.insert_stats(owner, batch).unwrap();
    }
    drop(db);
    let mut server = start_on(database);
    let url = format!(
        "{}/api/v1/stats/?date_from=2026-01-01&date_to=2026-01-01",
        server.base
    );
    let request = Http::new().get(url).header("X-API-KEY", ADMIN_TOKEN);
    let mut response = request.send().unwrap();
    let mut list = vec![0; 1000];
    response.read_exact(&mut list).unwrap();
    server.signal("TERM");
    wait_for(&mut server.log, "Stopping");
    response.read_to_end(&mut list).unwrap();
    let list: Value = serde_json::from_slice(&list).unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), STATS);
    assert!(server.wait().success());
}
