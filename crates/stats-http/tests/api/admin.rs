//! What an admin can do outside of the API, and the groups of routes that can be switched off.

use reqwest::Method;
use serde_json::json;
use stats_http::{HttpConfig, Routes};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Answer, Service, uuid};

const ACTIVATE: &str = "/admin/client_sharing_activate.json";
const DEACTIVATE: &str = "/admin/client_sharing_deactivate.json";

on_each_database!(an_admin_switches_sharing_of_any_client);
fn an_admin_switches_sharing_of_any_client(database: &TestDatabase) {
    let service = Service::start(database);
    let (admin, office) = (service.admin(), service.front_office());
    let is_shared = || {
        service
            .db
            .client(office.client.uuid)
            .unwrap()
            .unwrap()
            .is_sharing_enabled
    };
    for method in [Method::GET, Method::POST] {
        for (path, is_enabled) in [(DEACTIVATE, false), (DEACTIVATE, false), (ACTIVATE, true)] {
            let path = format!("{path}/{}", office.client.uuid);
            let answer = Answer::to(admin.request(method.clone(), &path));
            assert_eq!(
                (answer.status, answer.json()),
                (200, json!({"result": "OK"}))
            );
            assert_eq!(is_shared(), is_enabled);
        }
    }
    let nobody = uuid();
    for (whom, why) in [
        ("junk", "uuid: 'junk' is not a UUID".to_owned()),
        (&nobody, format!("there is no client {nobody}")),
    ] {
        let answer = admin.get(&format!("{DEACTIVATE}/{whom}"));
        assert_eq!(
            (answer.status, answer.json()),
            (400, json!({"result": "KO", "stderr": why}))
        );
    }
}

on_each_database!(nobody_else_does);
fn nobody_else_does(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let path = format!("{DEACTIVATE}/{}", office.client.uuid);
    assert_eq!(service.get(&path).status, 401);
    assert_eq!(office.get(&path).status, 403);
    assert_eq!(Answer::to(service.request(Method::POST, &path)).status, 401);
    assert!(
        service
            .db
            .client(office.client.uuid)
            .unwrap()
            .unwrap()
            .is_sharing_enabled
    );
}

on_each_database!(groups_of_routes_are_switched_off_and_the_api_stays);
fn groups_of_routes_are_switched_off_and_the_api_stays(database: &TestDatabase) {
    let none = Routes {
        pages: false,
        stats: false,
        map: false,
        admin: false,
    };
    let service = Service::with_config(
        database,
        HttpConfig {
            routes: none,
            ..HttpConfig::default()
        },
    );
    let admin = service.admin();
    for path in [
        "/stats/threats.json",
        "/stats/risks.json",
        "/map/clients.json",
        &format!("{ACTIVATE}/{}", uuid()),
    ] {
        assert_eq!(admin.get(path).status, 404, "{path}");
    }
    for path in [
        "/api/v1/client/me",
        "/api/v1/stats/",
        "/about.json",
        "/health",
    ] {
        assert_eq!(admin.get(path).status, 200, "{path}");
    }
}

on_each_database!(every_answer_is_guarded);
fn every_answer_is_guarded(database: &TestDatabase) {
    let service = Service::start(database);
    for path in [
        "/about.json",
        "/api/v1/client/me",
        "/stats/risks.json",
        "/nothing",
    ] {
        let answer = service.get(path);
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{path}"
        );
    }
}
