//! Lists of stats: every filter, pages, and the walls between tenants.

use reqwest::Method;
use serde_json::{Value, json};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Answer, FrontOffice, Service, days_ago, stat, uuid, uuids};

const STATS: &str = "/api/v1/stats/";

/// Two analyses of one client; threats of today, yesterday, 40 and 200 days ago, and a vulnerability of today.
struct Fleet<'a> {
    office: FrontOffice<'a>,
    one: String,
    two: String,
    stats: Vec<Value>,
}

impl<'a> Fleet<'a> {
    fn new(service: &'a Service) -> Self {
        let office = service.front_office();
        let (one, two) = (uuid(), uuid());
        let stats = vec![
            stat(&one, "threat", &days_ago(0), json!([])),
            stat(&two, "threat", &days_ago(0), json!([])),
            stat(&two, "threat", &days_ago(1), json!([])),
            stat(&one, "threat", &days_ago(40), json!([])),
            stat(&one, "threat", &days_ago(200), json!([])),
            stat(&one, "vulnerability", &days_ago(0), json!([{"count": 1}])),
        ];
        assert_eq!(office.post(&json!(stats)).status, 201);
        Self {
            office,
            one,
            two,
            stats,
        }
    }

    /// The ids of the stats at these places.
    fn ids(&self, places: &[usize]) -> Vec<String> {
        uuids(
            &places
                .iter()
                .map(|place| self.stats[*place].clone())
                .collect::<Vec<_>>(),
        )
    }

    /// The ids of the threats that a filter lets through.
    fn threats(&self, mut filter: Value) -> Vec<String> {
        filter["type"] = json!("threat");
        self.office.list_ids(&filter)
    }
}

on_each_database!(a_list_has_metadata_and_stats_as_they_were_sent);
fn a_list_has_metadata_and_stats_as_they_were_sent(database: &TestDatabase) {
    let service = Service::start(database);
    let fleet = Fleet::new(&service);
    let answer = fleet.office.ask(STATS, &json!({"type": "vulnerability"}));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-total-count"), Some("1"));
    assert_eq!(
        answer.json(),
        json!({"metadata": {"count": "1", "offset": "0", "limit": "0"}, "data": [fleet.stats[5]]})
    );
    for nothing in [json!({}), json!([]), json!(null)] {
        assert_eq!(
            fleet.office.list_ids(&nothing),
            fleet.ids(&[0, 1, 2, 3, 5]),
            "all types"
        );
    }
    let bodiless = fleet.office.get("/api/v1/stats").json();
    assert_eq!(
        uuids(bodiless["data"].as_array().unwrap()),
        fleet.ids(&[0, 1, 2, 3, 5])
    );
}

on_each_database!(dates_are_inclusive);
fn dates_are_inclusive(database: &TestDatabase) {
    let service = Service::start(database);
    let fleet = Fleet::new(&service);
    for (filter, places) in [
        (json!({}), &[0, 1, 2, 3][..]),
        (
            json!({"date_from": days_ago(1), "date_to": days_ago(1)}),
            &[2],
        ),
        (json!({"date_from": days_ago(200)}), &[0, 1, 2, 3, 4]),
        (
            json!({"date_from": days_ago(200), "date_to": days_ago(40)}),
            &[3, 4],
        ),
        (
            json!({"date_from": null, "date_to": null, "anrs": null}),
            &[0, 1, 2, 3],
        ),
        (
            json!({"date_from": format!("{}T00:00:00Z", days_ago(0))}),
            &[0, 1],
        ),
        (
            json!({"date_from": days_ago(0), "date_to": days_ago(1)}),
            &[],
        ),
    ] {
        assert_eq!(fleet.threats(filter.clone()), fleet.ids(places), "{filter}");
    }
}

on_each_database!(analyses_are_filtered);
fn analyses_are_filtered(database: &TestDatabase) {
    let service = Service::start(database);
    let fleet = Fleet::new(&service);
    for (filter, places) in [
        (json!({"anrs": [fleet.two]}), &[1, 2][..]),
        (json!({"anrs": [fleet.one, fleet.two]}), &[0, 1, 2, 3]),
        (
            json!({"anrs": format!("{},{}", fleet.one, fleet.two)}),
            &[0, 1, 2, 3],
        ),
        (json!({"anrs": []}), &[0, 1, 2, 3]),
        (json!({"anrs": [uuid()]}), &[]),
        (json!({"anr": fleet.two}), &[1, 2]),
        (json!({"anr": fleet.two, "anrs": [fleet.one]}), &[]),
        (json!({"group_by_anr": 1}), &[0, 1, 2, 3]),
    ] {
        assert_eq!(fleet.threats(filter.clone()), fleet.ids(places), "{filter}");
    }
}

