//! Lists of stats: filters, pages, and the separation of clients.

use reqwest::Method;
use serde_json::{Value, json};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{
    FrontOffice, Response, STATS, Service, days_ago, new_stat, stat, uuid, uuids,
};

/// Two analyses of one client; threats of today, yesterday, 40 and 200 days ago, and a vulnerability of today.
struct Stored<'a> {
    office: FrontOffice<'a>,
    one: String,
    two: String,
    stats: Vec<Value>,
}

impl<'a> Stored<'a> {
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
        office.store(&stats);
        Self {
            office,
            one,
            two,
            stats,
        }
    }

    /// The sorted ids of the stats with these indices.
    fn ids(&self, indices: &[usize]) -> Vec<String> {
        let stats = indices.iter().map(|index| self.stats[*index].clone());
        uuids(&stats.collect::<Vec<_>>())
    }

    /// The sorted ids of the threats that a filter selects.
    #[track_caller]
    fn threats(&self, mut filter: Value) -> Vec<String> {
        filter["type"] = json!("threat");
        self.office.list_ids(&filter)
    }
}

on_each_database!(a_list_has_metadata_and_stats);
fn a_list_has_metadata_and_stats(database: &TestDatabase) {
    let service = Service::start(database);
    let stored = Stored::new(&service);
    let office = &stored.office;
    let response = office.get_with(STATS, &json!({"type": "vulnerability"}));
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("x-total-count"), Some("1"));
    assert_eq!(
        response.json(),
        json!({"metadata": {"count": "1", "offset": "0", "limit": "0"}, "data": [stored.stats[5]]})
    );
    let all = stored.ids(&[0, 1, 2, 3, 5]);
    for empty in [json!({}), json!([]), json!(null)] {
        assert_eq!(office.list_ids(&empty), all, "{empty}");
    }
    assert_eq!(uuids(&office.get("/api/v1/stats").data()), all);
}

on_each_database!(dates_are_inclusive);
fn dates_are_inclusive(database: &TestDatabase) {
    let service = Service::start(database);
    let stored = Stored::new(&service);
    let (today, yesterday) = (days_ago(0), days_ago(1));
    for (filter, indices) in [
        (json!({}), &[0, 1, 2, 3][..]),
        (json!({"date_from": yesterday, "date_to": yesterday}), &[2]),
        (json!({"date_from": days_ago(200)}), &[0, 1, 2, 3, 4]),
        (
            json!({"date_from": days_ago(200), "date_to": days_ago(40)}),
            &[3, 4],
        ),
        (
            json!({"date_from": null, "date_to": null, "anrs": null}),
            &[0, 1, 2, 3],
        ),
        (json!({"date_from": format!("{today}T00:00:00Z")}), &[0, 1]),
        // In the query string this is an error.
        (json!({"date_from": today, "date_to": yesterday}), &[]),
        // The default is three months before `date_to`.
        (json!({"date_to": days_ago(150)}), &[4]),
    ] {
        let ids = stored.threats(filter.clone());
        assert_eq!(ids, stored.ids(indices), "{filter}");
    }
}

on_each_database!(anr_and_anrs_filter_by_analysis);
fn anr_and_anrs_filter_by_analysis(database: &TestDatabase) {
    let service = Service::start(database);
    let stored = Stored::new(&service);
    let (one, two) = (&stored.one, &stored.two);
    for (filter, indices) in [
        (json!({"anrs": [two]}), &[1, 2][..]),
        (json!({"anrs": [one, two]}), &[0, 1, 2, 3]),
        (json!({"anrs": format!("{one},{two}")}), &[0, 1, 2, 3]),
        (json!({"anrs": []}), &[0, 1, 2, 3]),
        (json!({"anrs": [uuid()]}), &[]),
        (json!({"anr": two}), &[1, 2]),
        (json!({"anr": two, "anrs": [one]}), &[]),
        (json!({"group_by_anr": 1}), &[0, 1, 2, 3]),
    ] {
        let ids = stored.threats(filter.clone());
        assert_eq!(ids, stored.ids(indices), "{filter}");
    }
}

on_each_database!(get_last_selects_the_newest_of_each_analysis);
fn get_last_selects_the_newest_of_each_analysis(database: &TestDatabase) {
    let service = Service::start(database);
    let stored = Stored::new(&service);
    for get_last in [json!(true), json!("true"), json!(1)] {
        let filter = json!({"type": "threat", "get_last": get_last});
        let response = stored.office.get_with(STATS, &filter);
        assert_eq!(response.json()["metadata"]["count"], "2");
        assert_eq!(uuids(&response.data()), stored.ids(&[0, 1]), "{get_last}");
    }
    assert_eq!(stored.threats(json!({"get_last": false})).len(), 4);
    let out_of_range =
        json!({"get_last": true, "date_from": days_ago(500), "date_to": days_ago(400)});
    let ids = stored.threats(out_of_range);
    assert_eq!(ids, stored.ids(&[0, 1]), "the dates do not apply");
    let later = stat(&stored.one, "threat", &days_ago(0), json!([]));
    stored.office.store([&later]);
    let ids = stored.threats(json!({"get_last": true}));
    let expected = uuids(&[stored.stats[1].clone(), later]);
    assert_eq!(ids, expected, "the later arrival of the same date");
}

