//! Duplicates: found by the rule, and by nothing but the rule.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, Months, NaiveDate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use stats_core::{AnalysisId, RawJson, Stat, StatId, StatsFilter, StatsType};
use stats_db::{Db, DbError};
use stats_testing::{TestDatabase, client, day, ids, on_each_database, stat};

/// A stat about `analysis`: its day and its document, which is shown by a letter.
fn risk(analysis: AnalysisId, date: &str, letter: char) -> Stat {
    Stat {
        data: RawJson::parse(&format!(r#"{{"is": "{letter}"}}"#)).unwrap(),
        ..stat(analysis, StatsType::Risk, date)
    }
}

/// Deletes the duplicates, and tells how many those were.
fn remove(db: &Db, months: Option<u32>) -> usize {
    let found = db
        .read(|snapshot| snapshot.find_duplicates(StatsType::Risk, months.map(Months::new)))
        .map_err(|error: DbError| error)
        .unwrap();
    assert_eq!(db.delete_found(&found).unwrap(), found.len());
    found.len()
}

/// What is left of a history of one analysis, given in the order of arrival, as `date letter`.
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
    let left: BTreeSet<_> = ids(&db.stats(&StatsFilter::default()).unwrap())
        .into_iter()
        .collect();
    let left: Vec<_> = stats
        .iter()
        .zip(history)
        .filter(|(stat, _)| left.contains(&stat.uuid))
        .map(|(_, entry)| (*entry).to_owned())
        .collect();
    assert_eq!(removed + left.len(), history.len());
    assert_eq!(remove(db, months), 0, "once is enough: {history:?}");
    left
}

on_each_database!(the_rule_by_examples);
fn the_rule_by_examples(database: &TestDatabase) {
    let db = database.migrated();
    client(&db, "CASES");
    for (months, history, left) in [
        (None, &[][..], &[][..]),
        (
            None,
            &["2026-01-01 A", "2026-01-01 B", "2026-01-01 A"],
            &["2026-01-01 A"],
        ),
        // Without a number of months the same document on another day stays.
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
        // It is the day that counts, not the order of arrival.
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
        // What is replaced on its own day does not lie in between.
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
        // Just a month older is old enough to stay, and is what the older ones are compared with.
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
    let daily: Vec<_> = day("2025-01-01")
        .iter_days()
        .take(365)
        .map(|day| format!("{day} A"))
        .collect();
    let daily: Vec<_> = daily.iter().map(String::as_str).collect();
    let left = left_of(database, &db, Some(1), &daily);
    assert_eq!(left.len(), 12, "{left:?}");
    assert_eq!(left_of(database, &db, Some(3), &daily).len(), 4);
}

on_each_database!(only_what_belongs_together_is_compared);
fn only_what_belongs_together_is_compared(database: &TestDatabase) {
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

    let of_nobody = [same(one), same(one)];
    db.insert_stats(gone.id, &of_nobody).unwrap();
    database.execute("UPDATE stats SET client_id = NULL WHERE client_id = 3");
    assert_eq!(remove(&db, None), 1);
    let left = db.stats(&StatsFilter::default()).unwrap();
    assert_eq!(ids(&left), ids(kept.iter().chain(&of_nobody[1..])));
}

on_each_database!(what_arrives_meanwhile_is_safe);
fn what_arrives_meanwhile_is_safe(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let analysis = AnalysisId::random();
    let [first, second, third] = [(); 3].map(|()| risk(analysis, "2026-01-01", 'A'));
    db.insert_stats(owner.id, &[first, second.clone()]).unwrap();
    let found = db
        .read(|snapshot| snapshot.find_duplicates(StatsType::Risk, None))
        .map_err(|error: DbError| error)
        .unwrap();
    db.insert_stats(owner.id, std::slice::from_ref(&third))
        .unwrap();
    assert_eq!(db.delete_found(&found).unwrap(), 1);
    let left = db.stats(&StatsFilter::default()).unwrap();
    assert_eq!(ids(&left), ids(&[second, third]));
}

on_each_database!(more_analyses_than_a_query_takes);
fn more_analyses_than_a_query_takes(database: &TestDatabase) {
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

/// A stat for the model, in the order of arrival within its client.
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
    // Few of everything, so that much is alike.
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

/// The positions of what is to be kept, by looking at everything again and again.
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

on_each_database!(the_rule_holds_for_whatever_was_sent);
fn the_rule_holds_for_whatever_was_sent(database: &TestDatabase) {
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
            let left: BTreeSet<StatId> = ids(&db.stats(&StatsFilter::default()).unwrap())
                .into_iter()
                .collect();
            let expected = model(&sent, months)
                .into_iter()
                .map(|position| stats[position].uuid)
                .collect::<BTreeSet<_>>();
            prop_assert_eq!(left, expected);
            Ok::<_, TestCaseError>(())
        })
        .unwrap();
}
