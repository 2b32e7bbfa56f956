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
    Accumulator, Average, CartographyPartial, CompliancePartial, Disclosure, Level, MAX_VALUE,
    ObjectPartial, Partial, ProcessorError, Registered, Registry, RiskParameters, RiskPartial,
    Shape, View, Weight,
};
use stats_sample::Sample;
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

fn scale() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (0_i64..3, 0_i64..9).prop_map(|(least, length)| json!((least..=least + length).collect::<Vec<_>>())),
        1 => select(vec![json!(["0", 7, -1, 2]), json!([0, 1e3]), json!([]), json!(null), json!("x")]),
    ]
}

/// A map in PHP's encodings, with some keys that are not on any scale.
fn php_map(value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let key = select(vec!["-1", "0", "1", "2", "3", "4", "5", "7", "10", "x"]);
    let value = value.boxed();
    prop_oneof![
        1 => vec(value.clone(), 0..5).prop_map(Value::from),
        3 => hash_map(key, value, 0..5).prop_map(|map| json!(map)),
    ]
}

fn cartography() -> impl Strategy<Value = Value> {
    let junk = || select(vec![json!(5), json!("x"), json!(null)]);
    let row = prop_oneof![9 => php_map(number()), 1 => junk()];
    let matrix = prop_oneof![9 => php_map(row), 1 => junk()];
    let kind = select(vec!["informational", "operational", "other"]);
    let kinds = hash_map(kind, matrix, 0..3);
    let states = hash_map(select(vec!["current", "residual", "other"]), kinds, 0..3);
    (states, scale(), scale(), scale()).prop_map(|(states, impact, likelihood, probability)| {
        let scales =
            json!({"impact": impact, "likelihood": likelihood, "probability": probability});
        json!({"risks": states, "scales": scales})
    })
}

fn compliance() -> impl Strategy<Value = Value> {
    let uuid = |texts: [&str; 3]| {
        let texts = texts.map(|start| json!(format!("{start}02d4e0-4576-11e9-9173-0800277f0571")));
        select(texts.to_vec())
    };
    let measure = prop_oneof![9 => uuid(["b4", "B4", "0a"]), 1 => Just(json!("zz"))];
    let control = measure.prop_map(|measure| json!({"measure": measure}));
    let value = prop_oneof![
        3 => (0_u32..=100).prop_map(|hundredths| json!(f64::from(hundredths) / 100.0)),
        1 => number(),
    ];
    let label = || select(vec![json!("a"), json!(" a\u{200B}"), json!("b"), json!(5)]);
    let category = (vec(control, 0..3), value, label(), any::<bool>()).prop_map(
        |(controls, value, label2, has_value)| match has_value || !controls.is_empty() {
            true => json!({"controls": controls, "value": value, "label2": label2}),
            false => json!({"controls": controls, "label2": label2}),
        },
    );
    let categories = || vec(category.clone(), 0..4);
    let referential = (uuid(["c0", "C0", "d0"]), label(), categories(), categories()).prop_map(
        |(referential, label1, current, target)| {
            json!({"referential": referential, "label1": label1, "current": current, "target": target})
        },
    );
    vec(referential, 0..3).prop_map(Value::from)
}

