//! The order, split, merging and storing of client-days do not change the bytes of the result. The means equal those of
//! a naive computation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use proptest::collection::{hash_map, hash_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use stats_core::{AnalysisId, MIN_DATE, StatsType};
use stats_processors::{
    Accumulator, Cell, Level, MAX_VALUE, ObjectPartial, Partial, ProcessorError, Registered,
    Registry, RiskParameters, RiskPartial, Shape,
};
use uuid::Uuid;

/// One client's stats of one day.
type ClientDay = (NaiveDate, Vec<String>);

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0_u32..100).prop_map(Value::from),
        6 => (0_u32..500).prop_map(|hundredths| format!("{}", f64::from(hundredths) / 100.0).into()),
        2 => (0.0..MAX_VALUE).prop_map(Value::from),
        1 => select(vec![json!(-1), json!(1e10), json!(null), json!("NaN"), json!(true), json!([])]),
    ]
}

fn objects() -> impl Strategy<Value = Value> {
    let uuid = select(vec![
        "b402d4e0-4576-11e9-9173-0800277f0571",
        "B402D4E0-4576-11E9-9173-0800277F0571",
        "0a02d4e0-4576-11e9-9173-0800277f0571",
        "zz",
    ]);
    let label = || select(vec![json!("a"), json!(" a\u{200B}"), json!("b"), json!(5)]);
    let element = (uuid, number(), number(), number(), label(), label()).prop_map(
        |(uuid, count, max_risk, average_rate, label1, label4)| {
            json!({
                "uuid": uuid, "count": count, "maxRisk": max_risk, "averageRate": average_rate,
                "label1": label1, "label4": label4,
            })
        },
    );
    vec(element, 0..4).prop_map(Value::from)
}

fn risks() -> impl Strategy<Value = Value> {
    let level = select(vec!["Low risks", "Medium risks", "High risks", "unknown"]);
    let element =
        (level, number()).prop_map(|(level, value)| json!({"level": level, "value": value}));
    let kind = select(vec!["informational", "operational", "other"]);
    let kinds = hash_map(kind, vec(element, 0..4), 0..3);
    let state = select(vec!["current", "residual", "other"]);
    hash_map(state, kinds, 0..3).prop_map(|states| json!({"risks": states}))
}

/// Client-days of few dates, so that dates repeat. One document in ten is truncated.
fn client_days(stats_type: StatsType) -> impl Strategy<Value = Vec<ClientDay>> {
    let document = match stats_type {
        StatsType::Risk => risks().boxed(),
        _ => objects().boxed(),
    };
    let cut = proptest::option::weighted(0.1, any::<Index>());
    let document = (document, cut).prop_map(|(document, cut)| {
        let mut document = document.to_string();
        if let Some(cut) = cut {
            document = document.chars().take(cut.index(document.len())).collect();
        }
        document
    });
    let date = (0_u64..4).prop_map(|days| MIN_DATE + Days::new(days));
    vec((date, vec(document, 0..4)), 0..12)
}

/// Client-days in some order, the accumulator of each, and merges of accumulators (from, to, whether stored as JSON).
#[derive(Debug, Clone)]
struct Plan {
    client_days: Vec<ClientDay>,
    targets: Vec<Index>,
    merges: Vec<(Index, Index, bool)>,
}

const ACCUMULATORS: usize = 5;

impl Plan {
    fn run(&self, processor: &Registered) -> Result<Accumulator, ProcessorError> {
        let mut accumulators: Vec<_> = (0..ACCUMULATORS).map(|_| processor.start()).collect();
        for ((date, documents), target) in self.client_days.iter().zip(&self.targets) {
            accumulators[target.index(ACCUMULATORS)].fold(*date, documents);
        }
        for (from, to, is_stored) in &self.merges {
            let other = accumulators.swap_remove(from.index(accumulators.len()));
            let to = to.index(accumulators.len());
            if *is_stored {
                accumulators[to].merge_json(&other.to_json()?)?;
            } else {
                accumulators[to].merge(&other)?;
            }
        }
        Ok(accumulators.remove(0))
    }
}

/// A processor, client-days, and a plan for the same client-days in another order.
fn case() -> impl Strategy<Value = (Registered, Vec<ClientDay>, Plan)> {
    let processors: Vec<_> = Registry::default().iter().copied().collect();
    let case = select(processors).prop_flat_map(|processor| {
        let client_days = client_days(processor.stats_type);
        (Just(processor), client_days)
    });
    case.prop_flat_map(|(processor, client_days)| {
        let documents_shuffled: Vec<_> = client_days
            .iter()
            .map(|(date, documents)| (Just(*date), Just(documents.clone()).prop_shuffle()))
            .collect();
        let targets = vec(any::<Index>(), client_days.len());
        let merges = vec(any::<(Index, Index, bool)>(), ACCUMULATORS - 1);
        let plan = (documents_shuffled.prop_shuffle(), targets, merges).prop_map(
            |(client_days, targets, merges)| Plan {
                client_days,
                targets,
                merges,
            },
        );
        (Just(processor), Just(client_days), plan)
    })
}

/// The values of a document by name.
type Values = BTreeMap<String, f64>;
type Cells = BTreeMap<(String, NaiveDate), Cell>;

fn naive_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    (0.0..=MAX_VALUE).contains(&number).then_some(number)
}

fn naive_objects(document: &Value) -> Values {
    let mut values = Values::new();
    for element in document.as_array().into_iter().flatten() {
        let uuid = element["uuid"].as_str().unwrap_or_default().to_lowercase();
        let numbers = ["count", "maxRisk", "averageRate"].map(|name| naive_number(&element[name]));
        if let [Some(count), Some(max_risk), Some(average_rate)] = numbers
            && uuid != "zz"
        {
            values.insert(format!("{uuid} count"), count);
            values.insert(format!("{uuid} maxRisk"), max_risk);
            values.insert(format!("{uuid} averageRate"), average_rate);
        }
    }
    values
}

