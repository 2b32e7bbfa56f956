//! Creating, opening and copying databases.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::time::{Duration, Instant};

use stats_core::{AnalysisId, StatsFilter, StatsType, WithCauses};
use stats_db::{DatabaseUrl, Db, DbError};
use stats_testing::{TestDatabase, client, on_each_database, stat};

/// The error of opening a database, with its causes.
fn open_error(url: &str) -> String {
    let error = Db::open(&url.parse().unwrap()).err().unwrap();
    WithCauses(&error).to_string()
}

on_each_database!(create_is_idempotent);
fn create_is_idempotent(database: &TestDatabase) {
    let url: DatabaseUrl = database.url().parse().unwrap();
    assert!(Db::open(&url).is_err(), "open creates nothing");
    assert!(Db::create(&url).unwrap());
    assert!(!Db::create(&url).unwrap());
    let db = Db::open(&url).unwrap();
    assert!(matches!(
        db.require_migrated(),
        Err(DbError::PendingMigrations(_))
    ));
    db.migrate().unwrap();
    client(&db, "CASES");
    assert!(!Db::create(&url).unwrap());
    assert_eq!(Db::open(&url).unwrap().clients().unwrap().len(), 1);
    db.check(Duration::from_secs(20)).unwrap();
}

#[test]
fn create_makes_a_private_file_in_a_new_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("var/lib/stats.db");
    let url = DatabaseUrl::sqlite(&path);
    assert_eq!(
        Db::open(&url).err().unwrap().to_string(),
        format!(
            "the database sqlite://{} does not exist; create it with 'stats-admin db create'",
            path.display()
        )
    );
    assert!(Db::create(&url).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o007, 0);
    }
    assert!(
        Db::create(&DatabaseUrl::sqlite(folder.path())).is_err(),
        "not a file"
    );
    assert!(
        Db::create(&DatabaseUrl::sqlite(path.join("x.db"))).is_err(),
        "not a folder"
    );
}

#[test]
fn a_file_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stats.db");
    std::fs::write(&path, "plain text ".repeat(500)).unwrap();
    let error = open_error(&format!("sqlite://{}", path.display()));
    assert!(error.contains("file is not a database"), "{error}");
}

#[test]
fn a_connection_error_hides_user_and_password() {
    let started = Instant::now();
    let check = |host: &str, name: &str| {
        let error = open_error(&format!("postgres://me%20too:sesame@{host}/{name}"));
        let expected = format!("cannot connect to the database postgres://{host}/{name}: ");
        assert!(error.starts_with(&expected), "{error}");
        assert!(
            !error.contains("sesame") && !error.contains("me too"),
            "{error}"
        );
    };
    check("127.0.0.1:1", "stats");
    assert!(started.elapsed() < Duration::from_secs(10));
    if let Some(database) = TestDatabase::postgres() {
        drop(database.migrated());
        let (server, name) = database.url().rsplit_once('/').unwrap();
        // The server does not know this user, and says so.
        check(server.rsplit_once('@').unwrap().1, name);
    }
}

#[test]
fn a_silent_server_times_out() {
    // Accepts connections and sends nothing, like a hung server.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let error = open_error(&format!(
        "postgres://{}/stats",
        silent.local_addr().unwrap()
    ));
    assert!(error.contains("timeout expired"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_encoding_other_than_utf8_is_refused() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    database.execute_on_server("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0");
    assert!(open_error(database.url()).contains("stores text as LATIN1; it must be UTF8"));
}

#[test]
fn a_backup_is_a_consistent_database() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    client(&db, "CASES");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copies/it's a copy.db");
    db.backup(&path).unwrap();
    client(&db, "SMILE");
    let copy = Db::open(&DatabaseUrl::sqlite(&path)).unwrap();
    assert_eq!(copy.clients().unwrap().len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o007, 0);
    }
    let error = WithCauses(&db.backup(&path).unwrap_err()).to_string();
    assert!(error.contains("a file of this name exists"), "{error}");
    assert_eq!(copy.clients().unwrap().len(), 1, "not overwritten");
    assert!(db.backup(folder.path()).is_err());
}

#[test]
fn a_backup_appears_when_it_is_complete() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let batch: Vec<_> = (0..20_000)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(owner.id, &batch).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.db");
    std::thread::scope(|scope| {
        let backup = scope.spawn(|| db.backup(&path));
        let mut is_over = false;
        while !is_over {
            is_over = backup.is_finished();
            if path.exists() {
                let copy = Db::open(&DatabaseUrl::sqlite(&path)).unwrap();
                assert_eq!(
                    copy.stats(&StatsFilter::default()).unwrap().len(),
                    batch.len()
                );
            }
        }
        backup.join().unwrap().unwrap();
    });
    assert!(path.exists());
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}
