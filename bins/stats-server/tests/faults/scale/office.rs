//! Front offices that report to the balancer, and readers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use reqwest::blocking::{Client as Http, RequestBuilder};
use serde_json::{Value, json};
use stats_core::Token;
use stats_testing_http::{ADMIN_TOKEN, Server};
use uuid::Uuid;

use crate::support::wait_until;
use crate::traffic::http;

/// Pause of a front office before it tries again.
const RETRY: Duration = Duration::from_millis(100);
/// Pause between two requests, so that others have the machine too.
const PAUSE: Duration = Duration::from_millis(20);

/// What all front offices and readers saw.
#[derive(Default)]
pub(super) struct Traffic {
    base: String,
    pub(super) is_over: AtomicBool,
    failures: Mutex<Vec<String>>,
    /// The rounds of each front office and reader.
    rounds: Mutex<Vec<usize>>,
    acknowledged: AtomicUsize,
}

impl Traffic {
    pub(super) fn to(base: String) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// The number of batches that were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Takes the requests that got another answer than they asked for.
    pub(super) fn take_failures(&self) -> Vec<String> {
        std::mem::take(&mut self.failures.lock().unwrap())
    }

    /// Waits until each front office and reader has begun and ended so many rounds.
    pub(super) fn wait_for_rounds(&self, count: usize) {
        let before = self.rounds.lock().unwrap().clone();
        wait_until("all go on", || {
            let rounds = self.rounds.lock().unwrap();
            let mut pairs = rounds.iter().zip(&before);
            // The first one may have begun before.
            pairs.all(|(rounds, before)| *rounds > before + count)
        });
    }

    /// Repeats a round until the traffic is over.
    fn repeat(&self, mut round: impl FnMut(&Http)) {
        let http = http();
        let number = {
            let mut rounds = self.rounds.lock().unwrap();
            rounds.push(0);
            rounds.len() - 1
        };
        while !self.is_over() {
            round(&http);
            self.rounds.lock().unwrap()[number] += 1;
            thread::sleep(PAUSE);
        }
    }

    /// Sends a request and reads its whole answer. Returns the status, or `None` after a failure.
    fn send(&self, what: &str, request: RequestBuilder) -> Option<u16> {
        let response = request.send().and_then(|response| {
            let status = response.status();
            Ok((status, response.text()?))
        });
        let failure = match response {
            Ok((status, _)) if status.is_success() => return Some(status.as_u16()),
            Ok((status, text)) => format!("{what}: {status} {text}"),
            Err(error) => format!("{what}: {error:?}"),
        };
        self.failures.lock().unwrap().push(failure);
        None
    }

    /// Asks for paths with the token of a client, or without.
    pub(super) fn read(&self, token: Option<&Token>, paths: &[&str]) {
        self.repeat(|http| {
            for path in paths {
                let mut request = http.get(format!("{}{path}", self.base));
                if let Some(token) = token {
                    request = request.header("X-API-KEY", token.reveal());
                }
                self.send(path, request);
            }
        });
    }
}

/// A client, and the stats that it sent.
pub(super) struct Office {
    pub(super) token: Token,
    sent: Mutex<Vec<Batch>>,
}

struct Batch {
    stats: Vec<Value>,
    is_acknowledged: bool,
}

impl Office {
    /// Creates a client through a server, which may be of an earlier version.
    pub(super) fn create(server: &Server, number: usize) -> Self {
        let token = Token::generate();
        let request = Http::new().post(format!("{}/api/v1/client/", server.base));
        let client = json!({
            "name": format!("Front office {number}"), "token": token.reveal(), "is_sharing_enabled": true,
        });
        let created = request.header("X-API-KEY", ADMIN_TOKEN).json(&client);
        assert_eq!(created.send().unwrap().status(), 201);
        Self {
            token,
            sent: Mutex::default(),
        }
    }

    /// Reports new stats, each batch until it is acknowledged.
    pub(super) fn report(&self, traffic: &Traffic) {
        traffic.repeat(|http| {
            let number = {
                let mut sent = self.sent.lock().unwrap();
                let stats = (0..1 + sent.len() % 20).map(|position| stat(sent.len() + position));
                let stats = stats.collect();
                sent.push(Batch {
                    stats,
                    is_acknowledged: false,
                });
                sent.len() - 1
            };
            let stats = json!(self.sent.lock().unwrap()[number].stats);
            loop {
                let request = http.post(format!("{}/api/v1/stats/", traffic.base));
                let request = request
                    .header("X-API-KEY", self.token.reveal())
                    .json(&stats);
                // 207 after an answer that was lost.
                if let Some(201 | 207) = traffic.send("POST", request) {
                    self.sent.lock().unwrap()[number].is_acknowledged = true;
                    traffic.acknowledged.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                if traffic.is_over() {
                    return;
                }
                thread::sleep(RETRY);
            }
        });
    }

    /// Asserts that a server has each acknowledged batch as it was sent, and of the others all stats or none.
    pub(super) fn verify(&self, base: &str) {
        let list = format!("{base}/api/v1/stats/?date_from=2026-01-01&date_to=2026-01-10");
        let request = http().get(list).header("X-API-KEY", self.token.reveal());
        let list: Value = request.send().unwrap().json().unwrap();
        let mut stored = BTreeMap::new();
        for stat in list["data"].as_array().unwrap() {
            let mut stat = stat.clone();
            stat.as_object_mut()
                .unwrap()
                .retain(|key, _| KEYS.contains(&key.as_str()));
            let other = stored.insert(stat["uuid"].as_str().unwrap().to_owned(), stat);
            assert_eq!(other, None, "stored twice");
        }
        let sent = self.sent.lock().unwrap();
        assert!(sent.iter().any(|batch| batch.is_acknowledged));
        for (number, batch) in sent.iter().enumerate() {
            let of_batch = batch
                .stats
                .iter()
                .map(|stat| stored.remove(stat["uuid"].as_str().unwrap()));
            let of_batch: Vec<_> = of_batch.collect();
            let is_whole = of_batch
                .iter()
                .zip(&batch.stats)
                .all(|(stored, sent)| stored.as_ref() == Some(sent));
            let is_absent = of_batch.iter().all(Option::is_none);
            assert!(
                is_whole || is_absent && !batch.is_acknowledged,
                "{base}: batch {number} of {}, acknowledged: {}, is stored as {of_batch:?} instead of {:?}",
                sent.len(),
                batch.is_acknowledged,
                batch.stats
            );
        }
        assert!(stored.is_empty(), "stored but never sent: {stored:?}");
    }

    /// The number of stats that were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        let sent = self.sent.lock().unwrap();
        let acknowledged = sent.iter().filter(|batch| batch.is_acknowledged);
        acknowledged.map(|batch| batch.stats.len()).sum()
    }
}

/// The keys of a stat that its client sent.
const KEYS: [&str; 5] = ["uuid", "anr", "type", "date", "data"];

fn stat(number: usize) -> Value {
    json!({
        "uuid": Uuid::new_v4(),
        "anr": format!("f1b1a6f5-1a3e-4bb7-9ed8-{:012}", number % 7),
        "type": "threat",
        "date": format!("2026-01-{:02}", 1 + number % 10),
        "data": [{
            "uuid": format!("b402d4e0-4576-11e9-9173-{:012}", number % 5),
            "label2": "Error in use",
            "count": number % 12,
            "maxRisk": number % 36,
            "averageRate": format!("{}.25", number % 9),
            "number": number,
        }],
    })
}
