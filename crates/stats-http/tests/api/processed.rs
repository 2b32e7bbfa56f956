//! Processing stats through the API.

use serde_json::{Value, json};
use stats_processors::Registry;
use stats_sample::{Sample, payload};
use stats_testing::{TestDatabase, day, on_each_database};

use crate::support::{FrontOffice, PROCESSED, Service, days_ago, new_stat, stat, uuid};

const ON_DATE: [(&str, &str); 2] = [
    ("threat", "threat_average_on_date"),
    ("vulnerability", "vulnerability_average_on_date"),
];

fn threat(object: &str, count: u32, max_risk: f64, average_rate: &str) -> Value {
    json!({"uuid": object, "label1": "Menace", "label2": "Threat", "label3": "", "label4": "",
           "count": count, "maxRisk": max_risk, "averageRate": average_rate})
}

/// The document of a risk stat: low, medium and high risks, current and residual, informational and operational.
fn risks(current: [[u32; 3]; 2], residual: [[u32; 3]; 2]) -> Value {
    let levels = |values: [u32; 3]| {
        json!([{"level": "Low risks", "value": values[0]}, {"level": "Medium risks", "value": values[1]},
               {"level": "High risks", "value": values[2]}])
    };
    let kinds = |state: [[u32; 3]; 2]| json!({"informational": levels(state[0]), "operational": levels(state[1])});
    json!({"total": {}, "risks": {"current": kinds(current), "residual": kinds(residual)}})
}

/// The result of a processor.
#[track_caller]
fn process(office: &FrontOffice<'_>, arguments: &Value) -> Value {
    let response = office.get_with(PROCESSED, arguments);
    assert_eq!(response.status, 200, "{arguments}: {response:?}");
    let body = response.json();
    assert_eq!(body["type"], arguments["type"]);
    assert_eq!(body["processor"], arguments["processor"]);
    body["data"].clone()
}

/// The element of an array whose field `name` has this value.
#[track_caller]
fn find<'a>(array: &'a Value, name: &str, value: impl Into<Value>) -> &'a Value {
    let value = value.into();
    let mut elements = array.as_array().unwrap().iter();
    elements.find(|element| element[name] == value).unwrap()
}

on_each_database!(the_processor_list_is_public);
fn the_processor_list_is_public(database: &TestDatabase) {
    let service = Service::start(database);
    let list = service.get("/api/v1/stats/processed/list").json();
    let list = list.as_array().unwrap();
    let values = |name: &str| {
        let values = list.iter().map(|processor| processor[name].as_str());
        values.map(Option::unwrap).collect::<Vec<_>>()
    };
    let expected = [
        "risk_averages",
        "risk_averages_on_date",
        "threat_average_on_date",
        "vulnerability_average_on_date",
        "cartography_averages",
        "cartography_averages_on_date",
        "compliance_averages",
        "compliance_averages_on_date",
    ];
    assert_eq!(values("name"), expected);
    let descriptions = values("description");
    assert!(descriptions.iter().all(|text| !text.is_empty()));
    for parameter in ["risks_type", "risks_state"] {
        assert!(descriptions[1].contains(parameter), "{descriptions:?}");
    }
}

