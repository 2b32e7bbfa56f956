//! The specification and Swagger UI. A unit test checks that the specification has all routes.

use std::io::Read;

use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::json;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Response, Service, days_ago, stat, uuid};

on_each_database!(documented_routes_respond_as_documented);
fn documented_routes_respond_as_documented(database: &TestDatabase) {
    let service = Service::start(database);
    let admin = service.admin();
    for (specification, base) in [("openapi", ""), ("swagger", "/api/v1")] {
        let document = service.get(&format!("/api/v1/{specification}.json")).json();
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() >= 6, "{paths:?}");
        for (path, item) in paths {
            let analysis = uuid();
            let path = format!("{base}{path}").replace("{anr}", &analysis);
            let methods = item.as_object().unwrap().iter();
            for (name, operation) in methods.filter(|(name, _)| *name != "parameters") {
                let method: Method = name.to_uppercase().parse().unwrap();
                admin.post(&json!([stat(&analysis, "risk", &days_ago(0), json!([]))]));
                let path = path.replace("{uuid}", &uuid());
                let response = admin.send(method, &path, &json!({}));
                let context = format!("{name} {path}: {response:?}");
                assert!(![404, 405].contains(&response.status), "{context}");
                let documented = operation["responses"].get(response.status.to_string());
                assert!(
                    documented.is_some() || specification == "swagger",
                    "{context}"
                );
            }
        }
    }
}

/// The links within the site.
fn links(page: &str) -> Vec<String> {
    let starts = ["href=\"", "src=\"", "data-specification=\""];
    let links = starts.iter().flat_map(|start| page.split(start).skip(1));
    links
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .filter(|link| link.starts_with('/'))
        .collect()
}

on_each_database!(swagger_ui_loads_its_files_from_the_service);
fn swagger_ui_loads_its_files_from_the_service(database: &TestDatabase) {
    let service = Service::with_config(database, |config| config.trusts_proxy = true);
    for path in ["/api/v1", "/api/v1/"] {
        let page = service.get(path);
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("http"), "{page:?}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(!policy.contains("unsafe"), "{policy}");
        let links = links(&page.body);
        assert_eq!(links.len(), 8, "{links:?}");
        for link in links {
            let head = Response::to(service.request(Method::HEAD, &link));
            assert_eq!(head.status, 200, "{link}");
            let content_type = match link.rsplit_once('.') {
                Some((_, "js")) => "text/javascript",
                Some((_, "css")) => "text/css",
                Some((_, "ico")) => "image/vnd.microsoft.icon",
                Some(_) => "application/json",
                None => "text/html; charset=utf-8",
            };
            assert_eq!(head.header("content-type"), Some(content_type), "{link}");
        }
    }
    assert_eq!(service.get("/api/v1/browser/index.html").status, 404);
}

on_each_database!(swagger_ui_links_have_the_prefix_of_the_proxy);
fn swagger_ui_links_have_the_prefix_of_the_proxy(database: &TestDatabase) {
    let service = Service::with_config(database, |config| config.trusts_proxy = true);
    let get = |path: &str| service.get_with_header(path, "X-Forwarded-Prefix", "/dashboardBO");
    let links = links(&get("/api/v1/").body);
    assert_eq!(links.len(), 8);
    for link in links {
        assert!(link.starts_with("/dashboardBO/"), "{link}");
    }
    let swagger = get("/api/v1/swagger.json").json();
    assert_eq!(swagger["basePath"], "/dashboardBO/api/v1");
    let openapi = get("/api/v1/openapi.json").json();
    assert_eq!(openapi["servers"][0]["url"], "/dashboardBO/");
    let direct = service.get("/api/v1/swagger.json").json();
    assert_eq!(direct["basePath"], "/api/v1");
}

on_each_database!(swagger_ui_has_a_link_to_the_first_page_that_exists);
fn swagger_ui_has_a_link_to_the_first_page_that_exists(database: &TestDatabase) {
    for (pages, stats, home) in [
        (true, true, Some("/")),
        (false, true, Some("/stats")),
        (false, false, None),
    ] {
        let service = Service::with_config(database, |config| {
            config.name = "Stats of <Testland>".to_owned();
            (config.routes.pages, config.routes.stats) = (pages, stats);
        });
        let page = service.get("/api/v1/").body;
        let link = |path| format!("<a href=\"{path}\">← Stats of &lt;Testland&gt;</a>");
        for path in ["/", "/stats"] {
            assert_eq!(page.contains(&link(path)), home == Some(path), "{page}");
        }
        assert!(page.contains("<title>Stats of &lt;Testland&gt;: the API</title>"));
        assert_eq!(page.contains("<nav"), home.is_some());
    }
}

on_each_database!(swagger_ui_has_dark_styles_without_inline_code);
fn swagger_ui_has_dark_styles_without_inline_code(database: &TestDatabase) {
    let service = Service::start(database);
    let page = service.get("/api/v1/").body;
    for inline in ["<style", " style=", " onload=", "<script>"] {
        assert!(!page.contains(inline), "{page}");
    }
    assert!(page.contains("name=\"color-scheme\" content=\"light dark\""));
    let file = |name: &str| service.request(Method::GET, &format!("/api/v1/browser/{name}"));
    let text = |name: &str| Response::to(file(name)).body;
    let query = "(prefers-color-scheme: dark)";
    assert!(text("browser.css").contains(query));
    assert!(text("start.js").contains(query) && text("start.js").contains("\"dark-mode\""));
    let compressed = file("swagger-ui.css").send().unwrap().bytes().unwrap();
    let mut styles = String::new();
    let mut decoder = GzDecoder::new(compressed.as_ref());
    decoder.read_to_string(&mut styles).unwrap();
    assert!(styles.contains("html.dark-mode .swagger-ui"));
}
