//! A custom processor next to the built-in ones: the maximum of `maxRisk` of each threat.
//!
//! ```text
//! cargo run -p stats-processors --example own_processor
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};
use stats_core::StatsType;
use stats_processors::{Partial, Processor, Registry, Shape, View, json};

/// The maximum of each threat.
#[derive(Default)]
pub(crate) struct Maxima {
    by_threat: BTreeMap<String, f64>,
    skipped: u64,
}

impl Maxima {
    fn add(&mut self, threat: &str, max_risk: f64) {
        let maximum = self.by_threat.entry(threat.to_owned()).or_default();
        *maximum = maximum.max(max_risk);
    }
}

impl Partial for Maxima {
    fn fold<'a>(
        &mut self,
        _: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    ) {
        for document in documents {
            let document = document.into();
            let Some(elements) = json::objects(&document, &["uuid", "maxRisk"]) else {
                self.skipped += 1;
                continue;
            };
            for element in elements {
                match element.and_then(read) {
                    Some((threat, max_risk)) => self.add(&threat, max_risk),
                    None => self.skipped += 1,
                }
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.skipped += other.skipped;
        for (threat, max_risk) in &other.by_threat {
            self.add(threat, *max_risk);
        }
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn is_empty(&self) -> bool {
        self.by_threat.is_empty()
    }
}

fn read(fields: json::Fields<'_, 2>) -> Option<(Cow<'_, str>, f64)> {
    let [uuid, max_risk] = fields.values;
    Some((json::text(uuid?)?, json::number(max_risk?)?))
}

pub(crate) struct ThreatMaxima;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Parameters {
    at_least: f64,
}

impl Processor for ThreatMaxima {
    type Partial = Maxima;
    type Params = Parameters;
    type Output = BTreeMap<String, f64>;

    const NAME: &'static str = "threat_maxima";
    const DESCRIPTION: &'static str = "The maximum of maxRisk of each threat. The optional parameter at_least excludes lower ones.";
    const STATS_TYPE: StatsType = StatsType::Threat;

    fn finish(partial: &Maxima, params: &Parameters, _: View) -> BTreeMap<String, f64> {
        let mut maxima = partial.by_threat.clone();
        maxima.retain(|_, maximum| *maximum >= params.at_least);
        maxima
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}

pub(crate) fn run(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let mut registry = Registry::default();
    registry.register::<ThreatMaxima>()?;

    let threat = |uuid: &str, max_risk: Value| {
        json!([{"uuid": uuid, "count": 1, "maxRisk": max_risk, "averageRate": "1.00"}]).to_string()
    };
    let stats = [
        threat("b402d4e0-4576-11e9-9173-0800277f0571", json!(36)),
        threat("b402d4e0-4576-11e9-9173-0800277f0571", json!("45")),
        threat("b402d523-4576-11e9-9173-0800277f0571", json!(8)),
    ];
    for (name, params) in [
        ("threat_maxima", json!({"at_least": 10})),
        ("threat_average_on_date", json!(null)),
    ] {
        let processor = registry.find(name).ok_or("no such processor")?;
        let finisher = processor.prepare(&params)?;
        let mut accumulator = processor.start();
        accumulator.fold("2026-11-20".parse()?, &stats);
        let result = finisher.finish(&accumulator, Shape::Map)?;
        writeln!(out, "{name}: {result}")?;
    }
    Ok(())
}
