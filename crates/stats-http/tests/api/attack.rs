//! An attacker who sees all public answers tries to work out single stats by subtraction.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Local, NaiveDate};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use stats_db::ClientChange;
use stats_partials::{Partials, Publisher};
use stats_processors::Registry;
use stats_testing::{TestDatabase, assert_generated};

use crate::support::{FrontOffice, STATS, Service, days_ago, stat, uuid};

const OBJECT: &str = "b402d4e0-4576-11e9-9173-0800277f0571";
/// The number of days on which front offices report.
const DAYS: u64 = 8;

/// A stat that a client sent.
struct Sent {
    client: usize,
    date: NaiveDate,
    analysis: String,
    value: u32,
    is_deleted: bool,
    /// Whether it arrived or was deleted after the release that has its day.
    is_late: bool,
}

/// The stats behind a figure, by their position, and what is shown of them: their sum, within a bound of its error.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Set(BTreeSet<usize>);

#[derive(Clone, Copy)]
struct Sum {
    value: f64,
    error: f64,
}

impl Sum {
    /// Of a mean as it is shown, over `number` stats.
    fn of(mean: f64, number: usize, is_rounded: bool) -> Self {
        let number = number as f64;
        // Half a unit of the second significant digit.
        let error = match is_rounded && mean > 0.0 {
            true => 0.5 * 10_f64.powf(mean.log10().floor() - 1.0),
            false => 1e-9,
        };
        Self {
            value: mean * number,
            error: error * number,
        }
    }
}

/// Who reports what.
#[derive(Clone, Copy)]
struct Scenario {
    clients: usize,
    /// The number of clients that report to another instance, the first ones.
    remote: usize,
    /// The greatest number of analyses of a client, and the greatest value of a stat.
    analyses: usize,
    greatest: u32,
}

const MANY: Scenario = Scenario {
    clients: 9,
    remote: 3,
    analyses: 2,
    greatest: 60,
};
const FEW: Scenario = Scenario {
    clients: 4,
    remote: 1,
    analyses: 1,
    greatest: 9,
};

struct Simulation<'a> {
    scenario: Scenario,
    service: &'a Service,
    offices: Vec<FrontOffice<'a>>,
    min_clients: u64,
    sent: Vec<Sent>,
    /// All that was shown so far.
    seen: BTreeMap<Set, Sum>,
}

/// The result of an attack.
#[derive(Debug, PartialEq)]
struct Outcome {
    stats: usize,
    recovered: usize,
    /// Those that arrived or were deleted after the release that has their day.
    late: usize,
}

impl<'a> Simulation<'a> {
    fn run(service: &'a Service, scenario: Scenario, min_clients: u64) -> Outcome {
        let offices: Vec<_> = (0..scenario.clients)
            .map(|_| service.front_office())
            .collect();
        for office in &offices[..scenario.remote] {
            office.change(&ClientChange::Local(false));
        }
        let mut simulation = Self {
            scenario,
            service,
            offices,
            min_clients,
            sent: Vec::new(),
            // The attacker knows that the sum of no stats is 0.
            seen: [(
                Set(BTreeSet::new()),
                Sum {
                    value: 0.0,
                    error: 0.0,
                },
            )]
            .into(),
        };
        let mut random = StdRng::seed_from_u64(30);
        let mut late = Vec::new();
        for day in (1..=DAYS).rev() {
            let date: NaiveDate = days_ago(day).parse().unwrap();
            for (client, date, value) in std::mem::take(&mut late) {
                simulation.post(client, date, value, true);
            }
            for client in 0..scenario.clients {
                for _ in 0..random.random_range(1..=scenario.analyses) {
                    let value = random.random_range(1..=scenario.greatest);
                    match random.random_range(0..10) {
                        0 => late.push((client, date, value)),
                        1 => {}
                        _ => simulation.post(client, date, value, false),
                    }
                }
            }
            let deleted = random.random_range(0..3 * simulation.sent.len());
            simulation.delete(deleted, date);
            simulation.publish();
        }
        simulation.attack()
    }

    fn post(&mut self, client: usize, date: NaiveDate, value: u32, is_late: bool) {
        let analysis = uuid();
        let data = json!([{
            "uuid": OBJECT, "count": value, "maxRisk": 1, "averageRate": 1,
        }]);
        let sent = stat(&analysis, "threat", &date.to_string(), data);
        self.offices[client].store([sent]);
        self.sent.push(Sent {
            client,
            date,
            analysis,
            value,
            is_deleted: false,
            is_late,
        });
        self.look();
    }

    /// Deletes a stat of a day before `today`, if it is one.
    fn delete(&mut self, position: usize, today: NaiveDate) {
        if let Some(sent) = self.sent.get_mut(position)
            && sent.date < today
        {
            sent.is_deleted = true;
            sent.is_late = true;
            let path = format!("{STATS}{}", sent.analysis);
            assert_eq!(self.offices[sent.client].delete(&path).status, 204);
            self.look();
        }
    }

