//! Held locks, an unreachable database, disconnected clients, and bodies that together exceed the memory limit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread::{scope, sleep};
use std::time::Duration;

use chrono::NaiveDate;
use serde_json::json;
use stats_core::StatsType;
use stats_db::{Db, Timeouts};
use stats_http::{App, HttpConfig, Limits, Share};
use stats_processors::{Partial, Processor, Registry, View};
use stats_testing::{Proxy, TestDatabase, on_each_database};

use crate::support::{
    FrontOffice, ME, PROCESSED, Response, STATS, Service, new_stat, uuid, wait_until,
};

fn start(db: Db) -> Service {
    Service::with_app(db.clone(), App::new(db, HttpConfig::default()))
}

fn post(office: &FrontOffice<'_>) -> Response {
    office.post(&json!([new_stat("risk", 0, json!([]))]))
}

on_each_database!(requests_proceed_while_writers_wait_for_a_lock);
fn requests_proceed_while_writers_wait_for_a_lock(database: &TestDatabase) {
    let service = start(database.migrated_with(Timeouts {
        connection: Duration::from_millis(500),
        lock: Duration::from_millis(200),
        ..Timeouts::server()
    }));
    let office = service.front_office();
    assert_eq!(post(&office).status, 201);
    let lock = database.hold_write_lock();
    scope(|scope| {
        let posts: Vec<_> = (0..24).map(|_| scope.spawn(|| post(&office))).collect();
        while !posts.iter().all(|post| post.is_finished()) {
            for path in ["/health", ME, "/", "/about", "/stats/risks.json"] {
                assert_eq!(office.get(path).status, 200, "{path}");
            }
        }
        for post in posts {
            let response = post.join().unwrap();
            assert!(response.is_unavailable(), "{response:?}");
        }
    });
    drop(lock);
    assert_eq!(post(&office).status, 201);
}

#[test]
fn requests_fail_at_once_while_the_database_is_unreachable() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    drop(database.migrated());
    let (mut proxy, url) = Proxy::before(&database);
    let name = url.rsplit('/').next().unwrap();
    let timeouts = Timeouts {
        connection: Duration::from_secs(3600),
        ..Timeouts::server()
    };
    let service = start(Db::open_with(&url.parse().unwrap(), timeouts).unwrap());
    let office = service.front_office();
    assert_eq!(service.get("/health").json(), json!({"status": "ok"}));
    proxy.cut();
    let health = service.get("/health");
    assert_eq!(health.status, 503);
    let message = health.json()["message"].to_string();
    let database_name = format!("{}/{name}", proxy.address());
    assert!(message.contains(&database_name), "{message}");
    for path in [ME, "/stats/risks.json", "/map/clients.json", "/"] {
        let response = office.get(path);
        assert!(response.is_unavailable(), "{path}: {response:?}");
        assert!(!response.body.contains(name), "{response:?}");
    }
    assert!(post(&office).is_unavailable());
    assert_eq!(service.get("/about").status, 200, "it shows no stats");
    assert_eq!(service.get("/health/live").json(), json!({"status": "ok"}));
    proxy.resume();
    wait_until(|| service.get("/health").status == 200);
    assert_eq!(post(&office).status, 201);
}

/// A processor that takes 50 ms for each stat until the service releases it.
struct Slow;

/// What [`Slow`] does for a service: its stats begin with the key.
static SLOW: Mutex<BTreeMap<String, SlowRuns>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Clone, Copy, Default)]
struct SlowRuns {
    is_released: bool,
    started: u32,
}

/// Changes and returns what [`Slow`] does for the service with this key.
fn slow_runs(key: &str, change: impl FnOnce(&mut SlowRuns)) -> SlowRuns {
    let mut services = SLOW.lock().unwrap();
    let runs = services.entry(key.to_owned()).or_default();
    change(runs);
    *runs
}

/// The number of stats.
#[derive(Default)]
struct SlowPartial(u64);

