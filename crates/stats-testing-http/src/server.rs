use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client as Http, Response};
use serde_json::Value;

use crate::log::Log;

/// The `ADMIN_TOKEN` of servers, with which [`Server`] sends its requests.
pub const ADMIN_TOKEN: &str = "sesame";
/// Upper bound of the time until a program starts or stops.
pub const LONG: Duration = Duration::from_secs(40);

/// `stats-server` as a child process. Dropping this value kills it.
pub struct Server {
    /// The process, whose standard output is piped unless the command says otherwise.
    pub process: Child,
    /// The log after `start_log`.
    pub log: BufReader<Log>,
    /// The log up to the line with the address.
    pub start_log: String,
    /// The URL, without a slash at the end.
    pub base: String,
}

impl Server {
    /// Runs a command that starts the server and pipes its log, and waits until it listens.
    pub fn spawn(mut command: Command) -> Self {
        let mut process = command.spawn().expect("a server");
        let log = process.stderr.take().expect("a piped log");
        let mut log = BufReader::new(Log::of(log));
        let start_log = wait_for(&mut log, "Listening on ");
        let base = base(&start_log);
        Self {
            process,
            log,
            start_log,
            base,
        }
    }

    /// The port on which the server listens.
    pub fn port(&self) -> u16 {
        let (_, port) = self.base.rsplit_once(':').expect("a URL with a port");
        port.parse().expect("a port")
    }

    /// Sends a GET request as the administrator.
    pub fn request(&self, path: &str) -> Response {
        let request = Http::new().get(format!("{}{path}", self.base));
        let request = request.header("X-API-KEY", ADMIN_TOKEN);
        request.send().expect("a response")
    }

    /// Returns the JSON at a path.
    pub fn get(&self, path: &str) -> Value {
        self.request(path).json().expect("JSON")
    }

    /// Posts stats as the administrator.
    pub fn post(&self, stats: &Value) -> Response {
        let request = Http::new().post(format!("{}/api/v1/stats/", self.base));
        let request = request.header("X-API-KEY", ADMIN_TOKEN);
        request.json(stats).send().expect("a response")
    }

    /// Sends the head of a POST of stats with a body of `length` bytes, and the start of the body.
    pub fn begin_post(&self, length: usize, start: &str) -> TcpStream {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port())).expect("a connection");
        let head = format!(
            "POST /api/v1/stats/ HTTP/1.1\r\nHost: x\r\nX-API-KEY: {ADMIN_TOKEN}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{start}"
        );
        let sent = socket.write_all(head.as_bytes());
        sent.expect("an open connection");
        // The server has accepted this connection once it responds on a later one.
        self.get("/health");
        socket
    }

    /// Sends the signal with this name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status();
        assert!(kill.expect("the program kill").success());
    }

    /// Waits until the server stops.
    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("a child process") {
                return status;
            }
            assert!(start.elapsed() < LONG, "the server does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops the server and returns the rest of its log.
    pub fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        assert!(self.wait().success());
        let lines = self.log.by_ref().lines();
        lines.map(|line| line.expect("text")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sets the environment of the command of a server to this one alone, with a free port and without the settings file of
/// this machine, and pipes its output.
pub fn isolate(command: &mut Command, environment: &[(&str, &str)]) {
    command
        .env_clear()
        // Nothing answers there.
        .env("MOSP_URL", "http://127.0.0.1:9")
        .env("PORT", "0")
        .env("STATS_CONFIG", "/dev/null")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// The URL in the log of a server.
pub fn base(log: &str) -> String {
    let (_, base) = log.split_once("Listening on ").expect("a server listens");
    base.lines().next().unwrap_or_default().to_owned()
}

/// Reads the output of a program up to the next line that contains `text`.
pub fn wait_for(output: &mut impl BufRead, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        if output.read_line(&mut all).expect("text") == 0 {
            panic!("the output ends without {text:?}: {all}");
        }
    }
    all
}
