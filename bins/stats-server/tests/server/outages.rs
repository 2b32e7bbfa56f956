//! A full disk, a damaged database, and a low limit of open files.

use std::fs::{self, OpenOptions};
use std::process::Command;

use serde_json::Value;
use stats_testing::TestDatabase;
use stats_testing_http::{ADMIN_TOKEN, Server, isolate};

use crate::support::{count_stats, start_on, stats};

/// Starts the server in a shell, after these commands. `wrapper` is the command that runs the shell.
fn start_in_shell(wrapper: &[&str], commands: &str, environment: &[(&str, &str)]) -> Server {
    Server::spawn(command_in_shell(wrapper, commands, environment))
}

/// A command that starts the server in a shell, after these commands.
pub(crate) fn command_in_shell(
    wrapper: &[&str],
    commands: &str,
    environment: &[(&str, &str)],
) -> Command {
    let script = format!("{commands}; exec \"$SERVER\"");
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).args(["sh", "-c", &script]);
    let path = std::env::var("PATH").unwrap();
    let mut environment = environment.to_vec();
    environment.extend([
        ("PATH", path.as_str()),
        ("SERVER", env!("CARGO_BIN_EXE_stats-server")),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ]);
    isolate(&mut command, &environment);
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_503_until_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let url = format!("sqlite://{path}/disk/stats.db");
    // The file system is unmounted when the server ends.
    let server = start_in_shell(
        &["unshare", "--user", "--map-root-user", "--mount"],
        &format!(
            "set -e; mkdir {path}/disk; mount -t tmpfs -o size=2m tmpfs {path}/disk; \
                  head -c 1000000 /dev/zero >{path}/disk/ballast"
        ),
        &[("DATABASE_URL", &url)],
    );
    let ballast = format!("/proc/{}/root{path}/disk/ballast", server.process.id());
    let batch = stats(500);
    let mut stored = 0;
    let full = loop {
        let response = server.post(&batch);
        if response.status() != 201 {
            break response;
        }
        stored += 500;
    };
    assert_eq!(full.status(), 503);
    assert!(full.headers().contains_key("retry-after"));
    assert_eq!(count_stats(&server), stored);
    fs::remove_file(ballast).unwrap();
    assert_eq!(server.post(&stats(1)).status(), 201);
    assert_eq!(count_stats(&server), stored + 1);
    let mut log = server.stop();
    log.retain(|line| line.contains(" 503 to ADMIN"));
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains("database or disk is full"), "{log:?}");
}

#[test]
fn a_truncated_database_is_unhealthy_and_rejects_posts() {
    let database = TestDatabase::sqlite();
    let server = start_on(&database);
    assert_eq!(server.post(&stats(5000)).status(), 201);
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    let path = database.url().strip_prefix("sqlite://").unwrap();
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let health = server.request("/health");
    assert_eq!(health.status(), 503);
    let health: Value = health.json().unwrap();
    assert_eq!(health["status"], "unavailable");
    let message = health["message"].as_str().unwrap();
    assert!(message.contains("damaged"), "{message}");
    let response = server.post(&stats(1));
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let log = server.stop();
    let is_error = |line: &String| line.contains(" ERROR ") && line.contains("is damaged");
    assert!(log.iter().any(is_error), "{log:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_limit_of_open_files_is_raised() {
    let database = TestDatabase::sqlite();
    let start = |ulimit| start_in_shell(&["env"], ulimit, &[("DATABASE_URL", database.url())]);
    let server = start("ulimit -Sn 300");
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.process.id())).unwrap();
    let (_, limit) = limits.split_once("Max open files").unwrap();
    let soft: u64 = limit.split_whitespace().next().unwrap().parse().unwrap();
    assert!(soft >= 2000, "{limits}");
    drop(server);
    let log = &start("ulimit -n 300").start_log;
    let warning = "Only 300 files may be open at once";
    assert!(log.contains(warning), "{log}");
}
