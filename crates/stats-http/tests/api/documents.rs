//! The examples of the five types of stats, in the documentation and in the specification.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use stats_core::StatsType;
use stats_processors::{Registry, Shape};
use stats_testing::{TestDatabase, assert_generated, json_block, on_each_database};

use crate::support::{PROCESSED, STATS, Service, new_stat};

/// The example of a type, as text.
fn example(stats_type: StatsType) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/examples");
    fs::read_to_string(format!("{folder}/{stats_type}.json")).unwrap()
}

fn data(stats_type: StatsType) -> Value {
    serde_json::from_str(&example(stats_type)).unwrap()
}

#[test]
fn docs_data_md_has_the_examples() {
    for stats_type in StatsType::ALL {
        let block = format!("```json\n{}```\n", example(stats_type));
        assert_generated("docs/data.md", stats_type.as_str(), &block);
    }
}

#[test]
fn processors_read_the_examples_without_skipping_anything() {
    for processor in Registry::default().iter() {
        let mut accumulator = processor.start();
        accumulator.fold(
            "2026-11-20".parse().unwrap(),
            [example(processor.stats_type)],
        );
        assert_eq!(accumulator.skipped(), 0, "{processor:?}");
        assert!(!accumulator.is_empty(), "{processor:?}");
    }
}

/// The sum of all numbers in a value.
fn sum(value: &Value) -> u64 {
    match value {
        Value::Number(number) => number.as_u64().unwrap(),
        Value::Array(elements) => elements.iter().map(sum).sum(),
        Value::Object(fields) => fields.values().map(sum).sum(),
        _ => 0,
    }
}

#[test]
fn the_examples_are_about_the_same_risks() {
    let risk = data(StatsType::Risk);
    let cartography = data(StatsType::Cartography);
    for state in ["current", "residual"] {
        for kind in ["informational", "operational"] {
            let total = sum(&risk["total"][state][kind]);
            assert!(total > 0);
            assert_eq!(sum(&risk["risks"][state][kind]), total);
            assert_eq!(sum(&cartography["risks"][state][kind]), total);
        }
    }
    for stats_type in [StatsType::Threat, StatsType::Vulnerability] {
        let data = data(stats_type);
        let objects = data.as_array().unwrap().iter();
        let counts: u64 = objects.map(|object| sum(&object["count"])).sum();
        assert_eq!(counts, sum(&risk["total"]["current"]["informational"]));
    }
}

/// The example of an answer or request in the specification.
fn specified<'a>(document: &'a Value, path: &str, method: &str, part: &str) -> &'a Value {
    let operation = &document["paths"][path][method];
    let part = match part {
        "request" => &operation["requestBody"],
        status => &operation["responses"][status],
    };
    &part["content"]["application/json"]["example"]
}

on_each_database!(the_service_takes_and_gives_the_examples_of_the_specification);
fn the_service_takes_and_gives_the_examples_of_the_specification(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let document = service.get("/api/v1/openapi.json").json();
    let stats = specified(&document, STATS, "post", "request").clone();
    assert_eq!(stats.as_array().unwrap().len(), StatsType::ALL.len());
    for (stat, stats_type) in stats.as_array().unwrap().iter().zip(StatsType::ALL) {
        assert_eq!(stat["type"], stats_type.as_str());
        assert_eq!(stat["data"], data(stats_type));
    }

    let stored = office.post(&stats);
    assert_eq!(stored.status, 201, "{stored:?}");
    assert_eq!(stored.data().len(), StatsType::ALL.len());
    for (stored, sent) in stored.data().iter().zip(stats.as_array().unwrap()) {
        assert_eq!(stored["data"], sent["data"]);
    }

    // The ids are made by the service.
    let without_id = |stat: &Value| {
        let mut stat = stat.clone();
        assert!(stat.as_object_mut().unwrap().remove("uuid").is_some());
        stat
    };
    let date = &stats[0]["date"];
    let only_risk = json!({"type": "risk", "date_from": date, "date_to": date});
    let listed = office.get_with(STATS, &only_risk).json();
    for (method, status) in [("post", "201"), ("get", "200")] {
        let list = specified(&document, STATS, method, status);
        assert_eq!(list["metadata"], listed["metadata"]);
        assert_eq!(without_id(&list["data"][0]), without_id(&listed["data"][0]));
    }
    let bare = specified(&document, "/api/v1/stats/{anr}", "get", "200");
    assert_eq!(without_id(&bare[0]), without_id(&listed["data"][0]));

    let processed = specified(&document, PROCESSED, "get", "200");
    let arguments = json!({"type": processed["type"], "processor": processed["processor"]});
    assert_eq!(office.get_with(PROCESSED, &arguments).json(), *processed);
}

