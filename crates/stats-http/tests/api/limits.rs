//! Slow clients, on raw connections: the service disconnects them in time, and other clients do not wait for them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::thread::{available_parallelism, sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::json;
use stats_http::Limits;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{FrontOffice, LONG, ME, PROCESSED, STATS, Service, new_stat, wait_until};

fn start(database: &TestDatabase, limits: Limits) -> Service {
    Service::with_config(database, |config| config.limits = limits)
}

fn short_timeouts() -> Limits {
    let short = Duration::from_secs(1);
    Limits {
        header_timeout: short,
        keep_alive: short,
        stall_timeout: short,
        min_rate: NonZeroU32::new(500).unwrap(),
        ..Limits::default()
    }
}

/// Reads until the service disconnects.
#[track_caller]
fn read_to_end(mut socket: &TcpStream) -> String {
    let start = Instant::now();
    let mut response = Vec::new();
    // The connection ends with a reset if the service has not read all that was sent.
    let _ = socket.read_to_end(&mut response);
    assert!(start.elapsed() < LONG, "the service does not disconnect");
    String::from_utf8_lossy(&response).into_owned()
}

/// Stores stats that together exceed the buffers of the sockets.
fn store_large_stats(office: &FrontOffice<'_>, count: usize) {
    let text = "x".repeat(4 << 20);
    for _ in 0..count {
        office.store([new_stat("compliance", 0, json!([text]))]);
    }
}

/// Requests a list and reads none of it.
fn request_list(office: &FrontOffice<'_>) -> TcpStream {
    let token = office.client.token.reveal();
    let head = format!("GET {STATS} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {token}\r\n\r\n");
    office.service.connect(head)
}

#[test]
fn slow_headers_get_408() {
    let database = TestDatabase::sqlite();
    let service = start(&database, short_timeouts());
    let response = read_to_end(&service.connect("GET /health HTTP/1.1\r\nHos"));
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
}

