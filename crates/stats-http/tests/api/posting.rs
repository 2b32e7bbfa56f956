//! What front offices send is stored as they sent it, or refused as a whole.

use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::Method;
use serde_json::{Value, json};
use stats_http::HttpConfig;
use stats_sample::{Sample, payload};
use stats_testing::{TestDatabase, day, on_each_database};

use crate::support::{Answer, Service, days_ago, stat, uuid, uuids};

const STATS: &str = "/api/v1/stats/";

on_each_database!(what_is_posted_comes_back);
fn what_is_posted_comes_back(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let sent = json!([
        {"anr": analysis, "type": "threat", "date": days_ago(0), "data": [{"label1": "Écoute — « œ »", "count": 12}]},
        {"anr": analysis, "type": "risk", "date": days_ago(1), "data": {"b": [1.5, "日本 🛡 \\ \" </script>"], "a": {}}},
        stat(&analysis, "cartography", &days_ago(0), json!({"operational": {"1": [8, 6]}, "residual": []})),
    ]);
    let answer = office.post(&sent);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = answer.json();
    assert_eq!(
        answer["metadata"],
        json!({"count": "3", "offset": "0", "limit": "0"})
    );
    for (sent, stored) in sent
        .as_array()
        .unwrap()
        .iter()
        .zip(answer["data"].as_array().unwrap())
    {
        let mut expected = sent.clone();
        expected["uuid"] = stored["uuid"].clone();
        assert_eq!(*stored, expected);
        assert_eq!(stored["uuid"].as_str().unwrap().len(), 36);
        assert!(office.list(&json!({})).contains(stored));
    }
    let empty = office.post(&json!([]));
    assert_eq!((empty.status, &empty.json()["data"]), (201, &json!([])));
}

on_each_database!(a_real_analysis_of_several_days_comes_back);
fn a_real_analysis_of_several_days_comes_back(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analyses: Vec<_> = Sample::new(7).analyses(3, day("2026-01-01")).collect();
    let both = |analysis| ["2026-01-31", "2026-02-01"].map(|date| (analysis, date));
    for (analysis, date) in analyses.iter().flat_map(both) {
        let stats = analysis.stats_on(day(date));
        let body = payload(&stats);
        let request = office
            .request(Method::POST, STATS)
            .header("Content-Type", "application/json; charset=utf-8");
        assert_eq!(Answer::to(request.body(body.clone())).status, 201);
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

on_each_database!(what_is_there_already_is_skipped);
fn what_is_there_already_is_skipped(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let first = stat(&analysis, "threat", &days_ago(0), json!([]));
    assert_eq!(office.post(&json!([first])).status, 201);

    let mut changed = first.clone();
    changed["data"] = json!([{"count": 1}]);
    let new = stat(&analysis, "threat", &days_ago(1), json!([]));
    let mut twin = new.clone();
    twin["date"] = json!(days_ago(2));
    let answer = office.post(&json!([changed, new, twin]));
    assert_eq!(answer.status, 207);
    let answer = answer.json();
    assert_eq!(answer["metadata"]["count"], "1");
    assert_eq!(answer["data"], json!([new]));
    assert_eq!(
        office.list(&json!({})),
        [new, first.clone()],
        "the first ones are kept"
    );

    let other = service.front_office();
    let foreign = other.post(&json!([first]));
    assert_eq!(
        (foreign.status, &foreign.json()["data"]),
        (207, &json!([])),
        "an id is taken by whoever comes first"
    );
    assert_eq!(other.list(&json!({})), [Value::Null; 0]);
}

on_each_database!(a_malformed_stat_refuses_its_batch);
fn a_malformed_stat_refuses_its_batch(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let good = stat(&uuid(), "threat", &days_ago(0), json!([]));
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
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let answer = office.post(&json!([good, bad]));
        assert_eq!(
            (answer.status, &answer.json()["message"]),
            (400, &json!("Input payload validation failed"))
        );
        let errors = answer.json()["errors"].clone();
        assert!(errors[format!("1.{field}")].is_string(), "{bad}: {errors}");
    }
    for body in [
        json!([good, 5]),
        json!("x"),
        json!(5),
        json!(null),
        json!(true),
        json!({"anr": 1}),
    ] {
        let answer = office.post(&body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["message"].is_string());
    }
    assert_eq!(
        office.list(&json!({"date_from": "0001-01-01"})),
        [Value::Null; 0]
    );
}

on_each_database!(what_is_no_json_is_refused);
fn what_is_no_json_is_refused(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let post = |content_type: &str, body: Vec<u8>| {
        let request = office
            .request(Method::POST, STATS)
            .header("Content-Type", content_type)
            .body(body);
        let answer = Answer::to(request);
        assert!(answer.json()["message"].is_string(), "{answer:?}");
        answer.status
    };
    assert_eq!(post("application/json", b"{not json".to_vec()), 400);
    assert_eq!(post("application/json", b"\xff\xfe[".to_vec()), 400);
    assert_eq!(post("application/json", vec![b'['; 100_000]), 400);
    assert_eq!(post("application/json", Vec::new()), 400);
    assert_eq!(post("text/plain", b"[]".to_vec()), 415);
    assert_eq!(post("", b"[]".to_vec()), 415);
    let untyped = Answer::to(office.request(Method::POST, STATS).body("[]"));
    assert_eq!(untyped.status, 415);
}

on_each_database!(a_body_that_is_too_large_is_refused_in_json);
fn a_body_that_is_too_large_is_refused_in_json(database: &TestDatabase) {
    let config = HttpConfig {
        max_body_bytes: 100_000,
        ..HttpConfig::default()
    };
    let service = Service::with_config(database, config);
    let office = service.front_office();
    let fits = json!([stat(
        &uuid(),
        "threat",
        &days_ago(0),
        json!(["x".repeat(90_000)])
    )]);
    assert_eq!(office.post(&fits).status, 201);
    let too_large = vec![b' '; 3_000_000];
    let request = office
        .request(Method::POST, STATS)
        .header("Content-Type", "application/json");
    let answer = Answer::to(request.body(too_large.clone()));
    assert_eq!(
        (answer.status, answer.json()),
        (
            413,
            json!({"message": "The body is larger than 100000 bytes."})
        )
    );
    // Of unknown length, in chunks.
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(too_large));
    let request = office
        .request(Method::POST, STATS)
        .header("Content-Type", "application/json")
        .body(chunked);
    assert_eq!(Answer::to(request).status, 413);
    assert_eq!(office.get("/api/v1/client/me").status, 200);
    let filter = json!({"anrs": vec![uuid(); 30_000]});
    assert_eq!(
        office.ask(STATS, &filter).status,
        413,
        "nobody needs so many arguments"
    );
}