on_each_database!(risks_are_averaged_over_all_clients);
fn risks_are_averaged_over_all_clients(database: &TestDatabase) {
    let service = Service::start(database);
    let (one, two) = (service.front_office(), service.front_office());
    let (a, b) = (uuid(), uuid());
    let (today, yesterday) = (days_ago(0), days_ago(1));
    let residual = [[74, 26, 1], [28, 0, 0]];
    let (first, second) = (
        risks([[66, 27, 8], [18, 0, 10]], residual),
        risks([[12, 27, 8], [18, 0, 10]], residual),
    );
    let third = risks([[13, 30, 9], [20, 1, 10]], [[70, 20, 3], [26, 2, 4]]);
    one.store([
        stat(&a, "risk", &yesterday, first),
        stat(&a, "risk", &today, second),
    ]);
    two.store([stat(&b, "risk", &today, third)]);

    let averages = json!({"type": "risk", "processor": "risk_averages"});
    let data = process(&one, &averages);
    // (66 + 12 + 13) / 3, (0 + 0 + 1) / 3, (0 + 0 + 4) / 3
    assert_eq!(data["current"]["informational"]["Low risks"], 91.0 / 3.0);
    assert_eq!(data["current"]["operational"]["Medium risks"], 1.0 / 3.0);
    assert_eq!(data["residual"]["operational"]["High risks"], 4.0 / 3.0);
    // Clients do not see analyses of others; admins see all.
    let admin = service.admin();
    for (reader, argument, value, expected) in [
        (&one, "anrs", json!([a]), 39.0),
        (&admin, "anrs", json!([a]), 39.0),
        (&two, "anrs", json!([a, b]), 13.0),
        (&two, "date_to", json!(yesterday), 66.0),
    ] {
        let mut arguments = averages.clone();
        arguments[argument] = value;
        let data = process(reader, &arguments);
        assert_eq!(data["current"]["informational"]["Low risks"], expected);
    }
    let of_a = json!({"type": "risk", "processor": "risk_averages", "anrs": [a]});
    assert_eq!(process(&two, &of_a), json!([]));

    let on_date = json!({"type": "risk", "processor": "risk_averages_on_date"});
    assert_eq!(
        process(&one, &on_date)["current"]["informational"]["Low risks"],
        json!([{"date": yesterday, "value": 66.0}, {"date": today, "value": 12.5}])
    );
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let with_params = |params: Value| {
        let mut arguments = on_date.clone();
        arguments["processor_params"] = params;
        process(&one, &arguments)
    };
    let data = with_params(json!({"risks_type": "operational", "risks_state": "residual"}));
    assert_eq!(keys(&data), ["residual"]);
    assert_eq!(keys(&data["residual"]), ["operational"]);
    for empty in [json!({}), json!([]), json!(null)] {
        assert_eq!(keys(&with_params(empty)).len(), 2);
    }
    // As PHP writes arrays in a query string.
    let query = "type=risk&processor=risk_averages&processor_params[risks_state]=current\
                 &processor_params%5Brisks_type%5D=operational";
    let data = one.get(&format!("{PROCESSED}?{query}")).json()["data"].clone();
    assert_eq!(data["current"]["operational"]["Medium risks"], 1.0 / 3.0);
    assert_eq!(keys(&data), ["current"]);
    assert_eq!(keys(&data["current"]), ["operational"]);
}

on_each_database!(threats_are_averaged_per_date_and_overall);
fn threats_are_averaged_per_date_and_overall(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let (object, other) = (uuid(), uuid());
    for (stats_type, processor) in ON_DATE {
        let two = [
            threat(&object, 10, 35.5, "2.32"),
            threat(&other, 8, 45.0, "2.87"),
        ];
        office.store([
            new_stat(stats_type, 0, json!(two)),
            new_stat(stats_type, 0, json!([threat(&object, 20, 40.0, "3.00")])),
            new_stat(stats_type, 1, json!([threat(&object, 30, 41.0, "4")])),
        ]);
        let data = process(
            &office,
            &json!({"type": stats_type, "processor": processor}),
        );
        assert_eq!(data.as_array().unwrap().len(), 2);
        let found = find(&data, "object", object.as_str());
        assert_eq!(
            found["labels"],
            json!({"label1": "Menace", "label2": "Threat", "label3": "", "label4": ""})
        );
        assert_eq!(
            found["values"],
            json!([
                {"date": days_ago(1), "count": 30.0, "maxRisk": 41.0, "averageRate": 4.0},
                {"date": days_ago(0), "count": 15.0, "maxRisk": 37.75, "averageRate": 2.66},
            ])
        );
        assert_eq!(found["averages"]["count"], 20.0);
        assert_eq!(found["averages"]["maxRisk"], 116.5 / 3.0);
    }
}

