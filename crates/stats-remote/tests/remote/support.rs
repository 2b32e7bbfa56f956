//! A real service, and clients of remotes that return arbitrary bytes.
use std::time::Duration;

use stats_core::{AnalysisId, Client, RawJson, Stat, StatsType, Token};
use stats_db::Db;
use stats_http::HttpConfig;
use stats_remote::{HttpOptions, StatsClient};
use stats_testing::TestDatabase;
pub(crate) use stats_testing_http::{Remote, answer};

/// A running service with one account.
pub(crate) struct Service {
    pub(crate) db: Db,
    pub(crate) account: Client,
    pub(crate) address: String,
    _service: stats_testing_http::Service,
    _database: TestDatabase,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::with_config(HttpConfig::default())
    }

    pub(crate) fn with_config(config: HttpConfig) -> Self {
        let database = TestDatabase::sqlite();
        let service = stats_testing_http::Service::start(database.migrated(), config);
        Self {
            db: service.db.clone(),
            account: stats_testing::client(&service.db, "Économie & co"),
            address: service.url(),
            _service: service,
            _database: database,
        }
    }

    pub(crate) fn client(&self) -> StatsClient {
        self.client_with(
            stats_testing::token(&self.account).clone(),
            HttpOptions::default(),
        )
    }

    pub(crate) fn client_with(&self, token: Token, options: HttpOptions) -> StatsClient {
        StatsClient::new(&self.address, token, options).unwrap()
    }
}

/// A client of a remote with the token `sesame`.
pub(crate) fn client(remote: &Remote) -> StatsClient {
    client_with(&remote.url(), small_responses())
}

pub(crate) fn client_with(address: &str, options: HttpOptions) -> StatsClient {
    StatsClient::new(address, "sesame".parse().unwrap(), options).unwrap()
}

/// A small response limit, for tests that exceed it.
pub(crate) fn small_responses() -> HttpOptions {
    HttpOptions {
        max_response_bytes: 100_000,
        ..HttpOptions::default()
    }
}

/// For tests of the timeout.
pub(crate) fn short_timeout() -> HttpOptions {
    HttpOptions {
        timeout: Duration::from_millis(300),
        ..HttpOptions::default()
    }
}

/// A response without a body. `headers` end with `\r\n`.
pub(crate) fn head(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

/// A threat stat with non-ASCII text.
pub(crate) fn stat(date: &str) -> Stat {
    Stat {
        data: RawJson::parse(r#"[ {"label1": "Hameçonnage 日本 🛡", "averageRate": "2.80"} ]"#)
            .unwrap(),
        ..stats_testing::stat(AnalysisId::random(), StatsType::Threat, date)
    }
}
