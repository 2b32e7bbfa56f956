//! The size of partials and results is bounded for any input.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::ops::Range;

use chrono::{Days, NaiveDate};
use stats_core::{AnalysisId, MAX_OBJECTS, MIN_DATE};
use stats_processors::{
    ExtractedPartial, MAX_KEPT_OBJECTS, ObjectAverages, ObjectPartial, Partial,
};
use uuid::Uuid;

fn uuid(number: usize) -> Uuid {
    Uuid::from_u128(number as u128)
}

/// A stat with the objects of these numbers.
fn stat(numbers: impl IntoIterator<Item = usize>) -> String {
    let elements: Vec<_> = numbers
        .into_iter()
        .map(|number| {
            let uuid = uuid(number);
            format!(r#"{{"uuid":"{uuid}","count":1,"maxRisk":2,"averageRate":"3"}}"#)
        })
        .collect();
    format!("[{}]", elements.join(","))
}

fn fold(stats: &[String]) -> ObjectPartial {
    let mut partial = ObjectPartial::default();
    partial.fold(MIN_DATE, stats);
    partial
}

fn extract(stats: &[String]) -> Option<Vec<u8>> {
    let stats = stats.iter().map(|stat| (AnalysisId::random(), stat.into()));
    ObjectPartial::extract(&mut { stats })
}

fn fold_extract(stats: &[String]) -> ObjectPartial {
    let mut partial = ObjectPartial::default();
    let extract = extract(stats).unwrap();
    partial.fold_extract(MIN_DATE, &extract, None).unwrap();
    partial
}

fn ids(averages: &[ObjectAverages]) -> Vec<Uuid> {
    averages.iter().map(|one| one.object).collect()
}

fn uuids(numbers: Range<usize>) -> Vec<Uuid> {
    numbers.map(uuid).collect()
}

/// The number of objects in a partial.
fn kept(partial: &ObjectPartial) -> usize {
    serde_json::to_value(partial).unwrap()["objects"]
        .as_object()
        .unwrap()
        .len()
}

#[test]
fn elements_beyond_the_limit_of_a_stat_are_skipped() {
    let partial = fold(&[stat((0..MAX_OBJECTS + 3).rev())]);
    assert_eq!(partial.skipped(), 3);
    assert_eq!(ids(&partial.averages()), uuids(3..MAX_OBJECTS + 3));
}

#[test]
fn a_client_day_keeps_the_objects_with_the_smallest_ids() {
    let step = MAX_OBJECTS / 2;
    let mut stats = vec![
        stat(0..step),
        stat(step..2 * step),
        stat(2 * step - 5..3 * step),
        stat([1, 1, 2, 3 * step, 3 * step]),
    ];
    let in_order = fold(&stats);
    assert_eq!(kept(&in_order), MAX_OBJECTS);
    // The objects from 2 * step on, and one duplicate.
    assert_eq!(in_order.skipped(), step as u64 + 2 + 1);
    let averages = in_order.averages();
    assert_eq!(ids(&averages), uuids(0..MAX_OBJECTS));
    assert_eq!(averages[1].overall.count.analyses.count(), 2);
    for _ in 0..stats.len() {
        stats.rotate_left(1);
        for stats in [stats.clone(), stats.iter().rev().cloned().collect()] {
            for partial in [fold(&stats), fold_extract(&stats)] {
                let json = serde_json::to_string(&partial).unwrap();
                assert_eq!(json, serde_json::to_string(&in_order).unwrap());
            }
        }
    }
}

#[test]
fn a_client_day_with_too_many_elements_has_no_extract() {
    let stat = stat(0..MAX_OBJECTS);
    let extract = |number| extract(&vec![stat.clone(); number]);
    assert!(extract(63).is_some());
    assert!(extract(65).is_none());
    let mut empty = (0..).map(|_| (AnalysisId::random(), "5".into()));
    assert!(ObjectPartial::extract(&mut empty).is_none(), "it ends");
}

#[test]
fn a_damaged_extract_changes_nothing() {
    let extract = extract(&[stat(0..5)]).unwrap();
    let mut partial = ObjectPartial::default();
    for end in 0..extract.len() {
        let result = partial.fold_extract(MIN_DATE, &extract[..end], None);
        assert!(result.is_err(), "{end}");
    }
    assert_eq!((partial.skipped(), kept(&partial)), (0, 0));
}

#[test]
fn a_partial_drops_the_least_frequent_objects() {
    let mut partial = ObjectPartial::default();
    let date = |day| MIN_DATE + Days::new(day);
    // Four client-days on two dates have the common objects, which have the greatest ids.
    let common = 10 * MAX_OBJECTS..10 * MAX_OBJECTS + 10;
    for day in [0, 0, 1, 1] {
        partial.fold(date(day), [stat(common.clone())]);
    }
    let mut day = 0;
    while kept(&partial) + MAX_OBJECTS <= 2 * MAX_KEPT_OBJECTS {
        let first = (day as usize) * MAX_OBJECTS;
        partial.fold(date(day), [stat(first..first + MAX_OBJECTS)]);
        day += 1;
    }
    let exact = kept(&partial);
    assert_eq!(exact, 3 * MAX_OBJECTS + 10);
    assert_eq!(partial.skipped(), 0);
    let averages = ids(&partial.averages());
    assert_eq!(averages.len(), MAX_OBJECTS);
    assert_eq!(averages[..MAX_OBJECTS - 10], uuids(0..MAX_OBJECTS - 10));
    assert_eq!(averages[MAX_OBJECTS - 10..], uuids(common));

    let mut merged = fold(&[stat(5 * MAX_OBJECTS..6 * MAX_OBJECTS)]);
    merged.merge(&partial);
    assert_eq!(kept(&merged), MAX_KEPT_OBJECTS);
    assert_eq!(
        merged.skipped(),
        (exact + MAX_OBJECTS - MAX_KEPT_OBJECTS) as u64
    );
    partial.fold(date(0), [stat(5 * MAX_OBJECTS..6 * MAX_OBJECTS)]);
    for pruned in [merged, partial] {
        assert_eq!(kept(&pruned), MAX_KEPT_OBJECTS);
        assert_eq!(ids(&pruned.averages()), averages);
    }
}

#[test]
fn the_number_of_labels_is_bounded() {
    let mut partial = ObjectPartial::default();
    let date: NaiveDate = MIN_DATE;
    let label = |number: usize| {
        let uuid = uuid(1);
        format!(
            r#"[{{"uuid":"{uuid}","count":1,"maxRisk":1,"averageRate":1,"label1":"{number}","label2":"x"}}]"#
        )
    };
    partial.fold(date, (0..500).map(label));
    for number in 0..500 {
        partial.fold(date, [label(number)]);
    }
    assert!(serde_json::to_string(&partial).unwrap().len() < 1000);
}