/// Client-days of few dates, so that dates repeat. One document in ten is truncated.
fn client_days(stats_type: StatsType) -> impl Strategy<Value = Vec<ClientDay>> {
    let document = match stats_type {
        StatsType::Risk => risks().boxed(),
        StatsType::Threat | StatsType::Vulnerability => objects().boxed(),
        StatsType::Cartography => cartography().boxed(),
        StatsType::Compliance => compliance().boxed(),
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
type Averages = BTreeMap<(String, NaiveDate), Average>;

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

/// The entries of a map in PHP's encodings, ordered by key.
fn naive_entries(map: &Value) -> BTreeMap<i64, &Value> {
    match map {
        Value::Array(list) => (0..).zip(list).collect(),
        Value::Object(map) => {
            let entries = map.iter();
            entries
                .filter_map(|(key, value)| Some((key.parse().ok()?, value)))
                .collect()
        }
        _ => BTreeMap::new(),
    }
}

/// The value on a scale from 0 to `maximum`.
fn naive_rescale(scale: &[i64], value: i64, maximum: f64) -> Option<i64> {
    let (least, greatest) = (*scale.first()?, *scale.last()?);
    if value < least || value > greatest {
        return None;
    }
    let share = (value - least) as f64 / ((greatest - least) as f64).max(1.0);
    Some((maximum * share).round() as i64)
}

/// The values of an ordered scale, or none if it is not a list of whole numbers.
fn naive_scale(scale: &Value) -> Vec<i64> {
    let values = scale.as_array().into_iter().flatten();
    let values = values.map(|value| match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    });
    let mut values: Vec<_> = values.collect::<Option<_>>().unwrap_or_default();
    values.retain(|value| *value >= 0);
    values.sort();
    values
}

fn naive_cartography(document: &Value) -> Values {
    let mut values = Values::new();
    let impacts = naive_scale(&document["scales"]["impact"]);
    for state in ["current", "residual"] {
        for (kind, scale, maximum) in [
            ("informational", "likelihood", 20),
            ("operational", "probability", 4),
        ] {
            let matrix = &document["risks"][state][kind];
            let columns = naive_scale(&document["scales"][scale]);
            if impacts.is_empty()
                || columns.is_empty()
                || !(matrix.is_array() || matrix.is_object())
            {
                continue;
            }
            let mut cells = BTreeMap::new();
            for impact in 0..=4 {
                cells.extend((0..=maximum).map(|column| ((impact, column), 0.0)));
            }
            let length = matrix.as_object().map_or(0, |map| map.len());
            let (mut readable, mut unreadable) =
                (0, length - naive_entries(matrix).len().min(length));
            for (impact, row) in naive_entries(matrix) {
                let length = row.as_object().map_or(0, |map| map.len());
                unreadable += usize::from(!(row.is_array() || row.is_object()));
                unreadable += length - naive_entries(row).len().min(length);
                for (column, number) in naive_entries(row) {
                    if impact < 0 || column < 0 {
                        readable += 1;
                        continue;
                    }
                    let position = naive_rescale(&impacts, impact, 4.0).zip(naive_rescale(
                        &columns,
                        column,
                        f64::from(maximum),
                    ));
                    let cell = position
                        .and_then(|(impact, column)| cells.get_mut(&(impact, column as i32)));
                    match cell.zip(naive_number(number)) {
                        Some((cell, number)) if *cell + number <= MAX_VALUE => {
                            *cell += number;
                            readable += 1;
                        }
                        _ => unreadable += 1,
                    }
                }
            }
            if readable > 0 || unreadable == 0 {
                let cells = cells.into_iter();
                values.extend(cells.map(|((impact, column), number)| {
                    (format!("{state} {kind} {impact} {column}"), number)
                }));
            }
        }
    }
    values
}

fn naive_compliance(document: &Value) -> Values {
    let categories = |list: &Value| {
        let mut categories = BTreeMap::new();
        for category in list.as_array().into_iter().flatten() {
            let controls = category["controls"].as_array().into_iter().flatten();
            let measures = controls.filter_map(|control| control["measure"].as_str());
            let measures = measures.filter(|measure| *measure != "zz");
            let value = naive_number(&category["value"]).filter(|value| *value <= 1.0);
            if let (Some(id), Some(value)) = (measures.map(str::to_lowercase).min(), value) {
                categories.insert(id, value);
            }
        }
        categories
    };
    let mut values = Values::new();
    for referential in document.as_array().into_iter().flatten() {
        let uuid = referential["referential"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        let target = categories(&referential["target"]);
        for (category, current) in categories(&referential["current"]) {
            if let Some(target) = target.get(&category) {
                values.insert(format!("{uuid} {category} current"), current);
                values.insert(format!("{uuid} {category} target"), *target);
            }
        }
    }
    values
}

fn object_means(client_days: &[ClientDay], view: View) -> Averages {
    let mut partial = ObjectPartial::default();
    for (date, documents) in client_days {
        partial.fold(*date, documents);
    }
    let mut means = Averages::new();
    for object in partial.averages(view) {
        for on in object.by_date {
            let numbers = [on.means.count, on.means.max_risk, on.means.average_rate];
            for (name, mean) in ["count", "maxRisk", "averageRate"].into_iter().zip(numbers) {
                means.insert((format!("{} {name}", object.object), on.date), mean);
            }
        }
    }
    means
}

fn risk_means(client_days: &[ClientDay], view: View) -> Averages {
    let mut partial = RiskPartial::default();
    for (date, documents) in client_days {
        partial.fold(*date, documents);
    }
    let mut means = Averages::new();
    for history in partial.histories(&RiskParameters::default(), view) {
        for (date, levels) in history.by_date {
            for level in Level::ALL {
                let (state, kind) = (history.state.as_str(), history.kind.as_str());
                let name = format!("{state} {kind} {}", level.as_str());
                means.insert((name, date), levels.get(level));
            }
        }
    }
    means.retain(|_, mean| mean.analyses() > 0);
    means
}

fn cartography_means(client_days: &[ClientDay], view: View) -> Averages {
    let mut partial = CartographyPartial::default();
    for (date, documents) in client_days {
        partial.fold(*date, documents);
    }
    let mut means = Averages::new();
    for history in partial.histories(&RiskParameters::default(), view) {
        for (date, matrix) in history.by_date {
            for (impact, row) in matrix.rows().enumerate() {
                for (column, cell) in row.iter().enumerate() {
                    let (state, kind) = (history.state.as_str(), history.kind.as_str());
                    means.insert((format!("{state} {kind} {impact} {column}"), date), *cell);
                }
            }
        }
    }
    means
}

fn compliance_means(client_days: &[ClientDay], view: View) -> Averages {
    let mut partial = CompliancePartial::default();
    for (date, documents) in client_days {
        partial.fold(*date, documents);
    }
    let mut means = Averages::new();
    for referential in partial.averages(view) {
        for category in referential.categories {
            for on in category.by_date {
                let name = format!("{} {}", referential.referential, category.category);
                means.insert((format!("{name} current"), on.date), on.means.current);
                means.insert((format!("{name} target"), on.date), on.means.target);
            }
        }
    }
    means
}

fn check(
    means: impl Fn(&[ClientDay], View) -> Averages,
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
    for weight in Weight::ALL {
        let view = View {
            weight,
            ..View::default()
        };
        let found = means(client_days, view);
        prop_assert!(found.keys().eq(expected.keys()));
        for (found, client_days) in found.values().zip(expected.values()) {
            let analyses = client_days.concat();
            let expected = match weight {
                Weight::Client => mean(
                    &client_days
                        .iter()
                        .map(|values| mean(values))
                        .collect::<Vec<_>>(),
                ),
                _ => mean(&analyses),
            };
            prop_assert_eq!(found.analyses(), analyses.len() as u64);
            prop_assert_eq!(found.clients(), client_days.len() as u64);
            let found = found.value().unwrap_or(-1.0);
            prop_assert!((found - expected).abs() <= 1e-9 + expected * 1e-12);
        }
    }
    Ok(())
}

#[test]
fn means_of_sample_stats_equal_a_naive_computation() {
    let samples = |stats_type| {
        let client_days = (0_u64..6).map(|client| {
            let analyses = Sample::new(client).analyses(4, MIN_DATE);
            // Two clients on each date.
            let date = MIN_DATE + Days::new(50 * (client / 2));
            let stats = analyses.flat_map(|analysis| analysis.stats_on(date));
            let stats = stats.filter(|stat| stat.stats_type == stats_type);
            (
                date,
                stats.map(|stat| stat.data.as_str().to_owned()).collect(),
            )
        });
        client_days.collect::<Vec<ClientDay>>()
    };
    let mut stats = samples(StatsType::Cartography);
    check(cartography_means, &stats, naive_cartography).unwrap();
    // All sample analyses have the same scales.
    for (position, (_, documents)) in stats.iter_mut().enumerate() {
        for document in documents {
            let mut wider: Value = serde_json::from_str(document).unwrap();
            wider["scales"]["impact"] = json!([0, 5 + position]);
            wider["scales"]["likelihood"] = json!([0, 25 + 5 * position]);
            *document = wider.to_string();
        }
    }
    check(cartography_means, &stats, naive_cartography).unwrap();
    let stats = samples(StatsType::Compliance);
    check(compliance_means, &stats, naive_compliance).unwrap();
    assert!(!compliance_means(&stats, View::default()).is_empty());
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
        check(object_means, &client_days, naive_objects)?;
    }

    #[test]
    fn risk_means_equal_a_naive_computation(client_days in client_days(StatsType::Risk)) {
        check(risk_means, &client_days, naive_risks)?;
    }

    #[test]
    fn cartography_means_equal_a_naive_computation(client_days in client_days(StatsType::Cartography)) {
        check(cartography_means, &client_days, naive_cartography)?;
    }

    #[test]
    fn compliance_means_equal_a_naive_computation(client_days in client_days(StatsType::Compliance)) {
        check(compliance_means, &client_days, naive_compliance)?;
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

/// The clients behind each cell and label of stored partials, by path. Partials of several clients count as one client.
fn behind(partials: impl IntoIterator<Item = Value>) -> BTreeMap<String, BTreeSet<usize>> {
    fn walk(value: &Value, path: &str, found: &mut dyn FnMut(String)) {
        match value {
            Value::Object(fields) if fields.get("c").is_some_and(|clients| clients[0] != 0) => {
                found(path.to_owned());
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("labels", Value::Array(texts)) => {
                            texts.iter().for_each(|text| {
                                found(format!("{path}/{name} {}", text[0]));
                            });
                        }
                        _ => walk(value, &format!("{path}/{name}"), found),
                    }
                }
            }
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    walk(item, &format!("{path}/{position}"), found);
                }
            }
            _ => {}
        }
    }

    let mut behind = BTreeMap::<_, BTreeSet<_>>::new();
    for (client, partial) in partials.into_iter().enumerate() {
        walk(&partial, "", &mut |path| {
            behind.entry(path).or_default().insert(client);
        });
    }
    behind
}

