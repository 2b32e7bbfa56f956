//! Signals that stop the server.

use std::io::{Read, Write};

use stats_testing::TestDatabase;
use stats_testing_http::wait_for;

use crate::support::{count_stats, start_on, stats};

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