on_each_database!(the_last_of_each_analysis);
fn the_last_of_each_analysis(database: &TestDatabase) {
    let service = Service::start(database);
    let fleet = Fleet::new(&service);
    for get_last in [json!(true), json!("true"), json!(1)] {
        let answer = fleet
            .office
            .ask(STATS, &json!({"type": "threat", "get_last": get_last}));
        assert_eq!(answer.json()["metadata"]["count"], "2");
        assert_eq!(
            uuids(answer.json()["data"].as_array().unwrap()),
            fleet.ids(&[0, 1]),
            "{get_last}"
        );
    }
    assert_eq!(fleet.threats(json!({"get_last": false})).len(), 4);
    let out_of_range =
        json!({"get_last": true, "date_from": days_ago(500), "date_to": days_ago(400)});
    assert_eq!(
        fleet.threats(out_of_range),
        fleet.ids(&[0, 1]),
        "whatever the dates"
    );
    let later = stat(&fleet.one, "threat", &days_ago(0), json!([]));
    fleet.office.post(&json!([later]));
    let mut expected = [fleet.ids(&[1]), uuids(&[later])].concat();
    expected.sort();
    assert_eq!(
        fleet.threats(json!({"get_last": true})),
        expected,
        "of two on one date the one stored last"
    );
}

on_each_database!(pages_walk_the_list);
fn pages_walk_the_list(database: &TestDatabase) {
    let service = Service::start(database);
    let fleet = Fleet::new(&service);
    let mut walked = Vec::new();
    for offset in ["0", "2", "4", "6"] {
        let filter =
            json!({"type": "threat", "date_from": days_ago(300), "limit": "2", "offset": offset});
        let answer = fleet.office.ask(STATS, &filter);
        assert_eq!(answer.header("x-total-count"), Some("5"), "before paging");
        let answer = answer.json();
        let page = answer["data"].as_array().unwrap();
        assert_eq!(
            answer["metadata"],
            json!({"count": page.len().to_string(), "offset": offset, "limit": "2"})
        );
        walked.extend(page.clone());
    }
    let key = |stat: &Value| (stat["date"].to_string(), stat["uuid"].to_string());
    assert!(walked.is_sorted_by_key(key), "by date, then by id");
    assert_eq!(uuids(&walked), fleet.ids(&[0, 1, 2, 3, 4]));
    assert_eq!(
        fleet
            .threats(json!({"date_from": days_ago(300), "offset": 2}))
            .len(),
        3
    );
    assert_eq!(
        fleet
            .threats(json!({"date_from": days_ago(300), "limit": 0}))
            .len(),
        5,
        "0 is no limit"
    );
}

