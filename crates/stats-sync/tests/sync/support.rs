//! Two instances, and faults on the connection between them.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::time::Duration;

use stats_core::{AnalysisId, Client, RawJson, Stat, StatId, StatsFilter, StatsType, Token};
use stats_db::{ClientChange, Db};
use stats_http::HttpConfig;
use stats_remote::{HttpOptions, RemoteError, RetryPolicy, StatsClient};
use stats_sync::{Progress, RejectedStat};
use stats_testing::TestDatabase;
use stats_testing_http::{Remote, Request, Service, answer};

/// A fault of the connection during one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    None,
    /// The connection closes after this many bytes of the request.
    CutRequest(usize),
    /// The connection closes after this many bytes of the response.
    CutResponse(usize),
    /// A proxy responds instead of the service.
    Response(String),
    /// No response before the timeout of the client.
    Silence,
}

impl Fault {
    /// A response with this status and a message.
    pub(crate) fn status(status: &str) -> Self {
        Self::Response(answer(status, r#"{"message": "simulated"}"#))
    }

    pub(crate) fn retry_after(seconds: u64) -> Self {
        Self::Response(format!(
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ))
    }

    pub(crate) fn redirect() -> Self {
        let head = "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example.org/\r\n\
                    Content-Length: 0\r\nConnection: close\r\n\r\n";
        Self::Response(head.to_owned())
    }
}

/// This instance, on SQLite, with one client.
pub(crate) struct Local {
    pub(crate) db: Db,
    pub(crate) client: Client,
    _database: TestDatabase,
}

impl Local {
    /// The client has this many stats.
    pub(crate) fn with(stats: usize) -> Self {
        let database = TestDatabase::sqlite();
        let db = database.migrated();
        let client = stats_testing::client(&db, "a");
        arrive(&db, &client, "2026-11-20", stats);
        Self {
            db,
            client,
            _database: database,
        }
    }
}

/// The other instance with one account, behind a connection with faults.
pub(crate) struct Peer {
    pub(crate) service: Service,
    pub(crate) account: Client,
    connection: Remote,
    _database: TestDatabase,
}

impl Peer {
    pub(crate) fn start() -> Self {
        Self::with_faults(|_, _| Fault::None)
    }

    /// Applies these faults to the first requests.
    pub(crate) fn with_first_faults(faults: Vec<Fault>) -> Self {
        Self::with_faults(move |_, number| faults.get(number).cloned().unwrap_or(Fault::None))
    }

    /// Calls `fault` with each request and its number.
    pub(crate) fn with_faults(
        fault: impl Fn(&Request, usize) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let database = TestDatabase::sqlite();
        let service = Service::start(database.migrated(), HttpConfig::default());
        let account = stats_testing::client(&service.db, "the company");
        let to = service.address;
        let connection = Remote::start(true, move |stream, request, number| {
            forward(stream, request, to, fault(request, number));
        });
        Self {
            service,
            account,
            connection,
            _database: database,
        }
    }

    pub(crate) fn client(&self) -> StatsClient {
        self.client_with(HttpOptions::default())
    }

    pub(crate) fn client_with(&self, options: HttpOptions) -> StatsClient {
        let token = stats_testing::token(&self.account).clone();
        StatsClient::new(&self.connection.url(), token, options).unwrap()
    }

    pub(crate) fn client_with_unknown_token(&self) -> StatsClient {
        let token = Token::generate();
        StatsClient::new(&self.connection.url(), token, HttpOptions::default()).unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.connection.requests()
    }

    /// The bodies of the batches so far.
    pub(crate) fn batches(&self) -> Vec<String> {
        let requests = self.requests().into_iter();
        let posts = requests.filter(|request| request.head.starts_with("POST"));
        posts.map(|request| request.body).collect()
    }

    pub(crate) fn stats(&self) -> Vec<Stat> {
        all(&self.service.db)
    }
}

/// Forwards a request to the service, and its response to the client, unless there is a fault.
fn forward(mut client: TcpStream, request: &Request, to: SocketAddr, fault: Fault) {
    let head = &request.head;
    let mut bytes = format!("{head}connection: close\r\n\r\n{}", request.body).into_bytes();
    let mut limit = usize::MAX;
    match fault {
        Fault::None => {}
        Fault::CutRequest(length) => bytes.truncate(length),
        Fault::CutResponse(length) => limit = length,
        Fault::Response(response) => return client.write_all(response.as_bytes()).unwrap(),
        Fault::Silence => return assert_eq!(client.read(&mut [0]).unwrap(), 0),
    }
    let mut service = TcpStream::connect(to).unwrap();
    service.write_all(&bytes).unwrap();
    if matches!(fault, Fault::CutRequest(_)) {
        return;
    }
    let mut response = Vec::new();
    service.read_to_end(&mut response).unwrap();
    response.truncate(limit);
    client.write_all(&response).unwrap();
}

/// Records its calls and does not sleep.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) total: u64,
    pub(crate) done: u64,
    /// The delays in seconds.
    pub(crate) delays: Vec<u64>,
    pub(crate) rejected: Vec<(StatId, String)>,
    /// Cancels after this many steps.
    pub(crate) cancel_after: Option<u64>,
    /// Cancels during the first delay.
    pub(crate) cancel_in_delay: bool,
}

impl Progress for Recorder {
    fn start(&mut self, total: u64) {
        self.total = total;
    }

