//! The specification and the API browser. That every route is documented is tested beside the code.

use reqwest::Method;
use serde_json::{Value, json};
use stats_http::HttpConfig;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Answer, Service, days_ago, stat, uuid};

on_each_database!(every_documented_route_answers);
fn every_documented_route_answers(database: &TestDatabase) {
    let service = Service::start(database);
    let admin = service.admin();
    for (specification, base) in [("openapi", ""), ("swagger", "/api/v1")] {
        let document = service.get(&format!("/api/v1/{specification}.json")).json();
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() >= 6, "{paths:?}");
        for (path, item) in paths {
            let analysis = uuid();
            let path = format!("{base}{path}").replace("{anr}", &analysis);
            let methods = item.as_object().unwrap().keys();
            for method in methods.filter(|name| *name != "parameters") {
                let method: Method = method.to_uppercase().parse().unwrap();
                admin.post(&json!([stat(&analysis, "risk", &days_ago(0), json!([]))]));
                let answer =
                    admin.send(method.clone(), &path.replace("{uuid}", &uuid()), &json!({}));
                assert!(
                    ![404, 405].contains(&answer.status),
                    "{method} {path}: {answer:?}"
                );
                let documented = item[method.as_str().to_lowercase()]["responses"]
                    .get(answer.status.to_string());
                assert!(
                    documented.is_some() || specification == "swagger",
                    "{method} {path}: {answer:?}"
                );
            }
        }
    }
}

/// What leads to somewhere within the site.
fn links(page: &str) -> Vec<String> {
    let after = |attribute: &str| {
        let parts: Vec<_> = page.split(attribute).skip(1).collect();
        parts
            .into_iter()
            .map(|part| part.split('"').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let links = ["href=\"", "src=\"", "data-specification=\""].map(after);
    links
        .concat()
        .into_iter()
        .filter(|link| link.starts_with('/'))
        .collect()
}

on_each_database!(the_browser_comes_from_the_program_alone);
fn the_browser_comes_from_the_program_alone(database: &TestDatabase) {
    let config = HttpConfig {
        trusts_proxy: true,
        ..HttpConfig::default()
    };
    let service = Service::with_config(database, config);
    for path in ["/api/v1", "/api/v1/"] {
        let page = service.get(path);
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("http"), "{page:?}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(!policy.contains("unsafe"), "{policy}");
        let links = links(&page.body);
        assert_eq!(links.len(), 5, "{links:?}");
        for link in links {
            let answer = Answer::to(service.request(Method::HEAD, &link));
            assert_eq!(answer.status, 200, "{link}");
            let kind = answer.header("content-type").unwrap();
            let expected = match link.rsplit('.').next() {
                Some("js") => "text/javascript",
                Some("css") => "text/css",
                _ => "application/json",
            };
            assert_eq!(kind, expected, "{link}");
        }
    }
    assert_eq!(service.get("/api/v1/browser/index.html").status, 404);
}

on_each_database!(behind_a_proxy_all_leads_back_through_it);
fn behind_a_proxy_all_leads_back_through_it(database: &TestDatabase) {
    let config = HttpConfig {
        trusts_proxy: true,
        ..HttpConfig::default()
    };
    let service = Service::with_config(database, config);
    let get = |path| {
        Answer::to(
            service
                .request(Method::GET, path)
                .header("X-Forwarded-Prefix", "/dashboardBO"),
        )
    };
    let links = links(&get("/api/v1/").body);
    assert_eq!(links.len(), 5);
    for link in links {
        assert!(link.starts_with("/dashboardBO/api/v1/"), "{link}");
    }
    let of = |path, pointer: &str| -> Value { get(path).json().pointer(pointer).unwrap().clone() };
    assert_eq!(
        of("/api/v1/swagger.json", "/basePath"),
        "/dashboardBO/api/v1"
    );
    assert_eq!(
        of("/api/v1/openapi.json", "/servers/0/url"),
        "/dashboardBO/"
    );
    let direct = service.get("/api/v1/swagger.json").json();
    assert_eq!(direct["basePath"], "/api/v1");
}
