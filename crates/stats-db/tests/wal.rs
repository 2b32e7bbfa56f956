//! The size of SQLite's `-wal` file.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use stats_core::{AnalysisId, Client, RawJson, Stat, StatsFilter, StatsType};
use stats_db::{Db, DbError};
use stats_testing::{TestDatabase, client, stat};

/// How long a reader needs: longer than a commit takes.
const READING: Duration = Duration::from_millis(20);

/// A batch of 4 MB.
fn insert_batch(db: &Db, owner: &Client) {
    let data = RawJson::parse(&format!(r#"["{}"]"#, "x".repeat(40_000))).unwrap();
    let batch: Vec<_> = (0..100)
        .map(|_| Stat {
            data: data.clone(),
            ..stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")
        })
        .collect();
    db.insert_stats(owner.id, &batch).unwrap();
}

/// The size of the `-wal` file in MB.
fn wal_size(database: &TestDatabase) -> u64 {
    let path = database.url().strip_prefix("sqlite://").unwrap();
    fs::metadata(format!("{path}-wal")).unwrap().len() / 1_000_000
}

#[test]
fn readers_that_overlap_do_not_let_it_grow() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let is_over = AtomicBool::new(false);
    let (send_first, first) = channel();
    let (send_second, second) = channel();
    // Each one ends its snapshot after the other has begun a new one.
    let read = |has_begun: Sender<()>, other: Receiver<()>| {
        while !is_over.load(Ordering::Relaxed) {
            db.read(|snapshot| {
                snapshot.newest_date(&StatsFilter::default())?;
                let _ = has_begun.send(());
                thread::sleep(READING);
                let _ = other.recv();
                Ok::<_, DbError>(())
            })
            .unwrap();
        }
    };
    let largest = thread::scope(|scope| {
        scope.spawn(|| read(send_first, second));
        scope.spawn(|| {
            let _ = first.recv();
            read(send_second, first);
        });
        let sizes = (0..25).map(|_| {
            insert_batch(&db, &owner);
            wal_size(&database)
        });
        let largest = sizes.max().unwrap();
        is_over.store(true, Ordering::Relaxed);
        largest
    });
    assert!(largest < 50, "{largest} MB");
}

#[test]
fn a_reader_that_stays_lets_it_grow_and_stops_no_writer() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let owner = client(&db, "CASES");
    db.read(|snapshot| {
        snapshot.newest_date(&StatsFilter::default())?;
        for _ in 0..10 {
            insert_batch(&db, &owner);
        }
        assert!(wal_size(&database) >= 40);
        Ok::<_, DbError>(())
    })
    .unwrap();
    for _ in 0..2 {
        insert_batch(&db, &owner);
    }
    assert!(wal_size(&database) < 10);
}
