//! The metrics of `/metrics`, counted since the start of the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{NaiveDateTime, Utc};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use stats_db::{Connections, DatabaseUrl, Db, DbError, PushRun, ReplicaUse, Waiting};
use stats_partials::CacheUse;

use crate::turns::Usage;

/// The content type of [`Metrics::encode`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the duration buckets, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// What is public if the public statistics are a release: nothing that depends on stats.
    public: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram>,
    connections: Family<ConnectionState, Gauge>,
    replica_reads: Family<Server, Counter>,
    stored: Counter,
    runs: Family<Processor, Counter>,
    seconds: Family<Processor, Counter<f64>>,
    skipped: Family<Processor, Counter>,
    cache_bytes: Family<CacheLabel, Gauge>,
    cache_hits: Family<CacheLabel, Counter>,
    cache_misses: Family<CacheLabel, Counter>,
    capacity: Family<Resource, Gauge>,
    in_use: Family<Resource, Gauge>,
    refused: Family<Resource, Counter>,
    database_up: Gauge,
    release_made: Family<NoLabels, Gauge>,
    newest_age: Family<NoLabels, Gauge<f64, AtomicU64>>,
    push_finished: Family<Remote, Gauge>,
    push_completed: Family<Remote, Gauge>,
    push_failures: Family<Remote, Gauge>,
    push_waiting: Family<Remote, Gauge>,
    push_refused: Family<Remote, Gauge>,
    push_deletions: Family<Remote, Gauge>,
    push_untold: Family<Remote, Gauge>,
}

/// What is measured when the metrics are read.
#[derive(Debug)]
pub(crate) struct Readings {
    pub(crate) connections: Connections,
    pub(crate) replica_use: Option<ReplicaUse>,
    pub(crate) capacities: Vec<Usage>,
    /// The cache of answers, in bytes.
    pub(crate) answers: u64,
    pub(crate) partials: CacheUse,
    /// `None` if the database does not answer.
    pub(crate) stored: Option<Stored>,
}

/// What the database says.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    last_arrival: Option<NaiveDateTime>,
    release_made: Option<NaiveDateTime>,
    /// What waits is unknown if counting it takes too long.
    pushes: Vec<(PushRun, Option<Waiting>)>,
}

impl Stored {
    /// Reads it. The time does not depend on the number of stats that were pushed.
    pub(crate) fn read(db: &Db) -> Result<Self, DbError> {
        let runs = db.push_runs()?.into_iter();
        Ok(Self {
            last_arrival: db.last_arrival()?,
            release_made: db.release()?.map(|release| release.made_at),
            pushes: runs
                .map(|run| {
                    let waiting = db.count_waiting(&run.remote).ok();
                    (run, waiting)
                })
                .collect(),
        })
    }
}

/// An answered request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Request {
    /// The pattern of the path, not the path: each value uses memory until the server stops.
    pub(crate) route: String,
    pub(crate) method: &'static str,
    pub(crate) status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionState {
    state: &'static str,
}

/// A server of a database with a hot standby.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Server {
    server: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Processor {
    processor: &'static str,
}

/// A family without labels can be empty, in contrast to a gauge.
type NoLabels = [(&'static str, &'static str); 0];

/// One of the caches of results.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabel {
    cache: &'static str,
}

/// The cache of finished answers, and that of merged partials.
const ANSWERS: CacheLabel = CacheLabel { cache: "answers" };
const PARTIALS: CacheLabel = CacheLabel { cache: "partials" };

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resource {
    resource: &'static str,
}

/// An instance to which stats are pushed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Remote {
    remote: String,
}

