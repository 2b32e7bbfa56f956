//! Concurrent writers, and servers that start at the same time.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Barrier;
use std::thread;

use stats_core::{AnalysisId, StatsFilter, StatsType};
use stats_db::Db;
use stats_testing::{TestDatabase, client, ids, on_each_database, stat};

on_each_database!(concurrent_batches_store_each_stat_once);
fn concurrent_batches_store_each_stat_once(database: &TestDatabase) {
    let db = database.migrated();
    // A second process.
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
    assert_eq!(stored, shared.len());
    let listed = db.stats(&StatsFilter::default()).unwrap();
    assert_eq!(ids(&listed), ids(&shared));
}

on_each_database!(transactions_that_read_before_they_write_do_not_fail);
fn transactions_that_read_before_they_write_do_not_fail(database: &TestDatabase) {
    let db = database.migrated();
    // Two processes. Creating a client first reads the existing ones.
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

on_each_database!(a_stored_stat_is_visible_at_once);
fn a_stored_stat_is_visible_at_once(database: &TestDatabase) {
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
                    assert!(seen.contains(&stat));
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

on_each_database!(simultaneous_migrations_apply_once);
fn simultaneous_migrations_apply_once(database: &TestDatabase) {
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
    let migrated = applied.iter().filter(|count| **count > 0);
    assert_eq!(migrated.count(), 1, "{applied:?}");
}

/// The first writer switches the file to WAL, which needs an exclusive lock.
#[test]
fn simultaneous_opens_of_a_new_file_succeed() {
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
