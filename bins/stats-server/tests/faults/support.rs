//! The program as a child process.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;
use serde_json::Value;
use stats_testing::TestDatabase;
use stats_testing_http::{ADMIN_TOKEN, LONG, Server, isolate};

/// `short`, or `long` if `STATS_TEST_FAULTS` is `long`, as in `scripts/test-faults.sh`.
pub(crate) fn rounds(short: usize, long: usize) -> usize {
    match std::env::var("STATS_TEST_FAULTS").as_deref() {
        Ok("long") => long,
        _ => short,
    }
}

/// A command that runs the server on the database at `url`, with an administrator.
pub(crate) fn command(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stats-server"));
    isolate(
        &mut command,
        &[("DATABASE_URL", url), ("ADMIN_TOKEN", ADMIN_TOKEN)],
    );
    command
}

pub(crate) fn start_on(database: &TestDatabase) -> Server {
    Server::spawn(command(database.url()))
}

/// Runs a server that fails to start, and returns its message.
pub(crate) fn start_error(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    // The log begins with the version and the settings.
    match stderr.split_once('\n') {
        Some((first, rest)) if first.contains(" INFO stats_server::server ") => rest.to_owned(),
        _ => stderr,
    }
}

/// Waits until `condition` is true.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a response asks to try again later.
pub(crate) fn is_unavailable(response: &Response) -> bool {
    response.status() == 503 && response.headers().contains_key("retry-after")
}

/// The message of `/health`, or `None` if it is good.
pub(crate) fn illness(server: &Server) -> Option<String> {
    let response = server.request("/health");
    let status = response.status();
    let health: Value = response.json().unwrap();
    match status.as_u16() {
        200 => None,
        503 => Some(health["message"].as_str().unwrap().to_owned()),
        status => panic!("{status}: {health}"),
    }
}

/// Sets a flag when dropped: what runs until then ends also if the test fails.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A command that runs these commands of a shell in a mount namespace of its own, and then the server. Mounts end with the
/// server.
pub(crate) fn command_in_namespace(commands: &str, url: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg(format!("set -e; {commands}; exec \"$SERVER\""));
    let path = std::env::var("PATH").unwrap();
    let environment = [
        ("PATH", path.as_str()),
        ("SERVER", env!("CARGO_BIN_EXE_stats-server")),
        ("DATABASE_URL", url),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ];
    isolate(&mut command, &environment);
    command
}
