use std::collections::HashSet;

use chrono::{Days, NaiveDate};
use serde_json::Value;
use stats_core::{AnalysisId, MIN_DATE};
use stats_processors::{
    Accumulator, MAX_LABEL_LENGTH, MAX_LABELS, MAX_VALUE, Registered, Registry, Shape, json,
};
use uuid::Uuid;

/// One client's stats of one day, with the accumulator that folds them.
struct ClientDay<'a> {
    date: NaiveDate,
    split: usize,
    documents: Vec<&'a str>,
}

const SPLITS: usize = 3;
const MAX_LINES: usize = 16;

/// Documents of stats, one a line, behind a letter for the day and a digit for the client. Neighbours with the same
/// letter and digit are one client-day.
pub fn documents(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut client_days: Vec<(&str, ClientDay<'_>)> = Vec::new();
    for line in text.lines().take(MAX_LINES) {
        let Some((key, document)) = line.split_at_checked(2) else {
            continue;
        };
        check_reading(document);
        match client_days.last_mut() {
            Some((last, client_day)) if *last == key => client_day.documents.push(document),
            _ => {
                let [day, client] = [0, 1].map(|position| key.as_bytes()[position]);
                let client_day = ClientDay {
                    date: MIN_DATE + Days::new(u64::from(day)),
                    split: usize::from(client) % SPLITS,
                    documents: vec![document],
                };
                client_days.push((key, client_day));
            }
        }
    }
    let client_days: Vec<_> = client_days.into_iter().map(|(_, day)| day).collect();
    // Partials are exact up to twice as many labels as they keep.
    let is_exact = ["label1", "label2", "label3", "label4"]
        .iter()
        .all(|label| text.matches(label).count() + text.matches("\\u").count() <= 2 * MAX_LABELS);
    let registry = Registry::default();
    let mut types = HashSet::new();
    for processor in registry.iter() {
        if !types.insert(processor.partial_type) {
            continue;
        }
        let in_order = fold(processor, &client_days);
        let same_type = |other: &&Registered| other.partial_type == processor.partial_type;
        for finishing in registry.iter().filter(same_type) {
            check_results(finishing, &in_order);
        }
        let merged = fold_split(processor, &client_days);
        let extracted = fold_extracts(processor, &client_days);
        if is_exact {
            for other in [Some(merged), extracted].into_iter().flatten() {
                assert_eq!(bytes(&other), bytes(&in_order), "{}", processor.name);
            }
        }
    }
}

fn fold(processor: &Registered, client_days: &[ClientDay<'_>]) -> Accumulator {
    let mut accumulator = processor.start();
    for client_day in client_days {
        accumulator.fold(client_day.date, client_day.documents.iter().copied());
    }
    accumulator
}

/// Folds into several accumulators, half of them by way of JSON, and merges them from the last to the first.
fn fold_split(processor: &Registered, client_days: &[ClientDay<'_>]) -> Accumulator {
    let mut splits = [(); SPLITS].map(|()| processor.start());
    for client_day in client_days.iter().rev() {
        let documents = client_day.documents.iter().rev().copied();
        splits[client_day.split].fold(client_day.date, documents);
    }
    let mut merged = processor.start();
    for (position, split) in splits.iter().enumerate().rev() {
        if position % 2 == 0 {
            let json = split.to_json().expect("a partial is written");
            merged.merge_json(&json).expect("a written partial is read");
        } else {
            merged.merge(split).expect("the partials have one type");
        }
    }
    merged
}

/// Folds the extract of each client-day, if the processor has extracts.
fn fold_extracts(processor: &Registered, client_days: &[ClientDay<'_>]) -> Option<Accumulator> {
    processor.extract_format()?;
    let mut accumulator = processor.start();
    for client_day in client_days {
        let documents = client_day.documents.iter();
        let mut stats = (0..).zip(documents).map(|(number, document)| {
            let analysis = AnalysisId(Uuid::from_u128(number));
            (analysis, (*document).into())
        });
        let extract = processor.extract(&mut stats).expect("the input is small");
        let folded = accumulator.fold_extract(client_day.date, &extract, None);
        folded.expect("an extract is folded");
    }
    Some(accumulator)
}

fn bytes(accumulator: &Accumulator) -> (String, u64) {
    let json = accumulator.to_json().expect("a partial is written");
    let json = String::from_utf8(json).expect("JSON is UTF-8");
    (json, accumulator.skipped())
}

fn check_results(processor: &Registered, accumulator: &Accumulator) {
    let finisher = processor.prepare(&Value::Null).expect("no parameters");
    for shape in [Shape::Series, Shape::Map] {
        let result = finisher.finish(accumulator, shape);
        let result = result.expect("a result is written");
        check_value(&serde_json::from_str(&result).expect("a result is JSON"));
    }
}

/// Results have no `null`, no number out of range and no label that can deceive.
fn check_value(value: &Value) {
    match value {
        Value::Null => panic!("a result has null"),
        Value::Bool(_) => {}
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            assert!((0.0..=MAX_VALUE).contains(&number), "{number}");
        }
        Value::String(text) => {
            assert!(text.chars().count() <= MAX_LABEL_LENGTH);
            assert!(
                !text.contains(char::is_control) && text.trim() == text,
                "{text:?}"
            );
        }
        Value::Array(list) => list.iter().for_each(check_value),
        Value::Object(object) => object.values().for_each(check_value),
    }
}

/// The fast way to read a list of objects finds what the other one finds.
fn check_reading(document: &str) {
    const NAMES: [&str; 3] = ["uuid", "count", "label2"];
    let fast = json::objects(document, &NAMES);
    let slow = json::list(document).map(|elements| {
        let elements = elements.map(|element| json::fields(element, &NAMES));
        elements.collect::<Vec<_>>()
    });
    assert_eq!(format!("{fast:?}"), format!("{slow:?}"));
    let values = fast.into_iter().flatten().flatten();
    for value in values.flat_map(|fields| fields.values).flatten() {
        let is_text = json::text(value).is_some();
        assert_eq!(is_text, serde_json::from_str::<String>(value).is_ok());
        assert!(json::number(value).is_none_or(|number| (0.0..=MAX_VALUE).contains(&number)));
    }
}