    fn advance(&mut self, steps: u64) {
        self.done += steps;
    }

    fn reject(&mut self, stat: &RejectedStat<'_>) {
        self.rejected.push((stat.uuid, stat.reason.to_owned()));
    }

    fn wait(&mut self, _: &RemoteError, delay: Duration) -> ControlFlow<()> {
        self.delays.push(delay.as_secs());
        if self.cancel_in_delay {
            self.cancel_after = Some(0);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn is_cancelled(&self) -> bool {
        self.cancel_after.is_some_and(|steps| self.done >= steps)
    }
}

pub(crate) fn unlimited_retries() -> RetryPolicy {
    RetryPolicy {
        max_attempts: u32::MAX,
        ..RetryPolicy::default()
    }
}

/// All stats of a database by date and id.
pub(crate) fn all(db: &Db) -> Vec<Stat> {
    db.stats(&StatsFilter::default()).unwrap()
}

/// A stat of a new analysis, with non-ASCII text and a number with a trailing zero.
pub(crate) fn stat(stats_type: StatsType, date: &str) -> Stat {
    Stat {
        data: RawJson::parse(r#"[{"label1": "Hameçonnage 日本 🛡", "averageRate": "2.80"}]"#)
            .unwrap(),
        ..stats_testing::stat(AnalysisId::random(), stats_type, date)
    }
}

/// Stores `number` stats of a day, of all types in turn.
pub(crate) fn arrive(db: &Db, client: &Client, date: &str, number: usize) -> Vec<Stat> {
    let types = StatsType::ALL.into_iter().cycle();
    let stats: Vec<_> = types.take(number).map(|kind| stat(kind, date)).collect();
    db.insert_stats(client.id, &stats).unwrap();
    stats
}

/// Stores a stat that an older version accepted and no instance accepts now.
pub(crate) fn arrive_malformed(db: &Db, client: &Client, date: &str) -> Stat {
    let malformed = Stat {
        data: RawJson::from_storage("5".to_owned()),
        ..stat(StatsType::Risk, date)
    };
    let stats = std::slice::from_ref(&malformed);
    db.insert_stats(client.id, stats).unwrap();
    malformed
}

pub(crate) fn set_sharing(db: &Db, client: &Client, is_sharing_enabled: bool) {
    let change = ClientChange::Sharing(is_sharing_enabled);
    db.change_client(client.uuid, &change).unwrap();
}

/// A deterministic generator (xorshift64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let mut x = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0 = self.0.wrapping_add(x);
        (x >> 20) as usize % limit
    }
}
