//! Behind the real nginx and the real Apache, with the configurations of `examples/deploy`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client as Http, RequestBuilder};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use stats_testing::TestDatabase;
use tempfile::TempDir;

const ADMIN_TOKEN: &str = "sesame";
const ANALYSIS: &str = "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1";
const MAX_BODY_BYTES: usize = 1 << 20;
/// What a client sends that wants to be believed.
const FORGED: [(&str, &str); 3] = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "ftp"),
    ("X-Forwarded-Prefix", "/evil"),
];

/// A program that is gone with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Apache ends its children when it is asked to.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Service {
    _process: Running,
    port: u16,
}

impl Service {
    fn start(database: &TestDatabase, fix_proxy: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stats-server"));
        command
            .env_clear()
            .env("PORT", "0")
            .env("DATABASE_URL", database.url())
            .env("ADMIN_TOKEN", ADMIN_TOKEN)
            .env("FIX_PROXY", fix_proxy)
            .env("MAX_BODY_BYTES", MAX_BODY_BYTES.to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Running(command.spawn().unwrap());
        let mut log = BufReader::new(process.0.stderr.take().unwrap()).lines();
        let line = log
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains("Listening on "))
            .unwrap();
        // Whoever writes to a pipe that nobody reads ends.
        std::thread::spawn(move || log.for_each(drop));
        let port = line.rsplit(':').next().unwrap().parse().unwrap();
        Self {
            _process: process,
            port,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Nginx,
    Apache,
}

impl Kind {
    /// The program; `None` where the test is left out on purpose.
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
                "there is no {name}: install it (Debian: apt-get install {name}), or set STATS_TEST_PROXIES=none to \
                 leave this test out"
            );
        }
        found
    }

    /// The configuration of `examples/deploy` with other ports, and what it takes to run it alone in `folder`.
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
        // The port is free until somebody else takes it, hence a few tries.
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
            let started = Instant::now();
            while started.elapsed() < Duration::from_secs(10)
                && matches!(process.0.try_wait(), Ok(None))
            {
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
        self.http
            .get(format!("{}{path}", self.base))
            .header("X-API-KEY", ADMIN_TOKEN)
    }

    fn post(&self, stats: &Value) -> RequestBuilder {
        self.http
            .post(format!("{}/dashboardBO/api/v1/stats/", self.base))
            .header("X-API-KEY", ADMIN_TOKEN)
            .json(stats)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn body(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().unwrap();
    let json =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {status} {text}"));
    (status, json)
}

/// The values of `href`, `src` and `action` in a page.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    for name in [" href=\"", " src=\"", " action=\""] {
        for rest in page.split(name).skip(1) {
            links.push(
                rest.split('"')
                    .next()
                    .unwrap_or_default()
                    .replace("&amp;", "&"),
            );
        }
    }
    links
}

fn the_service_works_under_a_prefix(kind: Kind) {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database, "1");
    let Some(proxy) = Proxy::start(kind, service.port) else {
        return;
    };
    api_works(&proxy);
    everything_that_is_linked_is_there(&proxy);
    let forged = FORGED.iter().fold(
        proxy.get("/dashboardBO/about.json"),
        |request, (name, value)| request.header(*name, *value),
    );
    assert_eq!(body(forged).1["api_v1_root"], "/dashboardBO/api/v1/");
    let metrics = proxy.get("/dashboardBO/metrics").send().unwrap();
    assert!(metrics.status().is_client_error(), "{}", metrics.status());

    let bare = proxy.get("/dashboardBO").send().unwrap();
    assert_eq!(bare.status(), 308);
    let target = bare.headers()["location"].to_str().unwrap().to_owned();
    assert!(target.ends_with("/dashboardBO/"), "{target}");
}