/// The documents of each client on one day, some of which is local.
fn one_day() -> impl Strategy<Value = (Registered, Vec<(bool, Vec<String>)>)> {
    let processors: Vec<_> = Registry::default().iter().copied().collect();
    select(processors).prop_flat_map(|processor| {
        let days = client_days(processor.stats_type);
        let local = vec(any::<bool>(), 12);
        (Just(processor), days, local).prop_map(|(processor, days, local)| {
            let documents = days.into_iter().map(|(_, documents)| documents);
            (processor, local.into_iter().zip(documents).collect())
        })
    })
}

proptest! {
    #[test]
    fn what_is_published_of_a_day_has_enough_clients_behind_it(
        (processor, clients) in one_day(), min_clients in 1_u64..5,
    ) {
        let partial = |clients: &[&(bool, Vec<String>)]| {
            let mut accumulator = processor.start();
            for (_, documents) in clients {
                accumulator.fold(MIN_DATE, documents);
            }
            accumulator
        };
        let json = |accumulator: &Accumulator| -> Value {
            serde_json::from_slice(&accumulator.to_json().unwrap()).unwrap()
        };
        let everybody: Vec<_> = clients.iter().collect();
        let local: Vec<_> = clients.iter().filter(|(is_local, _)| *is_local).collect();
        let each = behind(everybody.iter().map(|client| json(&partial(&[client]))));
        let all = partial(&everybody);
        for (clients, of_all) in [(&everybody, None), (&local, Some(&all))] {
            let whole = partial(clients);
            let each_of_these = behind(clients.iter().map(|client| json(&partial(&[client]))));
            let mut published = partial(clients);
            let mut disclosure = Disclosure::new(min_clients);
            published.withhold(&mut disclosure, of_all).unwrap();
            prop_assert_eq!(published.skipped(), 0);
            let (whole, published) = (json(&whole), json(&published));
            let published_paths = behind([published.clone()]);
            for (path, clients) in &each_of_these {
                let enough = |clients: usize| clients as u64 >= min_clients;
                let is_label = path.contains("labels");
                let others = each[path].len() - clients.len();
                let expected = enough(clients.len())
                    && (of_all.is_none() || is_label || others == 0 || enough(others));
                let is_published = published_paths.contains_key(path);
                // An object is removed with its labels.
                let parent = path.split("/labels").next().unwrap();
                let has_parent = published_paths.keys().any(|path| path.starts_with(parent));
                let is_kept = !is_label || has_parent;
                prop_assert_eq!(is_published, expected && is_kept, "{} of {:?}", path, clients);
            }
            // What is published is as it was.
            for path in published_paths.keys().filter(|path| !path.contains("labels")) {
                prop_assert_eq!(published.pointer(path), whole.pointer(path));
            }
            prop_assert!(published_paths.keys().all(|path| each_of_these.contains_key(path)));
            let unit = |path: &&String| !path.contains("labels");
            if published_paths.keys().filter(unit).count() > 0 {
                prop_assert!(disclosure.published > 0);
            }
        }
    }
}
