//! The search for duplicates.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, Months, NaiveDate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use stats_core::{AnalysisId, RawJson, Stat, StatsFilter, StatsType};
use stats_db::{Db, DbError};
use stats_testing::{TestDatabase, client, day, ids, on_each_database, stat};

/// A stat whose document contains `letter`.
fn risk(analysis: AnalysisId, date: &str, letter: char) -> Stat {
    Stat {
        data: RawJson::parse(&format!(r#"{{"is": "{letter}"}}"#)).unwrap(),
        ..stat(analysis, StatsType::Risk, date)
    }
}

/// Deletes the duplicates and returns their number.
fn remove(db: &Db, months: Option<u32>) -> usize {
    let found = db
        .read::<_, DbError>(|snapshot| {
            snapshot.find_duplicates(StatsType::Risk, months.map(Months::new))
        })
        .unwrap();
    assert_eq!(db.delete_found(&found).unwrap(), found.len());
    found.len()
}

/// Stores `history` (entries `date letter` of one analysis, in the order of arrival), and returns the entries that
/// remain.
fn left_of(database: &TestDatabase, db: &Db, months: Option<u32>, history: &[&str]) -> Vec<String> {
    database.execute("DELETE FROM stats");
    let owner = db.clients().unwrap().remove(0);
    let analysis = AnalysisId::random();
    let stats: Vec<_> = history
        .iter()
        .map(|entry| {
            let (date, letter) = entry.split_once(' ').unwrap();
            risk(analysis, date, letter.chars().next().unwrap())
        })
        .collect();
    db.insert_stats(owner.id, &stats).unwrap();
    let removed = remove(db, months);
    let left = ids(&db.stats(&StatsFilter::default()).unwrap());
    let left: Vec<_> = stats
        .iter()
        .zip(history)
        .filter(|(stat, _)| left.contains(&stat.uuid))
        .map(|(_, entry)| (*entry).to_owned())
        .collect();
    assert_eq!(removed + left.len(), history.len());
    assert_eq!(remove(db, months), 0, "search again: {history:?}");
    left
}

on_each_database!(duplicates_by_example);
fn duplicates_by_example(database: &TestDatabase) {
    let db = database.migrated();
    client(&db, "CASES");
    for (months, history, left) in [
        (None, &[][..], &[][..]),
        (
            None,
            &["2026-01-01 A", "2026-01-01 B", "2026-01-01 A"],
            &["2026-01-01 A"],
        ),
        // Without months, equal documents of different days stay.
        (
            None,
            &["2026-01-01 A", "2026-01-02 A"],
            &["2026-01-01 A", "2026-01-02 A"],
        ),
        (
            Some(1),
            &["2026-01-01 A", "2026-01-02 A", "2026-01-03 A"],
            &["2026-01-03 A"],
        ),
        // By day, not by arrival.
        (
            Some(1),
            &["2026-01-03 A", "2026-01-01 A", "2026-01-02 A"],
            &["2026-01-03 A"],
        ),
        (
            Some(1),
            &["2026-01-01 A", "2026-01-02 B", "2026-01-03 A"],
            &["2026-01-01 A", "2026-01-02 B", "2026-01-03 A"],
        ),
        // A stat replaced on the same day does not separate others.
        (
            Some(1),
            &[
                "2026-01-01 A",
                "2026-01-02 B",
                "2026-01-02 A",
                "2026-01-03 A",
            ],
            &["2026-01-03 A"],
        ),
        // A stat a month older stays; older ones are compared with it.
        (
            Some(1),
            &[
                "2025-12-31 A",
                "2026-01-14 A",
                "2026-02-14 A",
                "2026-02-15 A",
                "2026-03-14 A",
            ],
            &["2026-01-14 A", "2026-02-14 A", "2026-03-14 A"],
        ),
        (
            Some(1),
            &["2026-02-28 A", "2026-03-01 A", "2026-03-31 A"],
            &["2026-02-28 A", "2026-03-31 A"],
        ),
        (
            Some(1200),
            &["0001-01-01 A", "2026-01-01 A", "9999-12-31 A"],
            &["0001-01-01 A", "2026-01-01 A", "9999-12-31 A"],
        ),
    ] {
        assert_eq!(
            left_of(database, &db, months, history),
            left,
            "{months:?} {history:?}"
        );
    }
    let year = day("2025-01-01").iter_days().take(365);
    let daily: Vec<_> = year.map(|day| format!("{day} A")).collect();
    let daily: Vec<_> = daily.iter().map(String::as_str).collect();
    for (months, kept) in [(1, 12), (3, 4)] {
        let left = left_of(database, &db, Some(months), &daily);
        assert_eq!(left.len(), kept, "{left:?}");
    }
}

on_each_database!(stats_are_compared_per_client_analysis_and_type);
fn stats_are_compared_per_client_analysis_and_type(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b, gone) = (client(&db, "a"), client(&db, "b"), client(&db, "gone"));
    let (one, two) = (AnalysisId::random(), AnalysisId::random());
    let same = |analysis| risk(analysis, "2026-01-01", 'A');
    let threat = || stat(one, StatsType::Threat, "2026-01-01");
    let kept = [same(one), same(two), same(one), threat(), threat()];
    let [of_a_one, of_a_two, of_b, threat, other_threat] = kept.clone();
    db.insert_stats(a.id, &[of_a_one, of_a_two, threat, other_threat])
        .unwrap();
    db.insert_stats(b.id, &[of_b]).unwrap();
    assert_eq!((remove(&db, None), remove(&db, Some(12))), (0, 0));

    let without_client = [same(one), same(one)];
    db.insert_stats(gone.id, &without_client).unwrap();
    database.execute("UPDATE stats SET client_id = NULL WHERE client_id = 3");
    assert_eq!(remove(&db, None), 1);
    let left = db.stats(&StatsFilter::default()).unwrap();
    assert_eq!(ids(&left), ids(kept.iter().chain(&without_client[1..])));
}

on_each_database!(stats_that_arrive_after_the_search_are_kept);
fn stats_that_arrive_after_the_search_are_kept(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let analysis = AnalysisId::random();
    let [first, second, third] = [(); 3].map(|()| risk(analysis, "2026-01-01", 'A'));
    db.insert_stats(owner.id, &[first, second.clone()]).unwrap();
    let found = db
        .read::<_, DbError>(|snapshot| snapshot.find_duplicates(StatsType::Risk, None))
        .unwrap();
    db.insert_stats(owner.id, std::slice::from_ref(&third))
        .unwrap();
    assert_eq!(db.delete_found(&found).unwrap(), 1);
    let left = db.stats(&StatsFilter::default()).unwrap();
    assert_eq!(ids(&left), ids(&[second, third]));
}

on_each_database!(a_search_may_take_several_queries);
fn a_search_may_take_several_queries(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let stats: Vec<_> = (0..250)
        .flat_map(|_| {
            let analysis = AnalysisId::random();
            ["2026-01-01", "2026-01-02"].map(|date| risk(analysis, date, 'A'))
        })
        .collect();
    db.insert_stats(owner.id, &stats).unwrap();
    assert_eq!(remove(&db, Some(1)), 250);
    let left = db.stats(&StatsFilter::default()).unwrap();
    assert!(left.iter().all(|stat| stat.date == day("2026-01-02")));
    assert_eq!(left.len(), 250);
}

/// A stat of the model.
#[derive(Debug, Clone)]
struct Sent {
    client: usize,
    analysis: usize,
    stats_type: StatsType,
    date: NaiveDate,
    letter: char,
}

fn sent() -> impl Strategy<Value = Sent> {
    let types = prop_oneof![9 => Just(StatsType::Risk), 1 => Just(StatsType::Threat)];
    // Few values, so that many stats repeat.
    (
        0..3_usize,
        0..2_usize,
        types,
        0..120_u64,
        prop_oneof![4 => Just('A'), 1 => Just('B')],
    )
        .prop_map(|(client, analysis, stats_type, days, letter)| Sent {
            client,
            analysis,
            stats_type,
            date: day("2026-01-20") + Days::new(days),
            letter,
        })
}

/// The positions of the stats to keep, by brute force.
fn model(sent: &[Sent], months: Option<u32>) -> BTreeSet<usize> {
    let mut series = BTreeMap::<_, Vec<usize>>::new();
    let mut kept = BTreeSet::new();
    for (position, stat) in sent.iter().enumerate() {
        if stat.stats_type == StatsType::Risk {
            let of = (stat.client, stat.analysis);
            series.entry(of).or_default().push(position);
        } else {
            kept.insert(position);
        }
    }
    for positions in series.into_values() {
        let last_of_day = positions.iter().filter(|position| {
            let is_replaced =
                |other: &&usize| other > position && sent[**other].date == sent[**position].date;
            !positions.iter().any(|other| is_replaced(&other))
        });
        let mut newest_first: Vec<_> = last_of_day.copied().collect();
        newest_first.sort_by_key(|position| std::cmp::Reverse(sent[*position].date));
        let mut rest = newest_first.as_slice();
        while let [newest, older @ ..] = rest {
            kept.insert(*newest);
            let newest = &sent[*newest];
            let alike = older.iter().take_while(|position| {
                let stat = &sent[**position];
                months.is_some_and(|months| {
                    stat.letter == newest.letter && stat.date > newest.date - Months::new(months)
                })
            });
            rest = &older[alike.count()..];
        }
    }
    kept
}

on_each_database!(duplicates_match_a_brute_force_search);
fn duplicates_match_a_brute_force_search(database: &TestDatabase) {
    let db = database.migrated();
    let clients = ["a", "b", "gone"].map(|name| client(&db, name));
    let analyses = [AnalysisId::random(), AnalysisId::random()];
    let config = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let case = (
        proptest::collection::vec(sent(), 0..60),
        proptest::option::of(1..4_u32),
    );
    TestRunner::new(config)
        .run(&case, |(sent, months)| {
            database.execute("DELETE FROM stats");
            let stats: Vec<_> = sent
                .iter()
                .map(|sent| Stat {
                    stats_type: sent.stats_type,
                    ..risk(analyses[sent.analysis], &sent.date.to_string(), sent.letter)
                })
                .collect();
            for (number, client) in clients.iter().enumerate() {
                let of_client = stats.iter().zip(&sent);
                let of_client: Vec<_> = of_client
                    .filter(|(_, sent)| sent.client == number)
                    .map(|(stat, _)| stat.clone())
                    .collect();
                db.insert_stats(client.id, &of_client).unwrap();
            }
            database.execute("UPDATE stats SET client_id = NULL WHERE client_id = 3");
            remove(&db, months);
            let left = db.stats(&StatsFilter::default()).unwrap();
            let expected = model(&sent, months);
            let expected = expected.iter().map(|position| &stats[*position]);
            prop_assert_eq!(ids(&left), ids(expected));
            Ok::<_, TestCaseError>(())
        })
        .unwrap();
}
