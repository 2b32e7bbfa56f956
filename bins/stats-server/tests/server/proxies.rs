//! The server behind nginx and Apache, with the configurations of `examples/deploy`.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;

use reqwest::blocking::{Client as Http, RequestBuilder};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use stats_testing::TestDatabase;
use stats_testing_http::{ADMIN_TOKEN, ProxyKind, ReverseProxy, Server};

use crate::support::{ANALYSIS, start_with};

const MAX_BODY_BYTES: usize = 1 << 20;
/// Headers of a proxy, forged by a client.
const FORGED: [(&str, &str); 3] = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "ftp"),
    ("X-Forwarded-Prefix", "/evil"),
];

fn start_service(database: &TestDatabase, fix_proxy: &str) -> Server {
    let max_body_bytes = MAX_BODY_BYTES.to_string();
    let settings = [
        ("FIX_PROXY", fix_proxy),
        ("MAX_BODY_BYTES", &max_body_bytes),
    ];
    start_with(database, &settings)
}

/// A proxy, and a client without redirects.
struct Proxy {
    server: ReverseProxy,
    http: Http,
}

impl Proxy {
    fn start(kind: ProxyKind, upstream: u16) -> Option<Self> {
        let http = Http::builder().redirect(Policy::none()).build().unwrap();
        let server = ReverseProxy::start(kind, upstream)?;
        Some(Self { server, http })
    }

    fn get(&self, path: &str) -> RequestBuilder {
        let request = self.http.get(format!("{}{path}", self.server.base));
        request.header("X-API-KEY", ADMIN_TOKEN)
    }

    fn post(&self, stats: &Value) -> RequestBuilder {
        let url = format!("{}/dashboardBO/api/v1/stats/", self.server.base);
        let request = self.http.post(url).header("X-API-KEY", ADMIN_TOKEN);
        request.json(stats)
    }
}

/// Sends a request; returns the status and the JSON body.
fn send(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().unwrap();
    let status = response.status().as_u16();
    let text = response.text().unwrap();
    let body = serde_json::from_str(&text);
    (
        status,
        body.unwrap_or_else(|error| panic!("{error}: {status} {text}")),
    )
}

/// Adds the [`FORGED`] headers to a request.
fn forge(request: RequestBuilder) -> RequestBuilder {
    let forged = FORGED.into_iter();
    forged.fold(request, |request, (name, value)| {
        request.header(name, value)
    })
}

/// The values of `href`, `src` and `action` in a page.
fn links(page: &str) -> Vec<String> {
    let starts = [" href=\"", " src=\"", " action=\""];
    let links = starts.iter().flat_map(|start| page.split(start).skip(1));
    links
        .map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"))
        .collect()
}

fn the_service_works_under_a_prefix(kind: ProxyKind) {
    let database = TestDatabase::sqlite();
    let service = start_service(&database, "1");
    let Some(proxy) = Proxy::start(kind, service.port()) else {
        return;
    };
    api_works(&proxy);
    // MONARC ignores the path of the address of the service.
    assert_eq!(send(proxy.get("/api/v1/client/me")).0, 200);
    links_stay_under_the_prefix(&proxy);
    let about = send(forge(proxy.get("/dashboardBO/about.json"))).1;
    assert_eq!(about["api_v1_root"], "/dashboardBO/api/v1/");
    let metrics = proxy.get("/dashboardBO/metrics").send().unwrap();
    assert!(metrics.status().is_client_error(), "{}", metrics.status());

    let bare = proxy.get("/dashboardBO").send().unwrap();
    assert_eq!(bare.status(), 308);
    let location = bare.headers()["location"].to_str().unwrap();
    assert!(location.ends_with("/dashboardBO/"), "{location}");
}

