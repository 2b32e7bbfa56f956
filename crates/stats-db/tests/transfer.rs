//! Backups, restoring them, and copies from one database to another.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::ops::ControlFlow;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{Connection, RunQueryDsl};
use stats_core::{AnalysisId, DateRange, RawJson, Stat, StatsFilter, StatsType};
use stats_db::{Arrival, Backup, Copied, DatabaseUrl, Db, DbError, Holdings, PartialKind, Scope};
use stats_testing::{TestDatabase, client, on_each_database, stat, token};

/// Rows as an older service left them, and values that the databases write differently.
const ROWS: &str = r#"
    INSERT INTO client (id, uuid, name, token, role, latitude, longitude, last_seen, local, is_sharing_enabled, created_at,
        updated_at, is_active) VALUES
        (3, '11111111-0000-4000-8000-000000000003', 'CASES', 'token-of-cases', 2, 49.611621, 6.1319346000000001,
            '2026-11-20 10:20:30.120000', true, true, '2020-07-15 09:27:51.701245', '2026-11-20 10:20:30', true),
        (5, '11111111-0000-4000-8000-000000000005', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        (6, '11111111-0000-4000-8000-000000000006', '12', '007', 1, -0.1, 1e-7, NULL, false, false, NULL, NULL, false);
    INSERT INTO stats (seq, uuid, anr, type, date, data, created_at, client_id) VALUES
        (7, '22222222-0000-4000-8000-000000000001', '33333333-0000-4000-8000-000000000001', 'risk', '2026-11-18',
            '{"b": 1.50, "a": [1e3, -0, "é\u00e9"], "b": 2}', '2026-11-18 10:00:00.5', 3),
        (8, '22222222-0000-4000-8000-000000000002', '33333333-0000-4000-8000-000000000001', 'bogus', '2026-11-18',
            '{}', NULL, 3),
        (12, '22222222-0000-4000-8000-000000000003', '33333333-0000-4000-8000-000000000002', 'threat', '2026-11-19',
            '5', NULL, NULL),
        (13, '22222222-0000-4000-8000-000000000004', '33333333-0000-4000-8000-000000000002', 'threat', 'infinity',
            'null', NULL, 5);
    INSERT INTO push_progress (remote, client_id, seq) VALUES ('https://example.org', 3, 12);
    INSERT INTO push_waiting (remote, client_id, seq, reason) VALUES
        ('https://example.org', 3, 7, 'no''t taken'), ('https://example.org', 3, 8, NULL);
"#;

/// The databases to transfer to.
fn targets() -> impl Iterator<Item = TestDatabase> {
    [Some(TestDatabase::sqlite()), TestDatabase::postgres()]
        .into_iter()
        .flatten()
}

fn filled(database: &TestDatabase) -> Db {
    let db = database.migrated();
    database.execute(ROWS);
    if database.is_postgres() {
        database.execute("SELECT setval('client_id_seq', 6); SELECT setval('stats_seq_seq', 13)");
    }
    db
}

fn url(database: &TestDatabase) -> DatabaseUrl {
    database.url().parse().unwrap()
}

fn copy(from: &Db, to: &Db) -> Result<Copied, DbError> {
    from.copy_to(to, |_, _| ControlFlow::Continue(()))
}

/// Checks that a database holds [`ROWS`], with queries of its own.
fn assert_filled(db: &Db) {
    let clients = db.clients().unwrap();
    assert_eq!(
        clients.iter().map(|client| client.id.0).collect::<Vec<_>>(),
        [3, 5, 6]
    );
    let [cases, unnamed, number] = &clients[..] else {
        unreachable!()
    };
    let place = cases.coordinates.unwrap();
    assert_eq!(
        (place.latitude(), place.longitude()),
        (49.611621, 6.1319346)
    );
    assert_eq!(token(cases).reveal(), "token-of-cases");
    assert_eq!(
        cases.last_seen.unwrap().to_string(),
        "2026-11-20 10:20:30.120"
    );
    assert_eq!(
        cases.created_at.unwrap().to_string(),
        "2020-07-15 09:27:51.701245"
    );
    assert!(cases.is_sharing_enabled && !unnamed.is_sharing_enabled);
    assert_eq!((unnamed.name.as_str(), unnamed.created_at), ("", None));
    assert_eq!(
        (number.name.as_str(), token(number).reveal()),
        ("12", "007")
    );
    assert!(!number.is_local && !number.is_active);
    assert_eq!(number.coordinates.unwrap().longitude(), 1e-7);
    let stats = db.stats(&StatsFilter::default()).unwrap();
    let expected = r#"{"a": [1000, 0, "éé"], "b": 2}"#;
    assert_eq!(stats.len(), 2);
    assert!(
        stats[0]
            .data
            .is_same_value(&RawJson::parse(expected).unwrap())
    );
    assert_eq!(stats[1].data.as_str(), "5");
    let remote = "https://example.org";
    let progress = db.pushed_up_to(remote, cases.id).unwrap();
    assert_ne!(progress, Arrival::default());
    let mut waiting = Vec::new();
    db.read(|snapshot| {
        snapshot.for_each_waiting(remote, |stat| {
            waiting.push(stat.reason);
            ControlFlow::Continue(())
        })
    })
    .unwrap();
    assert_eq!(waiting, [Some("no't taken".to_owned())]);
    assert_eq!(
        Holdings::of(db.url()).unwrap().to_string(),
        "3 clients, 4 stats of 2026-11-18 to infinity"
    );
}

/// New rows are numbered after the others.
fn assert_continues(db: &Db) {
    let new = client(db, "new");
    assert!(new.id.0 > 6, "{new:?}");
    let stat = stat(AnalysisId::random(), StatsType::Risk, "2026-11-20");
    assert!(db.insert_stats(new.id, &[stat]).unwrap().is_empty());
}

on_each_database!(a_backup_is_served_from_and_restored_into_either_database);
fn a_backup_is_served_from_and_restored_into_either_database(database: &TestDatabase) {
    let db = filled(database);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    db.backup(&file).unwrap();
    for target in targets() {
        // What is there goes.
        let old = target.migrated();
        let owner = client(&old, "OLD").id;
        let gone = stat(AnalysisId::random(), StatsType::Risk, "2026-01-01");
        old.insert_stats(owner, &[gone]).unwrap();
        drop(old);
        let backup = Backup::open(&file).unwrap();
        backup.restore(&url(&target)).unwrap();
        let restored = Db::open(&url(&target)).unwrap();
        assert_filled(&restored);
        let differences = copy(&db, &restored).unwrap().differences;
        assert_eq!(differences, [""; 0]);
        assert_continues(&restored);
    }
    let served = Db::open(&DatabaseUrl::sqlite(&file)).unwrap();
    served.require_migrated().unwrap();
    assert_filled(&served);
    assert_continues(&served);
    assert_filled(&db);
}

/// The schema of a SQLite file.
fn schema(file: &Path) -> Vec<String> {
    let mut conn = diesel::SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let query = sql::<Text>(
        "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1",
    );
    query.load(&mut conn).unwrap()
}

on_each_database!(a_backup_has_all_tables_and_indexes);
fn a_backup_has_all_tables_and_indexes(database: &TestDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let [backup, new] = ["backup.db", "new.db"].map(|name| folder.path().join(name));
    filled(database).backup(&backup).unwrap();
    let url = DatabaseUrl::sqlite(&new);
    Db::create(&url).unwrap();
    Db::open(&url).unwrap().migrate().unwrap();
    assert_eq!(schema(&backup), schema(&new));
}

on_each_database!(a_backup_replaces_no_file);
fn a_backup_replaces_no_file(database: &TestDatabase) {
    let db = filled(database);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    std::fs::write(&file, "mine").unwrap();
    let error = db.backup(&file).unwrap_err();
    assert!(matches!(error, DbError::Backup { .. }), "{error:?}");
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Servers cache what they compute by the counter of changes and the versions of days.
#[test]
fn restoring_moves_the_versions_of_a_running_server_forward() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let db = filled(&database);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    db.backup(&file).unwrap();
    let owner = db.clients().unwrap()[0].id;
    let late =
        ["2026-11-18", "2026-11-25"].map(|date| stat(AnalysisId::random(), StatsType::Risk, date));
    db.insert_stats(owner, &late).unwrap();
    let versions = |db: &Db| {
        db.read::<_, DbError>(|snapshot| {
            snapshot.day_versions(StatsType::Risk, DateRange::default())
        })
        .unwrap()
    };
    let (changes, before) = (db.changes().unwrap(), versions(&db));
    let kind = PartialKind {
        format: "test",
        format_version: 1,
        stats_type: StatsType::Risk,
        scope: Scope::All,
    };
    let partials = before.iter().map(|day| stats_db::DayPartial {
        kind,
        day: *day,
        content: vec![1],
    });
    db.store_partials(&partials.collect::<Vec<_>>()).unwrap();
    Backup::open(&file)
        .unwrap()
        .restore(&url(&database))
        .unwrap();
    // The pool of the running server still works.
    assert_filled(&db);
    assert!(db.changes().unwrap().counter > changes.counter);
    let after = versions(&db);
    assert_eq!(after.len(), 2, "also the day whose stats are gone");
    for (before, after) in before.iter().zip(&after) {
        assert!(after.version > before.version, "{before:?} {after:?}");
    }
    db.read::<_, DbError>(|snapshot| {
        snapshot.for_each_partial(kind, DateRange::default(), &mut |day, _| panic!("{day:?}"))
    })
    .unwrap();
}

#[test]
fn what_is_no_intact_backup_is_refused() {
    let database = TestDatabase::sqlite();
    let db = filled(&database);
    let owner = db.clients().unwrap()[0].id;
    let stats: Vec<_> = (0..500)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(owner, &stats).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    db.backup(&path("good.db")).unwrap();
    let good = std::fs::read(path("good.db")).unwrap();
    let refuse = |name: &str| {
        let error = Backup::open(&path(name)).err().unwrap();
        stats_core::WithCauses(&error).to_string()
    };
    std::fs::write(path("garbage.db"), [b'x'; 10_000]).unwrap();
    std::fs::write(path("truncated.db"), &good[..good.len() / 2]).unwrap();
    std::fs::write(path("empty.db"), "").unwrap();
    let mut flipped = good.clone();
    let middle = good.len() / 2;
    flipped[middle..middle + 4096].fill(0xff);
    std::fs::write(path("flipped.db"), flipped).unwrap();
    let execute = |name: &str, sql: &str| {
        let path = path(name);
        let connection = diesel::SqliteConnection::establish(path.to_str().unwrap());
        connection.unwrap().batch_execute(sql).unwrap();
    };
    execute("other.db", "CREATE TABLE recipe (name TEXT)");
    std::fs::write(path("newer.db"), &good).unwrap();
    execute(
        "newer.db",
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')",
    );
    for (name, reason) in [
        ("missing.db", "No such file"),
        ("garbage.db", "it is no SQLite database"),
        ("truncated.db", "database disk image is malformed"),
        ("flipped.db", "it is damaged: "),
        ("empty.db", "it is no database of the stats service"),
        ("other.db", "it is no database of the stats service"),
        ("newer.db", "newer version of this program (1 unknown"),
    ] {
        let message = refuse(name);
        let start = format!("cannot restore {}: ", path(name).display());
        assert!(
            message.starts_with(&start) && message.contains(reason),
            "{message}"
        );
    }
    Backup::open(&path("good.db")).unwrap();
}

on_each_database!(a_backup_of_an_older_version_is_migrated);
fn a_backup_of_an_older_version_is_migrated(database: &TestDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.db");
    let mut old = diesel::SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let init = include_str!("../../../migrations/sqlite/2026-11-20-000000_init/up.sql");
    let rows = ROWS.split("INSERT INTO push_progress").next().unwrap();
    old.batch_execute(&format!(
        "{init}; {rows}
         CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP);
         INSERT INTO __diesel_schema_migrations (version) VALUES ('20261120000000');"
    ))
    .unwrap();
    drop(old);
    let before = std::fs::read(&file).unwrap();
    let backup = Backup::open(&file).unwrap();
    backup.restore(&url(database)).unwrap();
    let restored = Db::open(&url(database)).unwrap();
    restored.require_migrated().unwrap();
    assert_eq!(
        backup.holdings().unwrap(),
        Holdings::of(restored.url()).unwrap()
    );
    assert_eq!(restored.stats(&StatsFilter::default()).unwrap().len(), 2);
    assert_eq!(
        std::fs::read(&file).unwrap(),
        before,
        "the backup is unchanged"
    );
}

