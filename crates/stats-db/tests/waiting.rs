//! Held locks, slow statements and an unreachable database: calls fail soon, and independent work continues.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::OpenOptions;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use stats_core::{AnalysisId, Client, Stat, StatsFilter, StatsType, WithCauses};
use stats_db::{Cancel, ClientChange, DatabaseUrl, Db, DbError, Timeouts, Wait};
use stats_testing::{Proxy, TestDatabase, client, on_each_database, stat};

/// Longer than any check takes.
const LONG: Duration = Duration::from_secs(20);

fn short() -> Timeouts {
    Timeouts {
        connection: Duration::from_millis(300),
        lock: Duration::from_millis(100),
        statement: Some(LONG),
    }
}

fn batch() -> [Stat; 1] {
    [stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")]
}

fn insert(db: &Db, owner: &Client) -> Result<(), DbError> {
    let skipped = db.insert_stats(owner.id, &batch())?;
    assert!(skipped.is_empty());
    Ok(())
}

on_each_database!(readers_continue_while_writers_wait_for_a_lock);
fn readers_continue_while_writers_wait_for_a_lock(database: &TestDatabase) {
    let db = database.migrated_with(short());
    let owner = client(&db, "CASES");
    let table_lock = database.is_postgres().then_some("BEGIN; LOCK TABLE stats");
    for lock in [None, table_lock] {
        let lock = match lock {
            Some(sql) => database.hold(sql),
            None => database.hold_write_lock(),
        };
        thread::scope(|scope| {
            let writers: Vec<_> = (0..24)
                .map(|_| scope.spawn(|| insert(&db, &owner)))
                .collect();
            while !writers.iter().all(|writer| writer.is_finished()) {
                db.check(LONG).unwrap();
                assert_eq!(db.clients().unwrap().len(), 1);
            }
            for writer in writers {
                let error = writer.join().unwrap().unwrap_err();
                assert!(
                    matches!(error, DbError::Busy(Wait::Lock | Wait::Connection, _)),
                    "{error:?}"
                );
                assert!(error.is_unavailable());
            }
        });
        drop(lock);
        insert(&db, &owner).unwrap();
    }
}

on_each_database!(note_seen_does_not_wait_for_a_writer);
fn note_seen_does_not_wait_for_a_writer(database: &TestDatabase) {
    let db = database.migrated();
    let client = client(&db, "CASES");
    let lock = database.hold_write_lock();
    // The default lock timeout is half a minute.
    let error = db.note_seen(&client).unwrap_err();
    assert!(matches!(error, DbError::Busy(Wait::Lock, _)), "{error:?}");
    drop(lock);
    db.note_seen(&client).unwrap();
    assert!(db.client(client.uuid).unwrap().unwrap().last_seen.is_some());
    insert(&db, &client).unwrap();
}

on_each_database!(cancelled_work_visits_no_more_rows);
fn cancelled_work_visits_no_more_rows(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let stats: Vec<_> = (0..10)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(owner.id, &stats).unwrap();
    let all = StatsFilter::default();
    let cancel = Cancel::default();
    let mut visited = 0;
    let result = db.cancelled_by(&cancel).read(|snapshot| {
        snapshot.for_each_client_day(&all, None, &mut |_, documents| {
            visited += documents.inspect(|_| cancel.cancel()).count();
        })
    });
    assert!(matches!(result, Err(DbError::Cancelled)), "{result:?}");
    // One row is read ahead.
    assert!(visited <= 2, "{visited}");
    let cancel = Cancel::default();
    let mut visited = 0;
    let result: Result<_, DbError> = db.cancelled_by(&cancel).read(|snapshot| {
        snapshot.for_each_stat(&all, |_| {
            visited += 1;
            cancel.cancel();
            ControlFlow::Continue(())
        })
    });
    assert!(matches!(result, Err(DbError::Cancelled)), "{result:?}");
    assert_eq!(visited, 1);
}

on_each_database!(reading_commands_take_no_lock);
fn reading_commands_take_no_lock(database: &TestDatabase) {
    drop(database.migrated());
    let _lock = database.hold_write_lock();
    let db = Db::open_with(&database.url().parse().unwrap(), short()).unwrap();
    db.require_migrated().unwrap();
    assert_eq!(db.clients().unwrap(), []);
    assert_eq!(db.stats(&StatsFilter::default()).unwrap(), []);
}

#[test]
fn a_read_only_role_can_read() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let db = database.migrated();
    let owner = client(&db, "CASES");
    database.execute_on_server("CREATE ROLE reader_of_{name} LOGIN");
    database.execute(
        "DO $$ BEGIN EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_of_%s', current_database()); \
         END $$",
    );
    let (server, name) = database.url().rsplit_once('/').unwrap();
    let host = server.rsplit_once('@').unwrap().1;
    let url = format!("postgres://reader_of_{name}@{host}/{name}");
    let reader = Db::open(&url.parse().unwrap()).unwrap();
    reader.require_migrated().unwrap();
    assert_eq!(reader.clients().unwrap().len(), 1);
    let error = WithCauses(&insert(&reader, &owner).unwrap_err()).to_string();
    assert!(
        error.contains("permission denied for table stats"),
        "{error}"
    );
    database.execute(
        "DO $$ BEGIN EXECUTE format('DROP OWNED BY reader_of_%s', current_database()); END $$",
    );
    database.execute_on_server("DROP ROLE reader_of_{name}");
}

