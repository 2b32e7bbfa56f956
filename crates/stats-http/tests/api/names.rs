//! Names of objects that the stats lack, from a platform that plays MOSP.

use std::io::Write;

use serde_json::{Value, json};
use stats_core::Coordinates;
use stats_db::ClientChange;
use stats_http::{App, HttpConfig};
use stats_remote::{HttpOptions, Mosp};
use stats_testing::{TestDatabase, on_each_database};
use stats_testing_http::{Remote, answer};

use crate::support::{Service, new_stat, uuid, wait_until};

fn with_mosp(database: &TestDatabase, url: &str) -> Service {
    let db = database.migrated();
    let mosp = Mosp::new(url, None, HttpOptions::default()).unwrap();
    let app = App::new(db.clone(), HttpConfig::default()).with_mosp(mosp);
    Service::with_app(db, app)
}

/// A platform that knows an object by the label `French` and refuses others.
fn mosp_with(object: &str) -> Remote {
    let object = object.to_owned();
    Remote::start(true, move |mut stream, request, _| {
        let response = if request.head.contains(&object) {
            let content = json!({"uuid": object, "language": "FR", "label": "French"});
            answer(
                "200 OK",
                &json!({"data": [{"json_object": content}]}).to_string(),
            )
        } else {
            answer("404 Not Found", "{}")
        };
        let _ = stream.write_all(response.as_bytes());
    })
}

fn object(uuid: &str) -> Value {
    json!([{"uuid": uuid, "label2": "English", "count": 1, "maxRisk": 1, "averageRate": 1}])
}

on_each_database!(names_of_mosp_arrive_after_the_first_answer);
fn names_of_mosp_arrive_after_the_first_answer(database: &TestDatabase) {
    let known = uuid();
    let remote = mosp_with(&known);
    let service = with_mosp(database, &remote.url());
    let office = service.front_office();
    let place = Coordinates::new(1.0, 2.0).unwrap();
    office.change(&ClientChange::Coordinates(Some(place)));
    office.store([
        new_stat("threat", 0, object(&known)),
        new_stat("vulnerability", 0, object(&known)),
    ]);
    let body = |path: &str| service.get(path).body;
    let paths = [
        "/stats/threats.json?labels=1",
        "/stats/threats.json?labels=1&format=series",
        "/stats/threats.json?format=csv&lang=fr",
        "/map/clients.json?lang=fr",
    ];
    assert!(
        !body(paths[0]).contains("French"),
        "the answer did not wait"
    );
    for path in paths {
        wait_until(|| body(path).contains("French"));
    }
    assert!(!body("/stats/threats.json").contains("French"));
    assert!(!body("/stats/threats.json?format=series").contains("French"));
    assert!(!body("/stats/threats.json?format=csv&lang=en").contains("French"));
    assert_eq!(remote.requests().len(), 1);
}

on_each_database!(without_a_network_all_routes_answer);
fn without_a_network_all_routes_answer(database: &TestDatabase) {
    // Nothing listens on the port of a closed listener.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let service = with_mosp(database, &url);
    let office = service.front_office();
    office.store(
        (0..20)
            .map(|_| new_stat("threat", 0, object(&uuid())))
            .collect::<Vec<_>>(),
    );
    for _ in 0..3 {
        for path in [
            "/stats/threats.json?labels=1",
            "/stats/threats.json?format=csv&lang=nl",
            "/map/clients.json",
            "/stats",
        ] {
            assert_eq!(service.get(path).status, 200, "{path}");
        }
    }
}
