//! The digests of a client's own stats.

use serde_json::{Value, json};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Service, days_ago, new_stat};

const DIGESTS: &str = "/api/v1/stats/digests";

on_each_database!(digests_count_own_stats_by_type_and_day);
fn digests_count_own_stats_by_type_and_day(database: &TestDatabase) {
    let service = Service::start(database);
    let (office, other) = (service.front_office(), service.front_office());
    let one = new_stat("threat", 1, json!([{"a": 1.50}]));
    office.store([
        &one,
        &new_stat("threat", 1, json!([])),
        &new_stat("risk", 1, json!([])),
        &new_stat("risk", 0, json!([])),
        &new_stat("risk", 200, json!([])),
    ]);
    let days = |digests: &[Value]| -> Vec<Value> {
        let day = |digest: &Value| json!([digest["date"], digest["type"], digest["count"]]);
        digests.iter().map(day).collect()
    };
    let get = |query: &str| -> Vec<Value> {
        let answer = office.get(&format!("{DIGESTS}{query}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json().as_array().unwrap().clone()
    };
    let expected = [
        json!([days_ago(1), "risk", 1]),
        json!([days_ago(1), "threat", 2]),
        json!([days_ago(0), "risk", 1]),
    ];
    let before = get("");
    assert_eq!(days(&before), expected);
    let range = format!("?date_from={}&date_to={}", days_ago(300), days_ago(1));
    assert_eq!(days(&get(&range)).len(), 3);

    // An admin gets its own, too.
    for client in [&other, &service.admin()] {
        client.get(DIGESTS).assert_json(200, json!([]));
    }
    let path = format!("/api/v1/stats/{}", one["anr"].as_str().unwrap());
    office.delete(&path);
    let after = get("/");
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1]["count"], 1);
    assert_ne!(after[1]["digest"], before[1]["digest"]);
    let digest = after[1]["digest"].as_str().unwrap();
    assert!(digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));

    let inverted = format!(
        "{DIGESTS}?date_from={}&date_to={}",
        days_ago(0),
        days_ago(1)
    );
    assert_eq!(office.get(&inverted).status, 400);
    assert_eq!(office.get(&format!("{DIGESTS}?type=risk")).status, 400);
    assert_eq!(service.get(DIGESTS).status, 401);
}
