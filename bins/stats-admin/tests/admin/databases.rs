//! `stats-admin db`.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Text;
use stats_core::{AnalysisId, DateRange, RawJson, Stat, StatsFilter, StatsType};
use stats_db::{DatabaseUrl, Db, DbError, PartialKind, Scope};
use stats_processors::{RiskPartial, StoredPartial};
use stats_testing::{TestDatabase, client, on_each_database, stat};

use crate::support::{fail, program, succeed};

on_each_database!(create_init_and_upgrade_report_what_they_did);
fn create_init_and_upgrade_report_what_they_did(database: &TestDatabase) {
    assert!(fail(database, "client list").ends_with("create it with 'stats-admin db create'"));
    assert!(succeed(database, "db create").ends_with(": created\n"));
    assert!(succeed(database, "db create").ends_with(": exists already\n"));
    assert!(fail(database, "client list").ends_with("run 'stats-admin db upgrade'"));
    assert!(succeed(database, "db init").contains(": migrated to 2"));
    assert!(succeed(database, "db init").ends_with(": up to date\n"));
    assert!(succeed(database, "db upgrade").ends_with(": up to date\n"));
    assert_eq!(succeed(database, "client list"), "");
}

on_each_database!(upgrade_prepares_partials);
fn upgrade_prepares_partials(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES").id;
    let days =
        ["2026-01-01", "2026-01-02"].map(|date| stat(AnalysisId::random(), StatsType::Risk, date));
    db.insert_stats(owner, &days).unwrap();
    let stored = || {
        let format = RiskPartial::FORMAT;
        let kind = PartialKind {
            format: format.name,
            format_version: format.version,
            stats_type: StatsType::Risk,
            scope: Scope::All,
        };
        db.read::<_, DbError>(|snapshot| {
            let days = snapshot.day_versions(StatsType::Risk, DateRange::default())?;
            let mut stored = Vec::new();
            snapshot
                .for_each_partial(kind, DateRange::default(), &mut |day, _| stored.push(day))?;
            Ok(days
                .iter()
                .map(|day| stored.contains(day))
                .collect::<Vec<_>>())
        })
        .unwrap()
    };
    assert_eq!(stored(), [false, false]);
    succeed(database, "db upgrade");
    assert_eq!(stored(), [true, true]);
    db.insert_stats(
        owner,
        &[stat(AnalysisId::random(), StatsType::Risk, "2026-01-02")],
    )
    .unwrap();
    assert_eq!(stored(), [true, false]);
    succeed(database, "db upgrade");
    assert_eq!(stored(), [true, true]);
}

#[test]
fn backup_is_a_complete_copy_or_no_file_when_it_is_killed() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let document = format!("[\"{}\"]", "x".repeat(1_000_000));
    let stats = [(); 30].map(|()| Stat {
        data: RawJson::parse(&document).unwrap(),
        ..stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")
    });
    db.insert_stats(client(&db, "CASES").id, &stats).unwrap();
    let mut is_complete = Vec::new();
    // The size of the copy at which the backup is killed. It never reaches the last one.
    for size in [1, 10_000_000, 20_000_000, 30_000_000, u64::MAX] {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        let line = format!("db backup {}", copy.display());
        let mut backup = program(&[("DATABASE_URL", database.url())], &line)
            .spawn()
            .unwrap();
        while backup.try_wait().unwrap().is_none() && size_of_files(folder.path()) < size {}
        let _ = backup.kill();
        let status = backup.wait().unwrap();
        assert!(status.success() || status.signal() == Some(9), "{status}");
        is_complete.push(copy.exists());
        if copy.exists() {
            let path = copy.to_str().unwrap();
            let mut connection = SqliteConnection::establish(path).unwrap();
            let check = diesel::dsl::sql::<Text>("PRAGMA integrity_check");
            let check: String = check.get_result(&mut connection).unwrap();
            let copied = Db::open(&DatabaseUrl::sqlite(&copy)).unwrap();
            let copied = copied.stats(&StatsFilter::default()).unwrap();
            assert_eq!((check.as_str(), copied.len()), ("ok", stats.len()));
            let again = fail(&database, &line);
            assert!(again.ends_with("a file of this name exists"), "{again}");
        } else {
            assert!(!status.success());
        }
    }
    assert_eq!(is_complete.last(), Some(&true));
}

fn size_of_files(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    // A temporary file may be gone.
    files
        .map(|file| file.metadata().map_or(0, |data| data.len()))
        .sum()
}
