use std::thread;

use reqwest::blocking::Client as Http;
use serde_json::json;
use stats_testing::TestDatabase;
use stats_testing_http::{ADMIN_TOKEN, ProxyKind, ReverseProxy, Server};

use super::haproxy::HaProxy;
use super::office::{Office, Traffic};
use super::pgbouncer::PgBouncers;
use super::postgres::{Cluster, NAMES};
use super::servers::Servers;
use super::{free_ports, is_enabled};
use crate::support::{SetOnDrop, command, illness, wait_until};

const PROCESSED: &str = "/api/v1/stats/processed/?type=threat&processor=threat_average_on_date\
    &date_from=2026-01-01&date_to=2026-01-10";
const LIST: &str = "/api/v1/stats/?type=threat&date_from=2026-01-01&date_to=2026-01-10&limit=200";
const PUBLIC: [&str; 4] = ["/", "/stats/threats.json", "/map/clients.json", "/health"];

#[test]
fn all_goes_on_with_connections_to_postgresql() {
    all_goes_on(None);
}

#[test]
fn all_goes_on_with_pgbouncer_in_session_mode() {
    all_goes_on(Some("session"));
}

#[test]
fn all_goes_on_with_pgbouncer_in_transaction_mode() {
    all_goes_on(Some("transaction"));
}

/// Servers are restarted and killed, a standby and the primary are killed, while front offices report and visitors read.
fn all_goes_on(mode: Option<&str>) {
    if !is_enabled() {
        return;
    }
    let mut cluster = Cluster::start();
    let mut poolers = mode.map(|mode| PgBouncers::start(&cluster, mode));
    let ports = poolers
        .as_ref()
        .map_or(cluster.ports, |poolers| poolers.ports);
    let mut servers = Servers::new(ports, mode.unwrap_or("session"));
    let haproxy = HaProxy::start(servers.ports, false);
    // Earlier versions do not work with a pooler in transaction mode.
    let old = std::env::var("STATS_TEST_SCALE_OLD").ok();
    let old = old.filter(|_| mode != Some("transaction"));
    for server in [0, 1] {
        match &old {
            Some(program) => servers.start_old(server, program),
            None => servers.start(server),
        }
    }
    haproxy.wait_for(["UP", "UP"]);
    // As many as a public figure needs.
    let offices = [1, 2, 3].map(|number| Office::create(servers.get(0), number));
    let traffic = Traffic::to(haproxy.base());
    thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.is_over);
        for office in &offices {
            scope.spawn(|| office.report(&traffic));
        }
        scope.spawn(|| traffic.read(Some(&offices[0].token), &[LIST, PROCESSED]));
        scope.spawn(|| traffic.read(None, &PUBLIC));
        wait_until("all have begun", || traffic.acknowledged() > 20);
        traffic.wait_for_rounds(2);

        if old.is_some() {
            step("a rolling upgrade");
            for server in [0, 1] {
                // Old servers do not drain.
                haproxy.set_state(server, "drain");
                traffic.wait_for_rounds(1);
                servers.stop(server);
                servers.start(server);
                haproxy.set_state(server, "ready");
                haproxy.wait_for(["UP", "UP"]);
                traffic.wait_for_rounds(2);
            }
            assert_unharmed(&traffic);
        }

        for server in [0, 1] {
            assert_reads_standby(servers.get(server));
        }

        step("a rolling restart");
        for server in [0, 1] {
            servers.stop(server);
            servers.start(server);
            haproxy.wait_for(["UP", "UP"]);
            traffic.wait_for_rounds(2);
        }
        assert_unharmed(&traffic);

        step("a killed server");
        servers.kill(0);
        traffic.wait_for_rounds(3);
        haproxy.wait_for(["DOWN", "UP"]);
        assert_known(&traffic);
        traffic.wait_for_rounds(3);
        assert_unharmed(&traffic);
        servers.start(0);
        haproxy.wait_for(["UP", "UP"]);
        traffic.wait_for_rounds(2);
        assert_unharmed(&traffic);

        step("a killed standby");
        cluster.stop(2, "KILL");
        traffic.wait_for_rounds(3);
        cluster.resume(2);
        wait_until("it follows again", || cluster.followers(0) == 2);
        traffic.wait_for_rounds(3);
        assert_unharmed(&traffic);

        step("a killed primary");
        cluster.stop(0, "KILL");
        if let Some(poolers) = &mut poolers {
            poolers.stop(0);
        }
        haproxy.wait_for(["DOWN", "DOWN"]);
        let primary = promote(&cluster, poolers.as_mut());
        assert_recovers(&traffic, &haproxy);

        step("the old primary is a standby");
        cluster.rejoin(0, primary);
        if let Some(poolers) = &mut poolers {
            poolers.resume(0);
        }
        wait_until("both follow", || cluster.followers(primary) == 2);
        traffic.wait_for_rounds(3);
        assert_unharmed(&traffic);

        step("another failover, in order");
        cluster.stop(primary, "INT");
        if let Some(poolers) = &mut poolers {
            poolers.stop(primary);
        }
        promote(&cluster, poolers.as_mut());
        assert_recovers(&traffic, &haproxy);
    });
    let primary = (0..3).find(|server| {
        cluster
            .query_in("postgres", *server, "SELECT pg_is_in_recovery()")
            .as_deref()
            == Some("f")
    });
    let primary = primary.unwrap();
    step(&format!(
        "{} is the primary; all is compared",
        NAMES[primary]
    ));
    let acknowledged: usize = offices.iter().map(Office::acknowledged).sum();
    eprintln!(
        "{} batches, {acknowledged} stats are acknowledged",
        traffic.acknowledged()
    );
    for server in [0, 1] {
        assert_eq!(illness(servers.get(server)), None);
        for office in &offices {
            office.verify(&servers.get(server).base);
        }
    }
    // The one of the start has no stats.
    cluster
        .query_in("stats", primary, "DELETE FROM public_release")
        .unwrap();
    wait_until("there is a release", || {
        servers.get(0).request("/stats/threats.json").status() == 200
    });
    let answers = [0, 1].map(|server| {
        let server = servers.get(server);
        let paths = [
            PROCESSED,
            "/stats/threats.json",
            "/map/clients.json",
            "/api/v1/stats/digests",
        ];
        paths.map(|path| {
            let response = server.request(path);
            assert_eq!(response.status(), 200, "{path}");
            response.text().unwrap()
        })
    });
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0][1].contains("b402d4e0"), "{answers:?}");
    let logs = [0, 1].map(|server| servers.stop(server));
    let published = logs
        .iter()
        .flatten()
        .filter(|line| line.contains("Published release"));
    assert!(published.count() >= 1, "{logs:?}");
    for line in logs.iter().flatten() {
        assert!(
            !line.contains("panicked") && !line.contains(" 500 "),
            "{line}"
        );
    }
}

