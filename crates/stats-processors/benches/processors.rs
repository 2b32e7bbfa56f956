//! The steps of a processor: folding a stat, merging the partial of a day, storing and reading it, and finishing.
#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use chrono::{Days, NaiveDate};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use serde_json::Value;
use stats_core::{AnalysisId, MIN_DATE};
use stats_processors::{Accumulator, Registered, Registry, Shape};
use stats_sample::Sample;

/// The processors with different partials.
const PROCESSORS: [&str; 5] = [
    "risk_averages_on_date",
    "threat_average_on_date",
    "vulnerability_average_on_date",
    "cartography_averages_on_date",
    "compliance_averages_on_date",
];
const ANALYSES: u32 = 50;
const DAYS: u64 = 365;

fn main() {
    divan::main();
}

#[divan::bench(args = PROCESSORS)]
fn fold_a_stat(bencher: Bencher, name: &str) {
    let processor = processor(name);
    let document = documents(&processor, MIN_DATE).swap_remove(0);
    bencher
        .counter(BytesCount::of_str(&document))
        .with_inputs(|| processor.start())
        .bench_local_refs(|partial| partial.fold(MIN_DATE, [black_box(document.as_str())]));
}

/// Folds the extract of 50 analyses of one client.
#[divan::bench(args = &PROCESSORS[1..3])]
fn fold_an_extract(bencher: Bencher, name: &str) {
    let processor = processor(name);
    let documents = documents(&processor, MIN_DATE);
    let mut stats = documents
        .iter()
        .map(|document| (AnalysisId::random(), document.into()));
    let extract = processor.extract(&mut stats).expect("an extract");
    bencher
        .counter(BytesCount::of_slice(&extract))
        .with_inputs(|| processor.start())
        .bench_local_refs(|partial| partial.fold_extract(MIN_DATE, black_box(&extract), None));
}

/// Merges the partial of one day into that of a year.
#[divan::bench(args = PROCESSORS)]
fn merge_a_day(bencher: Bencher, name: &str) {
    let processor = processor(name);
    let mut year = year(&processor);
    let day = day(&processor, MIN_DATE);
    bencher.bench_local(|| year.merge(black_box(&day)).expect("the same partial"));
}

#[divan::bench(args = PROCESSORS)]
fn store_a_day(bencher: Bencher, name: &str) {
    let processor = processor(name);
    let day = day(&processor, MIN_DATE);
    bencher.bench_local(|| black_box(&day).to_json().expect("a partial that is stored"));
}

#[divan::bench(args = PROCESSORS)]
fn read_and_merge_a_day(bencher: Bencher, name: &str) {
    let processor = processor(name);
    let mut year = year(&processor);
    let json = day(&processor, MIN_DATE).to_json();
    let json = json.expect("a partial that is stored");
    bencher
        .counter(BytesCount::of_slice(&json))
        .bench_local(|| year.merge_json(black_box(&json)).expect("the same partial"));
}

#[divan::bench(args = PROCESSORS)]
fn finish_a_year(bencher: Bencher, name: &str) {
    let processor = processor(name);
    let year = year(&processor);
    let finisher = processor.prepare(&Value::Null).expect("no parameters");
    bencher.bench_local(|| finisher.finish(black_box(&year), Shape::Map).expect("JSON"));
}

fn processor(name: &str) -> Registered {
    *Registry::default().find(name).expect("a processor")
}

/// The documents of all analyses on a day.
fn documents(processor: &Registered, date: NaiveDate) -> Vec<String> {
    let analyses = Sample::new(1).analyses(ANALYSES, MIN_DATE);
    let stats = analyses.flat_map(|analysis| analysis.stats_on(date));
    stats
        .filter(|stat| stat.stats_type == processor.stats_type)
        .map(|stat| stat.data.as_str().to_owned())
        .collect()
}

fn day(processor: &Registered, date: NaiveDate) -> Accumulator {
    let mut partial = processor.start();
    partial.fold(date, documents(processor, date));
    partial
}

fn year(processor: &Registered) -> Accumulator {
    // A partial has the same size for the same documents, whatever the day.
    let documents = documents(processor, MIN_DATE);
    let mut year = processor.start();
    for days in 0..DAYS {
        year.fold(MIN_DATE + Days::new(days), &documents);
    }
    year
}
