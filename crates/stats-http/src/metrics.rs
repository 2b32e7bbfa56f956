//! What the service does, counted since its start, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{Error, HttpResponse};
use stats_db::Connections;

use crate::api::{read, resource};
use crate::app::App;
use crate::errors::ApiError;

pub(crate) fn configure(config: &mut ServiceConfig) {
    config.service(resource("/metrics", "GET, HEAD").route(read().to(metrics)));
}

/// `GET /metrics`
async fn metrics(app: Data<App>) -> Result<HttpResponse, ApiError> {
    let mut text = String::new();
    app.metrics
        .write(&mut text, app.db.connections())
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}

/// Middleware that counts requests and measures how long they take until their answer begins.
pub(crate) async fn count_requests(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    // Paths and methods are what the client likes, and each would stay here for ever.
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    let method = known_method(request.method());
    let result = next.call(request).await;
    let status = match &result {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    app.metrics
        .count_request(route, method, status.as_u16(), started.elapsed());
    result
}

fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];
    known
        .into_iter()
        .find(|known| method == known)
        .unwrap_or("other")
}

/// The numbers. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    /// By route, method and status.
    requests: BTreeMap<(String, &'static str, u16), u64>,
    /// By route.
    durations: BTreeMap<String, Histogram>,
    stored: u64,
    /// By processor.
    processing: BTreeMap<&'static str, Processing>,
}

#[derive(Debug, Default)]
struct Processing {
    runs: u64,
    time: Duration,
    skipped: u64,
}

/// The upper bounds of the buckets for durations, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Debug, Default)]
struct Histogram {
    /// How many were within each of the [`BOUNDS`].
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

impl Histogram {
    fn observe(&mut self, duration: Duration) {
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(duration.as_secs_f64() <= bound);
        }
        self.count += 1;
        self.sum += duration;
    }
}

impl Metrics {
    fn count_request(&self, route: String, method: &'static str, status: u16, duration: Duration) {
        let mut counts = self.counts();
        counts
            .durations
            .entry(route.clone())
            .or_default()
            .observe(duration);
        *counts.requests.entry((route, method, status)).or_default() += 1;
    }

    /// Counts stats that were stored.
    pub(crate) fn count_stored(&self, stats: usize) {
        self.counts().stored += stats as u64;
    }

    /// Counts what a processor did: how long it took, and how much it could not read.
    pub(crate) fn count_processing(&self, processor: &'static str, time: Duration, skipped: u64) {
        let mut counts = self.counts();
        let processing = counts.processing.entry(processor).or_default();
        processing.runs += 1;
        processing.time += time;
        processing.skipped += skipped;
    }

    /// A number that is off after a panic is better than no numbers.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, out: &mut String, connections: Connections) -> fmt::Result {
        let counts = self.counts();
        let name = "stats_http_requests_total";
        family(
            out,
            name,
            "counter",
            "Requests by route, method and status.",
        )?;
        for ((route, method, status), count) in &counts.requests {
            let labels = format_args!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            sample(out, name, labels, count)?;
        }

        let name = "stats_http_request_duration_seconds";
        family(
            out,
            name,
            "histogram",
            "Time until the answer began, by route.",
        )?;
        for (route, histogram) in &counts.durations {
            for (bound, count) in BOUNDS.iter().zip(histogram.buckets) {
                writeln!(
                    out,
                    "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {count}"
                )?;
            }
            let Histogram { count, sum, .. } = histogram;
            writeln!(
                out,
                "{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}"
            )?;
            writeln!(out, "{name}_sum{{route=\"{route}\"}} {}", sum.as_secs_f64())?;
            writeln!(out, "{name}_count{{route=\"{route}\"}} {count}")?;
        }

        let name = "stats_db_connections";
        family(out, name, "gauge", "Connections to the database.")?;
        sample(out, name, "state=\"in_use\"", connections.in_use)?;
        sample(out, name, "state=\"idle\"", connections.idle)?;

        let name = "stats_stored_total";
        family(out, name, "counter", "Stats that were stored.")?;
        writeln!(out, "{name} {}", counts.stored)?;

        type Value = fn(&Processing) -> f64;
        let of_processors: [(_, _, Value); 3] = [
            ("runs_total", "Runs of a processor.", |of| of.runs as f64),
            (
                "seconds_total",
                "Time that a processor took, the database included.",
                |of| of.time.as_secs_f64(),
            ),
            (
                "skipped_total",
                "Parts of stats that a processor could not read.",
                |of| of.skipped as f64,
            ),
        ];
        for (suffix, help, value) in of_processors {
            let name = format!("stats_processor_{suffix}");
            family(out, &name, "counter", help)?;
            for (processor, processing) in &counts.processing {
                let labels = format_args!("processor=\"{processor}\"");
                sample(out, &name, labels, value(processing))?;
            }
        }
        Ok(())
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn sample(out: &mut String, name: &str, labels: impl Display, value: impl Display) -> fmt::Result {
    writeln!(out, "{name}{{{labels}}} {value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_in_the_format_of_prometheus() {
        let metrics = Metrics::default();
        for (milliseconds, status) in [(3, 200), (700, 200), (60_000, 503)] {
            let duration = Duration::from_millis(milliseconds);
            metrics.count_request("/stats/{anr}".to_owned(), "GET", status, duration);
        }
        metrics.count_stored(7);
        metrics.count_processing("risk_averages", Duration::from_millis(250), 2);
        metrics.count_processing("risk_averages", Duration::from_millis(500), 1);
        let mut text = String::new();
        let connections = Connections { in_use: 2, idle: 1 };
        metrics.write(&mut text, connections).unwrap();
        for line in [
            "# TYPE stats_http_requests_total counter",
            "stats_http_requests_total{route=\"/stats/{anr}\",method=\"GET\",status=\"200\"} 2",
            "stats_http_requests_total{route=\"/stats/{anr}\",method=\"GET\",status=\"503\"} 1",
            "stats_http_request_duration_seconds_bucket{route=\"/stats/{anr}\",le=\"0.001\"} 0",
            "stats_http_request_duration_seconds_bucket{route=\"/stats/{anr}\",le=\"0.005\"} 1",
            "stats_http_request_duration_seconds_bucket{route=\"/stats/{anr}\",le=\"30\"} 2",
            "stats_http_request_duration_seconds_bucket{route=\"/stats/{anr}\",le=\"+Inf\"} 3",
            "stats_http_request_duration_seconds_sum{route=\"/stats/{anr}\"} 60.703",
            "stats_http_request_duration_seconds_count{route=\"/stats/{anr}\"} 3",
            "stats_db_connections{state=\"in_use\"} 2",
            "stats_db_connections{state=\"idle\"} 1",
            "stats_stored_total 7",
            "stats_processor_runs_total{processor=\"risk_averages\"} 2",
            "stats_processor_seconds_total{processor=\"risk_averages\"} 0.75",
            "stats_processor_skipped_total{processor=\"risk_averages\"} 3",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
    }

    #[test]
    fn methods_that_nobody_knows_are_one() {
        assert_eq!(known_method(&Method::PATCH), "PATCH");
        assert_eq!(known_method(&Method::from_bytes(b"BREW").unwrap()), "other");
    }
}