on_each_database!(a_body_that_breaks_off_stores_nothing);
fn a_body_that_breaks_off_stores_nothing(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let body = json!([stat(&uuid(), "threat", &days_ago(0), json!([]))]).to_string();
    let head = format!(
        "POST {STATS} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        office.client.token.reveal(),
        body.len() + 1,
    );
    let mut socket = TcpStream::connect(service.address).unwrap();
    socket
        .write_all(format!("{head}{body}").as_bytes())
        .unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    // The connection may be reset before anything is answered; what counts is what is stored.
    let _ = socket.read_to_string(&mut answer);
    assert!(
        !answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 5"),
        "{answer}"
    );
    assert_eq!(office.list(&json!({})), [Value::Null; 0]);
}

on_each_database!(two_hundred_front_offices_post_at_once);
fn two_hundred_front_offices_post_at_once(database: &TestDatabase) {
    const OFFICES: usize = 200;
    let service = Service::start(database);
    let shared = stat(&uuid(), "risk", &days_ago(0), json!({}));
    std::thread::scope(|scope| {
        let posts: Vec<_> = (0..OFFICES)
            .map(|_| {
                let (service, shared) = (&service, &shared);
                scope.spawn(move || {
                    let office = service.front_office();
                    let own: Vec<_> = (0..20)
                        .map(|_| stat(&uuid(), "threat", &days_ago(0), json!([{"count": 1}])))
                        .collect();
                    let answer = office.post(&json!(
                        [own.as_slice(), std::slice::from_ref(shared)].concat()
                    ));
                    let got_shared = match answer.status {
                        201 => 1,
                        207 => 0,
                        _ => panic!("{answer:?}"),
                    };
                    assert_eq!(
                        office.list_ids(&json!({"type": "threat"})),
                        uuids(&own),
                        "all of it, and nothing twice"
                    );
                    got_shared
                })
            })
            .collect();
        let winners: usize = posts.into_iter().map(|post| post.join().unwrap()).sum();
        assert_eq!(winners, 1, "the stat that all of them sent is stored once");
    });
    let admin = service.admin();
    let total = admin.ask(STATS, &json!({"limit": 1}));
    assert_eq!(
        total.header("x-total-count"),
        Some((OFFICES * 20 + 1).to_string().as_str())
    );
}
