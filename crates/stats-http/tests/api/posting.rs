//! Posting stats: the service stores a batch, or rejects it as a whole.

use std::io::{Cursor, Read, Write};
use std::net::Shutdown;
use std::thread::scope;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use reqwest::blocking::Body;
use serde_json::{Value, json};
use stats_sample::{Sample, payload};
use stats_testing::{TestDatabase, day, on_each_database};

use crate::support::{
    ME, Response, STATS, Service, days_ago, days_ahead, new_stat, stat, uuid, uuids,
};

on_each_database!(posted_stats_are_returned);
fn posted_stats_are_returned(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let threats = json!([{"label1": "Écoute — « œ »", "count": 12}]);
    let risks = json!({"b": [1.5, "日本 🛡 \\ \" </script>"], "a": {}});
    let sent = [
        json!({"anr": analysis, "type": "threat", "date": days_ago(0), "data": threats}),
        json!({"anr": analysis, "type": "risk", "date": days_ago(1), "data": risks}),
        stat(
            &analysis,
            "cartography",
            &days_ago(0),
            json!({"operational": {"1": [8, 6]}, "residual": []}),
        ),
    ];
    let response = office.post(&json!(sent));
    assert_eq!(response.status, 201);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(
        response.json()["metadata"],
        json!({"count": "3", "offset": "0", "limit": "0"})
    );
    for (mut sent, stored) in sent.into_iter().zip(response.data()) {
        sent["uuid"] = stored["uuid"].clone();
        assert_eq!(stored, sent);
        assert_eq!(stored["uuid"].as_str().unwrap().len(), 36);
        assert!(office.list(&json!({})).contains(&stored));
    }
    let empty = office.post(&json!([]));
    assert_eq!((empty.status, empty.data().len()), (201, 0));
}

on_each_database!(sample_analyses_are_returned_as_sent);
fn sample_analyses_are_returned_as_sent(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analyses: Vec<_> = Sample::new(7).analyses(3, day("2026-01-01")).collect();
    let both = |analysis| ["2026-01-31", "2026-02-01"].map(|date| (analysis, date));
    for (analysis, date) in analyses.iter().flat_map(both) {
        let body = payload(&analysis.stats_on(day(date)));
        let request = office.post_request("application/json; charset=utf-8");
        assert_eq!(Response::to(request.body(body.clone())).status, 201);
        let filter = json!({"anr": analysis.id(), "date_from": date, "date_to": date});
        let mut listed = office.list(&filter);
        for stat in &mut listed {
            stat.as_object_mut().unwrap().remove("uuid");
        }
        let sent: Vec<Value> = serde_json::from_str(&body).unwrap();
        assert_eq!(listed.len(), sent.len());
        assert!(sent.iter().all(|stat| listed.contains(stat)));
    }
}

on_each_database!(known_stats_are_skipped_with_207);
fn known_stats_are_skipped_with_207(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let first = stat(&analysis, "threat", &days_ago(0), json!([]));
    office.store([&first]);

    let mut changed = first.clone();
    changed["data"] = json!([{"count": 1}]);
    let new = stat(&analysis, "threat", &days_ago(1), json!([]));
    let mut duplicate = new.clone();
    duplicate["date"] = json!(days_ago(2));
    let response = office.post(&json!([changed, new, duplicate]));
    assert_eq!(response.status, 207);
    assert_eq!(response.json()["metadata"]["count"], "1");
    assert_eq!(response.json()["data"], json!([new]));
    // The first arrivals are kept.
    assert_eq!(office.list(&json!({})), [new, first.clone()]);

    // An id belongs to the client that posted it first.
    let other = service.front_office();
    let response = other.post(&json!([first]));
    assert_eq!((response.status, response.data().len()), (207, 0));
    assert_eq!(other.list(&json!({})), [Value::Null; 0]);
}

on_each_database!(a_malformed_stat_rejects_the_batch);
fn a_malformed_stat_rejects_the_batch(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let valid = new_stat("threat", 0, json!([]));
    for (field, value) in [
        ("type", json!("bogus")),
        ("anr", json!("notuuid")),
        ("date", json!("2026-13-45")),
        ("data", json!("text")),
        ("data", json!(["\0"])),
        ("uuid", json!("zz")),
        ("anr", json!(null)),
        ("type", json!(null)),
        ("date", json!(null)),
        ("client_id", json!(1)),
        ("date", json!(days_ahead(3))),
        ("date", json!("2096-01-01")),
        ("data", json!(vec![0; 4097])),
    ] {
        let mut invalid = valid.clone();
        invalid[field] = value;
        let response = office.post(&json!([valid, invalid]));
        response.assert_invalid(&format!("1.{field}"));
    }
    for body in [
        json!([valid, 5]),
        json!("x"),
        json!(5),
        json!(null),
        json!(true),
        json!({"anr": 1}),
    ] {
        office.post(&body).assert_error(400);
    }
    let all = office.list(&json!({"date_from": "0001-01-01"}));
    assert_eq!(all, [Value::Null; 0]);
}

