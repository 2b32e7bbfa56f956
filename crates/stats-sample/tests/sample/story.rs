//! The story, read from its stats.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::NaiveDate;
use serde_json::Value;
use stats_core::{AnalysisId, NewStat, StatsType};
use stats_sample::{Office, Story};

use crate::{assert_consistent, decimal, levels, list, number};

const STORY: Story = Story::HALF_YEAR;
const LABELS: [&str; 4] = ["label1", "label2", "label3", "label4"];

/// Told once for all tests.
static TOLD: LazyLock<Vec<(&Office, Vec<NewStat>)>> =
    LazyLock::new(|| STORY.told(last_day()).collect());

fn last_day() -> NaiveDate {
    "2026-03-01".parse().unwrap()
}

fn days_of(stats: &[NewStat]) -> BTreeSet<u32> {
    let first = STORY.date(0, last_day());
    let days = stats.iter().map(|stat| (stat.date - first).num_days());
    days.map(|day| day.try_into().unwrap()).collect()
}

/// The stats of one type and one day, of all front offices.
fn documents(stats_type: StatsType, day: u32) -> Vec<Value> {
    let date = STORY.date(day, last_day());
    let stats = TOLD.iter().flat_map(|(_, stats)| stats);
    let chosen = stats.filter(|stat| stat.date == date && stat.stats_type == stats_type);
    chosen
        .map(|stat| serde_json::from_str(stat.data.as_str()).unwrap())
        .collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<_> = values.into_iter().collect();
    assert!(!values.is_empty());
    values.iter().sum::<f64>() / values.len() as f64
}

/// The mean number of high informational risks of an analysis on a day.
fn high_risks(state: &str, day: u32) -> f64 {
    let risks = documents(StatsType::Risk, day);
    mean(
        risks
            .iter()
            .map(|risk| levels(risk, state, "informational")[2] as f64),
    )
}

fn maturity(day: u32) -> f64 {
    let documents = documents(StatsType::Compliance, day);
    let referentials = documents.iter().flat_map(list);
    let categories = referentials.flat_map(|referential| list(&referential["current"]));
    mean(categories.map(|category| decimal(&category["value"])))
}

/// Rate, count and maximum risk of the threats that `is_chosen` chooses by UUID: means over the analyses on a day.
fn threats(day: u32, is_chosen: impl Fn(&str) -> bool) -> [f64; 3] {
    let documents = documents(StatsType::Threat, day);
    let threats = documents.iter().flat_map(list);
    let chosen: Vec<_> = threats
        .filter(|threat| is_chosen(threat["uuid"].as_str().unwrap()))
        .collect();
    let measures: [fn(&Value) -> f64; 3] = [
        |threat| decimal(&threat["averageRate"]),
        |threat| number(&threat["count"]) as f64,
        |threat| number(&threat["maxRisk"]) as f64,
    ];
    measures.map(|measure| mean(chosen.iter().map(|threat| measure(threat))))
}

#[test]
fn a_dozen_front_offices_join_one_after_the_other() {
    assert!(TOLD.len() >= 12);
    let names: BTreeSet<_> = TOLD.iter().map(|(office, _)| office.name).collect();
    assert_eq!(names.len(), TOLD.len());
    let mut first_days = Vec::new();
    for (office, stats) in TOLD.iter() {
        let first_day = *days_of(stats).first().unwrap();
        assert_eq!(first_day, office.joins, "{}", office.name);
        first_days.push(first_day);
        let analyses: BTreeSet<_> = stats.iter().map(|stat| stat.analysis).collect();
        assert_eq!(analyses.len(), office.analyses as usize, "{}", office.name);
    }
    assert!(first_days.is_sorted(), "{first_days:?}");
    assert_eq!(first_days[0], 0);
    let distinct = first_days.iter().collect::<BTreeSet<_>>().len();
    assert!(distinct >= 9, "{first_days:?}");
}

#[test]
fn front_offices_have_distinct_analyses() {
    let mut owners = BTreeMap::<AnalysisId, &str>::new();
    for (office, stats) in TOLD.iter() {
        for stat in stats {
            let owner = owners.entry(stat.analysis).or_insert(office.name);
            assert_eq!(*owner, office.name);
        }
    }
    assert!(owners.len() > TOLD.len());
}

#[test]
fn the_last_stats_have_the_last_day() {
    let days: BTreeSet<_> = TOLD.iter().flat_map(|(_, stats)| days_of(stats)).collect();
    assert!(days.into_iter().eq(0..STORY.days));
    assert_eq!(STORY.date(STORY.days - 1, last_day()), last_day());
}

#[test]
fn front_offices_send_five_stats_of_each_analysis_except_when_absent() {
    let (mut silent, mut interrupted) = (0, 0);
    for (office, stats) in TOLD.iter() {
        let days = days_of(stats);
        let per_day = 5 * office.analyses as usize;
        assert_eq!(stats.len(), days.len() * per_day, "{}", office.name);
        let missing: Vec<_> = (office.joins..STORY.days)
            .filter(|day| !days.contains(day))
            .collect();
        let is_absent = |day: &u32| office.absences.iter().any(|days| days.contains(day));
        assert!(missing.iter().all(is_absent), "{}", office.name);
        let last = *days.last().unwrap();
        silent += usize::from(last + 28 < STORY.days);
        interrupted += usize::from(last + 1 == STORY.days && missing.len() > 5);
    }
    assert_eq!((silent, interrupted), (1, 1));
}

