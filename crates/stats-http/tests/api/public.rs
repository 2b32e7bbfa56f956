//! The public statistics.

use serde_json::{Value, json};
use stats_core::{Coordinates, Stat};
use stats_db::ClientChange;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{PROCESSED, Service, days_ago, new_stat, stat, uuid};

fn object(uuid: &str, count: u32) -> Value {
    json!([{"uuid": uuid, "label2": "x", "count": count, "maxRisk": 18, "averageRate": "2.50"}])
}

fn risks(high: u32) -> Value {
    json!({"risks": {"current": {"informational": [{"level": "High risks", "value": high}]}}})
}

#[track_caller]
fn get(service: &Service, path: &str) -> Value {
    let response = service.get(path);
    assert_eq!(response.status, 200, "{path}: {response:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    response.json()
}

/// The current informational high risks in `/stats/risks.json`.
#[track_caller]
fn high_risks(service: &Service, query: &str) -> Value {
    let risks = get(service, &format!("/stats/risks.json?{query}"));
    risks["current"]["informational"]["High risks"].clone()
}

fn coordinates(latitude: f64) -> ClientChange {
    ClientChange::Coordinates(Some(Coordinates::new(latitude, 6.25).unwrap()))
}

on_each_database!(objects_are_a_map_or_a_series);
fn objects_are_a_map_or_a_series(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for (stats_type, file) in [("threat", "threats"), ("vulnerability", "vulnerabilities")] {
        let get = |query: &str| get(&service, &format!("/stats/{file}.json{query}"));
        assert_eq!(get(""), json!({}));
        let (one, two) = (uuid(), uuid());
        office.store([
            new_stat(stats_type, 3, object(&one, 8)),
            new_stat(stats_type, 3, object(&one, 9)),
            new_stat(stats_type, 150, object(&one, 6)),
            new_stat(stats_type, 400, object(&two, 6)),
        ]);
        let values = |count: f64| json!({"averageRate": 2.5, "count": count, "maxRisk": 18.0});
        assert_eq!(
            get(""),
            json!({one.as_str(): {days_ago(3): values(8.5), days_ago(150): values(6.0)}})
        );
        let recent = get("?days=100&format=map&_=1");
        assert_eq!(recent, json!({one.as_str(): {days_ago(3): values(8.5)}}));
        let series = get("?days=3&format=series");
        assert_eq!(
            series[0]["values"],
            json!([{"date": days_ago(3), "count": 8.5, "maxRisk": 18.0, "averageRate": 2.5}])
        );
        assert_eq!(get("?days=2&format=series"), json!([]));
    }
}

on_each_database!(risks_have_a_default_processor);
fn risks_have_a_default_processor(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    office.store([new_stat("risk", 0, risks(3)), new_stat("risk", 1, risks(6))]);
    let on_date = json!({days_ago(0): 3.0, days_ago(1): 6.0});
    let series = json!([{"date": days_ago(1), "value": 6.0}, {"date": days_ago(0), "value": 3.0}]);
    for (query, expected) in [
        ("", &on_date),
        ("processor=risk_averages_on_date", &on_date),
        ("processor=risk_averages", &json!(4.5)),
        ("processor=risk_averages&days=0", &json!(3.0)),
        ("format=series", &series),
    ] {
        assert_eq!(high_risks(&service, query), *expected, "{query}");
    }
}

fn matrix(number: u32) -> Value {
    let scale = json!([0, 1, 2, 3, 4]);
    json!({
        "scales": {"impact": scale, "likelihood": [0, 20], "probability": scale},
        "risks": {"current": {"operational": {"4": {"2": number}}}},
    })
}

fn compliance(referential: &str, category: &str, current: f64) -> Value {
    let category = |value: f64| json!({"label2": "Access control", "controls": [{"measure": category}], "value": value});
    json!([{
        "referential": referential, "label2": "ISO", "current": [category(current)], "target": [category(1.0)],
    }])
}

on_each_database!(cartography_and_compliance_have_a_default_processor);
fn cartography_and_compliance_have_a_default_processor(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let (referential, category) = (uuid(), uuid());
    for path in ["/stats/cartography.json", "/stats/compliance.json"] {
        assert_eq!(get(&service, path), json!({}));
        assert_eq!(get(&service, &format!("{path}?format=series")), json!([]));
    }
    office.store([
        new_stat("cartography", 0, matrix(3)),
        new_stat("cartography", 1, matrix(6)),
        new_stat("compliance", 0, compliance(&referential, &category, 0.5)),
        new_stat("compliance", 1, compliance(&referential, &category, 0.25)),
    ]);
    let cell = |query: &str, date: &str| {
        let result = get(&service, &format!("/stats/cartography.json?{query}"));
        let matrices = &result["current"]["operational"];
        let matrix = if date.is_empty() {
            matrices
        } else {
            &matrices[date]
        };
        matrix[4][2].clone()
    };
    assert_eq!(cell("", &days_ago(0)), 3.0);
    assert_eq!(cell("days=1", &days_ago(1)), 6.0);
    assert_eq!(cell("days=0", &days_ago(1)), Value::Null);
    assert_eq!(cell("processor=cartography_averages", ""), 4.5);

    let values = |current: f64, analyses: u32| json!({"current": current, "target": 1.0, "analyses": analyses});
    let result = |query: &str| get(&service, &format!("/stats/compliance.json?{query}"));
    let by_date = json!({days_ago(0): values(0.5, 1), days_ago(1): values(0.25, 1)});
    assert_eq!(result(""), json!({&referential: {&category: by_date}}));
    let overall = json!({&referential: {&category: values(0.375, 1)}});
    assert_eq!(result("processor=compliance_averages"), overall);
}

on_each_database!(weight_and_counts_are_parameters_of_every_route);
fn weight_and_counts_are_parameters_of_every_route(database: &TestDatabase) {
    let service = Service::start(database);
    let [large, small] = [service.front_office(), service.front_office()];
    large.store([2, 2, 2].map(|high| new_stat("risk", 0, risks(high))));
    small.store([new_stat("risk", 0, risks(10))]);
    let series = |query: &str| high_risks(&service, &format!("format=series&{query}"))[0].clone();
    let today = days_ago(0);
    assert_eq!(series(""), json!({"date": today, "value": 4.0}));
    assert_eq!(
        series("weight=client"),
        json!({"date": today, "value": 6.0})
    );
    assert_eq!(
        series("counts=1&weight=analysis"),
        json!({"date": today, "value": 4.0, "clients": 2, "analyses": 4})
    );
    assert_eq!(
        high_risks(&service, "counts=1"),
        json!({today.as_str(): 4.0})
    );
    let body = json!({
        "type": "risk", "processor": "risk_averages", "processor_params": {"weight": "client", "counts": "1"},
    });
    assert_eq!(
        large.get_with(PROCESSED, &body).json()["data"]["current"]["informational"]["High risks"],
        json!({"value": 6.0, "clients": 2, "analyses": 4})
    );
    for (field, query) in [("weight", "weight=gold"), ("counts", "counts=2")] {
        service
            .get(&format!("/stats/risks.json?{query}"))
            .assert_invalid(field);
    }
    let body = json!({"type": "risk", "processor": "risk_averages", "processor_params": {"weight": "gold"}});
    large
        .get_with(PROCESSED, &body)
        .assert_invalid("processor_params");
}

on_each_database!(labels_are_in_maps_and_series_if_asked_for);
fn labels_are_in_maps_and_series_if_asked_for(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let (threat, referential, category) = (uuid(), uuid(), uuid());
    office.store([
        new_stat("threat", 0, object(&threat, 8)),
        new_stat("compliance", 0, compliance(&referential, &category, 0.5)),
        new_stat("risk", 0, risks(2)),
    ]);
    let result = |path: &str| get(&service, &format!("/stats/{path}"));
    let labels =
        |english: &str| json!({"label1": "", "label2": english, "label3": "", "label4": ""});
    let with_labels =
        |english: &str, values: &Value| json!({"labels": labels(english), "values": values});

    let plain = result("threats.json?labels=0");
    assert_eq!(
        result("threats.json?labels=1"),
        json!({&threat: with_labels("x", &plain[&threat])})
    );
    for query in ["", "processor=compliance_averages"] {
        let plain = result(&format!("compliance.json?{query}"));
        let category_values = with_labels("Access control", &plain[&referential][&category]);
        let values = json!({&category: category_values});
        assert_eq!(
            result(&format!("compliance.json?{query}&labels=1")),
            json!({&referential: with_labels("ISO", &values)})
        );
    }
    for path in [
        "threats.json?format=series",
        "compliance.json?format=series",
        "compliance.json?format=series&processor=compliance_averages",
        "risks.json?format=map",
        "risks.json?format=series",
        "cartography.json?format=map",
        "vulnerabilities.json?format=map",
        "vulnerabilities.json?format=series",
    ] {
        assert_eq!(result(&format!("{path}&labels=1")), result(path), "{path}");
    }
}

on_each_database!(last_stats_are_the_newest_forty);
fn last_stats_are_the_newest_forty(database: &TestDatabase) {
    let service = Service::start(database);
    let mut stats: Vec<_> = (0..40)
        .map(|days| new_stat("risk", 1000 + days, risks(2)))
        .collect();
    stats.push(new_stat("risk", 2000, risks(1_000_000)));
    service.front_office().store(&stats);
    let query = "processor=risk_averages&last_stats";
    assert_eq!(high_risks(&service, &format!("{query}=1")), 2.0);
    let recent = get(&service, &format!("/stats/risks.json?{query}=0"));
    assert_eq!(recent, json!({}));
}

on_each_database!(local_stats_only_excludes_remote_clients);
fn local_stats_only_excludes_remote_clients(database: &TestDatabase) {
    let service = Service::start(database);
    let (local, remote) = (service.front_office(), service.front_office());
    local.store([new_stat("risk", 0, risks(2))]);
    remote.store([new_stat("risk", 0, risks(4))]);
    remote.change(&ClientChange::Local(false));
    for (local_stats_only, expected) in [(1, 2.0), (0, 3.0)] {
        let query = format!("processor=risk_averages&local_stats_only={local_stats_only}");
        assert_eq!(high_risks(&service, &query), expected);
    }
    let arguments = json!({"type": "risk", "processor": "risk_averages", "local_stats_only": 1});
    let processed = local.get_with(PROCESSED, &arguments).json();
    let averages = &processed["data"]["current"]["informational"];
    assert_eq!(averages["High risks"], 2.0);
}

on_each_database!(stats_of_the_future_are_not_public);
fn stats_of_the_future_are_not_public(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    office.change(&coordinates(49.5));
    let (known, future) = (uuid(), uuid());
    office.store([
        new_stat("risk", 0, risks(3)),
        new_stat("threat", 0, object(&known, 5)),
        new_stat("vulnerability", 0, object(&known, 5)),
    ]);
    let responses = || {
        let files = [
            "/stats/risks.json",
            "/stats/risks.json?last_stats=1",
            "/stats/threats.json?processor=threat_average_on_date&format=series",
            "/stats/threats.json?last_stats=1",
            "/stats/vulnerabilities.json",
            "/map/clients.json",
        ];
        let processed = format!("{PROCESSED}?type=risk&processor=risk_averages_on_date");
        (
            files.map(|path| service.get(path).body),
            office.get(&processed).body,
        )
    };
    let before = responses();
    // Earlier versions accepted such dates.
    let stats = [
        ("risk", risks(1000)),
        ("threat", object(&future, 1000)),
        ("vulnerability", object(&future, 1000)),
    ]
    .map(|(stats_type, data)| stat(&uuid(), stats_type, "2096-01-01", data))
    .map(|stat| serde_json::from_value::<Stat>(stat).unwrap());
    service.db.insert_stats(office.stored().id, &stats).unwrap();
    assert_eq!(responses(), before);
    for path in ["/", "/stats", "/stats?days=0"] {
        let page = service.get(path);
        assert_eq!(page.status, 200);
        for text in ["2096", &future] {
            assert!(!page.body.contains(text), "{page:?}");
        }
    }
    let query = "type=risk&processor=risk_averages&date_to=9999-12-31";
    let processed = office.get(&format!("{PROCESSED}?{query}")).json();
    let averages = &processed["data"]["current"]["informational"];
    assert_eq!(averages["High risks"], 501.5);
}

on_each_database!(invalid_public_queries_are_rejected);
fn invalid_public_queries_are_rejected(database: &TestDatabase) {
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
        "threats.json?labels=2",
        "threats.json?lang=it",
        "cartography.json?processor=compliance_averages",
        "compliance.json?format=csv&processor=threat_average_on_date",
        "threats.json?last_stats=2",
        "risks.json?local_stats_only=x",
        "risks.json?days=1&days=2",
    ] {
        let response = service.get(&format!("/stats/{query}"));
        assert_eq!(response.status, 400, "{query}");
        assert!(response.json().is_object(), "{query}");
    }
    assert_eq!(service.get("/stats/threats.json?days=36525").status, 200);
}

