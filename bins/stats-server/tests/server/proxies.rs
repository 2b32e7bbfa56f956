//! The server behind nginx and Apache, with the configurations of `examples/deploy`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client as Http, RequestBuilder};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use stats_testing::TestDatabase;
use tempfile::TempDir;

use crate::support::{ADMIN_TOKEN, ANALYSIS, Server};

const MAX_BODY_BYTES: usize = 1 << 20;
/// Headers of a proxy, forged by a client.
const FORGED: [(&str, &str); 3] = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "ftp"),
    ("X-Forwarded-Prefix", "/evil"),
];

/// A running program. Dropping this value ends it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // On SIGTERM, Apache ends its children.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_service(database: &TestDatabase, fix_proxy: &str) -> Server {
    let max_body_bytes = MAX_BODY_BYTES.to_string();
    let settings = [
        ("FIX_PROXY", fix_proxy),
        ("MAX_BODY_BYTES", &max_body_bytes),
    ];
    Server::with(database, &settings)
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Nginx,
    Apache,
}

impl Kind {
    /// The program, or `None` if `STATS_TEST_PROXIES` skips the test.
    fn program(self) -> Option<PathBuf> {
        let name = match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache2",
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let found = folders
            .map(|folder| folder.join(name))
            .find(|path| path.is_file());
        if found.is_none() {
            assert!(
                std::env::var("STATS_TEST_PROXIES").is_ok_and(|value| value == "none"),
                "{name} is not installed: install it (Debian: apt-get install {name}), or set STATS_TEST_PROXIES=none \
                 to skip this test"
            );
        }
        found
    }

    /// Writes the configuration of `examples/deploy` with other ports to `folder`, and returns a main configuration that
    /// includes it.
    fn configure(self, folder: &Path, port: u16, upstream: u16) -> String {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/deploy");
        let (file, listen, listen_here) = match self {
            Self::Nginx => (
                "nginx.conf",
                "listen 80;",
                format!("listen 127.0.0.1:{port};"),
            ),
            Self::Apache => (
                "apache.conf",
                "<VirtualHost *:80>",
                format!("<VirtualHost 127.0.0.1:{port}>"),
            ),
        };
        let site = fs::read_to_string(examples.join(file)).unwrap();
        assert_eq!(site.matches(listen).count(), 1, "{file}");
        let site = site
            .replace(listen, &listen_here)
            .replace("127.0.0.1:5000", &format!("127.0.0.1:{upstream}"));
        fs::write(folder.join("site.conf"), site).unwrap();
        let folder = folder.display();
        match self {
            Self::Nginx => {
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|name| format!("{name}_temp_path {folder}/{name};"))
                    .concat();
                format!(
                    "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n\
                     events {{}}\nhttp {{ access_log off; {temporary}\ninclude {folder}/site.conf; }}\n"
                )
            }
            Self::Apache => {
                let modules: String = [
                    "mpm_event",
                    "authz_core",
                    "alias",
                    "headers",
                    "proxy",
                    "proxy_http",
                    "reqtimeout",
                ]
                .map(|name| {
                    format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
                })
                .concat();
                format!(
                    "ServerRoot {folder}\nServerName localhost\nPidFile {folder}/pid\nDefaultRuntimeDir {folder}\n\
                     ErrorLog {folder}/error.log\nListen 127.0.0.1:{port}\n{modules}\
                     User www-data\nGroup www-data\nInclude {folder}/site.conf\n"
                )
            }
        }
    }
}

/// A proxy that publishes a service under `/dashboardBO/`.
struct Proxy {
    _process: Running,
    folder: TempDir,
    base: String,
    http: Http,
}

impl Proxy {
    fn start(kind: Kind, upstream: u16) -> Option<Self> {
        let program = kind.program()?;
        let folder = tempfile::tempdir().unwrap();
        // Another process may take the port before the proxy binds it. Retry.
        for _ in 0..5 {
            let port = free_port();
            let main = folder.path().join("main.conf");
            fs::write(&main, kind.configure(folder.path(), port, upstream)).unwrap();
            let mut command = Command::new(&program);
            match kind {
                Kind::Nginx => command.arg("-p").arg(folder.path()).arg("-c").arg(&main),
                Kind::Apache => command.arg("-f").arg(&main).args(["-D", "FOREGROUND"]),
            };
            let mut process = Running(command.stdin(Stdio::null()).spawn().unwrap());
            let start = Instant::now();
            let timeout = Duration::from_secs(10);
            while start.elapsed() < timeout && matches!(process.0.try_wait(), Ok(None)) {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    let http = Http::builder().redirect(Policy::none()).build().unwrap();
                    let base = format!("http://127.0.0.1:{port}");
                    return Some(Self {
                        _process: process,
                        folder,
                        base,
                        http,
                    });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let log = fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
        panic!("{kind:?} does not start: {log}");
    }

    fn get(&self, path: &str) -> RequestBuilder {
        let request = self.http.get(format!("{}{path}", self.base));
        request.header("X-API-KEY", ADMIN_TOKEN)
    }

    fn post(&self, stats: &Value) -> RequestBuilder {
        let url = format!("{}/dashboardBO/api/v1/stats/", self.base);
        let request = self.http.post(url).header("X-API-KEY", ADMIN_TOKEN);
        request.json(stats)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
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

fn the_service_works_under_a_prefix(kind: Kind) {
    let database = TestDatabase::sqlite();
    let service = start_service(&database, "1");
    let Some(proxy) = Proxy::start(kind, service.port()) else {
        return;
    };
    api_works(&proxy);
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
    assert_eq!(refusal, expected, "{}", proxy.log());
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
        let here = reqwest::Url::parse(&format!("{}{path}", proxy.base)).unwrap();
        for link in links(&response.text().unwrap()) {
            let mut target = here.join(&link).unwrap();
            target.set_fragment(None);
            if target.origin() != here.origin() {
                // Not the address of the service behind the proxy.
                assert_ne!(target.host_str(), Some("127.0.0.1"), "{link} on {path}");
                continue;
            }
            let target = target.as_str().strip_prefix(&proxy.base).unwrap();
            assert!(target.starts_with("/dashboardBO/"), "{link} on {path}");
            if known.insert(target.to_owned()) {
                open.push(target.to_owned());
            }
        }
    }
}

fn forged_headers_are_replaced(kind: Kind) {
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
    let host = proxy.base.strip_prefix("http://").unwrap();
    assert!(head.starts_with("GET /about.json HTTP/1.1\r\n"), "{head}");
    assert_eq!(values("X-Forwarded-Host"), [host], "{head}");
    assert_eq!(values("X-Forwarded-Proto"), ["http"], "{head}");
    assert_eq!(values("X-Forwarded-Prefix"), ["/dashboardBO"], "{head}");
    assert!(!head.contains("evil"), "{head}");
}

#[test]
fn the_service_works_behind_nginx() {
    the_service_works_under_a_prefix(Kind::Nginx);
}

#[test]
fn the_service_works_behind_apache() {
    the_service_works_under_a_prefix(Kind::Apache);
}

#[test]
fn nginx_replaces_forged_headers() {
    forged_headers_are_replaced(Kind::Nginx);
}

#[test]
fn apache_replaces_forged_headers() {
    forged_headers_are_replaced(Kind::Apache);
}

#[test]
fn forged_headers_are_ignored_without_fix_proxy() {
    let database = TestDatabase::sqlite();
    let service = start_service(&database, "0");
    let about = Http::new().get(format!("http://127.0.0.1:{}/about.json", service.port()));
    assert_eq!(send(forge(about)).1["api_v1_root"], "/api/v1/");
}
