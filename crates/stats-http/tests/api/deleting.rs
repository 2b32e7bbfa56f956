//! Deleting stats by their ids, and what remains of deleted stats.

use reqwest::Method;
use serde_json::{Value, json};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{FrontOffice, Response, STATS, Service, new_stat, uuid, uuids};

const DELETED: &str = "/api/v1/stats/deleted/";

fn deletions(stats: &[Value]) -> Value {
    let deletion =
        |stat: &Value| json!({"uuid": stat["uuid"], "deleted_at": "2026-11-20T10:00:00Z"});
    stats.iter().map(deletion).collect()
}

fn delete(office: &FrontOffice<'_>, deletions: &Value) -> Response {
    office.send(Method::POST, DELETED, deletions)
}

on_each_database!(own_stats_are_deleted_by_id_and_stay_deleted);
fn own_stats_are_deleted_by_id_and_stay_deleted(database: &TestDatabase) {
    let service = Service::start(database);
    let (office, other) = (service.front_office(), service.front_office());
    let stats = [0, 1, 2, 3].map(|days| new_stat("risk", days, json!([])));
    let [_, deleted @ ..] = &stats[..3] else {
        unreachable!()
    };
    office.store(&stats[..3]);
    for number in [2, 0] {
        let answer = json!({"deleted": number});
        delete(&office, &deletions(deleted)).assert_json(200, answer);
    }
    // One that the service does not have.
    delete(&office, &deletions(&stats[3..])).assert_json(200, json!({"deleted": 0}));
    assert_eq!(office.list_ids(&json!({})), uuids(&stats[..1]));
    let replay = office.post(&json!(stats));
    assert_eq!((replay.status, replay.data().len()), (207, 0));

    // The ids are free for another client, and only it can delete its stats.
    other.store(deleted);
    let none = json!({"deleted": 0});
    delete(&service.admin(), &deletions(&stats)).assert_json(200, none);
    delete(&office, &deletions(&stats)).assert_json(200, json!({"deleted": 1}));
    assert_eq!(other.list_ids(&json!({})), uuids(deleted));
    assert_eq!(office.list_ids(&json!({})), [""; 0]);
}

on_each_database!(stats_of_a_deleted_analysis_stay_deleted);
fn stats_of_a_deleted_analysis_stay_deleted(database: &TestDatabase) {
    let service = Service::start(database);
    let (office, other) = (service.front_office(), service.front_office());
    let stat = new_stat("threat", 0, json!([]));
    let path = format!("{STATS}{}", stat["anr"].as_str().unwrap());
    office.store([&stat]);
    assert_eq!(other.delete(&path).status, 204);
    assert_eq!(office.post(&json!([stat])).status, 207);
    assert_eq!(office.delete(&path).status, 204);
    let replay = office.post(&json!([stat]));
    assert_eq!((replay.status, replay.data().len()), (207, 0));
    // The analysis itself is not refused.
    let mut new = stat.clone();
    new["uuid"] = uuid().into();
    office.store([&new]);
    other.store([&stat]);
}

on_each_database!(malformed_deletions_delete_nothing);
fn malformed_deletions_delete_nothing(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let stat = new_stat("risk", 0, json!([]));
    office.store([&stat]);
    let good = deletions(std::slice::from_ref(&stat))[0].clone();
    for (field, value) in [
        ("uuid", json!("x")),
        ("uuid", json!(null)),
        ("deleted_at", json!("2026-11-20")),
        ("deleted_at", json!(1_700_000_000)),
        ("anr", stat["anr"].clone()),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        delete(&office, &json!([good, bad])).assert_invalid(&format!("1.{field}"));
    }
    let message = "The payload must be a list of deletions, not an object.";
    delete(&office, &good).assert_message(400, message);
    let many = vec![&good; 5001];
    let message = "The payload has more than 5000 elements.";
    delete(&office, &json!(many)).assert_message(400, message);
    assert_eq!(office.get(DELETED).status, 405);
    let stranger = service.request(Method::POST, DELETED).json(&json!([good]));
    assert_eq!(Response::to(stranger).status, 401);
    assert_eq!(office.list_ids(&json!({})), uuids(&[stat]));
    delete(&office, &json!(vec![&good; 5000])).assert_json(200, json!({"deleted": 1}));
}
