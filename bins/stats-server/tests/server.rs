//! The real program: how it starts, stops, and what it leaves behind.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::Client as Http;
use serde_json::{Value, json};
use stats_db::Db;
use stats_testing::{TestDatabase, on_each_database};

const ADMIN_TOKEN: &str = "sesame";
const ANALYSIS: &str = "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1";

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stats-server"));
    command
        .args(arguments)
        .env_clear()
        .env("PORT", "0")
        .envs(environment.iter().copied());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A server that has said where it listens.
struct Server {
    process: Child,
    log: BufReader<ChildStderr>,
    base: String,
}

impl Server {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut process = command(arguments, environment).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let line = wait_for(&mut log, "Listening on ");
        let base = line.split_once("Listening on ").unwrap().1.to_owned();
        Self { process, log, base }
    }

    fn on(database: &TestDatabase) -> Self {
        Self::start(
            &[],
            &[
                ("DATABASE_URL", database.url()),
                ("ADMIN_TOKEN", ADMIN_TOKEN),
            ],
        )
    }

    fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    fn get(&self, path: &str) -> Value {
        let request = Http::new()
            .get(format!("{}{path}", self.base))
            .header("X-API-KEY", ADMIN_TOKEN);
        request.send().unwrap().json().unwrap()
    }

    fn post(&self, stats: &Value) -> u16 {
        let request = Http::new()
            .post(format!("{}/api/v1/stats/", self.base))
            .header("X-API-KEY", ADMIN_TOKEN);
        request.json(stats).send().unwrap().status().as_u16()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(
                started.elapsed() < Duration::from_secs(40),
                "it does not stop"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The next line that holds `text`.
fn wait_for(log: &mut impl BufRead, text: &str) -> String {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        if log.read_line(&mut line).unwrap() == 0 {
            panic!("it ended without saying {text:?}: {all}");
        }
        if line.contains(text) {
            return line.trim_end().to_owned();
        }
        all += &line;
    }
}

/// What a program that does not start says.
fn refusal(environment: &[(&str, &str)]) -> String {
    let output = command(&[], environment).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

fn stats(count: usize) -> Value {
    let stat = json!({"anr": ANALYSIS, "type": "threat", "date": "2026-01-01", "data": []});
    vec![stat; count].into()
}

on_each_database!(it_starts_from_nothing_and_goes_on_where_it_was);
fn it_starts_from_nothing_and_goes_on_where_it_was(database: &TestDatabase) {
    // A PostgreSQL server is somebody else's: the database is created on purpose.
    if database.is_postgres() {
        let missing = refusal(&[("DATABASE_URL", database.url())]);
        assert!(missing.contains("does not exist"), "{missing}");
        Db::create(&database.url().parse().unwrap()).unwrap();
    }
    let server = Server::on(database);
    assert_eq!(server.get("/health"), json!({"status": "ok"}));
    assert_eq!(server.get("/api/v1/client/me")["role"], "2");
    assert_eq!(server.post(&stats(3)), 201);
    drop(server);
    let again = Server::on(database);
    assert_eq!(
        again
            .get(&format!("/api/v1/stats/{ANALYSIS}"))
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    assert_eq!(db.clients().unwrap().len(), 1, "the admin is created once");
}

on_each_database!(two_that_start_at_once_share_the_database);
fn two_that_start_at_once_share_the_database(database: &TestDatabase) {
    Db::create(&database.url().parse().unwrap()).unwrap();
    let environment = [
        ("DATABASE_URL", database.url()),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ];
    let servers: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| Server::start(&[], &environment)))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    for server in &servers {
        assert_eq!(server.post(&stats(1)), 201);
    }
    assert_eq!(
        servers[0]
            .get(&format!("/api/v1/stats/{ANALYSIS}"))
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    assert_eq!(db.clients().unwrap().len(), 1, "one admin");
}

on_each_database!(what_was_answered_survives_a_kill);
fn what_was_answered_survives_a_kill(database: &TestDatabase) {
    Db::create(&database.url().parse().unwrap()).unwrap();
    let server = Server::on(database);
    let acknowledged = std::thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let url = format!("{}/api/v1/stats/", server.base);
            let (http, batch) = (Http::new(), stats(10));
            let post = || {
                http.post(&url)
                    .header("X-API-KEY", ADMIN_TOKEN)
                    .json(&batch)
                    .send()
            };
            let answered =
                std::iter::from_fn(|| post().ok().filter(|answer| answer.status() == 201));
            answered.take(100_000).count()
        });
        std::thread::sleep(Duration::from_millis(300));
        server.signal("KILL");
        posting.join().unwrap()
    });
    drop(server);
    assert!(acknowledged > 0);
    let stored = Server::on(database)
        .get(&format!("/api/v1/stats/{ANALYSIS}"))
        .as_array()
        .unwrap()
        .len();
    assert_eq!(stored % 10, 0, "no half batches");
    assert!(
        [0, 10].contains(&(stored - 10 * acknowledged)),
        "{stored} of {acknowledged}; the last one was unanswered"
    );
}

