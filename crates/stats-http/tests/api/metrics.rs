//! The numbers for Prometheus.

use serde_json::json;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Service, days_ago, stat, uuid};

on_each_database!(what_happens_is_counted);
fn what_happens_is_counted(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let unreadable = json!([{"uuid": "junk"}]);
    let first = stat(&analysis, "threat", &days_ago(0), unreadable);
    let second = stat(&analysis, "threat", &days_ago(1), json!([]));
    assert_eq!(office.post(&json!([first])).status, 201);
    assert_eq!(office.post(&json!([first, second])).status, 207);
    office.get(&format!("/api/v1/stats/{analysis}"));
    office.get("/api/v1/stats/junk/");
    office.get("/api/v1/stats/processed/?type=threat&processor=threat_average_on_date");
    service.get("/stats/threats.json");
    service.get("/secret/path");
    service.get("/api/v1/secret/path");
    let answer = service.get("/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
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
        r#"stats_db_connections{state="in_use"} 0"#,
    ] {
        assert!(
            answer.body.lines().any(|known| known == line),
            "{line}\n{}",
            answer.body
        );
    }
    assert!(
        !answer.body.contains("secret"),
        "paths are not kept: {}",
        answer.body
    );
    assert!(!answer.body.contains(&analysis));
}
