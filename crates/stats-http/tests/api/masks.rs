//! `X-Fields`: the fields of an answer that somebody wants, on every route of the API.

use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Answer, FrontOffice, Service, days_ago, stat, uuid};

const STATS: &str = "/api/v1/stats/";
const PROCESSED: &str = "/api/v1/stats/processed/";
const ME: &str = "/api/v1/client/me";

fn masked(request: RequestBuilder, mask: &str) -> Answer {
    Answer::to(request.header("X-Fields", mask))
}

fn get(office: &FrontOffice, path: &str, body: &Value, mask: &str) -> Value {
    let answer = masked(office.request(Method::GET, path).json(body), mask);
    assert_eq!(answer.status, 200, "{mask}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

on_each_database!(lists_are_masked);
fn lists_are_masked(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let (one, today) = (uuid(), days_ago(0));
    let threats =
        json!([{"object": "o", "count": 1.5, "labels": {"1": "x", "2": "y"}}, {"count": 2}]);
    let risks = json!({"current": {"High risks": [8, 6]}, "residual": []});
    let stats = [
        stat(&one, "threat", &days_ago(1), threats),
        stat(&one, "risk", &today, risks),
    ];
    assert_eq!(office.post(&json!(stats)).status, 201);
    let whole = office.get(STATS).json();
    let uuid_of = |place: usize| &stats[place]["uuid"];
    for (mask, kept) in [
        ("", whole.clone()),
        ("*", whole.clone()),
        ("data,*", whole.clone()),
        ("nothing", json!({})),
        ("metadata{count}", json!({"metadata": {"count": "2"}})),
        ("data", json!({"data": stats})),
        (
            "data{uuid,date}",
            json!({"data": [{"uuid": uuid_of(0), "date": days_ago(1)}, {"uuid": uuid_of(1), "date": today}]}),
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
    let bare = format!("{STATS}{one}");
    for (mask, kept) in [
        ("nothing", json!([{}, {}])),
        ("type", json!([{"type": "threat"}, {"type": "risk"}])),
        ("*", json!(stats)),
    ] {
        assert_eq!(get(&office, &bare, &json!(null), mask), kept, "{mask}");
    }
    let counted = masked(office.request(Method::GET, STATS), "nothing");
    assert_eq!(
        counted.header("x-total-count"),
        Some("2"),
        "headers are not masked"
    );
}

on_each_database!(every_answer_is_masked);
fn every_answer_is_masked(database: &TestDatabase) {
    let service = Service::start(database);
    let (office, admin) = (service.front_office(), service.admin());
    let nobody = json!(null);

    let name = office.client.name.as_str();
    assert_eq!(
        get(&office, ME, &nobody, "name,role"),
        json!({"name": name, "role": "1"})
    );
    assert_eq!(get(&office, ME, &nobody, "*"), office.get(ME).json());
    assert_eq!(
        get(&office, ME, &nobody, "token{x},z"),
        json!({"token": office.client.token.reveal()})
    );
    let change = office
        .request(Method::PATCH, ME)
        .json(&json!({"is_sharing_enabled": true}));
    let changed = masked(change, "is_sharing_enabled");
    assert_eq!(
        (changed.status, changed.json()),
        (201, json!({"is_sharing_enabled": true}))
    );

    let new = json!({"name": "new", "is_sharing_enabled": false, "token": "t".repeat(40)});
    let create = || admin.request(Method::POST, "/api/v1/client/").json(&new);
    let created = masked(create(), "name");
    assert_eq!(
        (created.status, created.json()),
        (201, json!({"name": "new"}))
    );
    let again = masked(create(), "name");
    assert_eq!((again.status, again.body.as_str()), (304, ""));

    let sent = stat(&uuid(), "risk", &days_ago(0), json!({}));
    let post = || office.request(Method::POST, STATS).json(&json!([sent]));
    let posted = masked(post(), "data{uuid}");
    assert_eq!(
        (posted.status, posted.json()),
        (201, json!({"data": [{"uuid": sent["uuid"]}]}))
    );
    let skipped = masked(post(), "metadata{count}");
    assert_eq!(
        (skipped.status, skipped.json()),
        (207, json!({"metadata": {"count": "0"}}))
    );

    let ask = json!({"type": "risk", "processor": "risk_averages", "anrs": [uuid()]});
    assert_eq!(get(&office, PROCESSED, &ask, "data"), json!({"data": []}));
    assert_eq!(
        get(&office, PROCESSED, &ask, "type"),
        json!({"type": "risk"})
    );
    let threats = json!([{"uuid": uuid(), "count": 3, "maxRisk": 9, "averageRate": "2.5"}]);
    assert_eq!(
        office
            .post(&json!([stat(&uuid(), "threat", &days_ago(0), threats)]))
            .status,
        201
    );
    let ask = json!({"type": "threat", "processor": "threat_average_on_date"});
    assert_eq!(
        get(
            &office,
            PROCESSED,
            &ask,
            "data{values{count},averages{maxRisk}},processor"
        ),
        json!({
            "processor": "threat_average_on_date",
            "data": [{"values": [{"count": 3.0}], "averages": {"maxRisk": 9.0}}],
        })
    );

    let list = || service.request(Method::GET, "/api/v1/stats/processed/list");
    let names = masked(list(), "name").json();
    assert_eq!(
        names[0],
        json!({"name": Answer::to(list()).json()[0]["name"]})
    );

    let path = format!("{STATS}{}", sent["anr"].as_str().unwrap());
    let deleted = masked(office.request(Method::DELETE, &path), "x");
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    let wrong = masked(
        office.request(Method::GET, STATS).json(&json!({"foo": 1})),
        "data",
    );
    assert_eq!(
        (wrong.status, wrong.json()),
        (400, json!({"message": "Unknown arguments: foo"})),
        "errors are not masked"
    );
}

on_each_database!(a_bad_mask_is_an_error_and_nothing_else_happens);
fn a_bad_mask_is_an_error_and_nothing_else_happens(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let sent = json!([stat(&uuid(), "risk", &days_ago(0), json!({}))]);
    for (mask, error) in [
        (
            "{data{uuid",
            "the opening brace at character 6 is not closed",
        ),
        (
            "data}",
            "nothing is open that the closing brace at character 5 could close",
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
        let expected = json!({"message": format!("Mask parse error: {error}.")});
        for request in [
            office.request(Method::GET, STATS),
            office.request(Method::POST, STATS).json(&sent),
            office.request(Method::GET, ME),
            service.request(Method::GET, "/api/v1/stats/processed/list"),
        ] {
            let answer = masked(request, mask);
            assert_eq!((answer.status, answer.json()), (400, expected.clone()));
        }
    }
    let latin = office
        .request(Method::GET, ME)
        .header("X-Fields", &b"nam\xe9"[..]);
    let answer = Answer::to(latin);
    assert_eq!(
        (answer.status, answer.json()),
        (
            400,
            json!({"message": "Mask parse error: it is not UTF-8."})
        )
    );
    let several = office.request(Method::GET, ME).header("X-Fields", "name");
    let several = several.header("X-Fields", "").header("X-Fields", "role");
    let name = office.client.name.as_str();
    assert_eq!(
        Answer::to(several).json(),
        json!({"name": name, "role": "1"}),
        "several are one list"
    );
    assert_eq!(
        office.list(&json!({})),
        [Value::Null; 0],
        "nothing was stored"
    );
    let stranger = masked(service.request(Method::GET, ME), "{");
    assert_eq!(stranger.status, 401, "who asks comes first");
}

on_each_database!(a_long_list_is_masked_while_it_is_sent);
fn a_long_list_is_masked_while_it_is_sent(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let label = "x".repeat(20_000);
    let data = json!([{"label1": label, "count": 1}]);
    let stats: Vec<_> = (0..40)
        .map(|_| stat(&uuid(), "threat", &days_ago(0), data.clone()))
        .collect();
    assert_eq!(office.post(&json!(stats)).status, 201);
    let chunked = masked(office.request(Method::GET, STATS), "data{data{label1}}");
    assert_eq!(chunked.header("transfer-encoding"), Some("chunked"));
    let expected = vec![json!({"data": [{"label1": label}]}); 40];
    assert_eq!(chunked.json(), json!({"data": expected}));
    let short = masked(
        office.request(Method::GET, STATS),
        "data{data{count}},metadata",
    );
    assert_eq!(short.header("transfer-encoding"), None);
    assert_eq!(
        short.json()["data"],
        json!(vec![json!({"data": [{"count": 1}]}); 40])
    );
    assert_eq!(short.json()["metadata"]["count"], "40");
}