impl Partial for SlowPartial {
    fn fold<'a>(
        &mut self,
        _: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    ) {
        for (index, document) in documents.into_iter().enumerate() {
            let document: Cow<'_, str> = document.into();
            let key = document.split(['"', ' ']).nth(1).unwrap();
            let runs = slow_runs(key, |runs| runs.started += u32::from(index == 0));
            if !runs.is_released {
                sleep(Duration::from_millis(50));
            }
            self.0 += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }

    fn skipped(&self) -> u64 {
        0
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

impl Processor for Slow {
    type Partial = SlowPartial;
    type Params = serde::de::IgnoredAny;
    type Output = u64;

    const NAME: &'static str = "slow";
    const DESCRIPTION: &'static str = "Takes 50 ms for each stat.";
    const STATS_TYPE: StatsType = StatsType::Threat;

    fn finish(partial: &SlowPartial, _: &Self::Params, _: View) -> u64 {
        partial.0
    }
}

/// A service with the processor [`Slow`], whose runs take two and a half minutes.
struct SlowService {
    service: Service,
    key: String,
}

impl SlowService {
    fn start(database: &TestDatabase, limits: Limits) -> Self {
        let mut processors = Registry::default();
        processors.register::<Slow>().unwrap();
        let config = HttpConfig {
            limits,
            ..HttpConfig::default()
        };
        let db = database.migrated();
        let app = App::new(db.clone(), config).with_processors(processors);
        let service = Service::with_app(db, app);
        let key = uuid();
        // Stats of one client and day are processed as one unit.
        let text = format!("{key} {}", "x".repeat(1000));
        let stats: Vec<_> = (0..3000)
            .map(|_| new_stat("threat", 0, json!([text])))
            .collect();
        service.front_office().store(&stats);
        Self { service, key }
    }

    /// Requests the processor [`Slow`] without a token, without reading the responses.
    fn run(&self, visitors: usize) -> Vec<TcpStream> {
        let request = "GET /stats/threats.json?processor=slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let connect = |_| self.service.connect(request);
        (0..visitors).map(connect).collect()
    }

    /// The number of runs so far.
    fn started(&self) -> u32 {
        slow_runs(&self.key, |_| ()).started
    }

    /// Lets runs proceed without delay.
    fn release(&self) {
        slow_runs(&self.key, |runs| runs.is_released = true);
    }

    /// Waits until visitors use all of their turns.
    fn wait_until_visitors_have_no_turn(&self) {
        // A result that is cached needs no turn, so each request asks something new.
        let mut days = 1..;
        wait_until(|| {
            let period = days.next().unwrap();
            let response = self
                .service
                .get(&format!("/stats/risks.json?days={period}"));
            assert!(response.status == 200 || response.is_unavailable());
            response.is_unavailable()
        });
    }
}

fn short_turn_timeout() -> Limits {
    Limits {
        turn_timeout: Duration::from_millis(100),
        ..Limits::default()
    }
}

/// Asserts that a front office is served: its processor, list, POST and itself.
#[track_caller]
fn assert_served(office: &FrontOffice<'_>) {
    let processed = format!("{PROCESSED}?type=risk&processor=risk_averages");
    for path in [&processed, STATS, ME] {
        let response = office.get(path);
        assert_eq!(response.status, 200, "{path}: {response:?}");
    }
    assert_eq!(post(office).status, 201);
}

on_each_database!(visitors_that_hang_up_at_once_cost_a_front_office_nothing);
fn visitors_that_hang_up_at_once_cost_a_front_office_nothing(database: &TestDatabase) {
    let slow = SlowService::start(database, Limits::default());
    let office = slow.service.front_office();
    for _ in 0..3 {
        let visitors = slow.run(200);
        assert_served(&office);
        drop(visitors);
        assert_served(&office);
    }
    wait_until(|| slow.service.db.connections().in_use == 0);
    assert_served(&office);
}

on_each_database!(work_for_disconnected_clients_is_cancelled);
fn work_for_disconnected_clients_is_cancelled(database: &TestDatabase) {
    let slow = SlowService::start(database, Limits::default());
    let visitors = slow.run(200);
    wait_until(|| slow.started() > 0);
    drop(visitors);
    wait_until(|| slow.service.db.connections().in_use == 0);
    // Until the service has noticed that they hung up, other visitors may find the queue full.
    wait_until(|| slow.service.get("/stats/threats.json").status == 200);
}

on_each_database!(a_waiting_request_takes_over_when_the_one_that_computes_hangs_up);
fn a_waiting_request_takes_over_when_the_one_that_computes_hangs_up(database: &TestDatabase) {
    let slow = SlowService::start(database, short_turn_timeout());
    let computing = slow.run(1);
    wait_until(|| slow.started() == 1);
    let waiting = slow.run(1);
    slow.wait_until_visitors_have_no_turn();
    assert_eq!(slow.started(), 1, "equal questions are computed once");
    drop(computing);
    wait_until(|| slow.started() == 2);
    slow.release();
    let mut response = String::new();
    for mut socket in waiting {
        socket.read_to_string(&mut response).unwrap();
    }
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(response.ends_with("\r\n\r\n3000"), "{response}");
}

#[test]
fn visitors_cannot_use_up_the_turns_of_clients() {
    let database = TestDatabase::sqlite();
    let slow = SlowService::start(&database, short_turn_timeout());
    let _visitors = slow.run(20);
    slow.wait_until_visitors_have_no_turn();
    assert_served(&slow.service.front_office());
}

/// Sends a body of 3 MB whose last part does not arrive.
fn send_part(office: &FrontOffice<'_>) -> TcpStream {
    let head = office.post_head(3_000_000);
    let part = vec![b' '; 2_500_000];
    office.service.connect([head.as_bytes(), &part].concat())
}

/// Sends a body of 3 MB, which is no JSON.
fn post_large(office: &FrontOffice<'_>) -> Response {
    let request = office.post_request("application/json");
    Response::to(request.body(vec![b' '; 3_000_000]))
}

on_each_database!(large_bodies_in_memory_are_bounded_together);
fn large_bodies_in_memory_are_bounded_together(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.max_body_bytes = 4 << 20;
        config.limits.turn_timeout = Duration::from_millis(200);
        // Each large body is read alone.
        config.limits.large_bodies = Share { all: 0, each: 0 };
    });
    let [greedy, office, other] = [(); 3].map(|()| service.front_office());
    let mut socket = send_part(&greedy);
    wait_until(|| {
        let is_bounded = post_large(&office).is_unavailable();
        if !is_bounded {
            // `office` may have been first. The new body replaces the old one.
            socket = send_part(&greedy);
        }
        is_bounded
    });
    assert!(post_large(&greedy).is_unavailable());
    assert_eq!(post(&other).status, 201, "small bodies fit");
    drop(socket);
    wait_until(|| post_large(&office).status == 400);
}

