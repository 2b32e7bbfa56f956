//! Many at once: writers take turns, two servers start together, and what was acknowledged survives.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Barrier;
use std::thread;

use stats_core::{AnalysisId, Stat, StatsFilter, StatsType};
use stats_db::Db;
use stats_testing::{TestDatabase, client, ids, on_each_database, stat};

on_each_database!(batches_that_share_stats_neither_fail_nor_store_twice);
fn batches_that_share_stats_neither_fail_nor_store_twice(database: &TestDatabase) {
    let db = database.migrated();
    // As another process would: with connections of its own.
    let other = Db::open(db.url()).unwrap();
    let owner = client(&db, "CASES");
    let shared: Vec<_> = (0..50)
        .map(|_| stat(AnalysisId::random(), StatsType::Threat, "2026-01-01"))
        .collect();
    let backwards: Vec<_> = shared.iter().rev().cloned().collect();
    let barrier = Barrier::new(16);
    let stored: usize = thread::scope(|scope| {
        let posts: Vec<_> = (0..16)
            .map(|i| {
                let (db, barrier) = (if i % 2 == 0 { &db } else { &other }, &barrier);
                let batch = if i % 3 == 0 { &shared } else { &backwards };
                scope.spawn(move || {
                    barrier.wait();
                    batch.len() - db.insert_stats(owner.id, batch).unwrap().len()
                })
            })
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).sum()
    });
    assert_eq!(
        stored,
        shared.len(),
        "each stat was stored by exactly one of them"
    );
    assert_eq!(
        ids(&db.stats(&StatsFilter::default()).unwrap()),
        ids(&shared)
    );
}

on_each_database!(who_reads_before_writing_is_not_locked_out);
fn who_reads_before_writing_is_not_locked_out(database: &TestDatabase) {
    let db = database.migrated();
    // A server and a command line, each with connections of its own. Creating a client looks for another one first.
    let other = Db::open(db.url()).unwrap();
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for i in 0..8 {
            let (db, barrier) = (if i % 2 == 0 { &db } else { &other }, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for j in 0..20 {
                    client(db, &format!("client {i} {j}"));
                }
            });
        }
    });
    assert_eq!(db.clients().unwrap().len(), 160);
}

on_each_database!(readers_and_writers_do_not_wait_for_each_other);
fn readers_and_writers_do_not_wait_for_each_other(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let stat = stat(AnalysisId::random(), StatsType::Threat, "2026-01-01");
                    assert!(
                        db.insert_stats(owner.id, std::slice::from_ref(&stat))
                            .unwrap()
                            .is_empty()
                    );
                    let seen = db.stats(&StatsFilter::default()).unwrap();
                    assert!(seen.contains(&stat), "what was stored is seen at once");
                }
            });
        }
    });
    assert_eq!(
        db.read(|snapshot| snapshot.count_stats(&StatsFilter::default()))
            .unwrap(),
        160
    );
}

on_each_database!(servers_that_start_at_once_migrate_once);
fn servers_that_start_at_once_migrate_once(database: &TestDatabase) {
    let url = database.url().parse().unwrap();
    Db::create(&url).unwrap();
    let barrier = Barrier::new(6);
    let applied: Vec<usize> = thread::scope(|scope| {
        let starts: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    Db::open(&url).unwrap().migrate().unwrap().len()
                })
            })
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    let workers = applied.iter().filter(|count| **count > 0);
    assert_eq!(workers.count(), 1, "{applied:?}");
}

/// The first one to open a new file turns it to WAL, which no other one may fail because of.
#[test]
fn a_new_file_is_opened_by_many_at_once() {
    for round in 0..40 {
        let database = TestDatabase::sqlite();
        let url = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let barrier = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    if let Err(error) = Db::open(&url) {
                        panic!("round {round}: {error}");
                    }
                });
            }
        });
    }
}

on_each_database!(the_order_of_arrival_is_the_order_of_listing_last);
fn the_order_of_arrival_is_the_order_of_listing_last(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let analysis = AnalysisId::random();
    let newest = StatsFilter {
        newest_only: true,
        ..StatsFilter::default()
    };
    for _ in 0..20 {
        let latest: Stat = stat(analysis, StatsType::Risk, "2026-01-01");
        db.insert_stats(owner.id, std::slice::from_ref(&latest))
            .unwrap();
        assert_eq!(db.stats(&newest).unwrap(), [latest]);
    }
}