impl Metrics {
    pub(crate) fn new(database: &DatabaseUrl) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("stats"),
            public: Registry::with_prefix("stats"),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            connections: Family::default(),
            replica_reads: Family::default(),
            stored: Counter::default(),
            runs: Family::default(),
            seconds: Family::default(),
            skipped: Family::default(),
            cache_bytes: Family::default(),
            cache_hits: Family::default(),
            cache_misses: Family::default(),
            capacity: Family::default(),
            in_use: Family::default(),
            refused: Family::default(),
            database_up: Gauge::default(),
            release_made: Family::default(),
            newest_age: Family::default(),
            push_finished: Family::default(),
            push_completed: Family::default(),
            push_failures: Family::default(),
            push_waiting: Family::default(),
            push_refused: Family::default(),
            push_deletions: Family::default(),
            push_untold: Family::default(),
        };
        let database = match database {
            DatabaseUrl::Sqlite(_) => "sqlite",
            DatabaseUrl::Postgres(_) => "postgres",
        };
        let start: Gauge = Gauge::default();
        start.set(Utc::now().timestamp());
        for registry in [&mut metrics.registry, &mut metrics.public] {
            registry.register(
                "build",
                "The running program",
                Info::new([
                    ("version", env!("CARGO_PKG_VERSION")),
                    ("database", database),
                ]),
            );
            registry.register(
                "start_time_seconds",
                "When the server started, in seconds since 1970",
                start.clone(),
            );
            registry.register(
                "database_up",
                "Whether the database answers",
                metrics.database_up.clone(),
            );
            registry.register(
                "release_made_timestamp_seconds",
                "When the release that is public was made, in seconds since 1970",
                metrics.release_made.clone(),
            );
        }
        let registry = &mut metrics.registry;
        registry.register(
            "http_requests",
            "Requests by route, method and status",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time until the answer began, by route",
            metrics.durations.clone(),
        );
        registry.register(
            "db_connections",
            "Connections to the database",
            metrics.connections.clone(),
        );
        registry.register(
            "replica_reads",
            "Reads that the hot standby answered, or the primary instead",
            metrics.replica_reads.clone(),
        );
        registry.register("stored", "Stats that were stored", metrics.stored.clone());
        registry.register(
            "processor_runs",
            "Runs of a processor",
            metrics.runs.clone(),
        );
        registry.register(
            "processor_seconds",
            "Duration of these runs, including database access",
            metrics.seconds.clone(),
        );
        registry.register(
            "processor_skipped",
            "Parts of stats that a processor could not read",
            metrics.skipped.clone(),
        );
        registry.register(
            "cache_bytes",
            "Memory in use for cached results",
            metrics.cache_bytes.clone(),
        );
        registry.register(
            "cache_hits",
            "Results that were in the cache",
            metrics.cache_hits.clone(),
        );
        registry.register(
            "cache_misses",
            "Results that were not in the cache",
            metrics.cache_misses.clone(),
        );
        registry.register(
            "capacity",
            "How much of a resource all clients may use at the same time",
            metrics.capacity.clone(),
        );
        registry.register(
            "capacity_in_use",
            "How much of it is in use",
            metrics.in_use.clone(),
        );
        registry.register(
            "capacity_refused",
            "Requests that were refused because all of it stayed in use",
            metrics.refused.clone(),
        );
        registry.register(
            "newest_stat_age_seconds",
            "Time since the last stat arrived",
            metrics.newest_age.clone(),
        );
        registry.register(
            "push_finished_timestamp_seconds",
            "When the last push to a remote ended, in seconds since 1970",
            metrics.push_finished.clone(),
        );
        registry.register(
            "push_completed_timestamp_seconds",
            "When the last push that did not fail ended, in seconds since 1970",
            metrics.push_completed.clone(),
        );
        registry.register(
            "push_failures",
            "Failed pushes since then",
            metrics.push_failures.clone(),
        );
        registry.register(
            "push_waiting",
            "Stats that the next push would send",
            metrics.push_waiting.clone(),
        );
        registry.register(
            "push_refused",
            "Those among them that the remote refused",
            metrics.push_refused.clone(),
        );
        registry.register(
            "push_deletions_waiting",
            "Deletions of which the next push would tell the remote",
            metrics.push_deletions.clone(),
        );
        registry.register(
            "push_deletions_untold",
            "Deletions of which the remote cannot be told",
            metrics.push_untold.clone(),
        );
        metrics
    }

    pub(crate) fn count_request(&self, request: Request, duration: Duration) {
        let route = Route {
            route: request.route.clone(),
        };
        self.durations
            .get_or_create(&route)
            .observe(duration.as_secs_f64());
        self.requests.get_or_create(&request).inc();
    }

    pub(crate) fn count_stored(&self, stats: usize) {
        self.stored.inc_by(stats as u64);
    }

    /// Counts a run of a processor and the parts of stats that it could not read.
    pub(crate) fn count_processing(&self, processor: &'static str, time: Duration, skipped: u64) {
        let processor = Processor { processor };
        self.runs.get_or_create(&processor).inc();
        self.seconds
            .get_or_create(&processor)
            .inc_by(time.as_secs_f64());
        self.skipped.get_or_create(&processor).inc_by(skipped);
    }

    /// Counts a question, and whether its answer was cached.
    pub(crate) fn count_answer(&self, is_cached: bool) {
        let family = match is_cached {
            true => &self.cache_hits,
            false => &self.cache_misses,
        };
        family.get_or_create(&ANSWERS).inc();
    }

    /// Returns those metrics in the OpenMetrics text format that depend on nothing but the release.
    pub(crate) fn encode_public(&self, stored: Option<&Stored>) -> Result<String, std::fmt::Error> {
        self.set_release(stored);
        let mut text = String::new();
        text::encode(&mut text, &self.public)?;
        Ok(text)
    }

    fn set_release(&self, stored: Option<&Stored>) {
        self.database_up.set(stored.is_some().into());
        self.release_made.clear();
        if let Some(made_at) = stored.and_then(|stored| stored.release_made) {
            let made = self.release_made.get_or_create(&[]);
            made.set(made_at.and_utc().timestamp());
        }
    }

    /// Returns the metrics in the OpenMetrics text format.
    pub(crate) fn encode(&self, readings: &Readings) -> Result<String, std::fmt::Error> {
        let Connections { in_use, idle } = readings.connections;
        for (state, number) in [("in_use", in_use), ("idle", idle)] {
            let gauge = self.connections.get_or_create(&ConnectionState { state });
            gauge.set(number.into());
        }
        if let Some(ReplicaUse { replica, primary }) = readings.replica_use {
            for (server, reads) in [("replica", replica), ("primary", primary)] {
                set(&self.replica_reads, &Server { server }, reads);
            }
        }
        self.set_caches(readings);
        for usage in &readings.capacities {
            let resource = Resource {
                resource: usage.resource,
            };
            let gauge = |family: &Family<_, Gauge>, value: u32| {
                family.get_or_create(&resource).set(value.into());
            };
            gauge(&self.capacity, usage.limit);
            gauge(&self.in_use, usage.in_use);
            set(&self.refused, &resource, usage.refused);
        }
        self.set_release(readings.stored.as_ref());
        self.set_stored(readings.stored.as_ref());
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn set_caches(&self, readings: &Readings) {
        let CacheUse {
            bytes,
            hits,
            misses,
        } = readings.partials;
        for (label, bytes) in [(&ANSWERS, readings.answers), (&PARTIALS, bytes)] {
            let gauge = self.cache_bytes.get_or_create(label);
            gauge.set(signed(bytes));
        }
        set(&self.cache_hits, &PARTIALS, hits);
        set(&self.cache_misses, &PARTIALS, misses);
        for family in [&self.cache_hits, &self.cache_misses] {
            // So that they begin with 0.
            drop(family.get_or_create(&ANSWERS));
        }
    }

    /// Removes the metrics of what is unknown.
    fn set_stored(&self, stored: Option<&Stored>) {
        self.newest_age.clear();
        let pushes = [
            &self.push_finished,
            &self.push_completed,
            &self.push_failures,
            &self.push_waiting,
            &self.push_refused,
            &self.push_deletions,
            &self.push_untold,
        ];
        for family in pushes {
            family.clear();
        }
        let Some(stored) = stored else {
            return;
        };
        if let Some(arrival) = stored.last_arrival {
            let age = Utc::now().naive_utc() - arrival;
            self.newest_age
                .get_or_create(&[])
                .set(age.as_seconds_f64().max(0.0));
        }
        for (run, waiting) in &stored.pushes {
            let remote = Remote {
                remote: run.remote.clone(),
            };
            let gauge = |family: &Family<_, Gauge>, value: i64| {
                family.get_or_create(&remote).set(value);
            };
            gauge(&self.push_finished, run.finished_at.and_utc().timestamp());
            if let Some(completed) = run.completed_at {
                gauge(&self.push_completed, completed.and_utc().timestamp());
            }
            gauge(&self.push_failures, run.failures.into());
            gauge(&self.push_untold, run.untold);
            if let Some(waiting) = waiting {
                gauge(&self.push_waiting, signed(waiting.total()));
                gauge(&self.push_refused, signed(waiting.refused));
                gauge(&self.push_deletions, signed(waiting.deletions));
            }
        }
    }
}

/// Sets a counter that is kept elsewhere.
fn set<L: Clone + std::hash::Hash + Eq>(family: &Family<L, Counter>, label: &L, value: u64) {
    let counter = family.get_or_create(label);
    counter.inner().store(value, Ordering::Relaxed);
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
