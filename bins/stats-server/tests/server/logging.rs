//! The lines of the log, and the log file.

use std::io::BufReader;
use std::path::PathBuf;

use reqwest::blocking::Client as Http;
use serde_json::json;
use stats_testing::{Proxy, TestDatabase, on_each_database};
use stats_testing_http::{ADMIN_TOKEN, Log, Server, base, wait_for};

use crate::outages::command_in_shell;
use crate::support::{command, start_on, start_with, stats, wait_for_file};

#[test]
fn sighup_reopens_the_log_file() {
    let database = TestDatabase::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log/stats.log");
    let old = path.with_extension("log.1");
    let environment = [
        ("DATABASE_URL", database.url()),
        ("LOG_PATH", path.to_str().unwrap()),
    ];
    let mut process = command(&[], &environment).spawn().unwrap();
    let log = BufReader::new(Log::of(process.stderr.take().unwrap()));
    let start_log = wait_for_file(&path, "Listening on ");
    assert!(start_log.contains(" INFO stats_server::server - "));
    let mut server = Server {
        process,
        log,
        base: base(&start_log),
        start_log,
    };

    std::fs::rename(&path, &old).unwrap();
    std::fs::create_dir(&path).unwrap();
    server.signal("HUP");
    wait_for_file(&old, "The log stays in the old file: cannot open the log");
    std::fs::remove_dir(&path).unwrap();
    server.signal("HUP");
    wait_for_file(&path, "Reopened the log file");
    assert_eq!(server.get("/health"), json!({"status": "ok"}));
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(wait_for_file(&path, "Stopped").lines().count() > 1);
    assert!(!wait_for_file(&old, "Listening").contains("Stopped"));
}

#[test]
fn sighup_is_ignored_without_a_log_file() {
    let database = TestDatabase::sqlite();
    let mut server = start_on(&database);
    server.signal("HUP");
    wait_for(&mut server.log, "Ignored SIGHUP");
    assert_eq!(server.get("/health"), json!({"status": "ok"}));
}

#[cfg(target_os = "linux")]
#[test]
fn the_service_goes_on_while_the_disk_of_the_log_is_full() {
    let database = TestDatabase::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let log_path = format!("{path}/disk/stats.log");
    // The file system is unmounted when the server ends.
    let mut process = command_in_shell(
        &["unshare", "--user", "--map-root-user", "--mount"],
        &format!(
            "set -e; mkdir {path}/disk; mount -t tmpfs -o size=64k tmpfs {path}/disk; \
             head -c 49152 /dev/zero >{path}/disk/ballast"
        ),
        &[
            ("DATABASE_URL", database.url()),
            ("LOG_PATH", &log_path),
            ("LOG_REQUESTS", "1"),
        ],
    )
    .spawn()
    .unwrap();
    let inside = |name: &str| {
        let path = format!("/proc/{}/root{path}/disk/{name}", process.id());
        PathBuf::from(path)
    };
    let (ballast, log_file) = (inside("ballast"), inside("stats.log"));
    let start_log = wait_for_file(&log_file, "Listening on ");
    let server = Server {
        log: BufReader::new(Log::of(process.stderr.take().unwrap())),
        base: base(&start_log),
        start_log,
        process,
    };
    let request = || assert_eq!(server.request("/about.json").status(), 200);
    // 16 KiB are free, and each line has about 100 bytes.
    for _ in 0..300 {
        request();
    }
    std::fs::remove_file(ballast).unwrap();
    request();
    let file = wait_for_file(
        &log_file,
        "stats.log can be written again; the lines before",
    );
    let lost = server.stop();
    assert!(
        lost[0].contains("stats.log cannot be written: No space left"),
        "{lost:?}"
    );
    let requests = |log: &[String]| about_requests(log).len();
    let lines: Vec<_> = file.lines().map(str::to_owned).collect();
    // The line that did not fit is in both.
    assert!(
        (301..=302).contains(&(requests(&lines) + requests(&lost))),
        "{lines:?} {lost:?}"
    );
}

/// The lines about requests in a log.
fn about_requests(log: &[String]) -> Vec<&String> {
    let is_about_request =
        |line: &&String| line.contains(" at 127.0.0.1 ") || line.contains(" at 203.0.113.");
    log.iter().filter(is_about_request).collect()
}

