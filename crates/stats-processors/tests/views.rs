//! Results by weight and with counts, for every processor.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use chrono::{Days, NaiveDate};
use serde_json::{Map, Value, json};
use stats_core::MIN_DATE;
use stats_processors::{Accumulator, Registered, Registry, Shape};
use stats_sample::Sample;

/// Three clients on the first date, with 1, 2 and 3 analyses, and the first two on the next date.
fn client_days(processor: &Registered) -> Vec<(NaiveDate, Vec<String>)> {
    let mut client_days = Vec::new();
    for (day, clients) in [(0, 3), (1, 2)] {
        let date = MIN_DATE + Days::new(day);
        for client in 1..=clients {
            let analyses = Sample::new(client).analyses(client as u32, MIN_DATE);
            let stats = analyses.flat_map(|analysis| analysis.stats_on(date));
            let stats = stats.filter(|stat| stat.stats_type == processor.stats_type);
            client_days.push((
                date,
                stats.map(|stat| stat.data.as_str().to_owned()).collect(),
            ));
        }
    }
    client_days
}

fn fold(processor: &Registered) -> Accumulator {
    let mut accumulator = processor.start();
    for (date, documents) in client_days(processor) {
        accumulator.fold(date, documents);
    }
    accumulator
}

fn finish(
    processor: &Registered,
    accumulator: &Accumulator,
    parameters: Value,
    shape: Shape,
) -> Value {
    let finisher = processor.prepare(&parameters).unwrap();
    serde_json::from_str(&finisher.finish(accumulator, shape).unwrap()).unwrap()
}

/// Removes the counts, and collects them.
fn without_counts(value: Value, counts: &mut Vec<(u64, u64)>) -> Value {
    match value {
        Value::Array(list) => {
            let list = list.into_iter();
            list.map(|value| without_counts(value, counts)).collect()
        }
        Value::Object(mut fields) => {
            if let Some(clients) = fields.remove("clients") {
                let analyses = &fields["analyses"];
                counts.push((clients.as_u64().unwrap(), analyses.as_u64().unwrap()));
                // The compliance processors always have this field.
                if !fields.contains_key("target") {
                    fields.remove("analyses");
                }
                if fields.keys().eq(["value"]) {
                    return fields.remove("value").unwrap();
                }
            }
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| (name, without_counts(value, counts)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other,
    }
}

#[test]
fn counts_stand_beside_each_mean_of_a_series() {
    for processor in Registry::default().iter() {
        let accumulator = fold(processor);
        let result =
            |counts: bool, shape| finish(processor, &accumulator, json!({"counts": counts}), shape);
        let mut counts = Vec::new();
        let series = without_counts(result(true, Shape::Series), &mut counts);
        assert_eq!(series, result(false, Shape::Series), "{}", processor.name);
        assert_eq!(
            result(true, Shape::Map),
            result(false, Shape::Map),
            "{}",
            processor.name
        );
        assert!(counts.contains(&(3, 6)), "{}: {counts:?}", processor.name);
        let is_by_date = processor.name.ends_with("_on_date");
        assert_eq!(
            counts.contains(&(2, 3)),
            is_by_date,
            "{}: {counts:?}",
            processor.name
        );
        assert!(
            counts
                .iter()
                .all(|(clients, analyses)| (1..=3).contains(clients) && (1..=6).contains(analyses))
        );
    }
}

#[test]
fn the_weight_of_a_client_does_not_depend_on_the_number_of_its_analyses() {
    for processor in Registry::default().iter() {
        let once = fold(processor);
        // Each analysis of the last client of each date occurs a hundred times.
        let mut often = processor.start();
        let mut client_days = client_days(processor);
        for last in [2, 4] {
            let documents = &mut client_days[last].1;
            *documents = documents
                .iter()
                .cycle()
                .take(100 * documents.len())
                .cloned()
                .collect();
        }
        for (date, documents) in client_days {
            often.fold(date, documents);
        }
        for shape in [Shape::Series, Shape::Map] {
            let of = |accumulator, weight: &str| {
                let mut result = finish(processor, accumulator, json!({"weight": weight}), shape);
                remove_analyses(&mut result);
                result
            };
            assert_eq!(
                of(&once, "client"),
                of(&often, "client"),
                "{}",
                processor.name
            );
            assert_ne!(
                of(&once, "analysis"),
                of(&often, "analysis"),
                "{}",
                processor.name
            );
            assert_ne!(
                of(&once, "analysis"),
                of(&once, "client"),
                "{}",
                processor.name
            );
        }
    }
}

fn remove_analyses(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(remove_analyses),
        Value::Object(fields) => {
            fields.remove("analyses");
            fields.values_mut().for_each(remove_analyses);
        }
        _ => {}
    }
}
