//! The program as a child process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client as Http, Response};
use serde_json::{Value, json};
use stats_testing::TestDatabase;

pub(crate) const ADMIN_TOKEN: &str = "sesame";
pub(crate) const ANALYSIS: &str = "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1";

/// Upper bound of all waits in the tests.
pub(crate) const LONG: Duration = Duration::from_secs(40);

/// A command that runs the program in this environment alone.
pub(crate) fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stats-server"));
    command.args(arguments);
    isolate(&mut command, environment);
    command
}

/// Sets the environment of a command to this one alone, and pipes its output.
pub(crate) fn isolate(command: &mut Command, environment: &[(&str, &str)]) {
    command
        .env_clear()
        // Nothing answers there.
        .env("MOSP_URL", "http://127.0.0.1:9")
        .env("PORT", "0")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// A running server.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) log: BufReader<ChildStderr>,
    /// The log up to the line with the address.
    pub(crate) start_log: String,
    /// The URL, without a slash at the end.
    pub(crate) base: String,
}

impl Server {
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(command(arguments, environment))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let start_log = wait_for(&mut log, "Listening on ");
        let base = base(&start_log);
        Self {
            process,
            log,
            start_log,
            base,
        }
    }

    /// Starts a server on `database`, with an administrator.
    pub(crate) fn on(database: &TestDatabase) -> Self {
        Self::with(database, &[])
    }

    /// Starts a server on `database`, with an administrator and these settings.
    pub(crate) fn with(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        let mut environment = vec![
            ("DATABASE_URL", database.url()),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ];
        environment.extend(settings);
        Self::start(&[], &environment)
    }

    pub(crate) fn port(&self) -> u16 {
        self.base.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub(crate) fn request(&self, path: &str) -> Response {
        let request = Http::new().get(format!("{}{path}", self.base));
        let request = request.header("X-API-KEY", ADMIN_TOKEN);
        request.send().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.request(path).json().unwrap()
    }

    pub(crate) fn post(&self, stats: &Value) -> Response {
        let request = Http::new().post(format!("{}/api/v1/stats/", self.base));
        let request = request.header("X-API-KEY", ADMIN_TOKEN);
        request.json(stats).send().unwrap()
    }

    /// The number of stored stats.
    pub(crate) fn count_stats(&self) -> usize {
        let list = self.get(&format!("/api/v1/stats/{ANALYSIS}"));
        list.as_array().unwrap().len()
    }

    /// Sends the head of a POST of stats with a body of `length` bytes, and the start of the body.
    pub(crate) fn begin_post(&self, length: usize, start: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.base.strip_prefix("http://").unwrap()).unwrap();
        let head = format!(
            "POST /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nX-API-KEY: {ADMIN_TOKEN}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{start}"
        );
        socket.write_all(head.as_bytes()).unwrap();
        // The server has accepted this connection once it responds on a later one.
        self.get("/health");
        socket
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status();
        assert!(kill.unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LONG, "the server does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops the server and returns the rest of its log.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        assert!(self.wait().success());
        self.log.by_ref().lines().map(Result::unwrap).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The URL in the log of a server.
pub(crate) fn base(log: &str) -> String {
    let (_, base) = log.split_once("Listening on ").unwrap();
    base.lines().next().unwrap().to_owned()
}

/// Reads the log up to the next line that contains `text`.
pub(crate) fn wait_for(log: &mut impl BufRead, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        if log.read_line(&mut all).unwrap() == 0 {
            panic!("the log ends without {text:?}: {all}");
        }
    }
    all
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

/// Runs a server that fails to start, and returns its message.
pub(crate) fn start_error(environment: &[(&str, &str)]) -> String {
    let output = command(&[], environment).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

pub(crate) fn stats(count: usize) -> Value {
    let stat = json!({"anr": ANALYSIS, "type": "threat", "date": "2026-01-01", "data": []});
    vec![stat; count].into()
}
