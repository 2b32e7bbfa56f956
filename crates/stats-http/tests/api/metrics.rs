//! The metrics.

use serde_json::json;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{PROCESSED, STATS, Service, days_ago, stat, uuid};

on_each_database!(metrics_count_requests_stats_and_processors);
fn metrics_count_requests_stats_and_processors(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let unreadable = json!([{"uuid": "junk"}]);
    let first = stat(&analysis, "threat", &days_ago(0), unreadable);
    let second = stat(&analysis, "threat", &days_ago(1), json!([]));
    office.store([&first]);
    assert_eq!(office.post(&json!([first, second])).status, 207);
    office.get(&format!("{STATS}{analysis}"));
    office.get("/api/v1/stats/junk/");
    office.get(&format!(
        "{PROCESSED}?type=threat&processor=threat_average_on_date"
    ));
    service.get("/stats/threats.json");
    service.get("/secret/path");
    service.get("/api/v1/secret/path");
    let response = service.get("/metrics");
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let metrics = response.body;
    for line in [
        r#"stats_http_requests_total{route="/api/v1/stats",method="POST",status="201"} 1"#,
        r#"stats_http_requests_total{route="/api/v1/stats",method="POST",status="207"} 1"#,
        r#"stats_http_requests_total{route="/api/v1/stats/{anr}",method="GET",status="200"} 1"#,
        r#"stats_http_requests_total{route="/api/v1/stats/{anr}",method="GET",status="400"} 1"#,
        r#"stats_http_requests_total{route="/api/v1/stats/processed",method="GET",status="200"} 1"#,
        r#"stats_http_request_duration_seconds_count{route="/api/v1/stats"} 2"#,
        "stats_stored_total 2",
        r#"stats_processor_runs_total{processor="threat_average_on_date"} 2"#,
        r#"stats_processor_skipped_total{processor="threat_average_on_date"} 2"#,
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    for state in ["in_use", "idle"] {
        assert!(metrics.contains(&format!("\nstats_db_connections{{state=\"{state}\"}} ")));
    }
    // Paths are recorded as patterns.
    assert!(!metrics.contains("secret"), "{metrics}");
    assert!(!metrics.contains(&analysis), "{metrics}");
}
