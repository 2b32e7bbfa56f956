//! The program as a child process.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stats_testing::TestDatabase;
use stats_testing_http::{ADMIN_TOKEN, LONG, Server, isolate};

pub(crate) const ANALYSIS: &str = "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1";

/// A command that runs the program in this environment alone.
pub(crate) fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stats-server"));
    command.args(arguments);
    isolate(&mut command, environment);
    command
}

pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Server {
    Server::spawn(command(arguments, environment))
}

/// Starts a server on `database`, with an administrator.
pub(crate) fn start_on(database: &TestDatabase) -> Server {
    start_with(database, &[])
}

/// Starts a server on `database`, with an administrator and these settings.
pub(crate) fn start_with(database: &TestDatabase, settings: &[(&str, &str)]) -> Server {
    let mut environment = vec![
        ("DATABASE_URL", database.url()),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ];
    environment.extend(settings);
    start(&[], &environment)
}

/// The number of stored stats.
pub(crate) fn count_stats(server: &Server) -> usize {
    let list = server.get(&format!("/api/v1/stats/{ANALYSIS}"));
    list.as_array().unwrap().len()
}

/// Waits until a log file contains `text`, and reads it.
pub(crate) fn wait_for_file(path: &Path, text: &str) -> String {
    let start = Instant::now();
    loop {
        let log = std::fs::read_to_string(path).unwrap_or_default();
        if log.contains(text) {
            return log;
        }
        assert!(start.elapsed() < LONG, "no {text:?} in {log:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a server that fails to start, and returns its message, without the line of the log about its start.
pub(crate) fn start_error(environment: &[(&str, &str)]) -> String {
    let output = command(&[], environment).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"");
    let stderr = String::from_utf8(output.stderr).unwrap();
    match stderr.split_once('\n') {
        Some((first, rest)) if first.contains(" INFO stats_server::server ") => rest.to_owned(),
        _ => stderr,
    }
}

pub(crate) fn stats(count: usize) -> Value {
    let stat = json!({"anr": ANALYSIS, "type": "threat", "date": "2026-01-01", "data": []});
    vec![stat; count].into()
}