on_each_database!(bodies_that_are_not_json_are_rejected);
fn bodies_that_are_not_json_are_rejected(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let deep = [b'['; 100_000];
    for (content_type, body, status) in [
        ("application/json", &b"{not json"[..], 400),
        ("application/json", b"\xff\xfe[", 400),
        ("application/json", &deep, 400),
        ("application/json", b"", 400),
        ("text/plain", b"[]", 415),
        ("", b"[]", 415),
    ] {
        let request = office.post_request(content_type).body(body.to_vec());
        Response::to(request).assert_error(status);
    }
    let untyped = office.request(Method::POST, STATS).body("[]");
    assert_eq!(Response::to(untyped).status, 415);
}

on_each_database!(bodies_over_the_limit_get_413);
fn bodies_over_the_limit_get_413(database: &TestDatabase) {
    let service = Service::with_config(database, |config| config.max_body_bytes = 100_000);
    let office = service.front_office();
    office.store([new_stat("threat", 0, json!(["x".repeat(90_000)]))]);
    let too_large = vec![b' '; 3_000_000];
    let post = |body: Body| Response::to(office.post_request("application/json").body(body));
    let response = post(too_large.clone().into());
    response.assert_message(413, "The body is larger than 100000 bytes.");
    let without_length = Body::new(Cursor::new(too_large));
    assert_eq!(post(without_length).status, 413);
    assert_eq!(office.get(ME).status, 200);
    // Arguments have a smaller limit.
    let filter = json!({"anrs": vec![uuid(); 30_000]});
    assert_eq!(office.get_with(STATS, &filter).status, 413);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

on_each_database!(compressed_bodies_are_read_and_bounded);
fn compressed_bodies_are_read_and_bounded(database: &TestDatabase) {
    let service = Service::with_config(database, |config| config.max_body_bytes = 20 << 20);
    let office = service.front_office();
    let post = |encoding: &str, body: Vec<u8>| {
        let request = office.post_request("application/json");
        Response::to(request.header("Content-Encoding", encoding).body(body))
    };
    let sent = [new_stat("threat", 0, json!(["x".repeat(3 << 20)]))];
    let compressed = gzip(json!(sent).to_string().as_bytes());
    for (encoding, status) in [("gzip", 201), ("GZIP", 207), ("x-gzip", 207)] {
        let response = post(encoding, compressed.clone());
        assert_eq!(response.status, status, "{encoding}");
    }
    assert_eq!(office.list(&json!({})), sent);
    assert_eq!(post("identity", b"[]".to_vec()).status, 201);

    let bomb = post("gzip", gzip(&vec![b' '; 200 << 20]));
    assert_eq!(bomb.status, 413);
    let message = &bomb.json()["message"];
    assert_eq!(message, "The body is larger than 20971520 bytes.");
    for broken in [b"[]".to_vec(), compressed[..compressed.len() / 2].to_vec()] {
        let response = post("gzip", broken);
        assert_eq!(response.status, 400);
        let message = response.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("The body is not gzip"), "{message}");
    }
    for encoding in ["br", "deflate", "gzip, gzip"] {
        let response = post(encoding, b"[]".to_vec());
        response.assert_error(415);
        assert_eq!(response.header("accept-encoding"), Some("gzip"));
    }
}

on_each_database!(stats_of_tomorrow_are_accepted);
fn stats_of_tomorrow_are_accepted(database: &TestDatabase) {
    let service = Service::start(database);
    let tomorrow = stat(&uuid(), "risk", &days_ahead(1), json!([]));
    service.front_office().store([tomorrow]);
}

on_each_database!(a_truncated_body_stores_nothing);
fn a_truncated_body_stores_nothing(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let body = json!([new_stat("threat", 0, json!([]))]).to_string();
    let mut socket = service.connect(office.post_head(body.len() + 1) + &body);
    socket.shutdown(Shutdown::Write).unwrap();
    let mut response = String::new();
    // The connection may be reset before the response.
    let _ = socket.read_to_string(&mut response);
    for class in ["2", "5"] {
        let status = format!("HTTP/1.1 {class}");
        assert!(!response.starts_with(&status), "{response}");
    }
    assert_eq!(office.list(&json!({})), [Value::Null; 0]);
}

on_each_database!(two_hundred_clients_post_at_once);
fn two_hundred_clients_post_at_once(database: &TestDatabase) {
    const CLIENTS: usize = 200;
    let service = Service::start(database);
    let shared = new_stat("risk", 0, json!({}));
    let post = || {
        let office = service.front_office();
        let own: Vec<_> = (0..20)
            .map(|_| new_stat("threat", 0, json!([{"count": 1}])))
            .collect();
        let mut batch = own.clone();
        batch.push(shared.clone());
        let response = office.post(&json!(batch));
        assert!([201, 207].contains(&response.status), "{response:?}");
        // Each stat once.
        assert_eq!(office.list_ids(&json!({"type": "threat"})), uuids(&own));
        response.status == 201
    };
    let winners = scope(|scope| {
        let posts: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(post)).collect();
        let stored_shared = posts.into_iter().map(|post| post.join().unwrap());
        stored_shared.filter(|is_stored| *is_stored).count()
    });
    assert_eq!(winners, 1, "the stat that all clients sent is stored once");
    let list = service.admin().get_with(STATS, &json!({"limit": 1}));
    let total = (CLIENTS * 20 + 1).to_string();
    assert_eq!(list.header("x-total-count"), Some(total.as_str()));
}