on_each_database!(a_small_body_does_not_wait_for_large_ones);
fn a_small_body_does_not_wait_for_large_ones(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.max_body_bytes = 4 << 20;
        config.limits.turn_timeout = Duration::from_secs(3600);
        config.limits.large_bodies = Share { all: 0, each: 0 };
    });
    let [greedy, office] = [(); 2].map(|()| service.front_office());
    let _large: Vec<_> = (0..12)
        .flat_map(|_| [send_part(&greedy), send_part(&office)])
        .collect();
    for _ in 0..20 {
        assert_eq!(post(&office).status, 201);
        assert_eq!(post(&greedy).status, 201);
    }
}

on_each_database!(half_read_bodies_do_not_wait_for_each_other);
fn half_read_bodies_do_not_wait_for_each_other(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.max_body_bytes = 4 << 20;
        config.limits.turn_timeout = Duration::from_secs(3600);
        config.limits.large_bodies = Share {
            all: 6 << 20,
            each: 2 << 20,
        };
    });
    let offices = [(); 3].map(|()| service.front_office());
    let chunk = |bytes: &[u8]| {
        let length = format!("{:x}\r\n", bytes.len());
        [length.as_bytes(), bytes, b"\r\n"].concat()
    };
    // The length of each body is unknown, and both halves together exceed the memory of its client.
    let begin = |office: &FrontOffice<'_>| {
        let chunked = "Transfer-Encoding: chunked\r\nConnection: close";
        let head = office.post_head(0).replace("Content-Length: 0", chunked);
        service.connect([head.as_bytes(), &chunk(&[b' '; 2 << 20])].concat())
    };
    let end = [&chunk(&[b' '; 1 << 20])[..], &chunk(b"[]"), b"0\r\n\r\n"].concat();
    let sockets: Vec<_> = offices.iter().map(begin).collect();
    scope(|scope| {
        for mut socket in sockets {
            let end = &end;
            scope.spawn(move || {
                let mut response = String::new();
                socket.write_all(end).unwrap();
                socket.read_to_string(&mut response).unwrap();
                assert!(response.starts_with("HTTP/1.1 201 "), "{response}");
            });
        }
    });
}