    fn publish(&mut self) {
        if self.min_clients > 1 {
            let publisher = Publisher {
                processors: &Registry::default(),
                min_clients: self.min_clients,
            };
            let db = &self.service.db;
            let partials = Partials::new(db.clone(), 0);
            publisher
                .publish(db, &partials, Local::now().date_naive())
                .unwrap();
            self.see();
        }
    }

    /// The attacker asks after each change, if that shows something.
    fn look(&mut self) {
        if self.min_clients == 1 {
            self.see();
        }
    }

    /// Sees all sums of a moment: of each date and period, over all clients and local ones.
    fn see(&mut self) {
        let is_rounded = self.min_clients > 1;
        for local_only in [false, true] {
            let ask = |days: u64| -> Value {
                let path = format!(
                    "/stats/threats.json?format=series&counts=1&days={days}&local_stats_only={local_only}"
                );
                self.service.get(&path).json()
            };
            let is_local = |sent: &Sent| sent.client >= self.scenario.remote || !local_only;
            let mut by_date = BTreeMap::new();
            for on in ask(DAYS)[0]["values"].as_array().into_iter().flatten() {
                let date: NaiveDate = on["date"].as_str().unwrap().parse().unwrap();
                let stats: BTreeSet<_> = (0..self.sent.len())
                    .filter(|position| {
                        let sent = &self.sent[*position];
                        sent.date == date && !sent.is_deleted && is_local(sent)
                    })
                    .collect();
                assert_eq!(on["analyses"], stats.len());
                let mean = on["count"].as_f64().unwrap();
                let sum = Sum::of(mean, stats.len(), is_rounded);
                self.seen.insert(Set(stats.clone()), sum);
                by_date.insert(date, stats);
            }
            let periods = if is_rounded { DAYS } else { 0 };
            for days in 1..=periods {
                let from: NaiveDate = days_ago(days).parse().unwrap();
                let stats: BTreeSet<_> = by_date
                    .range(from..)
                    .flat_map(|(_, stats)| stats)
                    .copied()
                    .collect();
                if let Some(mean) = ask(days)[0]["averages"]["count"].as_f64() {
                    let sum = Sum::of(mean, stats.len(), is_rounded);
                    let known = self.seen.entry(Set(stats)).or_insert(sum);
                    if sum.error < known.error {
                        *known = sum;
                    }
                }
            }
        }
    }

    /// Subtracts each sum from each other one that has one stat more.
    fn attack(self) -> Outcome {
        let mut recovered = BTreeSet::new();
        for (Set(more), sum) in &self.seen {
            for (Set(fewer), other) in &self.seen {
                if more.len() != fewer.len() + 1 || !fewer.is_subset(more) {
                    continue;
                }
                let position = *more.difference(fewer).next().unwrap();
                let (value, error) = (sum.value - other.value, sum.error + other.error);
                let truth = f64::from(self.sent[position].value);
                assert!((value - truth).abs() <= error + 1e-6);
                // It is the only whole number within the error.
                if error < 0.5 {
                    recovered.insert(position);
                }
            }
        }
        let is_late = |position: &&usize| self.sent[**position].is_late;
        Outcome {
            stats: self.sent.len(),
            recovered: recovered.len(),
            late: recovered.iter().filter(is_late).count(),
        }
    }
}

fn simulate(scenario: Scenario, min_clients: u64) -> Outcome {
    let database = TestDatabase::sqlite();
    let service = Service::with_config(&database, |config| config.public_min_clients = min_clients);
    // The first release is that of the start.
    service.get("/stats/threats.json");
    Simulation::run(&service, scenario, min_clients)
}

#[test]
fn docs_privacy_md_quotes_what_subtraction_recovers() {
    let mut section = "| clients | values | `PUBLIC_MIN_CLIENTS` | stats that were worked out | of these, late or deleted ones |\n\
         |---|---|---|---|---|\n"
        .to_owned();
    let mut late = 0;
    for (scenario, min_clients) in [(MANY, 1), (MANY, 3), (MANY, 5), (FEW, 1), (FEW, 3)] {
        let outcome = simulate(scenario, min_clients);
        if min_clients == 1 {
            // Without releases, an attacker who asks often enough sees each stat arrive.
            assert_eq!(outcome.recovered, outcome.stats);
        } else {
            // Only what the page names as not protected.
            assert_eq!(outcome.recovered, outcome.late, "{min_clients}");
            late += outcome.late;
        }
        section += &format!(
            "| {} | up to {} | {min_clients} | {} of {} | {} |\n",
            scenario.clients, scenario.greatest, outcome.recovered, outcome.stats, outcome.late,
        );
    }
    assert!(late > 0, "the page does not warn for nothing");
    assert_generated("docs/privacy.md", "simulation", &section);
}
