//! The namespace `client`.

use chrono::{Days, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use stats_core::{StoredToken, Token, TokenHash, TokenStorage};
use stats_db::ClientChange;
use stats_http::{App, HttpConfig};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{FrontOffice, ME, Response, Service, uuid};

const CLIENT: &str = "/api/v1/client/";

fn token() -> String {
    Token::generate().reveal().to_owned()
}

on_each_database!(me_returns_the_authenticated_client);
fn me_returns_the_authenticated_client(database: &TestDatabase) {
    let service = Service::start(database);
    for (office, role) in [(service.front_office(), "1"), (service.admin(), "2")] {
        let expected = json!({
            "name": office.client.name.as_str(), "token": office.client.token.reveal(), "role": role,
            "is_sharing_enabled": true,
        });
        office.get(ME).assert_json(200, expected);
    }
}

on_each_database!(an_admin_creates_clients);
fn an_admin_creates_clients(database: &TestDatabase) {
    let service = Service::start(database);
    let admin = service.admin();
    let create = |body: &Value| admin.send(Method::POST, CLIENT, body);
    let new = json!({"name": "Économie", "is_sharing_enabled": "false", "token": token()});
    let token_of_new = new["token"].as_str().unwrap();
    let expected = json!({"name": "Économie", "token": token_of_new, "role": "1", "is_sharing_enabled": false});
    create(&new).assert_json(201, expected.clone());
    let me = service.get_with_header(ME, "X-API-KEY", token_of_new);
    assert_eq!(me.json(), expected);

    create(&new).assert_empty(304);
    let same_name = json!({"name": "Économie", "is_sharing_enabled": true, "token": token()});
    assert_eq!(create(&same_name).status, 304);
    let same_token = json!({"name": "other", "is_sharing_enabled": true, "token": token_of_new});
    let taken = create(&same_token);
    assert_eq!(taken.status, 400);
    assert!(taken.json()["errors"]["token"].is_string(), "{taken:?}");
    assert_eq!(service.db.clients().unwrap().len(), 2);
}

/// Asserts that a client may not create another one.
fn assert_cannot_create(office: &FrontOffice<'_>) {
    let valid = json!({"name": "new", "is_sharing_enabled": true, "token": token()});
    for body in [valid, json!({})] {
        office.send(Method::POST, CLIENT, &body).assert_error(403);
    }
}

on_each_database!(users_cannot_create_clients);
fn users_cannot_create_clients(database: &TestDatabase) {
    let service = Service::start(database);
    assert_cannot_create(&service.front_office());
    assert_eq!(service.db.clients().unwrap().len(), 1);
}

on_each_database!(closed_registration_refuses_new_clients);
fn closed_registration_refuses_new_clients(database: &TestDatabase) {
    let service = Service::with_config(database, |config| config.is_registration_open = false);
    assert_cannot_create(&service.front_office());
    assert_cannot_create(&service.admin());
    assert_eq!(service.db.clients().unwrap().len(), 2);
}

on_each_database!(errors_of_a_new_client_name_the_field);
fn errors_of_a_new_client_name_the_field(database: &TestDatabase) {
    let service = Service::start(database);
    let admin = service.admin();
    let valid = json!({"name": "x", "is_sharing_enabled": true, "token": token()});
    let create_with = |field: &str, value: Value| {
        let mut body = valid.clone();
        body[field] = value;
        admin.send(Method::POST, CLIENT, &body)
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
        ("token", json!(format!("sha256:{}", "0".repeat(64)))),
        ("token", json!("x".repeat(101))),
    ] {
        create_with(field, value).assert_invalid(field);
    }
    create_with("role", json!("2")).assert_message(400, "Unknown arguments: role");
    for body in [json!([]), json!("x"), json!({}), json!({"name": "x"})] {
        admin.send(Method::POST, CLIENT, &body).assert_error(400);
    }
    let request = admin.request(Method::POST, CLIENT).body(valid.to_string());
    let text = Response::to(request.header("Content-Type", "text/plain"));
    assert_eq!(text.status, 415);
    assert_eq!(service.db.clients().unwrap().len(), 1);
}

on_each_database!(a_client_can_change_only_its_sharing);
fn a_client_can_change_only_its_sharing(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let change = |body: &Value| office.send(Method::PATCH, ME, body);
    let before = office.get(ME).json();
    for (value, is_enabled) in [
        (json!(false), false),
        (json!("true"), true),
        (json!(1), true),
        (json!(0), false),
    ] {
        let response = change(&json!({"is_sharing_enabled": value}));
        assert_eq!(response.status, 201);
        assert_eq!(response.json()["is_sharing_enabled"], is_enabled);
        assert_eq!(office.get(ME).json()["is_sharing_enabled"], is_enabled);
    }
    let all = json!({"name": "EVIL", "role": "2", "token": "t", "is_sharing_enabled": true});
    assert_eq!(change(&all).status, 201);
    assert_eq!(office.get(ME).json(), before);
    for invalid in [
        json!({}),
        json!({"is_sharing_enabled": "junk"}),
        json!({"is_sharing_enabled": null}),
        json!([]),
        json!("x"),
        json!({"is_sharing_enabled": true, "uuid": uuid()}),
    ] {
        assert_eq!(change(&invalid).status, 400, "{invalid}");
    }
    assert_eq!(office.get(ME).json(), before);
}

on_each_database!(clients_notice_nothing_of_hashed_tokens);
fn clients_notice_nothing_of_hashed_tokens(database: &TestDatabase) {
    let db = database.migrated().with_token_storage(TokenStorage::Hashed);
    let service = Service::with_app(db.clone(), App::new(db, HttpConfig::default()));
    let admin = service.admin();
    let is_hashed = |office: &FrontOffice<'_>| {
        office.stored().token == Some(StoredToken::Hashed(TokenHash::of(&office.client.token)))
    };
    assert!(is_hashed(&admin));
    let new = json!({"name": "new", "is_sharing_enabled": true, "token": token()});
    let expected =
        json!({"name": "new", "is_sharing_enabled": true, "token": new["token"], "role": "1"});
    let created = admin.send(Method::POST, CLIENT, &new);
    created.assert_json(201, expected.clone());
    let of_new = |method, body: &Value| {
        let request = service.request(method, ME).json(body);
        Response::to(request.header("X-API-KEY", new["token"].as_str().unwrap()))
    };
    of_new(Method::GET, &json!({})).assert_json(200, expected.clone());
    let change = json!({"is_sharing_enabled": true});
    of_new(Method::PATCH, &change).assert_json(201, expected);
    let same_token = json!({"name": "other", "is_sharing_enabled": true, "token": new["token"]});
    admin
        .send(Method::POST, CLIENT, &same_token)
        .assert_invalid("token");
}

