//! The metrics of `/metrics`, counted since the start of the server.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use stats_db::Connections;

/// The content type of [`Metrics::encode`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the duration buckets, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram>,
    connections: Family<ConnectionState, Gauge>,
    stored: Counter,
    runs: Family<Processor, Counter>,
    seconds: Family<Processor, Counter<f64>>,
    skipped: Family<Processor, Counter>,
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Processor {
    processor: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("stats"),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            connections: Family::default(),
            stored: Counter::default(),
            runs: Family::default(),
            seconds: Family::default(),
            skipped: Family::default(),
        };
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
        metrics
    }
}

impl Metrics {
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

    /// Returns the metrics in the OpenMetrics text format.
    pub(crate) fn encode(&self, connections: Connections) -> Result<String, std::fmt::Error> {
        let Connections { in_use, idle } = connections;
        for (state, number) in [("in_use", in_use), ("idle", idle)] {
            let gauge = self.connections.get_or_create(&ConnectionState { state });
            gauge.set(number.into());
        }
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
