//! Slow clients, over raw sockets: they are sent away in time, and meanwhile nobody else waits for them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use serde_json::json;
use stats_http::{HttpConfig, Limits};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{FrontOffice, Service, days_ago, stat, uuid};

/// Far more than any of the times that the tests set.
const LONG: Duration = Duration::from_secs(20);

fn start(database: &TestDatabase, limits: Limits) -> Service {
    Service::with_config(
        database,
        HttpConfig {
            limits,
            ..HttpConfig::default()
        },
    )
}

fn impatient() -> Limits {
    let short = Duration::from_secs(1);
    Limits {
        header_timeout: short,
        keep_alive: short,
        stall_timeout: short,
        min_rate: NonZeroU32::new(500).unwrap(),
        ..Limits::default()
    }
}

fn connect(service: &Service) -> TcpStream {
    let socket = TcpStream::connect(service.address).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket
}

/// What comes until the service hangs up.
fn read_to_end(mut socket: &TcpStream) -> String {
    let started = Instant::now();
    let mut answer = Vec::new();
    // It may end with a reset where something was left unread.
    let _ = socket.read_to_end(&mut answer);
    assert!(started.elapsed() < LONG, "it does not hang up");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a byte now and then for as long as somebody listens.
fn trickle(mut socket: &TcpStream, piece: &str) {
    let started = Instant::now();
    while socket.write_all(piece.as_bytes()).is_ok() {
        assert!(started.elapsed() < LONG, "it does not hang up");
        sleep(Duration::from_millis(50));
    }
}

fn post_head(office: &FrontOffice<'_>, length: usize) -> String {
    format!(
        "POST /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nX-API-KEY: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n",
        office.client.token.reveal()
    )
}

#[test]
fn headers_have_to_come_in_time() {
    let database = TestDatabase::sqlite();
    let service = start(&database, impatient());
    let mut socket = connect(&service);
    socket.write_all(b"GET /health HTTP/1.1\r\nHos").unwrap();
    let answer = read_to_end(&socket);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // Every further request on a connection too.
    let mut socket = connect(&service);
    socket
        .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nX: ")
        .unwrap();
    trickle(&socket, "x");
    let answer = read_to_end(&socket);
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
}

#[test]
fn bodies_have_to_keep_coming() {
    let database = TestDatabase::sqlite();
    let service = start(&database, impatient());
    let office = service.front_office();
    let mut slow = connect(&service);
    slow.write_all((post_head(&office, 1000) + "[").as_bytes())
        .unwrap();
    for _ in 0..25 {
        let _ = slow.write_all(b" ");
        sleep(Duration::from_millis(50));
    }
    let answer = read_to_end(&slow);
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("content-type: application/json"),
        "{answer}"
    );
    assert!(
        answer.ends_with(r#"{"message":"The body did not arrive in time."}"#),
        "{answer}"
    );

    // One that is as fast as it has to be may take longer than that.
    let mut steady = connect(&service);
    let piece = [b' '; 100];
    steady
        .write_all(post_head(&office, 2 + 100 * 40).as_bytes())
        .unwrap();
    let started = Instant::now();
    for _ in 0..40 {
        steady.write_all(&piece).unwrap();
        sleep(Duration::from_millis(50));
    }
    steady.write_all(b"[]").unwrap();
    assert!(started.elapsed() > impatient().stall_timeout);
    let answer = read_to_end(&steady);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[test]
fn a_body_that_nobody_reads_does_not_keep_a_connection() {
    let database = TestDatabase::sqlite();
    let service = start(&database, impatient());
    let mut socket = connect(&service);
    socket
        .write_all(b"POST /about.json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    trickle(&socket, "1\r\nx\r\n");
    assert!(read_to_end(&socket).starts_with("HTTP/1.1 405 "));
}

on_each_database!(who_never_reads_holds_up_nobody);
fn who_never_reads_holds_up_nobody(database: &TestDatabase) {
    let limits = Limits {
        header_timeout: Duration::from_secs(3),
        keep_alive: Duration::from_secs(3),
        stall_timeout: Duration::from_secs(3),
        list_timeout: Duration::from_secs(5),
        ..Limits::default()
    };
    let service = start(database, limits.clone());
    let office = service.front_office();
    // Far more than the buffers of the sockets take.
    let text = "x".repeat(4 << 20);
    for _ in 0..8 {
        let large = stat(&uuid(), "compliance", &days_ago(0), json!([text]));
        assert_eq!(office.post(&json!([large])).status, 201);
    }
    let other = service.front_office();
    let analysis = uuid();
    other.post(&json!([stat(&analysis, "risk", &days_ago(0), json!([]))]));

    // More than there are connections to the database, by as many clients as it takes to have all turns.
    let admins: Vec<_> = (0..limits.lists).map(|_| service.admin()).collect();
    let ask = |admin: &FrontOffice<'_>| {
        let mut socket = connect(&service);
        let token = admin.client.token.reveal();
        write!(
            socket,
            "GET /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nX-API-KEY: {token}\r\n\r\n"
        )
        .unwrap();
        socket
    };
    let first = ask(&admins[0]);
    first.peek(&mut [0]).unwrap();
    let others = admins.iter().cycle().skip(1);
    let silent: Vec<_> = others.take(3 * limits.lists - 1).map(ask).collect();
    let started = Instant::now();
    while service.db.connections().in_use < 6 {
        assert!(started.elapsed() < LONG, "the lists do not begin");
        sleep(Duration::from_millis(5));
    }
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(1) {
        let asked = Instant::now();
        assert_eq!(service.get("/health").status, 200);
        assert_eq!(other.get("/api/v1/client/me").status, 200);
        let posted = json!([stat(&analysis, "risk", &days_ago(0), json!([]))]);
        assert_eq!(other.post(&posted).status, 201);
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "{:?}",
            asked.elapsed()
        );
    }
    assert!(
        service.db.connections().in_use >= 6,
        "all that was while they were held"
    );

    // Whoever takes nothing gives back what it holds, and the lists of others go on.
    assert_eq!(other.get(&format!("/api/v1/stats/{analysis}")).status, 200);
    let started = Instant::now();
    drop(silent);
    while service.db.connections().in_use > 0 {
        assert!(
            started.elapsed() < LONG,
            "connections to the database are kept"
        );
        sleep(Duration::from_millis(20));
    }
    sleep(limits.list_timeout);
    let rest = read_to_end(&first);
    assert!(rest.starts_with("HTTP/1.1 200 OK"));
    assert!(!rest.ends_with("0\r\n\r\n"), "half a list is no list");
}

#[test]
fn a_client_does_not_take_the_turns_of_others() {
    let database = TestDatabase::sqlite();
    let service = start(&database, Limits::default());
    let office = service.front_office();
    let text = "x".repeat(4 << 20);
    for _ in 0..4 {
        office.post(&json!([stat(
            &uuid(),
            "compliance",
            &days_ago(0),
            json!([text])
        )]));
    }
    let silent: Vec<_> = (0..12)
        .map(|_| {
            let mut socket = connect(&service);
            let token = office.client.token.reveal();
            write!(
                socket,
                "GET /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nX-API-KEY: {token}\r\n\r\n"
            )
            .unwrap();
            socket
        })
        .collect();
    let started = Instant::now();
    while service.db.connections().in_use < 2 {
        assert!(started.elapsed() < LONG, "the lists do not begin");
        sleep(Duration::from_millis(5));
    }
    let asked = Instant::now();
    assert!(service.front_office().list(&json!({})).is_empty());
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    drop(silent);
}

#[test]
fn connections_are_bounded_and_wait_for_each_other() {
    let database = TestDatabase::sqlite();
    let workers = available_parallelism().unwrap().get();
    let limits = Limits {
        connections: workers,
        header_timeout: Duration::from_secs(3),
        ..impatient()
    };
    let service = start(&database, limits.clone());
    let idle: Vec<_> = (0..workers).map(|_| connect(&service)).collect();
    // Until the service has taken them in.
    sleep(Duration::from_millis(300));
    let mut late = connect(&service);
    late.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    late.set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert!(late.read(&mut [0; 1]).is_err(), "all connections are taken");
    late.set_read_timeout(Some(LONG)).unwrap();
    // Those that do nothing end by themselves.
    assert!(read_to_end(&late).starts_with("HTTP/1.1 200 OK"));
    drop(idle);
}