on_each_database!(a_stored_hash_does_not_authenticate);
fn a_stored_hash_does_not_authenticate(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    service.db.hash_tokens().unwrap();
    assert_eq!(office.get(ME).status, 200);
    let hash = office.stored().token.unwrap().to_storage();
    assert!(hash.starts_with("sha256:"), "{hash}");
    let error = json!({"Error": "Forbidden - Authentication failed."});
    for stolen in [&hash, &hash.to_uppercase(), &hash["sha256:".len()..]] {
        service
            .get_with_header(ME, "X-API-KEY", stolen)
            .assert_json(403, error.clone());
    }
}

on_each_database!(two_tokens_are_valid_during_a_rotation);
fn two_tokens_are_valid_during_a_rotation(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let until = Utc::now().naive_utc() + Days::new(1);
    let new = service
        .db
        .rotate_token(office.client.uuid, Some(until))
        .unwrap();
    let new = new.reveal();
    let old = office.client.token.reveal();
    for (token, is_enabled) in [(old, false), (new, true)] {
        let expected = json!({
            "name": office.client.name.as_str(), "token": token, "role": "1", "is_sharing_enabled": is_enabled,
        });
        let change = json!({"is_sharing_enabled": is_enabled});
        let request = service.request(Method::PATCH, ME).json(&change);
        Response::to(request.header("X-API-KEY", token)).assert_json(201, expected.clone());
        service
            .get_with_header(ME, "X-API-KEY", token)
            .assert_json(200, expected);
    }
    office.change(&ClientChange::Active(false));
    for token in [old, new] {
        assert_eq!(service.get_with_header(ME, "X-API-KEY", token).status, 403);
    }
}