fn naive_risks(document: &Value) -> Values {
    let mut values = Values::new();
    for state in ["current", "residual"] {
        for kind in ["informational", "operational"] {
            let levels = document["risks"][state][kind].as_array();
            for element in levels.into_iter().flatten() {
                let level = element["level"].as_str().unwrap_or_default();
                if let (Some(value), true) = (naive_number(&element["value"]), level != "unknown") {
                    values.insert(format!("{state} {kind} {level}"), value);
                }
            }
        }
    }
    values
}

fn check(
    cells: &Cells,
    client_days: &[ClientDay],
    read: fn(&Value) -> Values,
) -> Result<(), TestCaseError> {
    let mut expected: BTreeMap<_, Vec<Vec<f64>>> = BTreeMap::new();
    for (date, documents) in client_days {
        let mut client_day: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for document in documents {
            let document = serde_json::from_str(document).unwrap_or_default();
            for (name, value) in read(&document) {
                client_day.entry((name, *date)).or_default().push(value);
            }
        }
        for (key, values) in client_day {
            expected.entry(key).or_default().push(values);
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    prop_assert!(cells.keys().eq(expected.keys()));
    for (cell, client_days) in cells.values().zip(expected.values()) {
        let means: Vec<_> = client_days.iter().map(|values| mean(values)).collect();
        for (values, found) in [
            (&client_days.concat(), cell.analyses),
            (&means, cell.clients),
        ] {
            prop_assert_eq!(found.count(), values.len() as u64);
            let (found, expected) = (found.value().unwrap_or(-1.0), mean(values));
            prop_assert!((found - expected).abs() <= 1e-9 + expected * 1e-12);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_plan_gives_the_same_bytes((processor, client_days, plan) in case()) {
        let mut in_order = processor.start();
        for (date, documents) in &client_days {
            in_order.fold(*date, documents);
        }
        let planned = plan.run(&processor)?;
        prop_assert_eq!(planned.skipped(), in_order.skipped());
        prop_assert_eq!(planned.is_empty(), in_order.is_empty());
        let finisher = processor.prepare(&Value::Null)?;
        for shape in [Shape::Series, Shape::Map] {
            let result = finisher.finish(&planned, shape)?;
            prop_assert!(!result.contains("null"), "{}", result);
            prop_assert_eq!(result, finisher.finish(&in_order, shape)?);
        }
        prop_assert_eq!(String::from_utf8(planned.to_json()?)?, String::from_utf8(in_order.to_json()?)?);
    }

    #[test]
    fn extracts_fold_like_the_documents_of_the_analyses(
        client_days in client_days(StatsType::Threat),
        numbers in vec(0_u128..3, 4),
        selected in hash_set(0_u128..3, 0..3),
    ) {
        let analysis = |number: u128| AnalysisId(Uuid::from_u128(number));
        let processor = *Registry::default().find("threat_average_on_date").unwrap();
        let selected = selected.into_iter().map(analysis).collect::<BTreeSet<_>>();
        for analyses in [None, Some(&selected)] {
            let (mut expected, mut found) = (processor.start(), processor.start());
            for (date, documents) in &client_days {
                let stats = || numbers.iter().map(|number| analysis(*number)).zip(documents);
                let of_analyses = stats().filter(|(analysis, _)| analyses.is_none_or(|them| them.contains(analysis)));
                expected.fold(*date, of_analyses.map(|(_, document)| document));
                let mut stats = stats().map(|(analysis, document)| (analysis, document.into()));
                found.fold_extract(*date, &processor.extract(&mut stats).unwrap(), analyses)?;
            }
            prop_assert_eq!(String::from_utf8(found.to_json()?)?, String::from_utf8(expected.to_json()?)?);
        }
    }

    #[test]
    fn object_means_equal_a_naive_computation(client_days in client_days(StatsType::Threat)) {
        let mut partial = ObjectPartial::default();
        for (date, documents) in &client_days {
            partial.fold(*date, documents);
        }
        let mut cells = Cells::new();
        for object in partial.averages() {
            for on in object.by_date {
                let numbers = [on.means.count, on.means.max_risk, on.means.average_rate];
                for (name, cell) in ["count", "maxRisk", "averageRate"].into_iter().zip(numbers) {
                    cells.insert((format!("{} {name}", object.object), on.date), cell);
                }
            }
        }
        check(&cells, &client_days, naive_objects)?;
    }

    #[test]
    fn risk_means_equal_a_naive_computation(client_days in client_days(StatsType::Risk)) {
        let mut partial = RiskPartial::default();
        for (date, documents) in &client_days {
            partial.fold(*date, documents);
        }
        let mut cells = Cells::new();
        for history in partial.histories(&RiskParameters::default()) {
            for (date, levels) in history.by_date {
                for level in Level::ALL {
                    let (state, kind) = (history.state.as_str(), history.kind.as_str());
                    let name = format!("{state} {kind} {}", level.as_str());
                    cells.insert((name, date), levels.get(level));
                }
            }
        }
        cells.retain(|_, cell| *cell != Cell::default());
        check(&cells, &client_days, naive_risks)?;
    }

    #[test]
    fn no_text_panics(document in any::<String>()) {
        for processor in Registry::default().iter() {
            let mut accumulator = processor.start();
            accumulator.fold(MIN_DATE, [&document]);
            prop_assert!(accumulator.is_empty());
        }
    }
}