#[test]
fn high_risks_fall_towards_the_residual_ones() {
    let last = STORY.days - 1;
    let (before, after) = (high_risks("current", 0), high_risks("current", last));
    assert!(after < 0.7 * before, "{before} became {after}");
    let residual = high_risks("residual", last);
    assert!(after >= residual, "{after}, residual {residual}");
    let gap = before - high_risks("residual", 0);
    assert!(after - residual < 0.5 * gap, "{after}, residual {residual}");
}

#[test]
fn compliance_rises() {
    let means = [0, 60, 120, 182].map(maturity);
    assert!(means.is_sorted() && means[3] > means[0] + 0.15, "{means:?}");
}

#[test]
fn the_incident_raises_its_threat_for_some_weeks() {
    let incident = STORY.incident;
    let threat = incident.threat().to_string();
    let (start, end) = (incident.first_day, incident.first_day + incident.days);
    assert!(end < STORY.days);
    let days = [start - 1, start + 2, start + incident.days * 2 / 3, end];
    let [before, struck, declining, after] = days.map(|day| threats(day, |uuid| uuid == threat));
    for measure in 0..3 {
        let values = [before, struck, declining, after].map(|measures| measures[measure]);
        let [before, struck, declining, after] = values;
        assert!(struck > 1.5 * before, "measure {measure}: {values:?}");
        assert!(declining < struck, "measure {measure}: {values:?}");
        assert!(after < declining, "measure {measure}: {values:?}");
        assert!(after < 1.3 * before, "measure {measure}: {values:?}");
    }
    let others = [start - 1, start + 2].map(|day| threats(day, |uuid| uuid != threat));
    for (before, struck) in others[0].iter().zip(others[1]) {
        assert!((struck / before - 1.0).abs() < 0.03, "{others:?}");
    }
}

#[test]
fn the_incident_strikes_many_analyses_but_not_all() {
    let threat = STORY.incident.threat().to_string();
    let struck = documents(StatsType::Threat, STORY.incident.first_day);
    let is_struck = |document: &&Value| {
        let mut threats = list(document).iter();
        let threat = threats.find(|object| object["uuid"] == threat.as_str());
        threat.is_some_and(|threat| threat["averageRate"] == "4.00")
    };
    let count = struck.iter().filter(is_struck).count();
    assert!(count * 2 > struck.len() && count < struck.len(), "{count}");
}

#[test]
fn stats_of_the_story_are_consistent() {
    let incident = STORY.incident;
    for day in [0, incident.first_day + 1, incident.first_day + 30, 182] {
        let by_type = StatsType::ALL.map(|stats_type| documents(stats_type, day));
        for analysis in 0..by_type[0].len() {
            let documents = by_type.iter().map(|documents| documents[analysis].clone());
            let data = StatsType::ALL.into_iter().zip(documents).collect();
            assert_consistent(&data);
        }
    }
}

#[test]
fn some_objects_lack_one_label_but_none_lacks_all() {
    for stats_type in [StatsType::Threat, StatsType::Vulnerability] {
        let documents = documents(stats_type, STORY.days - 1);
        let mut labels = BTreeMap::<&str, [&str; 4]>::new();
        for object in documents.iter().flat_map(list) {
            let uuid = object["uuid"].as_str().unwrap();
            let found = LABELS.map(|label| object[label].as_str().unwrap());
            let known = *labels.entry(uuid).or_insert(found);
            assert_eq!(found, known, "{uuid}");
            assert!(found.iter().filter(|label| label.is_empty()).count() <= 1);
        }
        let complete = labels.values().filter(|labels| !labels.contains(&""));
        assert!(complete.count() >= 20, "{stats_type}");
        assert!(labels.len() >= 25, "{stats_type}: {}", labels.len());
        for language in 0..LABELS.len() {
            let lacks = labels.values().any(|labels| labels[language].is_empty());
            assert!(lacks, "{stats_type}: {}", LABELS[language]);
        }
    }
}

#[test]
fn some_front_offices_have_two_referentials_whose_measures_are_distinct() {
    let mut numbers = BTreeSet::new();
    for document in documents(StatsType::Compliance, STORY.days - 1) {
        let referentials = list(&document);
        numbers.insert(referentials.len());
        let mut seen = BTreeSet::new();
        for referential in referentials {
            assert!(seen.insert(referential["referential"].as_str().unwrap()));
            for category in list(&referential["current"]) {
                for control in list(&category["controls"]) {
                    assert!(seen.insert(control["measure"].as_str().unwrap()));
                }
            }
        }
    }
    assert_eq!(numbers, BTreeSet::from([1, 2]));
}

#[test]
fn the_story_is_the_same_on_another_day() {
    let (_, told) = &TOLD[11];
    let next_day = last_day().succ_opt().unwrap();
    let (_, again) = STORY.told(next_day).nth(11).unwrap();
    let shifted = told.iter().map(|stat| NewStat {
        date: stat.date.succ_opt().unwrap(),
        ..stat.clone()
    });
    assert!(shifted.eq(again));
}
