//! The application of the example `serve_own_processor`.

use serde_json::json;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{PROCESSED, Service, new_stat};

#[path = "../../examples/serve_own_processor.rs"]
#[expect(dead_code, reason = "the test does not call `main`")]
mod own_processor;

on_each_database!(own_processors_are_listed_described_and_run);
fn own_processors_are_listed_described_and_run(database: &TestDatabase) {
    let db = database.migrated();
    let service = Service::with_app(db.clone(), own_processor::app(db).unwrap());
    let office = service.front_office();
    let object = "b402d4e0-4576-11e9-9173-0800277f0571";
    let stats = [36, 45, 8]
        .map(|max_risk| new_stat("threat", 0, json!([{"uuid": object, "maxRisk": max_risk}])));
    office.store(&stats);

    let maxima = json!({object: 45.0});
    let public = service.get("/stats/threats.json?processor=threat_maxima");
    assert_eq!(public.json(), maxima);
    let with_labels = service.get("/stats/threats.json?processor=threat_maxima&labels=1");
    assert_eq!(with_labels.json(), maxima);
    let csv = service.get("/stats/threats.json?processor=threat_maxima&format=csv");
    csv.assert_message(
        400,
        "The result of processor 'threat_maxima' is not a table.",
    );
    for (at_least, expected) in [(45.0, maxima), (45.5, json!({}))] {
        let params = json!({"at_least": at_least});
        let arguments =
            json!({"type": "threat", "processor": "threat_maxima", "processor_params": params});
        let response = office.get_with(PROCESSED, &arguments);
        assert_eq!(response.json()["data"], expected, "{response:?}");
    }
    let list = service.get("/api/v1/stats/processed/list").json();
    let mut processors = list.as_array().unwrap().iter();
    assert!(processors.any(|processor| processor["name"] == "threat_maxima"));
    let specification = service.get("/api/v1/openapi.json").body;
    assert!(specification.contains("threat_maxima"));
}
