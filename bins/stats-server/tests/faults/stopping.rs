//! SIGTERM during a long list.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use stats_testing::{TestDatabase, on_each_database};
use stats_testing_http::{ADMIN_TOKEN, Server, wait_for};

use crate::stored::store_stats;
use crate::support::{rounds, start_on};
use crate::traffic::listed;

/// More than the buffers of both sides hold.
const STATS: usize = 60_000;

/// Asks for a long list, and reads the start of the answer.
fn begin_list(server: &Server) -> (TcpStream, Vec<u8>) {
    let mut socket = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let request = format!(
        "GET /api/v1/stats/?date_from=2026-01-01&date_to=2026-12-31 HTTP/1.1\r\nHost: x\r\nX-API-KEY: {ADMIN_TOKEN}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut start = vec![0; 1000];
    socket.read_exact(&mut start).unwrap();
    assert!(start.starts_with(b"HTTP/1.1 200 OK"));
    (socket, start)
}

on_each_database!(a_long_list_ends_before_the_server_stops);
fn a_long_list_ends_before_the_server_stops(database: &TestDatabase) {
    let mut server = start_on_many(database);
    let (mut socket, mut answer) = begin_list(&server);
    server.signal("TERM");
    wait_for(&mut server.log, "Stopping");
    assert!(
        TcpStream::connect(("127.0.0.1", server.port())).is_err()
            || server.process.try_wait().unwrap().is_none()
    );
    socket.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.to_ascii_lowercase()
            .contains("transfer-encoding: chunked"),
        "{head}"
    );
    assert_eq!(listed(&dechunk(body)).len(), STATS);
    assert!(server.wait().success());
    drop(socket);
}

/// It takes half a minute.
#[test]
fn a_client_that_does_not_read_cannot_keep_the_server_from_stopping() {
    if rounds(0, 1) == 0 {
        return;
    }
    let database = TestDatabase::sqlite();
    let mut server = start_on_many(&database);
    let (_socket, _) = begin_list(&server);
    let begun = Instant::now();
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(
        begun.elapsed() < Duration::from_secs(35),
        "{:?}",
        begun.elapsed()
    );
}

fn start_on_many(database: &TestDatabase) -> Server {
    // The first server creates the tables and the administrator.
    stats_db::Db::create(&database.url().parse().unwrap()).unwrap();
    let server = start_on(database);
    store_stats(database, 0, STATS);
    server
}

/// The content of a chunked body.
fn dechunk(mut body: &str) -> String {
    let mut content = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n").expect("a complete body");
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return content;
        }
        content += &rest[..size];
        body = &rest[size + 2..];
    }
}
