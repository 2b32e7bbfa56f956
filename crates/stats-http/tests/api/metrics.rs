//! The metrics.

use std::time::{Duration, Instant};

use serde_json::json;
use stats_db::PushCounts;
use stats_http::{App, HttpConfig};
use stats_testing::{Proxy, TestDatabase, on_each_database};

use crate::support::{
    FrontOffice, PROCESSED, STATS, Service, days_ago, new_stat, stat, uuid, wait_until,
};

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

/// The value of a metric without or with labels, as `/metrics` has it.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let mut lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
    let (_, value) = lines.find(|(found, _)| *found == name)?;
    Some(value.parse().unwrap())
}

on_each_database!(metrics_tell_about_the_program_caches_and_capacity);
fn metrics_tell_about_the_program_caches_and_capacity(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    office.store([&new_stat("threat", 0, json!([]))]);
    let process = |office: &FrontOffice<'_>| {
        let path = format!("{PROCESSED}?type=threat&processor=threat_average_on_date");
        assert_eq!(office.get(&path).status, 200);
    };
    process(&office);
    process(&office);
    process(&service.front_office());
    let metrics = service.get("/metrics").body;
    let kind = if database.is_postgres() {
        "postgres"
    } else {
        "sqlite"
    };
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("stats_build_info{{version=\"{version}\",database=\"{kind}\"}}");
    for (name, expected) in [
        (build.as_str(), 1.0),
        ("stats_database_up", 1.0),
        (r#"stats_cache_misses_total{cache="answers"}"#, 1.0),
        (r#"stats_cache_hits_total{cache="answers"}"#, 2.0),
        (r#"stats_cache_misses_total{cache="partials"}"#, 1.0),
        (r#"stats_capacity{resource="lists"}"#, 4.0),
        (r#"stats_capacity_in_use{resource="lists"}"#, 0.0),
        (r#"stats_capacity_in_use{resource="large requests"}"#, 0.0),
        (
            r#"stats_capacity_refused_total{resource="processors"}"#,
            0.0,
        ),
    ] {
        assert_eq!(value(&metrics, name), Some(expected), "{name}\n{metrics}");
    }
    for cache in ["answers", "partials"] {
        let bytes = value(&metrics, &format!("stats_cache_bytes{{cache=\"{cache}\"}}"));
        assert!(bytes.unwrap() > 0.0, "{metrics}");
    }
    let start = value(&metrics, "stats_start_time_seconds").unwrap();
    let now = chrono::Utc::now().timestamp() as f64;
    assert!((now - 60.0..=now).contains(&start), "{start}");
    assert!(!metrics.contains("stats_push_"), "{metrics}");
}

on_each_database!(metrics_tell_about_pushes_and_arrivals);
fn metrics_tell_about_pushes_and_arrivals(database: &TestDatabase) {
    const AGE: &str = "stats_newest_stat_age_seconds{}";
    let service = Service::start(database);
    let empty = service.get("/metrics").body;
    assert!(!empty.contains(AGE), "{empty}");
    let client = stats_testing::client(&service.db, "CASES");
    let office = service.front_office();
    office.store([&new_stat("risk", 0, json!([]))]);
    let owner = format!("UPDATE stats SET client_id = {}", client.id.0);
    database.execute(&owner);
    service
        .db
        .record_push("https://x.example/", PushCounts::default(), None)
        .unwrap();
    let failure = Some("no");
    service
        .db
        .record_push(
            "https://x.example/",
            PushCounts {
                untold: 4,
                ..PushCounts::default()
            },
            failure,
        )
        .unwrap();
    let remote = |name: &str| format!("{name}{{remote=\"https://x.example/\"}}");
    let has_failed = |metrics: &String| value(metrics, &remote("stats_push_failures")) == Some(1.0);
    // What the database says is read once a second.
    let mut metrics = String::new();
    wait_until(|| {
        metrics = service.get("/metrics").body;
        has_failed(&metrics)
    });
    assert_eq!(value(&metrics, &remote("stats_push_waiting")), Some(1.0));
    assert_eq!(value(&metrics, &remote("stats_push_refused")), Some(0.0));
    for (name, expected) in [("waiting", 0.0), ("untold", 4.0)] {
        let name = remote(&format!("stats_push_deletions_{name}"));
        assert_eq!(value(&metrics, &name), Some(expected), "{name}");
    }
    let age = value(&metrics, AGE).unwrap();
    assert!((0.0..60.0).contains(&age), "{age}");
    let now = chrono::Utc::now().timestamp() as f64;
    for name in ["finished", "completed"] {
        let name = remote(&format!("stats_push_{name}_timestamp_seconds"));
        let time = value(&metrics, &name).unwrap();
        assert!((now - 60.0..=now).contains(&time), "{time}");
    }
}

#[test]
fn metrics_are_answered_while_the_database_is_away() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    drop(database.migrated());
    let (mut proxy, url) = Proxy::before(&database);
    let db = stats_db::Db::open(&url.parse().unwrap()).unwrap();
    let service = Service::with_app(db.clone(), App::new(db, HttpConfig::default()));
    assert_eq!(
        value(&service.get("/metrics").body, "stats_database_up"),
        Some(1.0)
    );
    proxy.cut();
    let mut slowest = Duration::ZERO;
    wait_until(|| {
        let begun = Instant::now();
        let metrics = service.get("/metrics");
        slowest = slowest.max(begun.elapsed());
        assert_eq!(metrics.status, 200);
        assert!(metrics.body.contains("stats_start_time_seconds"));
        value(&metrics.body, "stats_database_up") == Some(0.0)
    });
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}