on_each_database!(any_document_is_stored_as_it_is_and_skipped_by_processors);
fn any_document_is_stored_as_it_is_and_skipped_by_processors(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let hello = json!({"hello": "world"});
    office.store([new_stat("risk", 0, hello.clone())]);
    assert_eq!(office.list(&json!({}))[0]["data"], hello);
    let arguments = json!({"type": "risk", "processor": "risk_averages"});
    assert_eq!(
        office.get_with(PROCESSED, &arguments).data(),
        [] as [Value; 0]
    );
    let metrics = service.get("/metrics").body;
    let skipped = r#"stats_processor_skipped_total{processor="risk_averages"} 1"#;
    assert!(metrics.contains(skipped), "{metrics}");
}

/// The input of the processors of a type.
struct Input {
    stats_type: StatsType,
    parameters: Value,
    /// The date and the document of each stat.
    stats: Vec<(&'static str, Value)>,
}

const MONDAY: &str = "2026-11-16";
const TUESDAY: &str = "2026-11-17";

fn inputs() -> Vec<Input> {
    let risk = |high: u32, low: u32| {
        let levels =
            json!([{"level": "Low risks", "value": low}, {"level": "High risks", "value": high}]);
        json!({"risks": {"current": {"informational": levels}}})
    };
    let threat = |count: u32, max_risk: u32, rate: &str| {
        json!([{"uuid": "7cb16521-7746-424a-b0b7-e4896aa07062", "label2": "Phishing",
                "count": count, "maxRisk": max_risk, "averageRate": rate}])
    };
    let cartography = |scale: &[u32], risks: Value| {
        let scales = json!({"impact": scale, "probability": scale});
        json!({"scales": scales, "risks": {"current": {"operational": risks}}})
    };
    let compliance = |current: &str| {
        let category = |value: &str| {
            json!([{"label2": "Governance", "value": value,
                    "controls": [{"measure": "87b0b125-ec1d-4da0-a6eb-8c9ebd69fe29"}]}])
        };
        json!([{"referential": "5bc8fbbc-bde5-4099-8164-d8399f767c45", "label2": "Sample referential",
                "current": category(current), "target": category("1.00")}])
    };
    vec![
        Input {
            stats_type: StatsType::Risk,
            parameters: json!({"risks_state": "current", "risks_type": "informational"}),
            stats: vec![
                (MONDAY, risk(6, 20)),
                (MONDAY, risk(2, 40)),
                (TUESDAY, risk(1, 36)),
            ],
        },
        Input {
            stats_type: StatsType::Threat,
            parameters: json!({}),
            stats: vec![
                (MONDAY, threat(3, 36, "2.66")),
                (MONDAY, threat(1, 12, "1")),
                (TUESDAY, threat(2, 27, "2.34")),
                (TUESDAY, json!([])),
            ],
        },
        Input {
            stats_type: StatsType::Cartography,
            parameters: json!({"risks_state": "current", "risks_type": "operational"}),
            stats: vec![
                (
                    MONDAY,
                    cartography(&[0, 1, 2, 3, 4], json!({"1": [3, 1], "4": {"2": 1}})),
                ),
                (
                    MONDAY,
                    cartography(&[0, 1, 2, 3, 4, 5], json!({"5": {"3": 2}})),
                ),
            ],
        },
        Input {
            stats_type: StatsType::Compliance,
            parameters: json!({}),
            stats: vec![
                (MONDAY, compliance("0.20")),
                (MONDAY, compliance("0.60")),
                (TUESDAY, compliance("0.70")),
            ],
        },
    ]
}

#[test]
fn docs_processors_md_has_the_results_of_the_processors() {
    let registry = Registry::default();
    for Input {
        stats_type,
        parameters,
        stats,
    } in inputs()
    {
        let mut documents = BTreeMap::<_, Vec<_>>::new();
        for (date, data) in &stats {
            documents.entry(*date).or_default().push(data);
        }
        let mut section = format!(
            "From these documents, by date,\n\n{}",
            json_block(&json!(documents))
        );
        for processor in registry
            .iter()
            .filter(|known| known.stats_type == stats_type)
        {
            let mut accumulator = processor.start();
            for (date, data) in &stats {
                accumulator.fold(date.parse().unwrap(), [data.to_string()]);
            }
            assert_eq!(accumulator.skipped(), 0, "{processor:?}");
            let finisher = processor.prepare(&parameters).unwrap();
            let [series, map] = [Shape::Series, Shape::Map].map(|shape| -> Value {
                serde_json::from_str(&finisher.finish(&accumulator, shape).unwrap()).unwrap()
            });
            let name = processor.name;
            let block = json_block(&series);
            section += &format!("\n`{name}` computes\n\n{block}");
            if map != series {
                section += &format!("\nand as a map\n\n{}", json_block(&map));
            }
        }
        assert_generated("docs/processors.md", stats_type.as_str(), &section);
    }
}
