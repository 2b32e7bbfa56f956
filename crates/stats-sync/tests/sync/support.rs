//! Two instances, with a line between them that can be disturbed.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::time::Duration;

use stats_core::{AnalysisId, Client, RawJson, Stat, StatId, StatsFilter, StatsType, Token};
use stats_db::Db;
use stats_http::HttpConfig;
use stats_remote::{Options, RemoteError, Retry, StatsClient};
use stats_sync::{Refused, Watch};
use stats_testing::{Remote, Request, Service, TestDatabase, answer};

/// What a disturbed line does to a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It is cut after so many bytes of the request.
    CutRequest(usize),
    /// It is cut after so many bytes of the answer.
    CutAnswer(usize),
    /// The service gets nothing, and this is the answer.
    Answer(String),
    /// Nothing happens, until whoever asked gives up.
    Silence,
}

impl Fault {
    /// An answer with this status, and a message.
    pub(crate) fn status(status: &str) -> Self {
        Self::Answer(answer(status, r#"{"message": "so it is"}"#))
    }
}

/// This instance, on SQLite, with a client.
pub(crate) struct NearSide {
    pub(crate) db: Db,
    pub(crate) owner: Client,
    pub(crate) _database: TestDatabase,
}

impl NearSide {
    /// The client has sent so many stats.
    pub(crate) fn with(stats: usize) -> Self {
        let database = TestDatabase::sqlite();
        let db = database.migrated();
        let owner = stats_testing::client(&db, "a");
        arrive(&db, &owner, "2026-11-20", stats);
        Self {
            db,
            owner,
            _database: database,
        }
    }
}

/// Another instance behind a line that can be disturbed, with an account on it.
pub(crate) struct FarSide {
    pub(crate) service: Service,
    pub(crate) account: Client,
    line: Remote,
    _database: TestDatabase,
}

impl FarSide {
    pub(crate) fn start() -> Self {
        Self::behind(|_, _| Fault::None)
    }

    /// Lets `fault` decide about each request, which it is given with its number.
    pub(crate) fn behind(fault: impl Fn(&Request, usize) -> Fault + Send + Sync + 'static) -> Self {
        let database = TestDatabase::sqlite();
        let service = Service::start(database.migrated(), HttpConfig::default());
        let account = stats_testing::client(&service.db, "the company");
        let to = service.address;
        let line = Remote::start(true, move |stream, request, number| {
            pass_on(stream, request, to, fault(request, number));
        });
        Self {
            service,
            account,
            line,
            _database: database,
        }
    }

    pub(crate) fn client(&self) -> StatsClient {
        self.client_with(Options::default())
    }

    pub(crate) fn client_with(&self, options: Options) -> StatsClient {
        StatsClient::new(&self.line.url(), self.account.token.clone(), options).unwrap()
    }

    pub(crate) fn stranger(&self) -> StatsClient {
        StatsClient::new(&self.line.url(), Token::generate(), Options::default()).unwrap()
    }

    /// The bodies of the batches that were posted so far.
    pub(crate) fn posted(&self) -> Vec<String> {
        let requests = self.line.requests().into_iter();
        let posts = requests.filter(|request| request.head.starts_with("POST"));
        posts.map(|request| request.body).collect()
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.line.requests()
    }

    /// The stats over there, by date and id.
    pub(crate) fn stats(&self) -> Vec<Stat> {
        all(&self.service.db)
    }
}

/// Takes a request on to the service, and its answer back, as far as the fault lets it.
fn pass_on(mut stream: TcpStream, request: &Request, to: SocketAddr, fault: Fault) {
    let head = &request.head;
    let bytes = format!("{head}connection: close\r\n\r\n{}", request.body).into_bytes();
    let back = match fault {
        Fault::None => usize::MAX,
        Fault::CutAnswer(length) => length,
        Fault::CutRequest(length) => {
            let mut service = TcpStream::connect(to).unwrap();
            service
                .write_all(&bytes[..length.min(bytes.len())])
                .unwrap();
            return;
        }
        Fault::Answer(answer) => {
            stream.write_all(answer.as_bytes()).unwrap();
            return;
        }
        Fault::Silence => {
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            return;
        }
    };
    let mut service = TcpStream::connect(to).unwrap();
    service.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    service.read_to_end(&mut answer).unwrap();
    answer.truncate(back);
    stream.write_all(&answer).unwrap();
}

/// Notes what it is told, and never sleeps.
#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) total: u64,
    pub(crate) done: u64,
    pub(crate) pauses: Vec<u64>,
    pub(crate) refused: Vec<(StatId, String)>,
    /// After so many steps it wants to stop.
    pub(crate) patience: Option<u64>,
    /// It wants to stop in the first pause.
    pub(crate) is_hasty_in_pauses: bool,
}

impl Watch for Witness {
    fn begins(&mut self, total: u64) {
        self.total = total;
    }

    fn advances(&mut self, by: u64) {
        self.done += by;
    }

    fn is_refused(&mut self, refused: &Refused<'_>) {
        self.refused.push((refused.uuid, refused.reason.to_owned()));
    }

    fn pauses(&mut self, _: &RemoteError, pause: Duration) -> ControlFlow<()> {
        self.pauses.push(pause.as_secs());
        if self.is_hasty_in_pauses {
            self.patience = Some(0);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn wants_to_stop(&self) -> bool {
        self.patience.is_some_and(|patience| self.done >= patience)
    }
}

/// Tries until it works.
pub(crate) fn stubborn() -> Retry {
    Retry {
        attempts: u32::MAX,
        ..Retry::default()
    }
}

/// All stats of a database, by date and id.
pub(crate) fn all(db: &Db) -> Vec<Stat> {
    db.stats(&StatsFilter::default()).unwrap()
}

/// A stat about an analysis of its own, with text from beyond ASCII and a number to be kept to the letter.
pub(crate) fn stat(stats_type: StatsType, date: &str) -> Stat {
    Stat {
        data: RawJson::parse(r#"[{"label1": "Hameçonnage 日本 🛡", "averageRate": "2.80"}]"#)
            .unwrap(),
        ..stats_testing::stat(AnalysisId::random(), stats_type, date)
    }
}

/// Stores stats of a day, one after the other.
pub(crate) fn arrive(db: &Db, owner: &Client, date: &str, number: usize) -> Vec<Stat> {
    let types = StatsType::ALL.into_iter().cycle();
    let stats: Vec<_> = types.take(number).map(|kind| stat(kind, date)).collect();
    db.insert_stats(owner.id, &stats).unwrap();
    stats
}

/// Answers in turn.
pub(crate) fn in_turn(faults: Vec<Fault>) -> impl Fn(&Request, usize) -> Fault + Send + Sync {
    move |_, number| faults.get(number).cloned().unwrap_or(Fault::None)
}
