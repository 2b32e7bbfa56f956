//! Masks (`X-Fields`) on every route of the API.

use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{
    FrontOffice, ME, PROCESSED, Response, STATS, Service, days_ago, new_stat, stat, uuid,
};

const PROCESSORS: &str = "/api/v1/stats/processed/list";

fn masked(request: RequestBuilder, mask: &str) -> Response {
    Response::to(request.header("X-Fields", mask))
}

#[track_caller]
fn get(office: &FrontOffice, path: &str, body: &Value, mask: &str) -> Value {
    let response = masked(office.request(Method::GET, path).json(body), mask);
    assert_eq!(response.status, 200, "{mask}: {response:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    response.json()
}

on_each_database!(masks_apply_to_lists);
fn masks_apply_to_lists(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let (one, today, yesterday) = (uuid(), days_ago(0), days_ago(1));
    let threats =
        json!([{"object": "o", "count": 1.5, "labels": {"1": "x", "2": "y"}}, {"count": 2}]);
    let risks = json!({"current": {"High risks": [8, 6]}, "residual": []});
    let stats = [
        stat(&one, "threat", &yesterday, threats),
        stat(&one, "risk", &today, risks),
    ];
    office.store(&stats);
    let whole = office.get(STATS).json();
    let [first, second] = [0, 1].map(|index| &stats[index]["uuid"]);
    for (mask, kept) in [
        ("", whole.clone()),
        ("*", whole.clone()),
        ("data,*", whole.clone()),
        ("nothing", json!({})),
        ("metadata{count}", json!({"metadata": {"count": "2"}})),
        ("data", json!({"data": stats})),
        (
            "data{uuid,date}",
            json!({"data": [{"uuid": first, "date": yesterday}, {"uuid": second, "date": today}]}),
        ),
        (
            "{ metadata {limit}, data { anr } }",
            json!({"metadata": {"limit": "0"}, "data": [{"anr": one}, {"anr": one}]}),
        ),
        (
            "data{data{count,labels{2},residual}}",
            json!({"data": [
                {"data": [{"count": 1.5, "labels": {"2": "y"}}, {"count": 2}]},
                {"data": {"residual": []}},
            ]}),
        ),
        (
            "data{data{*{High risks}},type}",
            json!({"data": [
                {"type": "threat", "data": [{"object": "o", "count": 1.5, "labels": {}}, {"count": 2}]},
                {"type": "risk", "data": {"current": {"High risks": [8, 6]}, "residual": []}},
            ]}),
        ),
    ] {
        assert_eq!(get(&office, STATS, &json!({}), mask), kept, "{mask}");
    }
    let analysis = format!("{STATS}{one}");
    for (mask, kept) in [
        ("nothing", json!([{}, {}])),
        ("type", json!([{"type": "threat"}, {"type": "risk"}])),
        ("*", json!(stats)),
    ] {
        assert_eq!(get(&office, &analysis, &json!(null), mask), kept, "{mask}");
    }
    // Headers are not masked.
    let response = masked(office.request(Method::GET, STATS), "nothing");
    assert_eq!(response.header("x-total-count"), Some("2"));
}

on_each_database!(masks_apply_to_all_responses);
fn masks_apply_to_all_responses(database: &TestDatabase) {
    let service = Service::start(database);
    let (office, admin) = (service.front_office(), service.admin());
    let name = office.client.name.as_str();
    for (mask, kept) in [
        ("name,role", json!({"name": name, "role": "1"})),
        ("*", office.get(ME).json()),
        ("token{x},z", json!({"token": office.client.token.reveal()})),
    ] {
        assert_eq!(get(&office, ME, &json!(null), mask), kept);
    }
    let sharing = json!({"is_sharing_enabled": true});
    let change = office.request(Method::PATCH, ME).json(&sharing);
    masked(change, "is_sharing_enabled").assert_json(201, sharing);

    let new = json!({"name": "new", "is_sharing_enabled": false, "token": "t".repeat(40)});
    let create = || admin.request(Method::POST, "/api/v1/client/").json(&new);
    masked(create(), "name").assert_json(201, json!({"name": "new"}));
    masked(create(), "name").assert_empty(304);

    let sent = new_stat("risk", 0, json!({}));
    let post = || office.request(Method::POST, STATS).json(&json!([sent]));
    let id_only = json!({"data": [{"uuid": sent["uuid"]}]});
    masked(post(), "data{uuid}").assert_json(201, id_only);
    masked(post(), "metadata{count}").assert_json(207, json!({"metadata": {"count": "0"}}));

    let threats = json!([{"uuid": uuid(), "count": 3, "maxRisk": 9, "averageRate": "2.5"}]);
    office.store([new_stat("threat", 0, threats)]);
    let empty = json!({"type": "risk", "processor": "risk_averages", "anrs": [uuid()]});
    let on_date = json!({"type": "threat", "processor": "threat_average_on_date"});
    for (arguments, mask, kept) in [
        (&empty, "data", json!({"data": []})),
        (&empty, "type", json!({"type": "risk"})),
        (
            &on_date,
            "data{values{count},averages{maxRisk}},processor",
            json!({
                "processor": "threat_average_on_date",
                "data": [{"values": [{"count": 3.0}], "averages": {"maxRisk": 9.0}}],
            }),
        ),
    ] {
        assert_eq!(get(&office, PROCESSED, arguments, mask), kept);
    }
    let first = &service.get(PROCESSORS).json()[0];
    let names = masked(service.request(Method::GET, PROCESSORS), "name").json();
    assert_eq!(names[0], json!({"name": first["name"]}));

    let path = format!("{STATS}{}", sent["anr"].as_str().unwrap());
    masked(office.request(Method::DELETE, &path), "x").assert_empty(204);
    let invalid = office.request(Method::GET, STATS).json(&json!({"foo": 1}));
    // Errors are not masked.
    masked(invalid, "data").assert_message(400, "Unknown arguments: foo");
}

on_each_database!(a_malformed_mask_is_an_error_without_effect);
fn a_malformed_mask_is_an_error_without_effect(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let sent = json!([new_stat("risk", 0, json!({}))]);
    for (mask, error) in [
        (
            "{data{uuid",
            "the opening brace at character 6 is not closed",
        ),
        (
            "data}",
            "the closing brace at character 5 has no opening brace",
        ),
        (
            "data{uuid,,}}",
            "there is no field before the comma at character 11",
        ),
        ("{", "the opening brace at character 1 is not closed"),
        (&"a".repeat(20_000), "it is longer than 4096 bytes"),
        (
            &"a{".repeat(2000),
            "the braces are nested deeper than 32 levels at character 66",
        ),
    ] {
        for request in [
            office.request(Method::GET, STATS),
            office.request(Method::POST, STATS).json(&sent),
            office.request(Method::GET, ME),
            service.request(Method::GET, PROCESSORS),
        ] {
            let message = format!("Mask parse error: {error}.");
            masked(request, mask).assert_message(400, &message);
        }
    }
    let me = || office.request(Method::GET, ME);
    let latin1 = Response::to(me().header("X-Fields", &b"nam\xe9"[..]));
    latin1.assert_message(400, "Mask parse error: it is not UTF-8.");
    // Several headers are one list.
    let request = me().header("X-Fields", "name").header("X-Fields", "");
    let expected = json!({"name": office.client.name.as_str(), "role": "1"});
    masked(request, "role").assert_json(200, expected);
    assert_eq!(office.list(&json!({})), [Value::Null; 0]);
    // The token is checked first.
    let unauthenticated = masked(service.request(Method::GET, ME), "{");
    assert_eq!(unauthenticated.status, 401);
}

on_each_database!(masks_apply_to_streamed_lists);
fn masks_apply_to_streamed_lists(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let label = "x".repeat(20_000);
    let stats: Vec<_> = (0..40)
        .map(|_| new_stat("threat", 0, json!([{"label1": label, "count": 1}])))
        .collect();
    office.store(&stats);
    let list = || office.request(Method::GET, STATS);
    let chunked = masked(list(), "data{data{label1}}");
    assert_eq!(chunked.header("transfer-encoding"), Some("chunked"));
    let expected = vec![json!({"data": [{"label1": label}]}); 40];
    assert_eq!(chunked.json(), json!({"data": expected}));
    let short = masked(list(), "data{data{count}},metadata");
    assert_eq!(short.header("transfer-encoding"), None);
    assert_eq!(short.data(), vec![json!({"data": [{"count": 1}]}); 40]);
    assert_eq!(short.json()["metadata"]["count"], "40");
}