/// Makes the standby that has received most the primary.
fn promote(cluster: &Cluster, poolers: Option<&mut PgBouncers>) -> usize {
    let primary = cluster.furthest();
    cluster.promote(primary);
    if let Some(poolers) = poolers {
        poolers.restart(primary);
    }
    primary
}

/// Asserts that stats are stored again after a failover, and that from then on nothing fails.
#[track_caller]
fn assert_recovers(traffic: &Traffic, haproxy: &HaProxy) {
    let before = traffic.acknowledged();
    wait_until("stats are stored again", || {
        traffic.acknowledged() > before + 20
    });
    haproxy.wait_for(["UP", "UP"]);
    traffic.wait_for_rounds(2);
    assert_known(traffic);
    traffic.wait_for_rounds(3);
    assert_unharmed(traffic);
}

/// Asserts that reads of a server were answered by a standby.
#[track_caller]
fn assert_reads_standby(server: &Server) {
    let metrics = server.request("/metrics").text().unwrap();
    let reads = metrics
        .lines()
        .find_map(|line| line.strip_prefix("stats_replica_reads_total{server=\"replica\"} "));
    let reads: u64 = reads.unwrap().parse().unwrap();
    assert!(reads > 0, "{metrics}");
}

fn step(what: &str) {
    eprintln!("== {what}");
}

