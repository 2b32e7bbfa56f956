//! The form of the generated stats, and their changes over time.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::panic, reason = "a test may fail")]

mod story;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use serde_json::Value;
use stats_core::{MAX_DATE, MIN_DATE, NewStat, StatsType, parse_batch};
use stats_sample::{Analysis, Sample, payload};

/// More days than [`Analysis::BUSY_DAYS`].
const DAYS: usize = 500;
const STATES: [&str; 2] = ["current", "residual"];

fn start() -> NaiveDate {
    "2026-01-31".parse().unwrap()
}

fn analyses(seed: u64) -> impl Iterator<Item = Analysis> {
    Sample::new(seed).analyses(8, start())
}

/// The data of one day by type.
fn data(analysis: &Analysis, day: usize) -> BTreeMap<StatsType, Value> {
    let date = start() + Days::new(day as u64);
    let stats = analysis.stats_on(date).into_iter();
    let parsed = |stat: &NewStat| serde_json::from_str(stat.data.as_str()).unwrap();
    stats.map(|stat| (stat.stats_type, parsed(&stat))).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

/// Parses a number that MONARC writes as a string.
fn decimal(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value}"))
}

/// The numbers of low, medium and high risks.
fn levels(risk: &Value, state: &str, kind: &str) -> [u64; 3] {
    let levels = list(&risk["risks"][state][kind]);
    std::array::from_fn(|level| number(&levels[level]["value"]))
}

/// The cells of a risk matrix, each map of which may be a list: impact, column, number of risks.
fn cells(matrix: &Value) -> Vec<(u64, u64, u64)> {
    fn entries(map: &Value) -> Vec<(u64, &Value)> {
        match map {
            Value::Array(list) => (0..).zip(list).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| (key.parse().unwrap(), value))
                .collect(),
            other => panic!("{other}"),
        }
    }
    let rows = entries(matrix).into_iter();
    rows.flat_map(|(impact, row)| {
        let row = entries(row).into_iter();
        row.map(move |(column, count)| (impact, column, number(count)))
    })
    .collect()
}

/// Asserts that the five stats of a day follow from the same risks.
fn assert_consistent(data: &BTreeMap<StatsType, Value>) {
    let (risk, cartography) = (&data[&StatsType::Risk], &data[&StatsType::Cartography]);
    for state in STATES {
        for (kind, low, medium) in [("informational", 8, 27), ("operational", 4, 8)] {
            let mut expected = [0; 3];
            for (impact, column, count) in cells(&cartography["risks"][state][kind]) {
                let risk = impact * column;
                expected[usize::from(risk > low) + usize::from(risk > medium)] += count;
            }
            assert_eq!(levels(risk, state, kind), expected, "{state} {kind}");
            let total = number(&risk["total"][state][kind]);
            assert_eq!(total, expected.iter().sum::<u64>());
        }
    }
    let mut assessed = cells(&cartography["risks"]["current"]["informational"]);
    assessed.retain(|(_, likelihood, _)| *likelihood > 0);
    let total: u64 = assessed.iter().map(|cell| cell.2).sum();
    let highest = assessed.iter().map(|cell| cell.0 * cell.1).max();
    for stats_type in [StatsType::Threat, StatsType::Vulnerability] {
        let field = |name| {
            let objects = list(&data[&stats_type]).iter();
            objects.map(move |object| number(&object[name]))
        };
        assert_eq!(field("count").sum::<u64>(), total, "{stats_type}");
        assert_eq!(field("maxRisk").max(), highest, "{stats_type}");
    }
}

#[test]
fn same_seed_gives_same_bytes() {
    let body = |seed| {
        let dates = || start().iter_days().step_by(60).take(5);
        let stats = analyses(seed).flat_map(|analysis| analysis.stats(dates()).collect::<Vec<_>>());
        payload(&stats.collect::<Vec<_>>())
    };
    assert_eq!(body(1), body(1));
    assert_ne!(body(1), body(2));
    // FNV-1a: detects a change of the output by a platform, a compiler or the generator.
    let hash = body(1)
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
    assert_eq!(hash, 1_021_370_048_909_164_998);
}