on_each_database!(the_query_string_is_understood_too);
fn the_query_string_is_understood_too(database: &TestDatabase) {
    let service = Service::start(database);
    let fleet = Fleet::new(&service);
    let list = |query: &str| {
        let answer = fleet.office.get(&format!("/api/v1/stats/?{query}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        uuids(answer.json()["data"].as_array().unwrap())
    };
    let (one, two) = (&fleet.one, &fleet.two);
    assert_eq!(list("type=threat&limit=1&offset=1&get_last=true").len(), 1);
    assert_eq!(
        list(&format!("type=threat&anrs={one},{two}")),
        fleet.ids(&[0, 1, 2, 3])
    );
    assert_eq!(
        list(&format!("type=threat&anrs[]={two}&date_to={}", days_ago(1))),
        fleet.ids(&[2])
    );
    let body = fleet
        .office
        .request(Method::GET, "/api/v1/stats/?type=threat")
        .body(r#"{"type": "vulnerability"}"#);
    let both = Answer::to(body.header("Content-Type", "application/x-www-form-urlencoded")).json();
    assert_eq!(
        uuids(both["data"].as_array().unwrap()),
        fleet.ids(&[5]),
        "the body counts, whatever it says it is"
    );
}

on_each_database!(a_wrong_filter_is_named);
fn a_wrong_filter_is_named(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    for (field, value) in [
        ("type", json!("bogus")),
        ("type", json!(["threat"])),
        ("date_from", json!("junk")),
        ("date_to", json!(5)),
        ("group_by_anr", json!(2)),
        ("anr", json!("x")),
        ("anrs", json!(["zz"])),
        ("anrs", json!({"a": 1})),
        ("limit", json!(-1)),
        ("limit", json!(1.5)),
        ("offset", json!("x")),
        ("offset", json!(99_999_999_999_u64)),
        ("get_last", json!("junk")),
    ] {
        let answer = office.ask(STATS, &json!({field: value}));
        assert_eq!(
            (answer.status, &answer.json()["message"]),
            (400, &json!("Input payload validation failed"))
        );
        assert!(
            answer.json()["errors"][field].is_string(),
            "{field}: {answer:?}"
        );
    }
    let unknown = office.ask(STATS, &json!({"type": "threat", "foo": 1}));
    assert_eq!(
        (unknown.status, unknown.json()),
        (400, json!({"message": "Unknown arguments: foo"}))
    );
    for bad in ["{", "[1]", "5", "\"x\"", "\u{0}"] {
        let answer = Answer::to(office.request(Method::GET, STATS).body(bad));
        assert_eq!(answer.status, 400, "{bad:?}");
        assert!(answer.json()["message"].is_string());
    }
    assert_eq!(office.get("/api/v1/stats/?limit=%ff&%zz").status, 400);
}

on_each_database!(tenants_neither_see_nor_delete_each_others_stats);
fn tenants_neither_see_nor_delete_each_others_stats(database: &TestDatabase) {
    let service = Service::start(database);
    let fleet = Fleet::new(&service);
    let (other, admin) = (service.front_office(), service.admin());
    let path = format!("/api/v1/stats/{}", fleet.two);
    let own = fleet.office.get(&path);
    assert_eq!(
        (own.status, uuids(own.json().as_array().unwrap())),
        (200, fleet.ids(&[1, 2]))
    );

    for filter in [
        json!({}),
        json!({"anr": fleet.two}),
        json!({"anrs": [fleet.two], "get_last": true}),
    ] {
        assert_eq!(other.list(&filter), [Value::Null; 0], "{filter}");
    }
    assert_eq!(other.get(&path).status, 404);
    assert_eq!(Answer::to(other.request(Method::DELETE, &path)).status, 204);
    assert_eq!(
        uuids(admin.get(&path).json().as_array().unwrap()),
        fleet.ids(&[1, 2]),
        "an admin sees all"
    );
    assert_eq!(
        admin.list_ids(&json!({"type": "threat"})),
        fleet.ids(&[0, 1, 2, 3])
    );
    assert_eq!(Answer::to(admin.request(Method::DELETE, &path)).status, 204);
    assert_eq!(
        uuids(fleet.office.get(&path).json().as_array().unwrap()),
        fleet.ids(&[1, 2]),
        "and deletes its own"
    );

    let deleted = Answer::to(fleet.office.request(Method::DELETE, &path));
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    let gone = fleet.office.get(&path);
    assert_eq!(gone.status, 404);
    assert!(gone.json()["message"].is_string());
    assert_eq!(fleet.threats(json!({})), fleet.ids(&[0, 3]));
    assert_eq!(
        Answer::to(fleet.office.request(Method::DELETE, &path)).status,
        204,
        "nothing left is fine"
    );
    for method in [Method::GET, Method::DELETE] {
        let answer = Answer::to(fleet.office.request(method, "/api/v1/stats/junk"));
        assert_eq!(answer.status, 400);
        assert!(answer.json()["errors"]["anr"].is_string());
    }
}

on_each_database!(a_long_list_comes_in_pieces_and_whole);
fn a_long_list_comes_in_pieces_and_whole(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let label = "x".repeat(50_000);
    let stats: Vec<_> = (0..60)
        .map(|_| stat(&uuid(), "threat", &days_ago(0), json!([{"label1": label}])))
        .collect();
    assert_eq!(office.post(&json!(stats)).status, 201);
    let answer = office.ask(STATS, &json!({}));
    assert_eq!(answer.header("x-total-count"), Some("60"));
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    let answer = answer.json();
    assert_eq!(uuids(answer["data"].as_array().unwrap()), uuids(&stats));
    assert!(
        answer["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|stat| stat["data"][0]["label1"] == label)
    );
    assert_eq!(answer["metadata"]["count"], "60");
    let head = Answer::to(office.request(Method::HEAD, STATS));
    assert_eq!(
        (
            head.status,
            head.body.as_str(),
            head.header("x-total-count")
        ),
        (200, "", Some("60"))
    );
}
