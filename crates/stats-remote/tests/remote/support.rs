//! A real service on a real port, and remotes that answer whatever a test likes.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use stats_core::{AnalysisId, Client, RawJson, Stat, StatsType, Token};
use stats_db::Db;
use stats_http::{App, HttpConfig, serve};
use stats_remote::{Options, StatsClient};
use stats_testing::TestDatabase;

/// A running service, with one client.
pub(crate) struct Service {
    pub(crate) db: Db,
    pub(crate) client: Client,
    pub(crate) address: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
    _database: TestDatabase,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::with_config(HttpConfig::default())
    }

    pub(crate) fn with_config(config: HttpConfig) -> Self {
        let database = TestDatabase::sqlite();
        let db = database.migrated();
        let client = stats_testing::client(&db, "Économie & co");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = App::new(db.clone(), config);
        let (send_handle, handle) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let server = serve(listener, app).unwrap();
                send_handle.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self {
            db,
            client,
            address,
            handle: handle.recv().unwrap(),
            thread: Some(thread),
            _database: database,
        }
    }

    /// The service as its client sees it.
    pub(crate) fn remote(&self) -> StatsClient {
        self.remote_for(self.client.token.clone())
    }

    pub(crate) fn remote_for(&self, token: Token) -> StatsClient {
        StatsClient::new(&self.address, token, Options::default()).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        System::new().block_on(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the server panicked");
        }
    }
}

/// A remote that answers every request with what a test says, byte for byte, and then hangs up.
pub(crate) struct Remote {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The first line and the headers, with names in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    fn read(stream: &TcpStream, with_body: bool) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(": ") {
                line = format!("{}: {value}", name.to_lowercase());
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            head += &line;
        }
        let mut body = vec![0; if with_body { length } else { 0 }];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).unwrap();
        Some(Self { head, body })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

impl Remote {
    /// Answers with these bytes.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(true, move |mut stream, _| {
            let _ = stream.write_all(&answer);
        })
    }

    /// Gives the connection of each request, and its number, to `answer`, once the request was read with its body or
    /// up to it.
    pub(crate) fn start(
        with_body: bool,
        answer: impl Fn(TcpStream, usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (seen, over) = (Arc::clone(&requests), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            let number = AtomicUsize::new(0);
            let serve = |stream: TcpStream| {
                let patience = Some(Duration::from_secs(20));
                stream.set_read_timeout(patience).unwrap();
                if let Some(request) = Request::read(&stream, with_body) {
                    seen.lock().unwrap().push(request);
                    answer(stream, number.fetch_add(1, Ordering::SeqCst));
                }
            };
            // It ends when all connections have ended, and panics if one of them did.
            thread::scope(|scope| {
                for stream in listener.incoming() {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                    scope.spawn(|| serve(stream.unwrap()));
                }
            });
        });
        Self {
            address,
            requests,
            is_over,
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The remote for a client with the token `sesame`.
    pub(crate) fn client(&self) -> StatsClient {
        self.client_with(bounded())
    }

    pub(crate) fn client_with(&self, options: Options) -> StatsClient {
        StatsClient::new(&self.address(), "sesame".parse().unwrap(), options).unwrap()
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the remote panicked");
        }
    }
}

/// A limit to answers that a test can exceed.
pub(crate) fn bounded() -> Options {
    Options {
        max_answer_bytes: 100_000,
        ..Options::default()
    }
}

/// For what a test expects to take too long, and nothing else.
pub(crate) fn impatient() -> Options {
    Options {
        timeout: Duration::from_millis(300),
        ..Options::default()
    }
}

/// An HTTP answer with a JSON body.
pub(crate) fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// A threat stat with text from beyond ASCII.
pub(crate) fn stat(date: &str) -> Stat {
    Stat {
        data: RawJson::parse(r#"[ {"label1": "Hameçonnage 日本 🛡", "averageRate": "2.80"} ]"#)
            .unwrap(),
        ..stats_testing::stat(AnalysisId::random(), StatsType::Threat, date)
    }
}