on_each_database!(unchanged_public_stats_get_304);
fn unchanged_public_stats_get_304(database: &TestDatabase) {
    let service = Service::start(database);
    let get = |path: &str, tag: &str| service.get_with_header(path, "If-None-Match", tag);
    for path in ["/stats/risks.json", "/map/clients.json"] {
        let first = service.get(path);
        assert_eq!(first.header("access-control-allow-origin"), Some("*"));
        assert_eq!(first.header("cache-control"), Some("public, no-cache"));
        let tag = first.header("etag").unwrap();
        for known in [tag, "*", &format!("\"x\", W/{tag}")] {
            let unchanged = get(path, known);
            unchanged.assert_empty(304);
            assert_eq!(unchanged.header("etag"), Some(tag));
        }
        for other in ["\"x\"", "junk"] {
            assert_eq!(get(path, other).status, 200, "{other}");
        }
    }
    let path = "/stats/risks.json";
    let first = service.get(path);
    service
        .front_office()
        .store([new_stat("risk", 0, risks(2))]);
    assert_eq!(get(path, first.header("etag").unwrap()).status, 200);
}

fn place(latitude: f64, threat: (f64, &str), vulnerability: (f64, &str)) -> Value {
    json!({
        "latitude": latitude,
        "longitude": 6.25,
        "max_threat": threat,
        "max_threat_label": "x",
        "max_vulnerability": vulnerability,
        "max_vulnerability_label": "x",
    })
}