#[test]
fn loss_and_return_of_the_server_are_detected() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let owner = client(&database.migrated(), "CASES");
    let (mut proxy, url) = Proxy::before(&database);
    // The test must not depend on this timeout.
    let timeouts = Timeouts {
        connection: Duration::from_secs(3600),
        ..Timeouts::server()
    };
    let db = Db::open_with(&url.parse().unwrap(), timeouts).unwrap();
    db.check(LONG).unwrap();
    insert(&db, &owner).unwrap();

    for _ in 0..2 {
        proxy.cut();
        // The connections are broken even before the first check.
        for result in [db.clients().map(drop), insert(&db, &owner), db.check(LONG)] {
            let error = result.unwrap_err();
            let DbError::Away { database, .. } = &error else {
                panic!("{error:?}");
            };
            assert!(database.starts_with(&format!("postgres://{}/", proxy.address())));
        }
        proxy.resume();
        while db.clients().is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        db.check(LONG).unwrap();
        insert(&db, &owner).unwrap();
    }
}

#[test]
fn a_server_that_does_not_answer_is_unreachable() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let db = database.migrated();
    let lock = database.hold("BEGIN; LOCK TABLE client");
    let error = db.check(Duration::from_millis(50)).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with("is away: no answer within 50ms"),
        "{error}"
    );
    let error = db.stats(&StatsFilter::default()).unwrap_err();
    assert!(matches!(error, DbError::Away { .. }), "{error:?}");
    drop(lock);
    while db.check(LONG).is_err() {}
    db.clients().unwrap();
}

#[test]
fn broken_idle_connections_are_replaced() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let db = database.migrated();
    let owner = client(&db, "CASES");
    for _ in 0..3 {
        database.execute_on_server(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        );
        assert_eq!(db.clients().unwrap().len(), 1);
        insert(&db, &owner).unwrap();
        db.check(LONG).unwrap();
    }
}

fn path(database: &TestDatabase) -> std::path::PathBuf {
    database.url().strip_prefix("sqlite://").unwrap().into()
}

#[test]
fn a_truncated_file_is_damaged_and_not_written_to() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let batch: Vec<_> = (0..2000)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(owner.id, &batch).unwrap();
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    let file = OpenOptions::new()
        .write(true)
        .open(path(&database))
        .unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    // The row of the client is in the intact half.
    let change = |db: &Db| {
        db.change_client(owner.uuid, &ClientChange::Active(false))
            .map(drop)
    };
    change(&db).unwrap();
    for result in [
        db.check(LONG),
        change(&db),
        insert(&db, &owner),
        db.check(LONG),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, DbError::Damaged(_)), "{error:?}");
        assert!(error.is_unavailable());
    }
    // A write detects the damage too.
    let other = Db::open(db.url()).unwrap();
    let results: Vec<_> = (0..50).map(|_| insert(&other, &owner)).collect();
    assert!(
        results
            .iter()
            .any(|result| matches!(result, Err(DbError::Damaged(_))))
    );
    assert!(insert(&other, &owner).is_err());
}

#[test]
fn a_removed_or_replaced_file_is_not_used() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let path = path(&database);
    std::fs::rename(&path, path.with_extension("moved")).unwrap();
    let error = db.check(LONG).unwrap_err().to_string();
    assert!(error.contains("was removed or replaced"), "{error}");
    assert!(insert(&db, &owner).is_err());
    assert!(!path.exists(), "not recreated");
    std::fs::copy(path.with_extension("moved"), &path).unwrap();
    assert!(db.check(LONG).is_err(), "a copy is another file");
    assert!(insert(&db, &owner).is_err());
    let reopened = Db::open(&DatabaseUrl::sqlite(&path)).unwrap();
    reopened.check(LONG).unwrap();
}