/// Asserts that each request since the last time succeeded.
#[track_caller]
fn assert_unharmed(traffic: &Traffic) {
    let failures = traffic.take_failures();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Asserts that requests since the last time failed only in a way after which clients try again.
#[track_caller]
fn assert_known(traffic: &Traffic) {
    for failure in traffic.take_failures() {
        let is_known = ["502 ", "503 ", "504 ", "reqwest::Error"]
            .iter()
            .any(|known| failure.contains(known));
        assert!(is_known, "{failure}");
    }
}

#[test]
fn nothing_is_acknowledged_while_all_standbys_are_away() {
    if !is_enabled() {
        return;
    }
    let mut cluster = Cluster::start();
    let mut servers = Servers::new(cluster.ports, "session");
    servers.start(0);
    let stat = |number: u32| {
        json!([{
            "uuid": format!("11111111-0000-4000-8000-{number:012}"),
            "anr": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1", "type": "threat", "date": "2026-01-01", "data": [],
        }])
    };
    assert_eq!(servers.get(0).post(&stat(0)).status(), 201);
    for standby in [1, 2] {
        cluster.stop(standby, "KILL");
    }
    let http = Http::builder().timeout(None).build().unwrap();
    let post = |number: u32| {
        let request = http.post(format!("{}/api/v1/stats/", servers.get(0).base));
        let request = request.header("X-API-KEY", ADMIN_TOKEN).json(&stat(number));
        request.send().unwrap().status()
    };
    thread::scope(|scope| {
        let posts: Vec<_> = (1..=3)
            .map(|number| scope.spawn(move || post(number)))
            .collect();
        for post in posts {
            assert_eq!(post.join().unwrap(), 503);
        }
    });
    assert_eq!(
        servers.get(0).request(LIST).status(),
        200,
        "reading goes on"
    );
    cluster.resume(1);
    for number in 4..10 {
        wait_until("writing goes on", || post(number).is_success());
    }
}

/// A server that logs all requests, and HAProxy in front of it.
fn logged(behind_proxy: bool) -> (TestDatabase, Server, HaProxy) {
    let database = TestDatabase::sqlite();
    let [port, other] = free_ports();
    let mut command = command(database.url());
    command
        .env("PORT", port.to_string())
        .env("FIX_PROXY", "1")
        .env("LOG_REQUESTS", "1");
    stats_db::Db::create(&database.url().parse().unwrap()).unwrap();
    let server = Server::spawn(command);
    let haproxy = HaProxy::start([port, other], behind_proxy);
    haproxy.wait_for(["UP", "DOWN"]);
    (database, server, haproxy)
}

/// Sends a request with forged headers from another address of this machine.
fn forged(url: &str) -> reqwest::blocking::Response {
    let http = Http::builder().local_address(Some("127.0.0.2".parse().unwrap()));
    let request = http.build().unwrap().get(url);
    let request = request
        .header("X-Forwarded-For", "203.0.113.1")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Prefix", "/evil");
    request.send().unwrap()
}

#[test]
fn the_server_knows_the_addresses_of_clients() {
    if !is_enabled() {
        return;
    }
    let (_database, server, haproxy) = logged(false);
    let about = forged(&format!("{}/about.json", haproxy.base()));
    assert!(about.text().unwrap().contains("\"/api/v1/\""));
    let map = forged(&format!("{}/docs/openapi.json", haproxy.base()));
    assert!(!map.text().unwrap().contains("evil"));
    for metrics in ["/metrics", "//metrics/", "/%6detrics"] {
        let response = forged(&format!("{}{metrics}", haproxy.base()));
        assert_eq!(response.status(), 404, "{metrics}");
    }
    assert_address(server, "GET /about.json 200 to - at 127.0.0.2 ", &haproxy);

    // nginx before HAProxy.
    let (_database, server, haproxy) = logged(true);
    let nginx = ReverseProxy::start(ProxyKind::Nginx, haproxy.port).unwrap();
    let about = forged(&format!("{}/dashboardBO/about.json", nginx.base));
    assert!(about.text().unwrap().contains("\"/dashboardBO/api/v1/\""));
    assert_address(server, "GET /about.json 200 to - at 127.0.0.2 ", &haproxy);
}

#[track_caller]
fn assert_address(server: Server, line: &str, haproxy: &HaProxy) {
    let log = server.stop();
    assert!(
        log.iter().any(|logged| logged.contains(line)),
        "{log:#?}\n{}",
        haproxy.log()
    );
    assert!(
        !log.iter().any(|line| line.contains("203.0.113.1")),
        "{log:#?}"
    );
}
