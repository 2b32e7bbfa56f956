//! What processors make of the stats, through the API.

use serde_json::{Value, json};
use stats_sample::Sample;
use stats_testing::{TestDatabase, day, on_each_database};

use crate::support::{FrontOffice, Service, days_ago, stat, uuid};

const PROCESSED: &str = "/api/v1/stats/processed/";

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
fn process(office: &FrontOffice<'_>, arguments: &Value) -> Value {
    let answer = office.ask(PROCESSED, arguments);
    assert_eq!(answer.status, 200, "{arguments}: {answer:?}");
    let answer = answer.json();
    assert_eq!(
        (&answer["type"], &answer["processor"]),
        (&arguments["type"], &arguments["processor"])
    );
    answer["data"].clone()
}

on_each_database!(the_list_of_processors_is_public);
fn the_list_of_processors_is_public(database: &TestDatabase) {
    let service = Service::start(database);
    let list = service.get("/api/v1/stats/processed/list").json();
    let names: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|known| known["name"].as_str().unwrap())
        .collect();
    let known = [
        "risk_averages",
        "risk_averages_on_date",
        "threat_average_on_date",
        "vulnerability_average_on_date",
    ];
    assert_eq!(names, known);
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .all(|known| !known["description"].as_str().unwrap().is_empty())
    );
    let on_date = list[1]["description"].as_str().unwrap();
    assert!(on_date.contains("risks_type") && on_date.contains("risks_state"));
}

on_each_database!(risks_are_averaged_over_all_clients);
fn risks_are_averaged_over_all_clients(database: &TestDatabase) {
    let service = Service::start(database);
    let (one, two) = (service.front_office(), service.front_office());
    let (a, b) = (uuid(), uuid());
    one.post(&json!([
        stat(
            &a,
            "risk",
            &days_ago(1),
            risks([[66, 27, 8], [18, 0, 10]], [[74, 26, 1], [28, 0, 0]])
        ),
        stat(
            &a,
            "risk",
            &days_ago(0),
            risks([[12, 27, 8], [18, 0, 10]], [[74, 26, 1], [28, 0, 0]])
        ),
    ]));
    two.post(&json!([stat(
        &b,
        "risk",
        &days_ago(0),
        risks([[13, 30, 9], [20, 1, 10]], [[70, 20, 3], [26, 2, 4]])
    )]));

    let averages = json!({"type": "risk", "processor": "risk_averages"});
    let data = process(&one, &averages);
    // (66 + 12 + 13) / 3, (0 + 0 + 1) / 3, (0 + 0 + 4) / 3
    assert_eq!(data["current"]["informational"]["Low risks"], 91.0 / 3.0);
    assert_eq!(data["current"]["operational"]["Medium risks"], 1.0 / 3.0);
    assert_eq!(data["residual"]["operational"]["High risks"], 4.0 / 3.0);
    let mut of_a = averages.clone();
    of_a["anrs"] = json!([a]);
    assert_eq!(
        process(&two, &of_a)["current"]["informational"]["Low risks"],
        39.0
    );
    let mut yesterday = averages;
    yesterday["date_to"] = json!(days_ago(1));
    assert_eq!(
        process(&two, &yesterday)["current"]["informational"]["Low risks"],
        66.0
    );

    let on_date = json!({"type": "risk", "processor": "risk_averages_on_date"});
    let data = process(&one, &on_date);
    assert_eq!(
        data["current"]["informational"]["Low risks"],
        json!([{"date": days_ago(1), "value": 66.0}, {"date": days_ago(0), "value": 12.5}])
    );
    let narrowed = |params: Value| {
        let mut arguments = on_date.clone();
        arguments["processor_params"] = params;
        let data = process(&one, &arguments);
        let names = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        let states = names(&data);
        states
            .iter()
            .map(|state| (state.clone(), names(&data[state])))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        narrowed(json!({"risks_type": "operational", "risks_state": "residual"})),
        [("residual".to_owned(), vec!["operational".to_owned()])]
    );
    for empty in [json!({}), json!([]), json!(null)] {
        assert_eq!(narrowed(empty).len(), 2);
    }
}

on_each_database!(threats_are_averaged_per_date_and_overall);
fn threats_are_averaged_per_date_and_overall(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let (a, b, object, other) = (uuid(), uuid(), uuid(), uuid());
    for (stats_type, processor) in [
        ("threat", "threat_average_on_date"),
        ("vulnerability", "vulnerability_average_on_date"),
    ] {
        office.post(&json!([
            stat(
                &a,
                stats_type,
                &days_ago(0),
                json!([
                    threat(&object, 10, 35.5, "2.32"),
                    threat(&other, 8, 45.0, "2.87")
                ])
            ),
            stat(
                &b,
                stats_type,
                &days_ago(0),
                json!([threat(&object, 20, 40.0, "3.00")])
            ),
            stat(
                &b,
                stats_type,
                &days_ago(1),
                json!([threat(&object, 30, 41.0, "4")])
            ),
        ]));
        let data = process(
            &office,
            &json!({"type": stats_type, "processor": processor}),
        );
        let found = data
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["object"] == object)
            .unwrap();
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
        assert_eq!(data.as_array().unwrap().len(), 2);
    }
}