on_each_database!(unreadable_stats_are_skipped);
fn unreadable_stats_are_skipped(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let (analysis, object) = (uuid(), uuid());
    let threats = [
        json!({}),
        json!([5]),
        json!([{"uuid": object}]),
        json!({"a": 1}),
        json!([{"uuid": "zz", "count": "x", "maxRisk": null, "averageRate": "NaN"}]),
        // The readable one.
        json!([threat(&object, 4, 4.0, "4")]),
    ];
    let risks = [
        json!({}),
        json!([]),
        json!({"risks": 5}),
        json!({"risks": {"other": []}}),
        json!({"risks": {"current": {"informational": [{"level": "Odd", "value": 3}]}}}),
        // The readable one.
        risks([[1, 2, 3], [4, 5, 6]], [[0; 3]; 2]),
    ];
    for (stats_type, documents) in [("threat", threats), ("risk", risks)] {
        let stats = documents.map(|data| stat(&analysis, stats_type, &days_ago(0), data));
        office.store(stats);
    }
    let on_date = json!({"type": "threat", "processor": "threat_average_on_date"});
    let threats = process(&office, &on_date);
    assert_eq!(threats.as_array().unwrap().len(), 1);
    assert_eq!(threats[0]["averages"]["count"], 4.0);
    let averages = json!({"type": "risk", "processor": "risk_averages"});
    let risks = process(&office, &averages);
    assert_eq!(risks["current"]["informational"]["High risks"], 3.0);
}

on_each_database!(processing_no_stats_gives_an_empty_list);
fn processing_no_stats_gives_an_empty_list(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for known in Registry::default().iter() {
        let arguments =
            json!({"type": known.stats_type, "processor": known.name, "local_stats_only": 1});
        assert_eq!(process(&office, &arguments), json!([]));
    }
}

on_each_database!(invalid_processing_requests_are_rejected);
fn invalid_processing_requests_are_rejected(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let mismatch = json!({"type": "risk", "processor": "threat_average_on_date"});
    let error = "Processor 'threat_average_on_date' can not be used with type 'risk'.";
    let response = office.get_with(PROCESSED, &mismatch);
    response.assert_json(400, json!({"Error": error}));
    let averages = "risk_averages";
    for (arguments, field) in [
        (json!({"type": "risk", "processor": "tree"}), "processor"),
        (json!({"type": "risk"}), "processor"),
        (json!({"processor": averages}), "type"),
        (
            json!({"type": "risk", "processor": averages, "local_stats_only": 3}),
            "local_stats_only",
        ),
        (
            json!({"type": "risk", "processor": averages, "processor_params": {"risks_type": "junk"}}),
            "processor_params",
        ),
    ] {
        office.get_with(PROCESSED, &arguments).assert_invalid(field);
    }
    let inverted = "date_from=2026-01-02&date_to=2026-01-01";
    office
        .get(&format!(
            "{PROCESSED}?type=risk&processor={averages}&{inverted}"
        ))
        .assert_invalid("date_from");
    let unknown = json!({"type": "risk", "processor": averages, "nbdays": 3});
    let response = office.get_with(PROCESSED, &unknown);
    response.assert_message(400, "Unknown arguments: nbdays");
}

on_each_database!(sample_stats_are_processed_completely);
fn sample_stats_are_processed_completely(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = Sample::new(1).analysis(0, day("2026-01-01"));
    let sent: Vec<_> = ["2026-01-01", "2026-03-01", "2026-06-30"]
        .map(|date| analysis.stats_on(day(date)))
        .concat();
    let sent: Vec<Value> = serde_json::from_str(&payload(&sent)).unwrap();
    office.store(&sent);
    for (stats_type, processor) in ON_DATE {
        let data = process(
            &office,
            &json!({"type": stats_type, "processor": processor}),
        );
        let mut of_type = sent.iter().filter(|stat| stat["type"] == stats_type);
        let stat = of_type.find(|stat| stat["date"] == "2026-03-01").unwrap();
        let sent = &stat["data"][0];
        let found = find(&data, "object", sent["uuid"].as_str());
        let of_day = find(&found["values"], "date", "2026-03-01");
        assert_eq!(of_day["count"].as_f64(), sent["count"].as_f64());
        assert_eq!(found["labels"]["label3"], sent["label3"]);
    }
}
