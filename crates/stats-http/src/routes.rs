//! All routes and their specification.

use actix_web::web::ServiceConfig;
use stats_processors::Registry;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use crate::config::Routes;
use crate::{admin, api, pages, public, service, spec, swagger_ui};

/// Registers all routes except for the groups that `routes` switches off.
pub(crate) fn configure(config: &mut ServiceConfig, routes: Routes) {
    config
        .configure(service::configure)
        .configure(spec::configure)
        .configure(swagger_ui::configure)
        .configure(api::configure)
        .configure(pages::configure_frame);
    if routes.pages {
        config.configure(pages::configure_pages);
    }
    if routes.stats {
        config
            .configure(public::configure_stats)
            .configure(pages::configure_stats);
    }
    if routes.map {
        config
            .configure(public::configure_map)
            .configure(pages::configure_map);
    }
    if routes.admin {
        config.configure(admin::configure);
    }
}

/// Returns the specification of all routes.
pub(crate) fn specification(processors: &Registry) -> Document {
    let parts = [
        api::Documented::openapi(),
        public::DocumentedStats::openapi(),
        public::DocumentedMap::openapi(),
        admin::Documented::openapi(),
        service::Documented::openapi(),
    ];
    spec::assemble(parts, processors)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::App;
    use actix_web::introspection::IntrospectionTree;
    use actix_web::test::{TestRequest, call_and_read_body_json, init_service};
    use actix_web::web::{Data, get};
    use serde_json::Value;

    use super::*;
    use crate::rate_limit;

    /// Environment variable that makes the test rewrite the file.
    const REWRITE: &str = "UPDATE_OPENAPI";

    fn document() -> Document {
        specification(&Registry::default())
    }

    #[test]
    fn docs_openapi_json_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let mut document = serde_json::to_string_pretty(&document()).unwrap();
        document.push('\n');
        if std::env::var_os(REWRITE).is_some() {
            std::fs::write(path, &document).unwrap();
        }
        let is_same = std::fs::read_to_string(path).is_ok_and(|file| file == document);
        assert!(
            is_same,
            "docs/openapi.json differs from the code: run this test with {REWRITE}=1 and review the difference"
        );
    }

    /// Pages, their files, and routes for monitoring.
    const UNDOCUMENTED: [&str; 18] = [
        "GET /metrics",
        "GET /api/v1",
        "GET /api/v1/browser/{file}",
        "GET /",
        "GET /stats",
        "GET /about",
        "GET /about/more",
        "GET /help",
        "GET /human.txt",
        "GET /robots.txt",
        "GET /.well-known/security.txt",
        "GET /assets/{name}",
        "GET /evolution",
        "GET /cartography",
        "GET /compliance",
        "GET /map",
        "GET /chart/{file}",
        "GET /favicon.ico",
    ];

    #[actix_web::test]
    async fn the_specification_describes_all_routes() {
        const TREE: &str = "/routes-of-this-test";
        let tree = async |tree: Data<IntrospectionTree>| tree.report_as_json();
        let app = App::new()
            .configure(|config| configure(config, Routes::default()))
            .route(TREE, get().to(tree));
        let request = TestRequest::with_uri(TREE).to_request();
        let report: Value = call_and_read_body_json(&init_service(app).await, request).await;
        let registered = report.as_array().unwrap().iter().flat_map(|route| {
            let path = route["full_path"].as_str().unwrap();
            let methods = route["methods"].as_array().unwrap().iter();
            methods.map(move |method| format!("{} {path}", method.as_str().unwrap()))
        });
        let registered: BTreeSet<_> = registered
            .filter(|route| !route.starts_with("HEAD ") && !route.contains(TREE))
            .filter(|route| !UNDOCUMENTED.contains(&route.as_str()))
            .collect();
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!(registered, operations(&document, ""));
        let swagger = serde_json::from_str(spec::SWAGGER).unwrap();
        let missing = &operations(&swagger, "/api/v1") - &registered;
        assert_eq!(missing, BTreeSet::new());
    }

    #[test]
    fn all_routes_that_need_no_token_except_the_health_checks_are_limited() {
        let document = serde_json::to_value(document()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let needs_token = operation["security"].is_null();
                let is_limited =
                    !needs_token && !["/health", "/health/live"].contains(&path.as_str());
                assert_eq!(
                    rate_limit::is_limited(path.trim_end_matches('/')),
                    is_limited,
                    "{path}"
                );
                // Wrong tokens are limited too.
                assert_eq!(
                    operation["responses"]["429"].is_object(),
                    is_limited || needs_token,
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn references_of_the_specification_resolve() {
        fn check(part: &Value, whole: &Value) {
            if let Some(reference) = part["$ref"].as_str() {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(whole.pointer(pointer).is_some(), "{reference}");
            }
            let parts = part
                .as_object()
                .into_iter()
                .flat_map(|object| object.values());
            parts
                .chain(part.as_array().into_iter().flatten())
                .for_each(|part| check(part, whole));
        }
        let document = serde_json::to_value(document()).unwrap();
        check(&document, &document);
    }

    /// Returns the operations of a specification as `METHOD /path`.
    fn operations(document: &Value, base: &str) -> BTreeSet<String> {
        let paths = document["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            let path = format!("{base}{}", path.trim_end_matches('/'));
            let methods = item.as_object().unwrap().keys();
            methods
                .filter(|name| *name != "parameters")
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        operations.collect()
    }
}