on_each_database!(what_cannot_be_read_costs_nobody_an_answer);
fn what_cannot_be_read_costs_nobody_an_answer(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let (a, object) = (uuid(), uuid());
    let bad_threats = [
        json!({}),
        json!([5]),
        json!([{"uuid": object}]),
        json!({"a": 1}),
        json!([{"uuid": "zz", "count": "x", "maxRisk": null, "averageRate": "NaN"}]),
    ];
    let bad_risks = [
        json!({}),
        json!([]),
        json!({"risks": 5}),
        json!({"risks": {"other": []}}),
        json!({"risks": {"current": {"informational": [{"level": "Odd", "value": 3}]}}}),
    ];
    let good = [
        ("threat", json!([threat(&object, 4, 4.0, "4")])),
        ("risk", risks([[1, 2, 3], [4, 5, 6]], [[0; 3]; 2])),
    ];
    for (stats_type, bad) in bad_threats
        .map(|bad| ("threat", bad))
        .into_iter()
        .chain(bad_risks.map(|bad| ("risk", bad)))
    {
        assert_eq!(
            office
                .post(&json!([stat(&a, stats_type, &days_ago(0), bad)]))
                .status,
            201
        );
    }
    for (stats_type, good) in good {
        assert_eq!(
            office
                .post(&json!([stat(&a, stats_type, &days_ago(0), good)]))
                .status,
            201
        );
    }
    let threats = process(
        &office,
        &json!({"type": "threat", "processor": "threat_average_on_date"}),
    );
    assert_eq!(
        (
            threats.as_array().unwrap().len(),
            &threats[0]["averages"]["count"]
        ),
        (1, &json!(4.0))
    );
    let risks = process(
        &office,
        &json!({"type": "risk", "processor": "risk_averages"}),
    );
    assert_eq!(risks["current"]["informational"]["High risks"], 3.0);
}

on_each_database!(nothing_to_process_is_an_empty_list);
fn nothing_to_process_is_an_empty_list(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for known in stats_processors::all() {
        let arguments =
            json!({"type": known.stats_type(), "processor": known.name(), "local_stats_only": 1});
        assert_eq!(process(&office, &arguments), json!([]));
    }
}

on_each_database!(what_does_not_fit_is_refused);
fn what_does_not_fit_is_refused(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let mismatch = office.ask(
        PROCESSED,
        &json!({"type": "risk", "processor": "threat_average_on_date"}),
    );
    let expected =
        json!({"Error": "Processor 'threat_average_on_date' can not be used with type 'risk'."});
    assert_eq!((mismatch.status, mismatch.json()), (400, expected));
    for (arguments, field) in [
        (json!({"type": "risk", "processor": "tree"}), "processor"),
        (json!({"type": "risk"}), "processor"),
        (json!({"processor": "risk_averages"}), "type"),
        (
            json!({"type": "risk", "processor": "risk_averages", "local_stats_only": 3}),
            "local_stats_only",
        ),
        (
            json!({"type": "risk", "processor": "risk_averages", "processor_params": {"risks_type": "junk"}}),
            "processor_params",
        ),
    ] {
        let answer = office.ask(PROCESSED, &arguments);
        assert_eq!(answer.status, 400, "{arguments}");
        assert!(
            answer.json()["errors"][field].is_string(),
            "{arguments}: {answer:?}"
        );
    }
    let unknown = office.ask(
        PROCESSED,
        &json!({"type": "risk", "processor": "risk_averages", "nbdays": 3}),
    );
    assert_eq!(
        (unknown.status, unknown.json()),
        (400, json!({"message": "Unknown arguments: nbdays"}))
    );
}

on_each_database!(half_a_year_of_samples_is_processed_without_skipping);
fn half_a_year_of_samples_is_processed_without_skipping(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = Sample::new(1).analysis(0, day("2026-01-01"));
    let sent: Vec<_> = ["2026-01-01", "2026-03-01", "2026-06-30"]
        .map(|date| analysis.stats_on(day(date)))
        .concat();
    let body: Value = serde_json::from_str(&stats_sample::payload(&sent)).unwrap();
    assert_eq!(office.post(&body).status, 201);
    let first_count = |stats_type: &str, date: &str| {
        let stat = body
            .as_array()
            .unwrap()
            .iter()
            .find(|stat| stat["type"] == stats_type && stat["date"] == date);
        stat.unwrap()["data"][0].clone()
    };
    for (stats_type, processor) in [
        ("threat", "threat_average_on_date"),
        ("vulnerability", "vulnerability_average_on_date"),
    ] {
        let data = process(
            &office,
            &json!({"type": stats_type, "processor": processor}),
        );
        let sent = first_count(stats_type, "2026-03-01");
        let found = data
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["object"] == sent["uuid"])
            .unwrap();
        let of_day = found["values"]
            .as_array()
            .unwrap()
            .iter()
            .find(|value| value["date"] == "2026-03-01")
            .unwrap();
        assert_eq!(of_day["count"].as_f64(), sent["count"].as_f64());
        assert_eq!(found["labels"]["label3"], sent["label3"]);
    }
}
