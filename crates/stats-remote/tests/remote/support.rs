//! A real service, and remotes that answer whatever a test likes, as a client sees them.
use std::time::Duration;

use stats_core::{AnalysisId, Client, RawJson, Stat, StatsType, Token};
use stats_db::Db;
use stats_http::HttpConfig;
use stats_remote::{Options, StatsClient};
use stats_testing::TestDatabase;
pub(crate) use stats_testing::{Remote, answer};

/// A running service, with one client.
pub(crate) struct Service {
    pub(crate) db: Db,
    pub(crate) client: Client,
    pub(crate) address: String,
    _service: stats_testing::Service,
    _database: TestDatabase,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::with_config(HttpConfig::default())
    }

    pub(crate) fn with_config(config: HttpConfig) -> Self {
        let database = TestDatabase::sqlite();
        let service = stats_testing::Service::start(database.migrated(), config);
        Self {
            db: service.db.clone(),
            client: stats_testing::client(&service.db, "Économie & co"),
            address: service.url(),
            _service: service,
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

/// A remote as a client with the token `sesame` sees it.
pub(crate) trait RemoteExt {
    fn client(&self) -> StatsClient {
        self.client_with(bounded())
    }

    fn client_with(&self, options: Options) -> StatsClient;
}

impl RemoteExt for Remote {
    fn client_with(&self, options: Options) -> StatsClient {
        StatsClient::new(&self.url(), "sesame".parse().unwrap(), options).unwrap()
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

/// A threat stat with text from beyond ASCII.
pub(crate) fn stat(date: &str) -> Stat {
    Stat {
        data: RawJson::parse(r#"[ {"label1": "Hameçonnage 日本 🛡", "averageRate": "2.80"} ]"#)
            .unwrap(),
        ..stats_testing::stat(AnalysisId::random(), StatsType::Threat, date)
    }
}