fn api_works(proxy: &Proxy) {
    let stat = |kind| json!({"anr": ANALYSIS, "type": kind, "date": "2026-01-01", "data": []});
    let (status, stored) = body(proxy.post(&json!([stat("risk"), stat("threat"), stat("threat")])));
    assert_eq!((status, &stored["metadata"]["count"]), (201, &json!("3")));
    // The filter travels in the body of GET.
    for (filter, count) in [
        (
            json!({"type": "threat", "date_from": "2026-01-01", "date_to": "2026-01-01"}),
            2,
        ),
        (json!({"get_last": true}), 2),
        (json!({"date_from": "2026-01-02"}), 0),
    ] {
        let (status, list) = body(proxy.get("/dashboardBO/api/v1/stats/").json(&filter));
        assert_eq!(status, 200);
        assert_eq!(list["data"].as_array().unwrap().len(), count, "{filter}");
    }
    // What the service refuses it refuses in its own words, whether the length is known before or not.
    let large = format!("[\"{}\"]", "x".repeat(8 * MAX_BODY_BYTES));
    let (status, refusal) = body(proxy.post(&json!([large])));
    let message = format!("The body is larger than {MAX_BODY_BYTES} bytes.");
    assert_eq!(
        (status, refusal),
        (413, json!({"message": message})),
        "{}",
        proxy.log()
    );
    assert_eq!(body(proxy.get("/dashboardBO/nothing")).0, 404);

    // A list of some megabytes, whole.
    let text = "x".repeat(900_000);
    for _ in 0..10 {
        let large =
            json!([{"anr": ANALYSIS, "type": "compliance", "date": "2026-01-01", "data": [text]}]);
        assert_eq!(body(proxy.post(&large)).0, 201);
    }
    let (_, list) = body(proxy.get(&format!("/dashboardBO/api/v1/stats/{ANALYSIS}")));
    assert_eq!(list.as_array().unwrap().len(), 13);
}

/// Follows all links from the root on; each leads to something under the prefix.
fn everything_that_is_linked_is_there(proxy: &Proxy) {
    let about = body(proxy.get("/dashboardBO/about.json")).1;
    let root = about["api_v1_root"].as_str().unwrap().to_owned();
    assert_eq!(root, "/dashboardBO/api/v1/");
    let mut known = BTreeSet::from(["/dashboardBO/".to_owned(), root]);
    let mut open: Vec<_> = known.iter().cloned().collect();
    while let Some(path) = open.pop() {
        let answer = proxy.get(&path).send().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let is_page = answer
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
        if !is_page {
            continue;
        }
        let here = reqwest::Url::parse(&format!("{}{path}", proxy.base)).unwrap();
        for link in links(&answer.text().unwrap()) {
            let mut target = here.join(&link).unwrap();
            target.set_fragment(None);
            if target.origin() != here.origin() {
                assert_ne!(
                    target.host_str(),
                    Some("127.0.0.1"),
                    "{link} on {path} is somewhere else"
                );
                continue;
            }
            let target = target
                .as_str()
                .strip_prefix(&proxy.base)
                .unwrap()
                .to_owned();
            assert!(
                target.starts_with("/dashboardBO/"),
                "{link} on {path} leaves the prefix"
            );
            if known.insert(target.clone()) {
                open.push(target);
            }
        }
    }
}

/// What arrives behind the proxy of a request with forged headers: the head of the request.
fn a_client_forges_nothing(kind: Kind) {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let Some(proxy) = Proxy::start(kind, upstream.local_addr().unwrap().port()) else {
        return;
    };
    let arrived = std::thread::spawn(move || {
        // Whoever looked whether the proxy listens has sent nothing through it.
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
    let request = FORGED.iter().fold(
        proxy.get("/dashboardBO/about.json"),
        |request, (name, value)| {
            // Twice, and once in another spelling.
            request
                .header(*name, *value)
                .header(name.to_uppercase(), *value)
        },
    );
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
fn nginx_replaces_what_a_client_forges() {
    a_client_forges_nothing(Kind::Nginx);
}

#[test]
fn apache_replaces_what_a_client_forges() {
    a_client_forges_nothing(Kind::Apache);
}

#[test]
fn without_a_proxy_nobody_is_believed() {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database, "0");
    let about = Http::new().get(format!("http://127.0.0.1:{}/about.json", service.port));
    let forged = FORGED.iter().fold(about, |request, (name, value)| {
        request.header(*name, *value)
    });
    assert_eq!(body(forged).1["api_v1_root"], "/api/v1/");
}
