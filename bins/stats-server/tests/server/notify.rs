//! What systemd is told, over its socket.

use std::os::unix::net::UnixDatagram;

use stats_testing::TestDatabase;
use stats_testing_http::LONG;

use crate::support::start_with;

/// The socket of a service manager.
struct Manager(UnixDatagram);

impl Manager {
    /// The next message, without those to the watchdog.
    fn next(&self) -> String {
        loop {
            let message = self.any();
            if message != "WATCHDOG=1\n" {
                return message;
            }
        }
    }

    fn any(&self) -> String {
        let mut buffer = [0; 1000];
        let length = self.0.recv(&mut buffer).unwrap();
        str::from_utf8(&buffer[..length]).unwrap().to_owned()
    }
}

#[test]
fn systemd_is_told_when_the_server_is_ready_reloads_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(LONG)).unwrap();
    let database = TestDatabase::sqlite();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let mut server = start_with(&database, &environment);
    let ready = format!("READY=1\nSTATUS=Listening on {}\n", server.base);
    assert_eq!(
        manager.next(),
        "EXTEND_TIMEOUT_USEC=3600000000\nSTATUS=Preparing the database\n"
    );
    assert_eq!(manager.next(), ready);
    server.signal("HUP");
    let reloading = manager.next();
    let clock = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    clock.unwrap().trim_end().parse::<u64>().unwrap();
    assert_eq!(manager.next(), ready);
    server.signal("TERM");
    assert_eq!(
        manager.next(),
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=40000000\nSTATUS=Stopping once the requests in flight are answered\n"
    );
    assert!(server.wait().success());
}

#[test]
fn systemd_waits_for_a_server_that_drains() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(LONG)).unwrap();
    let database = TestDatabase::sqlite();
    let notify = ("NOTIFY_SOCKET", path.to_str().unwrap());
    let mut server = start_with(&database, &[notify, ("SHUTDOWN_DELAY", "1")]);
    assert!(manager.next().contains("Preparing"));
    assert!(manager.next().starts_with("READY=1"));
    server.signal("TERM");
    let draining = manager.next();
    let start = "STOPPING=1\nEXTEND_TIMEOUT_USEC=41000000\nSTATUS=Stopping in 1 s";
    assert!(draining.starts_with(start), "{draining}");
    let stopping = manager.next();
    assert!(stopping.contains("Stopping once"), "{stopping}");
    assert!(server.wait().success());
}

#[test]
fn the_watchdog_is_fed_also_while_the_database_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(LONG)).unwrap();
    let database = TestDatabase::sqlite();
    let server = start_with(
        &database,
        &[
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "60000"),
        ],
    );
    let feed = || while manager.any() != "WATCHDOG=1\n" {};
    feed();
    std::fs::remove_file(database.url().strip_prefix("sqlite://").unwrap()).unwrap();
    assert_eq!(server.request("/health").status(), 503);
    for _ in 0..5 {
        feed();
    }
}

#[test]
fn a_socket_that_nobody_reads_is_a_warning() {
    let database = TestDatabase::sqlite();
    let server = start_with(&database, &[("NOTIFY_SOCKET", "/none/notify")]);
    let warning = "The service manager cannot be notified (NOTIFY_SOCKET): No such file";
    assert!(server.start_log.contains(warning), "{}", server.start_log);
}