on_each_database!(pages_cover_the_list_in_order);
fn pages_cover_the_list_in_order(database: &TestDatabase) {
    let service = Service::start(database);
    let stored = Stored::new(&service);
    let mut all = Vec::new();
    for offset in ["0", "2", "4", "6"] {
        let filter =
            json!({"type": "threat", "date_from": days_ago(300), "limit": "2", "offset": offset});
        let response = stored.office.get_with(STATS, &filter);
        // The number before paging.
        assert_eq!(response.header("x-total-count"), Some("5"));
        let page = response.data();
        assert_eq!(
            response.json()["metadata"],
            json!({"count": page.len().to_string(), "offset": offset, "limit": "2"})
        );
        all.extend(page);
    }
    let key = |stat: &Value| (stat["date"].to_string(), stat["uuid"].to_string());
    assert!(all.is_sorted_by_key(key), "by date, then by id");
    assert_eq!(uuids(&all), stored.ids(&[0, 1, 2, 3, 4]));
    let rest = stored.threats(json!({"date_from": days_ago(300), "offset": 2}));
    assert_eq!(rest.len(), 3);
    let unlimited = stored.threats(json!({"date_from": days_ago(300), "limit": 0}));
    assert_eq!(unlimited.len(), 5, "0 stands for no limit");
}

on_each_database!(filters_are_read_from_the_query_string);
fn filters_are_read_from_the_query_string(database: &TestDatabase) {
    let service = Service::start(database);
    let stored = Stored::new(&service);
    let (one, two) = (&stored.one, &stored.two);
    let list = |query: &str| {
        let response = stored.office.get(&format!("{STATS}?{query}"));
        assert_eq!(response.status, 200, "{response:?}");
        uuids(&response.data())
    };
    assert_eq!(list("type=threat&limit=1&offset=1&get_last=true").len(), 1);
    let both = list(&format!("type=threat&anrs={one},{two}"));
    assert_eq!(both, stored.ids(&[0, 1, 2, 3]));
    let of_two = list(&format!("type=threat&anrs[]={two}&date_to={}", days_ago(1)));
    assert_eq!(of_two, stored.ids(&[2]));
    // The body takes precedence, whatever its content type.
    let path = format!("{STATS}?type=threat");
    let request = stored.office.request(Method::GET, &path);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let response = Response::to(request.body(r#"{"type": "vulnerability"}"#));
    assert_eq!(uuids(&response.data()), stored.ids(&[5]));
}

on_each_database!(errors_of_a_filter_name_the_field);
fn errors_of_a_filter_name_the_field(database: &TestDatabase) {
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
        office
            .get_with(STATS, &json!({field: value}))
            .assert_invalid(field);
    }
    let [from, to] = [days_ago(0), days_ago(1)];
    office
        .get(&format!("{STATS}?date_from={from}&date_to={to}"))
        .assert_invalid("date_from");
    let unknown = office.get_with(STATS, &json!({"type": "threat", "foo": 1}));
    unknown.assert_message(400, "Unknown arguments: foo");
    for malformed in ["{", "[1]", "5", "\"x\"", "\u{0}"] {
        let request = office.request(Method::GET, STATS).body(malformed);
        Response::to(request).assert_error(400);
    }
    assert_eq!(office.get("/api/v1/stats/?limit=%ff&%zz").status, 400);
}

on_each_database!(clients_cannot_read_or_delete_stats_of_others);
fn clients_cannot_read_or_delete_stats_of_others(database: &TestDatabase) {
    let service = Service::start(database);
    let stored = Stored::new(&service);
    let (owner, other, admin) = (&stored.office, service.front_office(), service.admin());
    let path = format!("{STATS}{}", stored.two);
    let analysis_of = |client: &FrontOffice<'_>| {
        let response = client.get(&path);
        assert_eq!(response.status, 200);
        uuids(response.json().as_array().unwrap())
    };
    assert_eq!(analysis_of(owner), stored.ids(&[1, 2]));

    for filter in [
        json!({}),
        json!({"anr": stored.two}),
        json!({"anrs": [stored.two], "get_last": true}),
    ] {
        assert_eq!(other.list(&filter), [Value::Null; 0], "{filter}");
    }
    assert_eq!(other.get(&path).status, 404);
    assert_eq!(other.delete(&path).status, 204);
    // An admin reads the stats of all clients, and deletes only its own.
    assert_eq!(analysis_of(&admin), stored.ids(&[1, 2]));
    let threats = admin.list_ids(&json!({"type": "threat"}));
    assert_eq!(threats, stored.ids(&[0, 1, 2, 3]));
    assert_eq!(admin.delete(&path).status, 204);
    assert_eq!(analysis_of(owner), stored.ids(&[1, 2]));

    owner.delete(&path).assert_empty(204);
    owner.get(&path).assert_error(404);
    assert_eq!(stored.threats(json!({})), stored.ids(&[0, 3]));
    assert_eq!(owner.delete(&path).status, 204, "deleting nothing succeeds");
    for method in [Method::GET, Method::DELETE] {
        let response = Response::to(owner.request(method, "/api/v1/stats/junk"));
        response.assert_invalid("anr");
    }
}

on_each_database!(a_long_list_is_streamed_whole);
fn a_long_list_is_streamed_whole(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let label = "x".repeat(50_000);
    let stats: Vec<_> = (0..60)
        .map(|_| new_stat("threat", 0, json!([{"label1": label}])))
        .collect();
    office.store(&stats);
    let response = office.get_with(STATS, &json!({}));
    assert_eq!(response.header("x-total-count"), Some("60"));
    assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    assert_eq!(response.json()["metadata"]["count"], "60");
    let listed = response.data();
    assert_eq!(uuids(&listed), uuids(&stats));
    let mut labels = listed.iter().map(|stat| &stat["data"][0]["label1"]);
    assert!(labels.all(|found| *found == label));
    let head = Response::to(office.request(Method::HEAD, STATS));
    head.assert_empty(200);
    assert_eq!(head.header("x-total-count"), Some("60"));
}
