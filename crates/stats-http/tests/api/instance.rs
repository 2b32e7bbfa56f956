//! What an instance shows of its own: logo, icon, source code.

use reqwest::Method;
use stats_http::Logo;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Response, Service};

const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;

/// The name of a file that [`SVG`] is served as.
const SVG_NAME: &str = "logo-712e0f5749746071.svg";

on_each_database!(a_logo_is_an_immutable_asset);
fn a_logo_is_an_immutable_asset(database: &TestDatabase) {
    let with_logo =
        |logo: Option<Logo>| Service::with_config(database, |config| config.logo = logo);
    let path = format!("/assets/{SVG_NAME}");
    let service = with_logo(Some(Logo::svg(SVG.into())));
    let logo = service.get(&path);
    assert_eq!((logo.status, logo.body.as_str()), (200, SVG));
    assert_eq!(logo.header("content-type"), Some("image/svg+xml"));
    let cache_control = logo.header("cache-control");
    assert_eq!(cache_control, Some("public, max-age=31536000, immutable"));
    Response::to(service.request(Method::HEAD, &path)).assert_empty(200);

    let service = with_logo(Some(Logo::png(SVG.into())));
    assert_eq!(service.get(&path).status, 404);
    let logo = service.get(&path.replace(".svg", ".png"));
    assert_eq!(logo.header("content-type"), Some("image/png"));
    for other in [None, Some(Logo::svg(format!("{SVG} ").into()))] {
        assert_eq!(with_logo(other).get(&path).status, 404);
    }
}

on_each_database!(a_logo_that_is_opened_as_a_document_runs_no_script);
fn a_logo_that_is_opened_as_a_document_runs_no_script(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.logo = Some(Logo::svg(SVG.into()));
    });
    let logo = service.get(&format!("/assets/{SVG_NAME}"));
    let policy = logo.header("content-security-policy").unwrap();
    let directives: Vec<_> = policy.split(';').map(str::trim).collect();
    for directive in ["default-src 'none'", "sandbox", "frame-ancestors 'none'"] {
        assert!(directives.contains(&directive), "{policy}");
    }
    assert!(!policy.contains("script-src"), "{policy}");
    assert_eq!(logo.header("x-content-type-options"), Some("nosniff"));
}

on_each_database!(pages_show_the_name_logo_and_text_of_the_instance);
fn pages_show_the_name_logo_and_text_of_the_instance(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.name = "Cyber <Weather> & Co".to_owned();
        config.logo = Some(Logo::svg(SVG.into()));
        config.text = vec!["First.".to_owned(), "<b>Second</b>".to_owned()];
        config.source_url = "https://example.org/source".to_owned();
    });
    let page = |path: &str| service.get_with_header(path, "Accept", "text/html").body;
    for path in ["/", "/stats", "/about", "/nothing"] {
        let page = page(path);
        for text in [
            "Cyber &lt;Weather&gt; &amp; Co</title>",
            "<span>Cyber &lt;Weather&gt; &amp; Co</span>",
            &format!("<img src=\"/assets/{SVG_NAME}\""),
            "<a href=\"https://example.org/source\">",
        ] {
            assert!(page.contains(text), "{path}: {text}\n{page}");
        }
    }
    assert!(page("/").contains("<p>First.</p>"));
    assert!(page("/about").contains("<p>First.</p><p>&lt;b&gt;Second&lt;/b&gt;</p>"));
    let picture = service.get("/chart/risks.svg").body;
    assert!(
        picture.contains("Cyber &lt;Weather&gt; &amp; Co, "),
        "{picture}"
    );
}

on_each_database!(the_favicon_is_cached);
fn the_favicon_is_cached(database: &TestDatabase) {
    let service = Service::with_config(database, |config| config.routes.pages = false);
    let icon = service.get("/favicon.ico");
    assert_eq!(icon.status, 200);
    assert_eq!(
        icon.header("content-type"),
        Some("image/vnd.microsoft.icon")
    );
    assert_eq!(icon.header("cache-control"), Some("public, max-age=86400"));
    Response::to(service.request(Method::HEAD, "/favicon.ico")).assert_empty(200);
}

on_each_database!(human_txt_names_the_source_code);
fn human_txt_names_the_source_code(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.source_url = "https://example.org/fork".to_owned();
    });
    let text = service.get("/human.txt").body;
    assert!(
        text.contains("\nSource code: https://example.org/fork\n"),
        "{text}"
    );
    let text = Service::start(database).get("/human.txt").body;
    let default = concat!("Source code: ", env!("CARGO_PKG_REPOSITORY"), "\n");
    assert!(text.contains(default), "{text}");
}
