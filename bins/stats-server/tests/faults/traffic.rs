//! Front offices that post batches, and a ledger of what the server acknowledged.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use stats_core::{Stat, StatsType};
use stats_processors::{Registry, Shape};
use stats_testing_http::{ADMIN_TOKEN, Server};

use crate::support::{illness, is_unavailable};

const PERIOD: &str = "date_from=2026-01-01&date_to=2026-12-31";

/// The batches that were sent.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    batches: Mutex<Vec<Sent>>,
    refused: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    size: usize,
    is_acknowledged: bool,
}

/// The mark in the document of a stat.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Mark {
    batch: usize,
    position: usize,
}

impl Ledger {
    /// Adds a batch, and returns its number and size.
    fn begin(&self) -> (usize, usize) {
        let mut batches = self.batches.lock().unwrap();
        let number = batches.len();
        let size = 1 + number % 40;
        batches.push(Sent {
            size,
            is_acknowledged: false,
        });
        (number, size)
    }

    fn acknowledge(&self, batch: usize) {
        self.batches.lock().unwrap()[batch].is_acknowledged = true;
    }

    /// The number of batches that the server acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        let batches = self.batches.lock().unwrap();
        batches.iter().filter(|batch| batch.is_acknowledged).count()
    }

    /// The number of batches that were sent.
    pub(crate) fn sent(&self) -> usize {
        self.batches.lock().unwrap().len()
    }

    /// The number of batches that the server could not store, since [`Ledger::forget_refused`].
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn forget_refused(&self) {
        self.refused.store(0, Ordering::Relaxed);
    }

    /// Posts a batch of new stats. Returns `None` if there was no response.
    pub(crate) fn post(&self, http: &Http, base: &str) -> Option<Response> {
        let (number, size) = self.begin();
        let stats: Vec<_> = (0..size).map(|position| stat(number, position)).collect();
        let request = http.post(format!("{base}/api/v1/stats/")).json(&stats);
        let response = send(request)?;
        if response.status() == 201 {
            self.acknowledge(number);
        }
        Some(response)
    }

    /// Posts batches until there is no response.
    pub(crate) fn post_until_killed(&self, base: &str) {
        let http = http();
        while let Some(response) = self.post(&http, base) {
            assert_eq!(response.status(), 201);
        }
    }

    /// Posts batches until `is_over`, and waits a little after each one that the server cannot store.
    pub(crate) fn post_until(&self, base: &str, is_over: impl Fn() -> bool) {
        let http = http();
        while !is_over() {
            let response = self.post(&http, base).expect("a response");
            if response.status() != 201 {
                assert!(is_unavailable(&response), "{response:?}");
                self.refused.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Asserts that the server is healthy, has each acknowledged batch once, the others once or not at all, and that its
    /// processor has the result that is computed from the list.
    pub(crate) fn verify(&self, server: &Server) {
        assert_eq!(illness(server), None);
        let (list, result) = consistent(server);
        let mut stored: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for stat in &list {
            let [mark]: [Mark; 1] = serde_json::from_str(stat.data.as_str()).unwrap();
            stored.entry(mark.batch).or_default().push(mark.position);
        }
        let batches = self.batches.lock().unwrap();
        assert!(batches.iter().any(|batch| batch.is_acknowledged));
        for (number, batch) in batches.iter().enumerate() {
            let mut positions = stored.remove(&number).unwrap_or_default();
            positions.sort_unstable();
            let whole: Vec<_> = (0..batch.size).collect();
            let is_right = positions == whole || positions.is_empty() && !batch.is_acknowledged;
            assert!(is_right, "{batch:?} {number} is stored as {positions:?}");
        }
        assert!(stored.is_empty(), "stored but never sent: {stored:?}");
        assert_eq!(result, process(&list));
    }
}

/// The stats and the result of a processor about the same stats: a batch of a killed server may be stored meanwhile.
fn consistent(server: &Server) -> (Vec<Stat>, Value) {
    let list = || server.request(&format!("/api/v1/stats/?type=threat&{PERIOD}"));
    let mut before = list().text().unwrap();
    loop {
        let result = server.get(&processed());
        let after = list().text().unwrap();
        if before == after {
            return (listed(&after), result["data"].clone());
        }
        before = after;
    }
}

/// Parses an answer with stats.
pub(crate) fn listed(answer: &str) -> Vec<Stat> {
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<Stat>,
    }

    serde_json::from_str::<Answer>(answer).unwrap().data
}

/// The path of the result of [`process`].
pub(crate) fn processed() -> String {
    format!("/api/v1/stats/processed/?type=threat&processor=threat_average_on_date&{PERIOD}")
}

/// Computes the result of a processor from the stats of one client.
pub(crate) fn process(stats: &[Stat]) -> Value {
    let registry = Registry::default();
    let processor = registry.find("threat_average_on_date").unwrap();
    let mut days: BTreeMap<NaiveDate, Vec<&str>> = BTreeMap::new();
    for stat in stats
        .iter()
        .filter(|stat| stat.stats_type == StatsType::Threat)
    {
        days.entry(stat.date).or_default().push(stat.data.as_str());
    }
    let mut accumulator = processor.start();
    for (date, documents) in days {
        accumulator.fold(date, documents);
    }
    let finisher = processor.prepare(&Value::Null).unwrap();
    let result = finisher.finish(&accumulator, Shape::Series).unwrap();
    serde_json::from_str(&result).unwrap()
}

/// Asks for the result of a processor until `is_over`: its partials are stored meanwhile. It is there, or the server asks
/// to try again later.
pub(crate) fn read_until(base: &str, is_over: impl Fn() -> bool) {
    let http = http();
    while !is_over() {
        let Some(response) = send(http.get(format!("{base}{}", processed()))) else {
            return;
        };
        let is_right = response.status() == 200 || is_unavailable(&response);
        assert!(is_right, "{response:?}");
    }
}

fn send(request: RequestBuilder) -> Option<Response> {
    request.header("X-API-KEY", ADMIN_TOKEN).send().ok()
}

pub(crate) fn http() -> Http {
    // Longer than the server takes to give up.
    Http::builder()
        .timeout(Duration::from_secs(90))
        .build()
        .unwrap()
}

/// A stat of one of five objects and ten days, with its [`Mark`]. Every second one has a UUID of its own.
fn stat(batch: usize, position: usize) -> Value {
    let number = batch + position;
    let mut stat = json!({
        "anr": format!("f1b1a6f5-1a3e-4bb7-9ed8-{:012}", number % 7),
        "type": "threat",
        "date": format!("2026-01-{:02}", 1 + number % 10),
        "data": [{
            "uuid": format!("b402d4e0-4576-11e9-9173-{:012}", number % 5),
            "label2": "Error in use",
            "count": number % 12,
            "maxRisk": number % 36,
            "averageRate": format!("{}.25", number % 9),
            "batch": batch,
            "position": position,
        }],
    });
    if position.is_multiple_of(2) {
        stat["uuid"] = json!(uuid::Uuid::new_v4());
    }
    stat
}
