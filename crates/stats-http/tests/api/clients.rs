//! The namespace `client`.
use crate::support::{Answer, FrontOffice, Service, uuid};
use reqwest::Method;
use serde_json::{Value, json};
use stats_core::Token;
use stats_http::HttpConfig;
use stats_testing::{TestDatabase, on_each_database};

const CLIENT: &str = "/api/v1/client/";
const ME: &str = "/api/v1/client/me";

fn token() -> String {
    Token::generate().reveal().to_owned()
}

on_each_database!(a_client_sees_itself);
fn a_client_sees_itself(database: &TestDatabase) {
    let service = Service::start(database);
    for (office, role) in [(service.front_office(), "1"), (service.admin(), "2")] {
        let me = office.get(ME);
        assert_eq!(me.status, 200);
        let expected = json!({
            "name": office.client.name.as_str(), "token": office.client.token.reveal(), "role": role,
            "is_sharing_enabled": true,
        });
        assert_eq!(me.json(), expected);
    }
}

on_each_database!(an_admin_creates_clients_once);
fn an_admin_creates_clients_once(database: &TestDatabase) {
    let service = Service::start(database);
    let admin = service.admin();
    let new = json!({"name": "Économie", "is_sharing_enabled": "false", "token": token()});
    let created = admin.send(Method::POST, CLIENT, &new);
    let expected = json!({"name": "Économie", "token": new["token"], "role": "1", "is_sharing_enabled": false});
    assert_eq!((created.status, created.json()), (201, expected.clone()));
    let request = service
        .request(Method::GET, ME)
        .header("X-API-KEY", new["token"].as_str().unwrap());
    assert_eq!(Answer::to(request).json(), expected);

    let again = admin.send(Method::POST, CLIENT, &new);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let renamed = json!({"name": "Économie", "is_sharing_enabled": true, "token": token()});
    assert_eq!(admin.send(Method::POST, CLIENT, &renamed).status, 304);
    let thief = json!({"name": "thief", "is_sharing_enabled": true, "token": new["token"]});
    let taken = admin.send(Method::POST, CLIENT, &thief);
    assert_eq!(taken.status, 400);
    assert!(taken.json()["errors"]["token"].is_string(), "{taken:?}");
    assert_eq!(service.db.clients().unwrap().len(), 2);
}

/// Asserts that a client may not create another one, whatever it sends.
fn check_refused(office: &FrontOffice<'_>) {
    for body in [
        json!({"name": "new", "is_sharing_enabled": true, "token": token()}),
        json!({}),
    ] {
        let answer = office.send(Method::POST, CLIENT, &body);
        assert_eq!(answer.status, 403, "{body}");
        assert!(answer.json()["message"].is_string());
    }
}

on_each_database!(others_create_no_clients);
fn others_create_no_clients(database: &TestDatabase) {
    let service = Service::start(database);
    check_refused(&service.front_office());
    assert_eq!(service.db.clients().unwrap().len(), 1);
}

on_each_database!(nobody_creates_clients_where_registration_is_closed);
fn nobody_creates_clients_where_registration_is_closed(database: &TestDatabase) {
    let config = HttpConfig {
        is_registration_open: false,
        ..HttpConfig::default()
    };
    let service = Service::with_config(database, config);
    check_refused(&service.front_office());
    check_refused(&service.admin());
    assert_eq!(service.db.clients().unwrap().len(), 2);
}

on_each_database!(a_malformed_client_is_refused_and_why);
fn a_malformed_client_is_refused_and_why(database: &TestDatabase) {
    let service = Service::start(database);
    let admin = service.admin();
    let good = json!({"name": "x", "is_sharing_enabled": true, "token": token()});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (field, value) in [
        ("name", json!(5)),
        ("name", json!(null)),
        ("name", json!("")),
        ("name", json!("nul\0")),
        ("name", json!("x".repeat(101))),
        ("is_sharing_enabled", json!([])),
        ("is_sharing_enabled", json!("junk")),
        ("token", json!({})),
        ("token", json!("two words")),
        ("token", json!("x".repeat(101))),
    ] {
        let answer = admin.send(Method::POST, CLIENT, &with(field, value));
        assert_eq!(
            (answer.status, &answer.json()["message"]),
            (400, &json!("Input payload validation failed"))
        );
        assert!(answer.json()["errors"][field].is_string(), "{answer:?}");
    }
    let unknown = admin.send(Method::POST, CLIENT, &with("role", json!("2")));
    assert_eq!(
        (unknown.status, unknown.json()),
        (400, json!({"message": "Unknown arguments: role"}))
    );
    for body in [json!([]), json!("x"), json!({}), json!({"name": "x"})] {
        let answer = admin.send(Method::POST, CLIENT, &body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["message"].is_string());
    }
    let form = admin
        .request(Method::POST, CLIENT)
        .header("Content-Type", "text/plain")
        .body(good.to_string());
    assert_eq!(Answer::to(form).status, 415);
    assert_eq!(service.db.clients().unwrap().len(), 1);
}

on_each_database!(sharing_is_all_that_a_client_changes_about_itself);
fn sharing_is_all_that_a_client_changes_about_itself(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let before = office.get(ME).json();
    for value in [json!(false), json!("true"), json!(1), json!(0)] {
        let is_enabled = [json!("true"), json!(1)].contains(&value);
        let answer = office.send(Method::PATCH, ME, &json!({"is_sharing_enabled": value}));
        assert_eq!(
            (answer.status, &answer.json()["is_sharing_enabled"]),
            (201, &json!(is_enabled))
        );
        assert_eq!(office.get(ME).json()["is_sharing_enabled"], is_enabled);
    }
    let greedy = json!({"name": "EVIL", "role": "2", "token": "t", "is_sharing_enabled": true});
    assert_eq!(office.send(Method::PATCH, ME, &greedy).status, 201);
    assert_eq!(office.get(ME).json(), before);
    for bad in [
        json!({}),
        json!({"is_sharing_enabled": "junk"}),
        json!({"is_sharing_enabled": null}),
        json!([]),
        json!("x"),
        json!({"is_sharing_enabled": true, "uuid": uuid()}),
    ] {
        assert_eq!(office.send(Method::PATCH, ME, &bad).status, 400, "{bad}");
    }
    assert_eq!(office.get(ME).json(), before);
}
