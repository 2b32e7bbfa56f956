//! `stats-server --check`, and what the log says about the start.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::BufReader;
use std::net::TcpListener;
use std::path::Path;

use stats_testing::TestDatabase;
use stats_testing_http::{Server, wait_for};

use crate::outages::command_in_shell;
use crate::support::{command, start_on, start_with};

/// The exit code and the standard output of `--check`.
fn check(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let mut all = vec!["--check"];
    all.extend(arguments);
    let output = command(&all, environment).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let stdout = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), stdout)
}

/// The files in a folder, each with the hash of its content.
fn files(folder: &Path) -> Vec<(String, u64)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let mut hash = DefaultHasher::new();
            hash.write(&fs::read(entry.path()).unwrap());
            (entry.file_name().into_string().unwrap(), hash.finish())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn check_prints_settings_and_checks_and_changes_nothing() {
    let database = TestDatabase::sqlite();
    let path = Path::new(database.url().strip_prefix("sqlite://").unwrap());
    let folder = path.parent().unwrap();
    let log = folder.join("stats.log");
    let environment = [
        ("DATABASE_URL", database.url()),
        ("ADMIN_TOKEN", "sesame"),
        ("LOG_PATH", log.to_str().unwrap()),
    ];
    let (code, before) = check(&[], &environment);
    assert_eq!(code, 1, "{before}");
    let first = format!(
        "STATS WARNING - the database sqlite://{} does not exist yet | free_bytes=",
        path.display()
    );
    assert!(before.starts_with(&first), "{before}");
    assert_eq!(
        fs::read_dir(folder).unwrap().count(),
        0,
        "it created a file"
    );

    assert!(
        start_on(&database)
            .stop()
            .last()
            .unwrap()
            .contains("Stopped")
    );
    // The last connection moves the content of the -wal file into the database.
    database.execute("PRAGMA user_version");
    let files_before = files(folder);
    let (code, after) = check(&[], &environment);
    assert_eq!(code, 0, "{after}");
    assert!(after.starts_with("STATS OK - "), "{after}");
    for line in [
        r#"  ADMIN_TOKEN                  "…""#,
        "  ok       tables     up to date",
        "  ok       integrity  the file is not damaged",
    ] {
        assert!(after.contains(line), "{after}");
    }
    assert!(!after.contains("sesame"), "{after}");
    assert_eq!(files(folder), files_before);

    let (code, json) = check(&["--json"], &environment);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, json["exit_code"].as_i64()), (0, Some(0)));
    let settings = json["settings"].as_array().unwrap();
    let token = settings
        .iter()
        .find(|setting| setting["key"] == "ADMIN_TOKEN");
    assert_eq!(token.unwrap()["origin"], "the environment");
}

#[test]
fn check_tells_whether_the_server_could_listen() {
    let database = TestDatabase::sqlite();
    let running = start_on(&database);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let (running_port, other_port) = (running.port(), other.local_addr().unwrap().port());
    // A program that is not ours, and disconnects.
    let other = std::thread::spawn(move || drop(other.accept().unwrap()));
    for (host, port, code, found) in [
        ("127.0.0.1", running_port, 0, "/health answers"),
        (
            "127.0.0.1",
            other_port,
            2,
            "no answer from http://127.0.0.1",
        ),
        (
            "192.0.2.1",
            5000,
            2,
            "it cannot listen on 192.0.2.1, port 5000: ",
        ),
        ("127.0.0.1", 0, 0, "it can listen on 127.0.0.1, port 0"),
    ] {
        let port = port.to_string();
        let environment = [
            ("DATABASE_URL", database.url()),
            ("HOST", host),
            ("PORT", &port),
        ];
        let (exit, text) = check(&[], &environment);
        assert_eq!(exit, code, "{text}");
        assert!(text.contains(found), "{text}");
    }
    other.join().unwrap();
}

#[test]
fn settings_that_cannot_be_read_are_unknown() {
    let (code, text) = check(&[], &[("PORT", "x|y")]);
    assert_eq!(code, 3);
    assert_eq!(
        text,
        "STATS UNKNOWN - invalid PORT in the environment: 'x/y' is not a number from 0 to 65535\n"
    );
}

#[test]
fn the_log_begins_with_version_settings_file_and_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stats.toml");
    fs::write(&file, "DATABASE_URL = 'sqlite://data/stats.db'").unwrap();
    let mut command = command(&[], &[("STATS_CONFIG", file.to_str().unwrap())]);
    // A relative path of the database.
    command.current_dir(folder.path());
    let server = Server::spawn(command);
    let version = env!("CARGO_PKG_VERSION");
    let line = format!(
        "stats-server {version}, settings file {}, database sqlite://{}/data/stats.db\n",
        file.display(),
        folder.path().display()
    );
    let first = server.start_log.split_inclusive('\n').next().unwrap();
    assert!(first.ends_with(&line), "{first}");
    let mut log = vec![server.start_log.clone()];
    log.extend(server.stop());
    // What actix says about its threads.
    assert!(!log.concat().contains("actix"), "{log:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_settings_file_in_etc_is_read_except_by_the_demo() {
    // An /etc of its own, with this settings file.
    let start = |settings: &str, arguments: &str| {
        let commands = format!(
            "set -e; mount -t tmpfs tmpfs /etc; mkdir /etc/stats-server; \
             echo \"{settings}\" >/etc/stats-server/stats.toml; exec \"$SERVER\" {arguments}"
        );
        command_in_shell(
            &["unshare", "--user", "--map-root-user", "--mount"],
            &commands,
            &[("STATS_CONFIG", "")],
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let database = format!("DATABASE_URL = 'sqlite://{}/x.db'", folder.path().display());
    let server = Server::spawn(start(&database, ""));
    let line = ", settings file /etc/stats-server/stats.toml, database sqlite://";
    assert!(server.start_log.contains(line), "{}", server.start_log);
    assert!(folder.path().join("x.db").exists());

    let refused = start("POTR = 1", "").output().unwrap();
    let refused = String::from_utf8(refused.stderr).unwrap();
    let expected =
        "stats-server: the settings file /etc/stats-server/stats.toml has the unknown key";
    assert!(refused.starts_with(expected), "{refused}");
    let mut demo = start("POTR = 1", "--demo");
    let mut demo = demo.env("TMPDIR", folder.path()).spawn().unwrap();
    let mut log = BufReader::new(demo.stderr.take().unwrap());
    wait_for(&mut log, ", no settings file, temporary database\n");
    // Without waiting for its stats.
    demo.kill().unwrap();
    demo.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_of_the_log_does_not_stop_the_service() {
    let database = TestDatabase::sqlite();
    let server = start_with(&database, &[("LOG_PATH", "/dev/full")]);
    let error = "The log file /dev/full cannot be written: No space left on device";
    assert!(server.start_log.contains(error), "{}", server.start_log);
    assert_eq!(server.get("/health")["status"], "ok");
    assert_eq!(server.request("/api/v1/none").status(), 404);
    let log = server.stop().concat();
    assert!(log.contains("GET unknown path 404") && !log.contains("cannot be written"));
}
