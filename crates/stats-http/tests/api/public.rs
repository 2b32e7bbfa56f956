//! The public statistics.

use reqwest::Method;
use serde_json::{Value, json};
use stats_core::Coordinates;
use stats_db::ClientChange;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Answer, Service, days_ago, stat, uuid};

fn object(uuid: &str, count: u32) -> Value {
    json!([{"uuid": uuid, "label2": "x", "count": count, "maxRisk": 18, "averageRate": "2.50"}])
}

fn risks(high: u32) -> Value {
    json!({"risks": {"current": {"informational": [{"level": "High risks", "value": high}]}}})
}

fn json_of(service: &Service, path: &str) -> Value {
    let answer = service.get(path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

on_each_database!(objects_are_maps_by_default_and_series_on_demand);
fn objects_are_maps_by_default_and_series_on_demand(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for (stats_type, file) in [("threat", "threats"), ("vulnerability", "vulnerabilities")] {
        assert_eq!(
            json_of(&service, &format!("/stats/{file}.json")),
            json!({}),
            "nothing yet"
        );
        let (one, two) = (uuid(), uuid());
        office.post(&json!([
            stat(&uuid(), stats_type, &days_ago(3), object(&one, 8)),
            stat(&uuid(), stats_type, &days_ago(3), object(&one, 9)),
            stat(&uuid(), stats_type, &days_ago(150), object(&one, 6)),
            stat(&uuid(), stats_type, &days_ago(400), object(&two, 6)),
        ]));
        let values = |count: f64| json!({"averageRate": 2.5, "count": count, "maxRisk": 18.0});
        assert_eq!(
            json_of(&service, &format!("/stats/{file}.json")),
            json!({one.as_str(): {days_ago(3): values(8.5), days_ago(150): values(6.0)}})
        );
        let recent = json_of(
            &service,
            &format!("/stats/{file}.json?days=100&format=map&_=1"),
        );
        assert_eq!(recent, json!({one.as_str(): {days_ago(3): values(8.5)}}));
        let series = json_of(
            &service,
            &format!("/stats/{file}.json?days=3&format=series"),
        );
        assert_eq!(
            series[0]["values"],
            json!([{"date": days_ago(3), "count": 8.5, "maxRisk": 18.0, "averageRate": 2.5}])
        );
        assert_eq!(
            json_of(
                &service,
                &format!("/stats/{file}.json?days=2&format=series")
            ),
            json!([])
        );
    }
}

on_each_database!(risks_have_a_processor_by_default);
fn risks_have_a_processor_by_default(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    office.post(&json!([
        stat(&uuid(), "risk", &days_ago(0), risks(3)),
        stat(&uuid(), "risk", &days_ago(1), risks(6)),
    ]));
    let high =
        |path: &str| json_of(&service, path)["current"]["informational"]["High risks"].clone();
    let on_date = json!({days_ago(0): 3.0, days_ago(1): 6.0});
    assert_eq!(high("/stats/risks.json"), on_date);
    assert_eq!(
        high("/stats/risks.json?processor=risk_averages_on_date"),
        on_date
    );
    assert_eq!(high("/stats/risks.json?processor=risk_averages"), 4.5);
    assert_eq!(
        high("/stats/risks.json?processor=risk_averages&days=0"),
        3.0
    );
    assert_eq!(
        high("/stats/risks.json?format=series"),
        json!([{"date": days_ago(1), "value": 6.0}, {"date": days_ago(0), "value": 3.0}])
    );
}

on_each_database!(the_last_stats_are_the_newest_forty);
fn the_last_stats_are_the_newest_forty(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let mut stats: Vec<_> = (0..40)
        .map(|days| stat(&uuid(), "risk", &days_ago(1000 + days), risks(2)))
        .collect();
    stats.push(stat(&uuid(), "risk", &days_ago(2000), risks(1_000_000)));
    office.post(&json!(stats));
    let averages = json_of(
        &service,
        "/stats/risks.json?processor=risk_averages&last_stats=1",
    );
    assert_eq!(averages["current"]["informational"]["High risks"], 2.0);
    assert_eq!(
        json_of(
            &service,
            "/stats/risks.json?processor=risk_averages&last_stats=0"
        ),
        json!({})
    );
}

on_each_database!(stats_of_clients_elsewhere_are_left_out_on_demand);
fn stats_of_clients_elsewhere_are_left_out_on_demand(database: &TestDatabase) {
    let service = Service::start(database);
    let (here, elsewhere) = (service.front_office(), service.front_office());
    here.post(&json!([stat(&uuid(), "risk", &days_ago(0), risks(2))]));
    elsewhere.post(&json!([stat(&uuid(), "risk", &days_ago(0), risks(4))]));
    let local = if database.is_postgres() { "false" } else { "0" };
    database.execute(&format!(
        "UPDATE client SET local = {local} WHERE uuid = '{}'",
        elsewhere.client.uuid
    ));
    let high = |query: &str| {
        let path = format!("/stats/risks.json?processor=risk_averages&{query}");
        json_of(&service, &path)["current"]["informational"]["High risks"].clone()
    };
    assert_eq!(high("local_stats_only=1"), 2.0);
    assert_eq!(high("local_stats_only=0"), 3.0);
    let arguments = json!({"type": "risk", "processor": "risk_averages", "local_stats_only": 1});
    let processed = here.ask("/api/v1/stats/processed/", &arguments).json();
    assert_eq!(
        processed["data"]["current"]["informational"]["High risks"],
        2.0
    );
}

on_each_database!(bad_values_are_refused_and_never_a_name_is_called);
fn bad_values_are_refused_and_never_a_name_is_called(database: &TestDatabase) {
    let service = Service::start(database);
    for query in [
        "threats.json?processor=nope",
        "threats.json?processor=",
        "threats.json?processor=risk_averages",
        "threats.json?processor=tree",
        "risks.json?processor=threat_average_on_date",
        "threats.json?days=abc",
        "threats.json?days=-1",
        "threats.json?days=36526",
        "threats.json?days=99999999999999",
        "threats.json?format=odd",
        "threats.json?last_stats=2",
        "risks.json?local_stats_only=x",
        "risks.json?days=1&days=2",
    ] {
        let answer = service.get(&format!("/stats/{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json().is_object(), "{query}");
    }
    assert_eq!(service.get("/stats/threats.json?days=36525").status, 200);
}

on_each_database!(what_has_not_changed_is_not_sent_again);
fn what_has_not_changed_is_not_sent_again(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for path in ["/stats/risks.json", "/map/clients.json"] {
        let first = service.get(path);
        assert_eq!(first.header("access-control-allow-origin"), Some("*"));
        assert_eq!(first.header("cache-control"), Some("public, no-cache"));
        let tag = first.header("etag").unwrap();
        let ask = |known: &str| {
            Answer::to(
                service
                    .request(Method::GET, path)
                    .header("If-None-Match", known),
            )
        };
        for known in [tag, "*", &format!("\"x\", W/{tag}")] {
            let unchanged = ask(known);
            assert_eq!(
                (unchanged.status, unchanged.body.as_str()),
                (304, ""),
                "{known}"
            );
            assert_eq!(unchanged.header("etag"), Some(tag));
        }
        for other in ["\"x\"", "junk"] {
            assert_eq!(ask(other).status, 200, "{other}");
        }
    }
    let tag = service
        .get("/stats/risks.json")
        .header("etag")
        .unwrap()
        .to_owned();
    office.post(&json!([stat(&uuid(), "risk", &days_ago(0), risks(2))]));
    let changed = Answer::to(
        service
            .request(Method::GET, "/stats/risks.json")
            .header("If-None-Match", tag),
    );
    assert_eq!(changed.status, 200);
}

on_each_database!(the_map_shows_places_and_no_names);
fn the_map_shows_places_and_no_names(database: &TestDatabase) {
    let service = Service::start(database);
    let (shown, hidden, idle) = (
        service.front_office(),
        service.front_office(),
        service.front_office(),
    );
    for (office, latitude) in [(&shown, 49.5), (&idle, 10.0)] {
        let coordinates = Some(Some(Coordinates::new(latitude, 6.25).unwrap()));
        let change = ClientChange {
            coordinates,
            ..ClientChange::default()
        };
        service
            .db
            .change_client(office.client.uuid, &change)
            .unwrap();
    }
    let (rare, often, vulnerability) = (uuid(), uuid(), uuid());
    for office in [&shown, &hidden] {
        office.post(&json!([
            stat(&uuid(), "threat", &days_ago(1), object(&rare, 2)),
            stat(&uuid(), "threat", &days_ago(1), object(&often, 3)),
            stat(&uuid(), "threat", &days_ago(0), object(&often, 4)),
            stat(
                &uuid(),
                "vulnerability",
                &days_ago(0),
                object(&vulnerability, 1)
            ),
        ]));
    }
    assert_eq!(
        json_of(&service, "/map/clients.json"),
        json!([{"latitude": 49.5, "longitude": 6.25, "max_threat": [3.5, often], "max_vulnerability": [1.0, vulnerability]}])
    );
}