#[test]
fn refused_requests_are_logged_with_client_route_reason_and_address() {
    let database = TestDatabase::sqlite();
    for (fix_proxy, address) in [("0", "127.0.0.1"), ("1", "203.0.113.9")] {
        let server = start_with(&database, &[("FIX_PROXY", fix_proxy)]);
        let get = |path: &str, token: &str| {
            let request = Http::new()
                .get(format!("{}{path}", server.base))
                .header("X-API-KEY", token)
                .header("X-Forwarded-For", "198.51.100.1, 203.0.113.9");
            request.send().unwrap().status().as_u16()
        };
        assert_eq!(get("/api/v1/client/me", "no such token"), 403);
        assert_eq!(get("/api/v1/stats/?limit=x%0Ay", ADMIN_TOKEN), 400);
        assert_eq!(get("/api/v1/stats/?limit=1", ADMIN_TOKEN), 200);
        assert_eq!(get("/api/v1/none", ADMIN_TOKEN), 404);
        // Outside the API, where refusals are not logged.
        assert_eq!(get("/none", ADMIN_TOKEN), 404);
        let log = server.stop();
        let lines = about_requests(&log);
        assert_eq!(lines.len(), 3, "{log:?}");
        for (line, (request, reason)) in lines.into_iter().zip([
            ("GET /api/v1/client/me 403 to -", "Authentication failed"),
            (
                "GET /api/v1/stats 400 to ADMIN",
                r"limit: 'x\ny' is not a whole number",
            ),
            ("GET unknown path 404 to -", "There is nothing here"),
        ]) {
            for text in [" WARN ", &format!("{request} at {address} in "), reason] {
                assert!(line.contains(text), "{line}");
            }
            assert!(!line.contains("no such token"), "{line}");
        }
    }
}

#[test]
fn log_requests_logs_all_requests() {
    let database = TestDatabase::sqlite();
    let server = start_with(&database, &[("LOG_REQUESTS", "1")]);
    for path in ["/about", "/api/v1/client/me", "/none"] {
        server.request(path);
    }
    let log = server.stop();
    let lines = about_requests(&log);
    assert_eq!(lines.len(), 3, "{log:?}");
    for (line, text) in lines.iter().zip([
        " INFO ",
        "GET /api/v1/client/me 200 to ADMIN at",
        "GET unknown path 404 to - at",
    ]) {
        assert!(line.contains(text), "{line}");
    }
}

#[test]
fn the_rate_of_lines_about_refused_requests_is_limited() {
    let database = TestDatabase::sqlite();
    let server = start_on(&database);
    for _ in 0..150 {
        assert_eq!(server.request("/api/v1/none").status(), 404);
    }
    let log = server.stop();
    assert_eq!(about_requests(&log).len(), 100);
}

on_each_database!(an_internal_error_is_logged_with_its_route_and_causes);
fn an_internal_error_is_logged_with_its_route_and_causes(database: &TestDatabase) {
    drop(database.migrated());
    let server = start_on(database);
    database.execute("ALTER TABLE stats RENAME COLUMN uuid TO other");
    let response = server.request("/api/v1/stats/");
    assert_eq!(response.status(), 500);
    assert!(!response.text().unwrap().contains("stats"));
    let log = server.stop();
    let [line] = about_requests(&log)[..] else {
        panic!("{log:?}");
    };
    let cause = match database.is_postgres() {
        true => "column stats.uuid does not exist",
        false => "no such column: stats.uuid",
    };
    for text in [" ERROR ", "GET /api/v1/stats 500 to ADMIN at", cause] {
        assert!(line.contains(text), "{line}");
    }
}

#[test]
fn an_outage_is_logged_when_it_begins_and_when_it_ends() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    drop(database.migrated());
    let (mut proxy, url) = Proxy::before(&database);
    let server = start_with(&database, &[("DATABASE_URL", &url)]);
    assert_eq!(server.get("/health"), json!({"status": "ok"}));
    proxy.cut();
    for _ in 0..20 {
        for path in ["/health", "/api/v1/client/me", "/stats/risks.json"] {
            assert_eq!(server.request(path).status(), 503);
        }
        assert_eq!(server.post(&stats(1)).status(), 503);
    }
    proxy.resume();
    while server.request("/health").status() != 200 {}
    let log = server.stop();
    for text in [" is away: ", " is back after "] {
        let lines = log.iter().filter(|line| line.contains(text));
        assert_eq!(lines.count(), 1, "{log:?}");
    }
    assert_eq!(about_requests(&log).len(), 0, "{log:?}");
}

#[test]
fn each_act_of_an_admin_leaves_a_line_in_the_log() {
    let database = TestDatabase::sqlite();
    let mut server = start_on(&database);
    let request = |path: &str| {
        let url = format!("{}{path}", server.base);
        Http::new().post(url).header("X-API-KEY", ADMIN_TOKEN)
    };
    let new = json!({"name": "CASES\u{200B}", "is_sharing_enabled": true, "token": "t".repeat(40)});
    let created = request("/api/v1/client/").json(&new).send().unwrap();
    assert_eq!(created.status(), 201);
    let db = database.migrated();
    let client = db.clients().unwrap().pop().unwrap();
    let path = format!("/admin/client_sharing_deactivate.json/{}", client.uuid);
    assert_eq!(request(&path).send().unwrap().status(), 200);
    let named = format!("CASES ({})", client.uuid);
    for action in [
        format!("created {named}"),
        format!("sharing of {named} disabled"),
    ] {
        let line = wait_for(&mut server.log, &action);
        assert!(
            line.contains(" INFO stats_http::audit ") && line.contains(" ADMIN ("),
            "{line}"
        );
        assert!(
            !line.contains(ADMIN_TOKEN) && !line.contains("tttt"),
            "{line}"
        );
    }
}
