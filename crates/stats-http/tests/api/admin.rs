//! The admin routes outside the API, the groups of routes, and the security headers.

use reqwest::Method;
use serde_json::json;
use stats_http::Routes;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{ME, Response, STATS, Service, uuid};

const ACTIVATE: &str = "/admin/client_sharing_activate.json";
const DEACTIVATE: &str = "/admin/client_sharing_deactivate.json";

on_each_database!(an_admin_switches_the_sharing_of_clients);
fn an_admin_switches_the_sharing_of_clients(database: &TestDatabase) {
    let service = Service::start(database);
    let (admin, office) = (service.admin(), service.front_office());
    for method in [Method::GET, Method::POST] {
        for (path, is_enabled) in [(DEACTIVATE, false), (DEACTIVATE, false), (ACTIVATE, true)] {
            let path = format!("{path}/{}", office.client.uuid);
            let response = Response::to(admin.request(method.clone(), &path));
            response.assert_json(200, json!({"result": "OK"}));
            assert_eq!(office.stored().is_sharing_enabled, is_enabled);
        }
    }
    let unknown = uuid();
    for (id, error) in [
        ("junk", "uuid: 'junk' is not a UUID".to_owned()),
        (&unknown, format!("there is no client {unknown}")),
    ] {
        let response = admin.get(&format!("{DEACTIVATE}/{id}"));
        response.assert_json(400, json!({"result": "KO", "stderr": error}));
    }
}

on_each_database!(users_cannot_switch_sharing_of_clients);
fn users_cannot_switch_sharing_of_clients(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let path = format!("{DEACTIVATE}/{}", office.client.uuid);
    for method in [Method::GET, Method::POST] {
        let unauthenticated = Response::to(service.request(method.clone(), &path));
        assert_eq!(unauthenticated.status, 401);
        assert_eq!(Response::to(office.request(method, &path)).status, 403);
    }
    assert!(office.stored().is_sharing_enabled);
}

on_each_database!(groups_of_routes_can_be_switched_off);
fn groups_of_routes_can_be_switched_off(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.routes = Routes {
            pages: false,
            stats: false,
            map: false,
            admin: false,
        };
    });
    let admin = service.admin();
    for (path, status) in [
        ("/stats/threats.json", 404),
        ("/stats/risks.json", 404),
        ("/map/clients.json", 404),
        (&format!("{ACTIVATE}/{}", uuid()), 404),
        (ME, 200),
        (STATS, 200),
        ("/about.json", 200),
        ("/health", 200),
    ] {
        assert_eq!(admin.get(path).status, status, "{path}");
    }
}

on_each_database!(responses_have_security_headers);
fn responses_have_security_headers(database: &TestDatabase) {
    let service = Service::start(database);
    for path in ["/about.json", ME, "/stats/risks.json", "/nothing"] {
        let response = service.get(path);
        let header = |name| response.header(name).unwrap();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
    }
}
