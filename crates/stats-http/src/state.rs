use std::sync::Arc;
use std::time::Instant;

use stats_core::ClientId;
use stats_db::Db;
use stats_partials::Partials;
use stats_processors::Registry;
use stats_remote::Mosp;
use tokio::sync::{Mutex, Semaphore, watch};

use crate::answers::{Answers, answers};
use crate::bodies::Bodies;
use crate::config::HttpConfig;
use crate::connections::OpenConnections;
use crate::drain::Drain;
use crate::metrics::{Metrics, Stored};
use crate::names::Names;
use crate::rate_limit::RateLimit;
use crate::refusals::RefusalLog;
use crate::turns::Turns;
use crate::wrong_tokens::WrongTokens;

/// The state that all requests share.
pub struct App {
    pub(crate) db: Db,
    pub(crate) config: HttpConfig,
    pub(crate) processors: Registry,
    pub(crate) partials: Partials,
    pub(crate) names: Names,
    pub(crate) answers: Answers,
    pub(crate) connections: OpenConnections,
    pub(crate) drain: Drain,
    pub(crate) metrics: Metrics,
    /// What the database last said for the metrics, and when.
    pub(crate) stored: Mutex<Option<(Instant, Option<Stored>)>>,
    pub(crate) refusals: RefusalLog,
    /// Whether the server has looked for a release since its start, or tried to make one.
    pub(crate) has_looked: watch::Sender<bool>,
    pub(crate) lists: Turns<ClientId>,
    pub(crate) processing: Turns,
    pub(crate) bodies: Bodies,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) wrong_tokens: WrongTokens,
    /// One permit: one request at a time records when its client was seen.
    pub(crate) notes: Arc<Semaphore>,
}

impl App {
    /// Creates the state for a database, with the built-in processors.
    pub fn new(db: Db, config: HttpConfig) -> Self {
        let limits = &config.limits;
        Self {
            lists: Turns::new("lists", limits.lists, limits.turn_timeout),
            processing: Turns::new("processors", limits.processors, limits.turn_timeout),
            bodies: Bodies::new(limits),
            rate_limit: config.visitor_requests_per_minute.map(RateLimit::new),
            wrong_tokens: WrongTokens::default(),
            connections: OpenConnections::default(),
            drain: Drain::default(),
            metrics: Metrics::new(db.url()),
            stored: Mutex::default(),
            refusals: RefusalLog::default(),
            has_looked: watch::Sender::default(),
            notes: Arc::new(Semaphore::new(1)),
            processors: Registry::default(),
            partials: Partials::new(db.clone(), config.cache_bytes / 4 * 3),
            names: Names::default(),
            answers: answers(config.cache_bytes / 4),
            db,
            config,
        }
    }

    /// What drains the server of this application.
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Replaces the processors.
    #[must_use]
    pub fn with_processors(self, processors: Registry) -> Self {
        Self { processors, ..self }
    }

    /// Looks up names of objects that the stats lack, in the background.
    #[must_use]
    pub fn with_mosp(self, mosp: Mosp) -> Self {
        Self {
            names: Names::new(mosp),
            ..self
        }
    }
}
