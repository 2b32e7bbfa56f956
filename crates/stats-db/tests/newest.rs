//! The newest stat of each client, analysis and type.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use stats_core::{AnalysisId, DateRange, Page, Stat, StatsFilter, StatsType};
use stats_db::ClientChange;
use stats_testing::{TestDatabase, client, day, on_each_database, stat};

const TYPES: [StatsType; 2] = [StatsType::Risk, StatsType::Compliance];

/// A stat of a client, by their numbers.
#[derive(Debug, Clone)]
struct Sent {
    client: usize,
    analysis: usize,
    stats_type: StatsType,
    day: u32,
}

fn sent() -> impl Strategy<Value = Sent> {
    let stats_type = prop::sample::select(TYPES.to_vec());
    let parts = (0..4_usize, 0..3_usize, stats_type, 1..5_u32);
    parts.prop_map(|(client, analysis, stats_type, day)| Sent {
        client,
        analysis,
        stats_type,
        day,
    })
}

/// The parts of a filter. Client 3 was deleted, client 2 is not local.
#[derive(Debug, Clone)]
struct Asked {
    owner: Option<usize>,
    stats_type: Option<StatsType>,
    analyses: Option<BTreeSet<usize>>,
    days: (u32, u32),
    local_only: bool,
    page: Page,
}

fn asked() -> impl Strategy<Value = Asked> {
    let parts = (
        prop::option::of(0..3_usize),
        prop::option::of(prop::sample::select(TYPES.to_vec())),
        prop::option::of(prop::collection::btree_set(0..3_usize, 0..3)),
        (1..3_u32, 2..5_u32),
        any::<bool>(),
        (0..3_u32, prop::option::of(0..4_u32)),
    );
    parts.prop_map(
        |(owner, stats_type, analyses, days, local_only, (offset, limit))| Asked {
            owner,
            stats_type,
            analyses,
            days,
            local_only,
            page: Page { offset, limit },
        },
    )
}

/// The positions of the newest stats, by brute force.
fn model(sent: &[Sent], asked: &Asked) -> Vec<usize> {
    let mut newest = BTreeMap::<_, usize>::new();
    for (position, stat) in sent.iter().enumerate() {
        let is_selected = asked.owner.is_none_or(|owner| owner == stat.client)
            && asked
                .stats_type
                .is_none_or(|asked| asked == stat.stats_type)
            && asked
                .analyses
                .as_ref()
                .is_none_or(|asked| asked.contains(&stat.analysis))
            && (asked.days.0..=asked.days.1).contains(&stat.day)
            && !(asked.local_only && stat.client > 1);
        if is_selected {
            let group = newest.entry((stat.client, stat.analysis, stat.stats_type));
            let newest = group.or_insert(position);
            if sent[*newest].day <= stat.day {
                *newest = position;
            }
        }
    }
    newest.into_values().collect()
}

on_each_database!(newest_stats_match_a_brute_force_search);
fn newest_stats_match_a_brute_force_search(database: &TestDatabase) {
    let db = database.migrated();
    let clients = ["a", "b", "remote", "gone"].map(|name| client(&db, name));
    let remote = ClientChange::Local(false);
    db.change_client(clients[2].uuid, &remote).unwrap();
    let analyses = [(); 3].map(|()| AnalysisId::random());
    let date = |number: u32| format!("2026-01-0{number}");
    let config = Config {
        cases: 50,
        failure_persistence: None,
        ..Config::default()
    };
    let case = (
        prop::collection::vec(sent(), 0..60),
        prop::collection::vec(asked(), 1..8),
    );
    TestRunner::new(config)
        .run(&case, |(sent, all_asked)| {
            database.execute("DELETE FROM stats");
            let new = |sent: &Sent| stat(analyses[sent.analysis], sent.stats_type, &date(sent.day));
            let mut stats: Vec<Stat> = Vec::new();
            for of_client in sent.chunk_by(|one, next| one.client == next.client) {
                let batch: Vec<_> = of_client.iter().map(new).collect();
                let owner = &clients[of_client[0].client];
                db.insert_stats(owner.id, &batch).unwrap();
                stats.extend(batch);
            }
            database.execute("UPDATE stats SET client_id = NULL WHERE client_id = 4");
            for asked in all_asked {
                let dates = DateRange::new(day(&date(asked.days.0)), day(&date(asked.days.1)));
                let of = |numbers: &BTreeSet<usize>| numbers.iter().map(|n| analyses[*n]).collect();
                let filter = StatsFilter {
                    owner: asked.owner.map(|number| clients[number].id),
                    stats_type: asked.stats_type,
                    analyses: asked.analyses.as_ref().map(of),
                    dates: dates.unwrap(),
                    local_only: asked.local_only,
                    newest_only: true,
                    page: asked.page,
                };
                let positions = model(&sent, &asked);
                let mut expected: Vec<_> = positions.iter().map(|n| stats[*n].clone()).collect();
                expected.sort_by_key(|stat| (stat.date, stat.uuid));
                let count = db.read(|snapshot| snapshot.count_stats(&filter)).unwrap();
                prop_assert_eq!(count, expected.len() as u64);
                let limit = asked.page.limit.map_or(usize::MAX, |limit| limit as usize);
                let page = expected.into_iter().skip(asked.page.offset as usize);
                let page: Vec<_> = page.take(limit).collect();
                prop_assert_eq!(db.stats(&filter).unwrap(), page);
            }
            Ok::<_, TestCaseError>(())
        })
        .unwrap();
}

// A search that compares the stats of a group with each other takes minutes.
on_each_database!(many_stats_of_one_analysis_and_day_take_no_longer);
fn many_stats_of_one_analysis_and_day_take_no_longer(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let analysis = AnalysisId::random();
    let mut newest = None;
    for _ in 0..20 {
        let batch: Vec<_> = (0..1000)
            .map(|_| stat(analysis, StatsType::Risk, "2026-01-01"))
            .collect();
        db.insert_stats(owner.id, &batch).unwrap();
        newest = batch.last().cloned();
    }
    let db = db.with_statement_timeout(Some(Duration::from_secs(5)));
    for owner in [None, Some(owner.id)] {
        let filter = StatsFilter {
            owner,
            newest_only: true,
            ..StatsFilter::default()
        };
        let count = db.read(|snapshot| snapshot.count_stats(&filter)).unwrap();
        assert_eq!(count, 1);
        assert_eq!(db.stats(&filter).unwrap(), Vec::from_iter(newest.clone()));
    }
}