#[test]
fn unfinished_second_requests_leave_connections_for_others() {
    let database = TestDatabase::sqlite();
    let connections = 4 * available_parallelism().unwrap().get();
    let limits = Limits {
        connections,
        ..short_timeouts()
    };
    let service = start(&database, limits);
    let begin_second = |_| {
        let mut socket = service.connect("HEAD /about HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut response = [0; 2000];
        let length = socket.read(&mut response).unwrap();
        assert!(response[..length].starts_with(b"HTTP/1.1 200 OK"));
        let _ = socket.write_all(b"GET /about HTTP/1.1\r\nX: ");
        socket
    };
    let _unfinished: Vec<_> = (0..2 * connections).map(begin_second).collect();
    for _ in 0..4 {
        assert_eq!(service.get("/health").status, 200);
    }
}

#[test]
fn slow_bodies_get_408() {
    let database = TestDatabase::sqlite();
    let service = start(&database, short_timeouts());
    let office = service.front_office();
    let mut slow = service.connect(office.post_head(1000) + "[");
    for _ in 0..25 {
        let _ = slow.write_all(b" ");
        sleep(Duration::from_millis(50));
    }
    let response = read_to_end(&slow);
    let status_line = "HTTP/1.1 408 Request Timeout\r\n";
    assert!(response.starts_with(status_line), "{response}");
    let content_type = "content-type: application/json";
    assert!(response.contains(content_type), "{response}");
    let body = r#"{"message":"The body did not arrive in time."}"#;
    assert!(response.ends_with(body), "{response}");

    // A body that arrives at the minimum rate may take longer than `stall_timeout`.
    let mut steady = service.connect(office.post_head(2 + 2000 + 100 * 40));
    let start = Instant::now();
    // A reserve in case this thread has to wait.
    steady.write_all(&[b' '; 2000]).unwrap();
    for _ in 0..40 {
        steady.write_all(&[b' '; 100]).unwrap();
        sleep(Duration::from_millis(50));
    }
    steady.write_all(b"[]").unwrap();
    assert!(start.elapsed() > short_timeouts().stall_timeout);
    let response = read_to_end(&steady);
    assert!(response.starts_with("HTTP/1.1 201 "), "{response}");
}

#[test]
fn an_unread_body_does_not_keep_a_connection() {
    let database = TestDatabase::sqlite();
    let service = start(&database, short_timeouts());
    for (method, status) in [("POST", "405"), ("GET", "200")] {
        for length in ["Transfer-Encoding: chunked", "Content-Length: 1000"] {
            let head = format!("{method} /about.json HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n");
            let mut socket = service.connect(&head);
            if method == "POST" {
                wait_until(|| {
                    sleep(Duration::from_millis(50));
                    socket.write_all(b"1\r\nx\r\n").is_err()
                });
            }
            let response = read_to_end(&socket);
            let status_line = format!("HTTP/1.1 {status} ");
            assert!(response.starts_with(&status_line), "{head} {response}");
        }
    }
}

#[test]
fn a_chunked_body_is_read() {
    let database = TestDatabase::sqlite();
    let service = start(&database, short_timeouts());
    let head = service.front_office().post_head(2);
    let head = head.replace("Content-Length: 2", "Transfer-Encoding: chunked");
    let mut socket = service.connect(head);
    socket.write_all(b"1\r\n[\r\n1\r\n]\r\n0\r\n\r\n").unwrap();
    let next = b"GET /about.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    socket.write_all(next).unwrap();
    let responses = read_to_end(&socket);
    assert!(responses.starts_with("HTTP/1.1 201 "), "{responses}");
    assert!(responses.contains("HTTP/1.1 200 "), "{responses}");
}

/// Limits with which nothing ends because a client does not read.
fn no_stall_timeouts() -> Limits {
    let never = Duration::from_secs(3600);
    Limits {
        stall_timeout: never,
        yield_timeout: never,
        list_timeout: never,
        ..Limits::default()
    }
}

/// Clients with stats that together exceed the buffers of the sockets, enough of them to use up all turns for lists.
fn greedy_clients(service: &Service) -> [FrontOffice<'_>; 2] {
    store_large_stats(&service.front_office(), 8);
    [(); 2].map(|()| service.admin())
}

/// Requests twice as many lists as there are turns.
fn request_lists(service: &Service, clients: &[FrontOffice<'_>; 2]) -> Vec<TcpStream> {
    let lists = Limits::default().lists.all;
    let clients = clients.iter().cycle().take(2 * lists as usize);
    let unread = clients.map(request_list).collect();
    wait_until(|| service.db.connections().in_use >= lists);
    unread
}

/// Asserts that a front office is served: its processor, list, POST and itself.
#[track_caller]
fn assert_served(office: &FrontOffice<'_>) {
    let processed = format!("{PROCESSED}?type=risk&processor=risk_averages");
    for path in [STATS, ME, &processed] {
        assert_eq!(office.get(path).status, 200, "{path}");
    }
    office.store([new_stat("risk", 0, json!([]))]);
}

on_each_database!(lists_that_are_not_read_delay_nothing_else);
fn lists_that_are_not_read_delay_nothing_else(database: &TestDatabase) {
    let service = start(database, no_stall_timeouts());
    let greedy = greedy_clients(&service);
    let _unread = request_lists(&service, &greedy);
    let other = service.front_office();
    for _ in 0..20 {
        assert_eq!(service.get("/health").status, 200);
        assert_eq!(service.get("/").status, 200);
        assert_eq!(other.get(ME).status, 200);
        other.store([new_stat("risk", 0, json!([]))]);
    }
    let in_use = service.db.connections().in_use;
    assert!(in_use >= Limits::default().lists.all, "{in_use}");
}

on_each_database!(lists_that_are_read_slowly_hold_no_turn_that_another_client_needs);
fn lists_that_are_read_slowly_hold_no_turn_that_another_client_needs(database: &TestDatabase) {
    let limits = Limits {
        yield_timeout: Duration::from_millis(500),
        turn_timeout: Duration::from_secs(3600),
        ..no_stall_timeouts()
    };
    let service = start(database, limits);
    let greedy = greedy_clients(&service);
    for mut list in request_lists(&service, &greedy) {
        // 2 KB/s.
        spawn(move || {
            while list.read(&mut [0; 100]).is_ok_and(|length| length > 0) {
                sleep(Duration::from_millis(50));
            }
        });
    }
    for _ in 0..2 {
        assert_served(&service.front_office());
    }
}

on_each_database!(a_list_that_is_not_read_ends);
fn a_list_that_is_not_read_ends(database: &TestDatabase) {
    let limits = Limits {
        stall_timeout: Duration::from_secs(1),
        ..no_stall_timeouts()
    };
    let service = start(database, limits);
    let greedy = greedy_clients(&service);
    let unread = request_lists(&service, &greedy);
    // Without another request that waits.
    wait_until(|| service.db.connections().in_use == 0);
    let rest = read_to_end(&unread[0]);
    assert!(rest.starts_with("HTTP/1.1 200 OK"));
    assert!(!rest.ends_with("0\r\n\r\n"), "the list must not look whole");
    assert_served(&service.front_office());
}

on_each_database!(a_client_cannot_use_up_the_list_turns);
fn a_client_cannot_use_up_the_list_turns(database: &TestDatabase) {
    let service = start(database, no_stall_timeouts());
    let office = service.front_office();
    store_large_stats(&office, 8);
    let _unread: Vec<_> = (0..12).map(|_| request_list(&office)).collect();
    let each = Limits::default().lists.each;
    wait_until(|| service.db.connections().in_use >= each);
    assert_served(&service.front_office());
}

#[test]
fn connections_beyond_the_limit_wait() {
    let database = TestDatabase::sqlite();
    let workers = available_parallelism().unwrap().get();
    let limits = Limits {
        connections: workers,
        header_timeout: Duration::from_secs(3),
        ..short_timeouts()
    };
    let service = start(&database, limits);
    let _idle: Vec<_> = (0..workers).map(|_| service.connect("")).collect();
    // Until the service has accepted them.
    let pause = Duration::from_millis(300);
    sleep(pause);
    let mut late = service.connect("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    late.set_read_timeout(Some(pause)).unwrap();
    assert!(late.read(&mut [0; 1]).is_err(), "all connections are taken");
    late.set_read_timeout(Some(LONG)).unwrap();
    // The idle connections time out.
    assert!(read_to_end(&late).starts_with("HTTP/1.1 200 OK"));
}