fn risks(number: usize) -> Vec<Stat> {
    (0..number)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-11-20"))
        .collect()
}

on_each_database!(a_copy_is_resumed_and_takes_what_has_arrived_since);
fn a_copy_is_resumed_and_takes_what_has_arrived_since(database: &TestDatabase) {
    let db = filled(database);
    let owner = db.clients().unwrap()[0].id;
    db.insert_stats(owner, &risks(2_500)).unwrap();
    for target in targets() {
        let to = target.migrated();
        let mut steps = Vec::new();
        let stopped = db.copy_to(&to, |done, total| {
            steps.push(done);
            assert_eq!(total, Holdings::of(db.url()).unwrap().stats);
            match done {
                0 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        assert!(matches!(stopped, Err(DbError::Cancelled)), "{stopped:?}");
        assert_eq!(steps, [0, 1000]);
        assert_eq!(Holdings::of(to.url()).unwrap().stats, 1000);
        // The target lacks one of those.
        target.execute("DELETE FROM stats WHERE seq = 12");
        let total = Holdings::of(db.url()).unwrap().stats;
        let copied = copy(&db, &to).unwrap();
        assert_eq!(
            (copied.stats, copied.already_there, copied.differences),
            (total - 999, 999, vec![])
        );
        assert_filled_as(&db, &to);
        // A client is renamed, another one takes its name.
        database.execute(
            "UPDATE client SET name = 'other', token = NULL WHERE id = 3;
             UPDATE client SET name = 'CASES', token = 'token-of-cases' WHERE id = 5",
        );
        db.insert_stats(owner, &risks(3)).unwrap();
        let again = copy(&db, &to).unwrap();
        assert_eq!(
            (again.stats, again.already_there, again.differences),
            (3, total, vec![])
        );
        assert_filled_as(&db, &to);
        database.execute(
            "UPDATE client SET name = NULL, token = NULL WHERE id = 5;
             UPDATE client SET name = 'CASES', token = 'token-of-cases' WHERE id = 3",
        );
    }
}

fn assert_filled_as(db: &Db, other: &Db) {
    assert_eq!(db.clients().unwrap(), other.clients().unwrap());
    let [ours, theirs] = [db, other].map(|db| db.stats(&StatsFilter::default()).unwrap());
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!(ours.data.is_same_value(&theirs.data));
        assert_eq!(ours.uuid, theirs.uuid);
    }
}

on_each_database!(a_target_with_other_content_is_refused);
fn a_target_with_other_content_is_refused(database: &TestDatabase) {
    let db = filled(database);
    for target in targets() {
        let to = target.migrated();
        copy(&db, &to).unwrap();
        for (change, reason, undo) in [
            (
                "INSERT INTO client (id, uuid, name) VALUES (9, '11111111-0000-4000-8000-000000000009', 'other')",
                "it has the client 'other'",
                "DELETE FROM client WHERE id = 9",
            ),
            (
                "UPDATE client SET last_seen = '2026-11-20 10:20:30.130000' WHERE id = 3",
                "the client 'CASES' has authenticated there since",
                "UPDATE client SET last_seen = NULL WHERE id = 3",
            ),
            (
                "UPDATE stats SET uuid = '22222222-0000-4000-8000-00000000000a' WHERE seq = 8",
                "it has the stat 22222222-0000-4000-8000-00000000000a, ",
                "UPDATE stats SET uuid = '22222222-0000-4000-8000-000000000002' WHERE seq = 8",
            ),
            (
                "INSERT INTO stats (seq, uuid, anr, type, date, data) SELECT 14, '22222222-0000-4000-8000-00000000000b', anr,
                    type, date, data FROM stats WHERE seq = 7",
                "it has the stat 22222222-0000-4000-8000-00000000000b, ",
                "DELETE FROM stats WHERE seq = 14",
            ),
        ] {
            target.execute(change);
            let before = to.changes().unwrap();
            let error = copy(&db, &to).unwrap_err();
            assert!(matches!(error, DbError::NotACopy { .. }), "{error:?}");
            assert!(error.to_string().contains(reason), "{error}");
            assert_eq!(to.changes().unwrap(), before);
            target.execute(undo);
        }
        assert_eq!(copy(&db, &to).unwrap().differences, [""; 0]);
    }
}

on_each_database!(differences_are_named);
fn differences_are_named(database: &TestDatabase) {
    let db = filled(database);
    let target = TestDatabase::sqlite();
    let to = target.migrated();
    copy(&db, &to).unwrap();
    for (change, difference, undo) in [
        (
            r#"UPDATE stats SET data = '{"b": 2, "a": [1000, 0, "éé"]}' WHERE seq = 7"#,
            None,
            "SELECT 1",
        ),
        (
            r#"UPDATE stats SET data = '{"b": 2, "a": [1000, 0, "é"]}' WHERE seq = 7"#,
            Some("stats of type risk on 2026-11-18: different content"),
            r#"UPDATE stats SET data = '{"b": 2, "a": [1000, 0, "éé"]}' WHERE seq = 7"#,
        ),
        (
            "UPDATE stats SET client_id = 5 WHERE seq = 12",
            Some("stats of type threat on 2026-11-19: different content"),
            "UPDATE stats SET client_id = NULL WHERE seq = 12",
        ),
        // Clients and ledger are brought up to date.
        ("UPDATE push_waiting SET reason = 'x'", None, "SELECT 1"),
        ("UPDATE client SET latitude = 1", None, "SELECT 1"),
        (
            "CREATE TRIGGER t AFTER INSERT ON push_progress BEGIN UPDATE push_progress SET seq = 1; END",
            Some("table push_progress: different content"),
            "DROP TRIGGER t",
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON push_progress BEGIN DELETE FROM push_progress; END",
            Some("table push_progress: 1 here, 0 there"),
            "DROP TRIGGER t",
        ),
    ] {
        target.execute(change);
        let expected: Vec<_> = difference.into_iter().map(str::to_owned).collect();
        assert_eq!(copy(&db, &to).unwrap().differences, expected, "{change}");
        target.execute(undo);
    }
    assert_eq!(copy(&db, &to).unwrap().differences, [""; 0]);
}
