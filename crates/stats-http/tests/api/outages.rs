//! Held locks, an unreachable database, disconnected clients, and bodies that together exceed the memory limit.

use std::borrow::Cow;
use std::net::TcpStream;
use std::thread::{scope, sleep};
use std::time::Duration;

use chrono::NaiveDate;
use serde_json::json;
use stats_core::StatsType;
use stats_db::{Db, Timeouts};
use stats_http::{App, HttpConfig, Limits, Share};
use stats_processors::{ObjectPartial, Partial, Processor, Registry};
use stats_testing::{Proxy, TestDatabase, on_each_database};

use crate::support::{FrontOffice, ME, PROCESSED, Response, STATS, Service, new_stat, wait_until};

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
    proxy.resume();
    wait_until(|| service.get("/health").status == 200);
    assert_eq!(post(&office).status, 201);
}

/// A processor that takes 50 ms for each stat.
struct Slow;

#[derive(Default)]
struct SlowPartial(ObjectPartial);

impl Partial for SlowPartial {
    fn fold<'a>(
        &mut self,
        date: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    ) {
        let documents = documents.into_iter();
        let slowly = documents.inspect(|_| sleep(Duration::from_millis(50)));
        self.0.fold(date, slowly);
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    fn skipped(&self) -> u64 {
        self.0.skipped()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Processor for Slow {
    type Partial = SlowPartial;
    type Params = serde::de::IgnoredAny;
    type Output = u64;

    const NAME: &'static str = "slow";
    const DESCRIPTION: &'static str = "Takes 50 ms for each stat.";
    const STATS_TYPE: StatsType = StatsType::Threat;

    fn finish(partial: &SlowPartial, _: &Self::Params) -> u64 {
        partial.skipped()
    }
}

/// Starts a service with the processor [`Slow`], whose runs take two and a half minutes.
fn start_slow(database: &TestDatabase, limits: Limits) -> Service {
    let mut processors = Registry::default();
    processors.register::<Slow>().unwrap();
    let config = HttpConfig {
        limits,
        ..HttpConfig::default()
    };
    let db = database.migrated();
    let app = App::new(db.clone(), config).with_processors(processors);
    let service = Service::with_app(db, app);
    // Stats of one client and day are processed as one unit.
    let text = "x".repeat(1000);
    let stats: Vec<_> = (0..3000)
        .map(|_| new_stat("threat", 0, json!([text])))
        .collect();
    service.front_office().store(&stats);
    service
}

/// Requests the processor [`Slow`] without a token, without reading the responses.
fn run_slow(service: &Service, visitors: usize) -> Vec<TcpStream> {
    let request = "GET /stats/threats.json?processor=slow HTTP/1.1\r\nHost: x\r\n\r\n";
    (0..visitors).map(|_| service.connect(request)).collect()
}

on_each_database!(work_for_disconnected_clients_is_cancelled);
fn work_for_disconnected_clients_is_cancelled(database: &TestDatabase) {
    let service = start_slow(database, Limits::default());
    let visitors = run_slow(&service, 200);
    wait_until(|| service.db.connections().in_use > 0);
    drop(visitors);
    wait_until(|| service.db.connections().in_use == 0);
    assert_eq!(service.get("/stats/threats.json").status, 200);
}

#[test]
fn visitors_cannot_use_up_the_turns_of_clients() {
    let database = TestDatabase::sqlite();
    let limits = Limits {
        turn_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let service = start_slow(&database, limits);
    let _visitors = run_slow(&service, 20);
    // A result that is cached needs no turn, so each request asks something new.
    let mut days = 1..;
    wait_until(|| {
        let period = days.next().unwrap();
        let response = service.get(&format!("/stats/risks.json?days={period}"));
        assert!(response.status == 200 || response.is_unavailable());
        response.is_unavailable()
    });
    let office = service.front_office();
    let processed = format!("{PROCESSED}?type=risk&processor=risk_averages");
    assert_eq!(office.get(&processed).status, 200);
    assert_eq!(office.get(&format!("{STATS}?limit=1")).status, 200);
}

on_each_database!(bodies_in_memory_are_bounded_together);
fn bodies_in_memory_are_bounded_together(database: &TestDatabase) {
    let service = Service::with_config(database, |config| {
        config.max_body_bytes = 4 << 20;
        config.limits.turn_timeout = Duration::from_millis(200);
        config.limits.body_bytes = Share {
            all: 6 << 20,
            each: 4 << 20,
        };
    });
    let [greedy, office, other] = [(); 3].map(|()| service.front_office());
    let spaces = vec![b' '; 3_500_000];
    // A body of 4 MB whose last part does not arrive.
    let head = greedy.post_head(4_000_000);
    let send_part = || service.connect([head.as_bytes(), &spaces].concat());
    let post_large = |office: &FrontOffice<'_>| {
        let request = office.post_request("application/json");
        Response::to(request.body(spaces.clone()))
    };
    let mut socket = send_part();
    wait_until(|| {
        let is_bounded = post_large(&office).is_unavailable();
        if !is_bounded {
            // `office` may have been first. The new body replaces the old one.
            socket = send_part();
        }
        is_bounded
    });
    assert!(post_large(&greedy).is_unavailable());
    assert_eq!(post(&other).status, 201, "small bodies fit");
    drop(socket);
    wait_until(|| post_large(&office).status == 400);
}