fn api_works(proxy: &Proxy) {
    let stat = |kind| json!({"anr": ANALYSIS, "type": kind, "date": "2026-01-01", "data": []});
    let (status, stored) = send(proxy.post(&json!([stat("risk"), stat("threat"), stat("threat")])));
    assert_eq!((status, &stored["metadata"]["count"]), (201, &json!("3")));
    // Filters are the body of a GET.
    let date = "2026-01-01";
    for (filter, count) in [
        (
            json!({"type": "threat", "date_from": date, "date_to": date}),
            2,
        ),
        (json!({"get_last": true}), 2),
        (json!({"date_from": "2026-01-02"}), 0),
    ] {
        let (status, list) = send(proxy.get("/dashboardBO/api/v1/stats/").json(&filter));
        assert_eq!(status, 200);
        assert_eq!(list["data"].as_array().unwrap().len(), count, "{filter}");
    }
    // The error is that of the service, not of the proxy.
    let large = format!("[\"{}\"]", "x".repeat(8 * MAX_BODY_BYTES));
    let refusal = send(proxy.post(&json!([large])));
    let message = format!("The body is larger than {MAX_BODY_BYTES} bytes.");
    let expected = (413, json!({"message": message}));
    assert_eq!(refusal, expected, "{}", proxy.server.error_log());
    assert_eq!(send(proxy.get("/dashboardBO/nothing")).0, 404);

    // A list of several megabytes.
    let text = "x".repeat(900_000);
    for _ in 0..10 {
        let large =
            json!([{"anr": ANALYSIS, "type": "compliance", "date": "2026-01-01", "data": [text]}]);
        assert_eq!(send(proxy.post(&large)).0, 201);
    }
    let (_, list) = send(proxy.get(&format!("/dashboardBO/api/v1/stats/{ANALYSIS}")));
    assert_eq!(list.as_array().unwrap().len(), 13);
}

/// Follows all links from the root. Each internal one works and is under the prefix.
fn links_stay_under_the_prefix(proxy: &Proxy) {
    let about = send(proxy.get("/dashboardBO/about.json")).1;
    let root = about["api_v1_root"].as_str().unwrap().to_owned();
    assert_eq!(root, "/dashboardBO/api/v1/");
    let mut known = BTreeSet::from(["/dashboardBO/".to_owned(), root]);
    let mut open: Vec<_> = known.iter().cloned().collect();
    while let Some(path) = open.pop() {
        let response = proxy.get(&path).send().unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let content_type = response.headers().get("content-type");
        if !content_type.is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html")) {
            continue;
        }
        let here = reqwest::Url::parse(&format!("{}{path}", proxy.server.base)).unwrap();
        for link in links(&response.text().unwrap()) {
            let mut target = here.join(&link).unwrap();
            target.set_fragment(None);
            if target.origin() != here.origin() {
                // Not the address of the service behind the proxy.
                assert_ne!(target.host_str(), Some("127.0.0.1"), "{link} on {path}");
                continue;
            }
            let target = target.as_str().strip_prefix(&proxy.server.base).unwrap();
            assert!(target.starts_with("/dashboardBO/"), "{link} on {path}");
            if known.insert(target.to_owned()) {
                open.push(target.to_owned());
            }
        }
    }
}

fn forged_headers_are_replaced(kind: ProxyKind) {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let Some(proxy) = Proxy::start(kind, upstream.local_addr().unwrap().port()) else {
        return;
    };
    let arrived = std::thread::spawn(move || {
        // The first connection: `Proxy::start` connects to the proxy, but sends nothing.
        let (mut socket, _) = upstream.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            assert_eq!(socket.read(&mut byte).unwrap(), 1);
            head.push(byte[0]);
        }
        socket
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8(head).unwrap()
    });
    // Each header twice.
    let request = forge(forge(proxy.get("/dashboardBO/about.json")));
    assert_eq!(request.send().unwrap().status(), 200);
    let head = arrived.join().unwrap();
    let values = |name: &str| -> Vec<String> {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .collect()
    };
    let host = proxy.server.base.strip_prefix("http://").unwrap();
    assert!(head.starts_with("GET /about.json HTTP/1.1\r\n"), "{head}");
    assert_eq!(values("X-Forwarded-Host"), [host], "{head}");
    assert_eq!(values("X-Forwarded-Proto"), ["http"], "{head}");
    assert_eq!(values("X-Forwarded-Prefix"), ["/dashboardBO"], "{head}");
    assert!(!head.contains("evil"), "{head}");
}

#[test]
fn the_service_works_behind_nginx() {
    the_service_works_under_a_prefix(ProxyKind::Nginx);
}

#[test]
fn the_service_works_behind_apache() {
    the_service_works_under_a_prefix(ProxyKind::Apache);
}

#[test]
fn nginx_replaces_forged_headers() {
    forged_headers_are_replaced(ProxyKind::Nginx);
}

#[test]
fn apache_replaces_forged_headers() {
    forged_headers_are_replaced(ProxyKind::Apache);
}

#[test]
fn forged_headers_are_ignored_without_fix_proxy() {
    let database = TestDatabase::sqlite();
    let service = start_service(&database, "0");
    let about = Http::new().get(format!("http://127.0.0.1:{}/about.json", service.port()));
    assert_eq!(send(forge(about)).1["api_v1_root"], "/api/v1/");
}
