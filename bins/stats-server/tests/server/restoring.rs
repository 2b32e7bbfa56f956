//! Restoring a backup of the database of a server.

use serde_json::json;
use stats_db::{Backup, Db, DbError};
use stats_testing::TestDatabase;

use crate::support::{ANALYSIS, count_stats, start_on, stats};

#[test]
fn a_sqlite_backup_is_restored_only_while_no_server_runs() {
    let database = TestDatabase::sqlite();
    let url = database.url().parse().unwrap();
    let server = start_on(&database);
    assert_eq!(server.post(&stats(1)).status(), 201);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    Db::open(&url).unwrap().backup(&file).unwrap();
    assert_eq!(server.post(&stats(2)).status(), 201);
    let backup = Backup::open(&file).unwrap();
    match backup.restore(&url) {
        Err(DbError::InUse { process, .. }) => {
            assert_eq!(process, i32::try_from(server.process.id()).ok());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(count_stats(&server), 3);
    assert_eq!(server.post(&stats(1)).status(), 201);
    // Killed, it leaves its WAL.
    drop(server);
    backup.restore(&url).unwrap();
    let server = start_on(&database);
    assert_eq!(count_stats(&server), 1);
    assert_eq!(server.get("/health")["status"], "ok");
    assert_eq!(server.post(&stats(1)).status(), 201);
}

#[test]
fn a_server_on_postgresql_goes_on_during_a_restore() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let url = database.url().parse().unwrap();
    drop(database.migrated());
    let server = start_on(&database);
    let post = |rate: &str| {
        let threat = json!({"uuid": ANALYSIS, "label2": "Theft", "count": 1, "maxRisk": 9, "averageRate": rate});
        let stat =
            json!({"anr": ANALYSIS, "type": "threat", "date": "2026-01-01", "data": [threat]});
        assert_eq!(server.post(&json!([stat])).status(), 201);
    };
    let figures = || server.get("/stats/threats.json?days=3000").to_string();
    post("1.0");
    let before = figures();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    Db::open(&url).unwrap().backup(&file).unwrap();
    post("5.0");
    assert_ne!(figures(), before);
    Backup::open(&file).unwrap().restore(&url).unwrap();
    assert_eq!(figures(), before, "nothing old is cached");
    post("5.0");
    assert_ne!(figures(), before);
    assert_eq!(count_stats(&server), 2);
}