on_each_database!(the_map_shows_places_without_the_names_of_clients);
fn the_map_shows_places_without_the_names_of_clients(database: &TestDatabase) {
    let service = Service::start(database);
    let [shown, without_place, without_stats] = [(); 3].map(|()| service.front_office());
    shown.change(&coordinates(49.5));
    without_stats.change(&coordinates(10.0));
    let (rare, frequent, vulnerability) = (uuid(), uuid(), uuid());
    for office in [&shown, &without_place] {
        office.store([
            new_stat("threat", 1, object(&rare, 2)),
            new_stat("threat", 1, object(&frequent, 3)),
            new_stat("threat", 0, object(&frequent, 4)),
            new_stat("vulnerability", 0, object(&vulnerability, 1)),
        ]);
    }
    let expected = |latitude| json!([place(latitude, (3.5, &frequent), (1.0, &vulnerability))]);
    assert_eq!(get(&service, "/map/clients.json"), expected(49.5));
    // A client that moves changes no stats.
    shown.change(&coordinates(-49.5));
    assert_eq!(get(&service, "/map/clients.json"), expected(-49.5));
}

on_each_database!(the_map_counts_seven_days_up_to_the_newest_stats_of_a_client);
fn the_map_counts_seven_days_up_to_the_newest_stats_of_a_client(database: &TestDatabase) {
    let service = Service::start(database);
    let [active, silent] = [(); 2].map(|()| service.front_office());
    active.change(&coordinates(1.0));
    silent.change(&coordinates(2.0));
    let (object_id, old) = (uuid(), uuid());
    for (office, last) in [(&active, 0), (&silent, 400)] {
        let stats = ["threat", "vulnerability"].map(|stats_type| {
            [
                new_stat(stats_type, last, object(&object_id, 2)),
                new_stat(stats_type, last + 6, object(&object_id, 4)),
                new_stat(stats_type, last + 7, object(&old, 1000)),
            ]
        });
        office.store(stats.concat());
    }
    let top = (3.0, object_id.as_str());
    let expected = json!([place(1.0, top, top), place(2.0, top, top)]);
    assert_eq!(get(&service, "/map/clients.json"), expected);
    // From the stored extracts.
    service
        .front_office()
        .store([new_stat("risk", 0, risks(2))]);
    assert_eq!(get(&service, "/map/clients.json"), expected);
}