#[test]
fn analyses_are_distinct_and_independent() {
    let ids: Vec<_> = analyses(1).map(|analysis| analysis.id()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert_eq!(Sample::new(1).analysis(5, start()).id(), ids[5]);
    assert_ne!(Sample::new(2).analysis(0, start()).id(), ids[0]);
}

#[test]
fn every_stat_is_accepted_unchanged() {
    for analysis in analyses(3) {
        let stats: Vec<_> = analysis.stats(start().iter_days().take(3)).collect();
        assert_eq!(stats.len(), 3 * StatsType::ALL.len());
        assert!(
            stats
                .iter()
                .all(|stat| stat.uuid.is_none() && stat.analysis == analysis.id())
        );
        assert_eq!(
            parse_batch(payload(&stats).as_bytes(), MAX_DATE).unwrap(),
            stats
        );
    }
}

#[test]
fn types_of_one_day_are_consistent() {
    for analysis in analyses(4) {
        for day in (0..DAYS).step_by(50) {
            assert_consistent(&data(&analysis, day));
        }
    }
}

#[test]
fn cells_are_on_the_scales() {
    for analysis in analyses(5) {
        let cartography = &data(&analysis, 100)[&StatsType::Cartography];
        let is_on =
            |name: &str, value: u64| list(&cartography["scales"][name]).contains(&value.into());
        for state in STATES {
            for (kind, scale) in [
                ("informational", "likelihood"),
                ("operational", "probability"),
            ] {
                for (impact, column, count) in cells(&cartography["risks"][state][kind]) {
                    assert!(is_on("impact", impact) && is_on(scale, column) && count > 0);
                }
            }
        }
    }
}

#[test]
fn php_lists_and_empty_maps_occur() {
    let stats = Sample::new(6).analyses(40, start());
    let bodies: String = stats
        .map(|analysis| payload(&analysis.stats_on(start())))
        .collect();
    for (text, what) in [
        (
            r#""operational":[]"#,
            "an analysis without operational risks",
        ),
        (r#":{"1":["#, "a row with the keys 0, 1, 2, …"),
        (r#":{"1":{"#, "a row with gaps"),
    ] {
        assert!(bodies.contains(text), "{what}");
    }
}

#[test]
fn documents_have_realistic_sizes() {
    for stat in analyses(7).flat_map(|analysis| analysis.stats_on(start())) {
        let (elements, bytes) = match stat.stats_type {
            StatsType::Risk => (2..=2, 1000),
            StatsType::Threat => (20..=27, 10_000),
            StatsType::Vulnerability => (38..=54, 20_000),
            StatsType::Cartography => (2..=2, 2000),
            StatsType::Compliance => (1..=1, 20_000),
        };
        let length = match serde_json::from_str(stat.data.as_str()).unwrap() {
            Value::Array(list) => list.len(),
            Value::Object(map) => map.len(),
            other => panic!("{other}"),
        };
        assert!(elements.contains(&length), "{}: {length}", stat.stats_type);
        assert!(stat.data.as_str().len() < bytes, "{}", stat.stats_type);
    }
}

#[test]
fn objects_have_labels_and_rates_on_their_scale() {
    for analysis in analyses(8) {
        let data = data(&analysis, 30);
        for (stats_type, highest) in [(StatsType::Threat, 4.0), (StatsType::Vulnerability, 5.0)] {
            for object in list(&data[&stats_type]) {
                let rate = &object["averageRate"];
                let has_decimals = rate.as_str().unwrap().contains('.');
                assert_eq!(has_decimals, object["count"] != 1, "{object}");
                assert!((1.0..=highest).contains(&decimal(rate)), "{object}");
                assert!((1..=4).all(|n| object[format!("label{n}")].is_string()));
                let uuid = object["uuid"].as_str().unwrap();
                assert!(uuid.parse::<uuid::Uuid>().is_ok(), "{object}");
            }
        }
    }
}

#[test]
fn controls_rise_to_their_target() {
    for analysis in analyses(9) {
        let mut last = 0.0;
        for day in (0..DAYS).step_by(20) {
            let compliance = &data(&analysis, day)[&StatsType::Compliance];
            let values = |state: &str| {
                let categories = list(&compliance[0][state]).iter();
                let controls = categories.flat_map(|category| list(&category["controls"]));
                let values = controls.map(|control| decimal(&control["value"]));
                values.collect::<Vec<_>>()
            };
            let current = values("current");
            for (current, target) in current.iter().zip(values("target")) {
                assert!((0.0..=target).contains(current));
            }
            let sum: f64 = current.iter().sum();
            assert!(sum >= last);
            last = sum;
        }
    }
}

#[test]
fn targets_are_1_for_controls_that_apply() {
    let mut excluded = 0;
    for analysis in analyses(12) {
        let compliance = &data(&analysis, 100)[&StatsType::Compliance][0];
        let categories = list(&compliance["target"]).iter();
        for (target, current) in categories.zip(list(&compliance["current"])) {
            let targets = list(&target["controls"])
                .iter()
                .zip(list(&current["controls"]));
            let mut applying = 0;
            for (target, current) in targets {
                assert_eq!(target["measure"], current["measure"]);
                match target["value"].as_str().unwrap() {
                    "1" => applying += 1,
                    "0" => {
                        assert_eq!(current["value"], "0.00");
                        excluded += 1;
                    }
                    other => panic!("{other}"),
                }
            }
            let mean = 100 * applying / list(&target["controls"]).len();
            let expected = format!("{}.{:02}", mean / 100, mean % 100);
            assert_eq!(target["value"], expected.as_str());
        }
    }
    assert!(excluded > 0);
}

#[test]
fn risks_decline_slowly() {
    let (mut first, mut last) = (0, 0);
    for analysis in analyses(10) {
        let mut before: Option<[u64; 3]> = None;
        for day in 0..DAYS {
            let risk = &data(&analysis, day)[&StatsType::Risk];
            let [current, residual] = STATES.map(|state| levels(risk, state, "informational"));
            assert!(residual[2] <= current[2], "{residual:?} {current:?}");
            assert!(
                residual[1] + residual[2] <= current[1] + current[2],
                "{residual:?} {current:?}"
            );
            for (now, before) in current.iter().zip(before.unwrap_or(current)) {
                assert!(now.abs_diff(before) <= 8, "{current:?} after {before:?}");
            }
            before = Some(current);
            if day == 0 {
                first += current[2];
            }
        }
        last += before.unwrap()[2];
    }
    assert!(last * 4 < first * 3, "{first} high risks became {last}");
}

#[test]
fn every_date_has_stats() {
    let analysis = Sample::new(11).analysis(0, start());
    for date in [MIN_DATE, start(), MAX_DATE] {
        let body = payload(&analysis.stats_on(date));
        assert_eq!(parse_batch(body.as_bytes(), MAX_DATE).unwrap().len(), 5);
    }
    let before = analysis.stats_on(start() - Days::new(200));
    for (before, first) in before.iter().zip(analysis.stats_on(start())) {
        assert_eq!(before.data, first.data);
    }
}
