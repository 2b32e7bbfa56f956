//! The size of partials and results is bounded for any input.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{Days, NaiveDate};
use stats_core::{AnalysisId, MAX_OBJECTS, MIN_DATE};
use stats_processors::{
    CompliancePartial, ExtractedPartial, Language, MAX_KEPT_OBJECTS, ObjectAverages, ObjectPartial,
    Partial, View,
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
    assert_eq!(
        ids(&partial.averages(View::default())),
        uuids(3..MAX_OBJECTS + 3)
    );
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
    let averages = in_order.averages(View::default());
    assert_eq!(ids(&averages), uuids(0..MAX_OBJECTS));
    assert_eq!(averages[1].overall.count.analyses(), 2);
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

/// The counts of a damaged extract may be any numbers.
#[test]
fn huge_counts_in_an_extract_do_not_overflow() {
    type Objects = BTreeMap<(Uuid, [Option<String>; 4]), Vec<(u32, [u64; 3])>>;
    let stats = vec![(AnalysisId::random(), u64::MAX); 2];
    let key = |number| (Uuid::from_u128(number), [const { None }; 4]);
    let objects = (0..=MAX_OBJECTS as u128).map(|number| (key(number), vec![(0, [u64::MAX; 3])]));
    let objects: Objects = objects.collect();
    let extract = postcard::to_allocvec(&(stats, objects)).unwrap();
    let mut partial = ObjectPartial::default();
    for _ in 0..2 {
        partial.fold_extract(MIN_DATE, &extract, None).unwrap();
    }
    assert_eq!(partial.skipped(), u64::MAX);
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
    let averages = ids(&partial.averages(View::default()));
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
        assert_eq!(ids(&pruned.averages(View::default())), averages);
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

/// The number of categories of each referential in the tests.
const CATEGORIES: usize = 8;

/// A stat with the categories of these numbers.
fn compliance(numbers: impl IntoIterator<Item = usize>) -> String {
    labelled("a", numbers)
}

/// A stat with the categories of these numbers and a label for their referentials.
fn labelled(label: &str, numbers: impl IntoIterator<Item = usize>) -> String {
    let mut referentials: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for number in numbers {
        let (referential, category) = (number / CATEGORIES, uuid(number % CATEGORIES));
        let element = format!(r#"{{"controls":[{{"measure":"{category}"}}],"value":"0.50"}}"#);
        referentials.entry(referential).or_default().push(element);
    }
    let elements: Vec<_> = referentials
        .into_iter()
        .map(|(referential, categories)| {
            let (uuid, categories) = (uuid(referential), categories.join(","));
            format!(
                r#"{{"referential":"{uuid}","label1":"{label}","current":[{categories}],"target":[{categories}]}}"#
            )
        })
        .collect();
    format!("[{}]", elements.join(","))
}

fn fold_compliance(stats: &[String]) -> CompliancePartial {
    let mut partial = CompliancePartial::default();
    partial.fold(MIN_DATE, stats);
    partial
}

/// The numbers of the categories in a result.
fn categories(partial: &CompliancePartial) -> Vec<usize> {
    let number = |uuid: Uuid| uuid.as_u128() as usize;
    let averages = partial.averages(View::default()).into_iter();
    averages
        .flat_map(|referential| {
            let first = CATEGORIES * number(referential.referential);
            let categories = referential.categories.into_iter();
            categories.map(move |category| first + number(category.category))
        })
        .collect()
}

/// The number of categories in a partial.
fn kept_categories(partial: &CompliancePartial) -> usize {
    let partial = serde_json::to_value(partial).unwrap();
    let referentials = partial["referentials"].as_object().unwrap().values();
    let categories = referentials.map(|known| known["categories"].as_object().unwrap().len());
    let categories: Vec<_> = categories.collect();
    assert!(!categories.contains(&0));
    categories.iter().sum()
}

#[test]
fn a_client_day_keeps_the_categories_with_the_smallest_ids() {
    let step = MAX_OBJECTS / 2;
    // The last referential has categories that are kept and categories that are not.
    let kept: Vec<_> = (4..MAX_OBJECTS + 4).collect();
    let mut stats = vec![
        compliance(4..step),
        compliance(step..2 * step),
        compliance(2 * step - 4..3 * step),
        compliance([5, 6, 3 * step]),
        labelled("b", [MAX_OBJECTS + 5]),
    ];
    let in_order = fold_compliance(&stats);
    assert_eq!(categories(&in_order), kept);
    assert_eq!(kept_categories(&in_order), MAX_OBJECTS);
    let elements = (step - 4) + step + (step + 4) + 3 + 1;
    // Four categories are in two stats, and two in the fourth stat.
    let counted = MAX_OBJECTS + 4 + 2;
    assert_eq!(in_order.skipped(), (elements - counted) as u64);
    let averages = in_order.averages(View::default());
    let last = averages.last().unwrap();
    assert_eq!(last.labels.get(Language::French), "b");
    let json = serde_json::to_string(&in_order).unwrap();
    for _ in 0..stats.len() {
        stats.rotate_left(1);
        for stats in [stats.clone(), stats.iter().rev().cloned().collect()] {
            assert_eq!(
                serde_json::to_string(&fold_compliance(&stats)).unwrap(),
                json
            );
        }
    }
}

#[test]
fn a_client_day_keeps_the_labels_of_the_referentials_of_kept_categories() {
    let one_each = |first: usize| (first..first + MAX_OBJECTS).map(|number| number * CATEGORIES);
    let mut stats = [compliance(one_each(MAX_OBJECTS)), compliance(one_each(0))];
    for _ in 0..2 {
        let averages = fold_compliance(&stats).averages(View::default());
        assert_eq!(averages.len(), MAX_OBJECTS);
        let labels = averages.iter().map(|one| one.labels.get(Language::French));
        assert!(labels.eq(std::iter::repeat_n("a", MAX_OBJECTS)));
        stats.reverse();
    }
}

#[test]
fn a_partial_drops_the_least_frequent_categories() {
    let common = 10 * MAX_OBJECTS..10 * MAX_OBJECTS + 20;
    let mut partial = CompliancePartial::default();
    for day in [0, 1] {
        partial.fold(MIN_DATE + Days::new(day), [compliance(common.clone())]);
    }
    for first in [0, 1, 2].map(|step| step * MAX_OBJECTS) {
        partial.fold(MIN_DATE, [compliance(first..first + MAX_OBJECTS)]);
    }
    let exact = kept_categories(&partial);
    assert_eq!((exact, partial.skipped()), (3 * MAX_OBJECTS + 20, 0));
    let expected: Vec<_> = (0..MAX_OBJECTS - 20).chain(common).collect();
    assert_eq!(categories(&partial), expected);

    let more = [compliance(5 * MAX_OBJECTS..6 * MAX_OBJECTS)];
    let mut merged = fold_compliance(&more);
    merged.merge(&partial);
    partial.fold(MIN_DATE, more);
    for pruned in [merged, partial] {
        assert_eq!(kept_categories(&pruned), MAX_KEPT_OBJECTS);
        let skipped = exact + MAX_OBJECTS - MAX_KEPT_OBJECTS;
        assert_eq!(pruned.skipped(), skipped as u64);
        assert_eq!(categories(&pruned), expected);
    }
}

#[test]
fn the_number_of_labels_of_referentials_and_categories_is_bounded() {
    let label = |number: usize| {
        let category = format!(
            r#"{{"label1":"{number}","controls":[{{"measure":"{}"}}],"value":1}}"#,
            uuid(1)
        );
        format!(
            r#"[{{"referential":"{}","label1":"{number}","current":[{category}],"target":[{category}]}}]"#,
            uuid(1)
        )
    };
    let mut partial = CompliancePartial::default();
    partial.fold(MIN_DATE, (0..500).map(label));
    for number in 0..500 {
        partial.fold(MIN_DATE, [label(number)]);
    }
    assert!(serde_json::to_string(&partial).unwrap().len() < 2000);
}