#[test]
fn requests_in_flight_are_answered_before_it_stops() {
    for signal in ["TERM", "INT"] {
        let database = TestDatabase::sqlite();
        let mut server = Server::on(&database);
        let body = stats(2).to_string();
        let (first, second) = body.split_at(body.len() / 2);
        let mut socket = TcpStream::connect(server.address()).unwrap();
        write!(
            socket,
            "POST /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nX-API-KEY: {ADMIN_TOKEN}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{first}",
            body.len()
        )
        .unwrap();
        // Another request on another connection is answered, so that this one has been taken in before.
        server.get("/health");
        server.signal(signal);
        wait_for(&mut server.log, "Stopping");
        socket.write_all(second.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
        assert!(server.wait().success());
        assert_eq!(
            Server::on(&database)
                .get(&format!("/api/v1/stats/{ANALYSIS}"))
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
}

#[test]
fn an_idle_server_stops_at_once_and_a_second_signal_does_not_wait() {
    let database = TestDatabase::sqlite();
    let mut idle = Server::on(&database);
    idle.signal("TERM");
    assert!(idle.wait().success());

    let mut busy = Server::on(&database);
    let mut socket = TcpStream::connect(busy.address()).unwrap();
    write!(socket, "POST /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nX-API-KEY: {ADMIN_TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n[")
        .unwrap();
    busy.get("/health");
    busy.signal("TERM");
    wait_for(&mut busy.log, "Stopping");
    busy.signal("TERM");
    wait_for(&mut busy.log, "Stopped at once");
    assert_eq!(busy.wait().code(), Some(130));
}

#[test]
fn what_keeps_it_from_starting_is_told() {
    let database = TestDatabase::sqlite();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (environment, what) in [
        (
            &[("DATABASE_URL", "mysql://localhost/x")][..],
            "DATABASE_URL in the environment: must be sqlite://<path> or",
        ),
        (
            &[("DATABASE_URL", "postgres://me:secret@127.0.0.1:1/x")],
            "cannot connect to the database postgres://127.0.0.1:1/x",
        ),
        (
            &[("DATABASE_URL", database.url()), ("PORT", &port)],
            "HOST and PORT set another address",
        ),
        (
            &[("PORT", "x")],
            "PORT in the environment: 'x' is not a number from 0 to 65535",
        ),
        (
            &[("STATS_CONFIG", "/no/such/file.toml")],
            "/no/such/file.toml",
        ),
    ] {
        let error = refusal(environment);
        assert!(
            error.starts_with("stats-server: ") && error.contains(what),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn migrations_wait_when_they_are_told_to() {
    let database = TestDatabase::sqlite();
    let environment = [("DATABASE_URL", database.url()), ("DB_AUTO_MIGRATE", "0")];
    assert!(refusal(&environment).contains("stats-admin db upgrade"));
    database.migrated();
    Server::start(&[], &environment).get("/health");
}

#[test]
fn an_admin_token_that_somebody_else_has_is_refused() {
    let database = TestDatabase::sqlite();
    let client = stats_testing::client(&database.migrated(), "CASES");
    let environment = [
        ("DATABASE_URL", database.url()),
        ("ADMIN_TOKEN", client.token.reveal()),
    ];
    let error = refusal(&environment);
    assert!(
        error.contains("ADMIN_TOKEN is the token of a client that is no admin"),
        "{error}"
    );
    assert!(!error.contains(client.token.reveal()), "{error}");
}

#[test]
fn the_log_goes_to_the_file_that_is_set() {
    let database = TestDatabase::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log/stats.log");
    let environment = [
        ("DATABASE_URL", database.url()),
        ("LOG_PATH", path.to_str().unwrap()),
    ];
    let mut process = command(&[], &environment).spawn().unwrap();
    let started = Instant::now();
    let is_listening =
        || std::fs::read_to_string(&path).is_ok_and(|log| log.contains("Listening on"));
    while !is_listening() && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let log = std::fs::read_to_string(&path).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("Listening on"))
        .unwrap();
    let parts: Vec<_> = line.splitn(7, ' ').collect();
    assert_eq!(
        (parts[2], parts[3], parts[4]),
        ("INFO", "stats_server::server", "serve"),
        "{line}"
    );
}

#[test]
fn the_demonstration_shows_what_it_says() {
    let mut demo = Server::start(&["--demo"], &[]);
    let mut introduction = BufReader::new(demo.process.stdout.take().unwrap());
    let mut commands = Vec::new();
    for line in introduction.by_ref().lines().map(Result::unwrap) {
        commands.extend(
            line.trim()
                .strip_prefix("curl -H 'X-API-KEY: ")
                .map(str::to_owned),
        );
        if line.starts_with("Ctrl-C") {
            break;
        }
    }
    assert_eq!(commands.len(), 4);
    for command in commands {
        let (token, url) = command.split_once("' '").unwrap();
        let answer = Http::new()
            .get(url.trim_end_matches('\''))
            .header("X-API-KEY", token)
            .send()
            .unwrap();
        assert_eq!(answer.status(), 200, "{command}");
        let answer: Value = answer.json().unwrap();
        assert!(answer["data"] != json!([]), "{command}: {answer}");
    }
    demo.signal("INT");
    assert!(demo.wait().success());
}

#[test]
fn help_version_and_sample_settings_need_nothing() {
    let nothing = [("DATABASE_URL", "mysql://nothing")];
    for (argument, what) in [
        ("--help", "--demo"),
        ("--version", env!("CARGO_PKG_VERSION")),
        ("--sample-settings", "#PORT = 5000"),
    ] {
        let output = command(&[argument], &nothing).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8(output.stdout).unwrap().contains(what));
    }
}