on_each_database!(names_on_the_map_are_in_the_language_of_the_reader);
fn names_on_the_map_are_in_the_language_of_the_reader(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    office.change(&coordinates(1.0));
    let labelled = json!([{
        "uuid": uuid(), "label1": "Menace", "label2": "Threat", "count": 1, "maxRisk": 1, "averageRate": 1,
    }]);
    let mut unlabelled = object(&uuid(), 1);
    unlabelled[0].as_object_mut().unwrap().remove("label2");
    office.store([
        new_stat("threat", 0, labelled),
        new_stat("vulnerability", 0, unlabelled),
    ]);
    for (query, accepted, label) in [
        ("", "fr-LU, en;q=0.5", "Menace"),
        ("?lang=en", "fr", "Threat"),
        ("?lang=fr-LU", "en", "Menace"),
        ("?lang=de&x=1", "fr", "Threat"),
        ("", "it", "Threat"),
    ] {
        let path = format!("/map/clients.json{query}");
        let response = service.get_with_header(&path, "Accept-Language", accepted);
        assert_eq!(response.header("vary"), Some("accept-language"));
        let place = &response.json()[0];
        assert_eq!(place["max_threat_label"], label, "{query} {accepted}");
        assert_eq!(place["max_vulnerability_label"], Value::Null);
    }
    assert_eq!(service.get("/map/clients.json?lang=it").status, 400);
}
