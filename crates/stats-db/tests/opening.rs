//! Databases that are not there, or not as they should be.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::time::{Duration, Instant};

use stats_db::{DatabaseUrl, Db, DbError};
use stats_testing::{TestDatabase, client, on_each_database};

fn refused(url: &str) -> String {
    Db::open(&url.parse().unwrap()).err().unwrap().to_string()
}

on_each_database!(a_database_is_created_once_and_then_found);
fn a_database_is_created_once_and_then_found(database: &TestDatabase) {
    let url: DatabaseUrl = database.url().parse().unwrap();
    assert!(Db::open(&url).is_err(), "nothing is created by accident");
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
    db.ping().unwrap();
}

#[test]
fn a_file_in_a_new_folder_is_created_and_not_for_everybody() {
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
        "a folder is no database"
    );
    assert!(
        Db::create(&DatabaseUrl::sqlite(path.join("x.db"))).is_err(),
        "a file is no folder"
    );
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stats.db");
    std::fs::write(
        &path,
        "This is a text, and long enough that nobody takes it for anything else.".repeat(50),
    )
    .unwrap();
    let error = refused(&format!("sqlite://{}", path.display()));
    assert!(error.contains("file is not a database"), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_told_soon() {
    let started = Instant::now();
    let error = refused("postgres://me:sesame@127.0.0.1:1/stats");
    assert!(
        error.starts_with("cannot connect to the database postgres://127.0.0.1:1/stats: "),
        "{error}"
    );
    assert!(!error.contains("sesame"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_server_that_does_not_answer_is_told_soon() {
    // It accepts the connection and then says nothing, as a firewall or a hung server would.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let error = refused(&format!(
        "postgres://{}/stats",
        silent.local_addr().unwrap()
    ));
    assert!(error.contains("timeout expired"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_encoding_that_cannot_hold_everything_is_refused() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    database.execute_on_server("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0");
    assert!(refused(database.url()).contains("stores text as LATIN1; it must be UTF8"));
}

on_each_database!(a_broken_connection_is_replaced);
fn a_broken_connection_is_replaced(database: &TestDatabase) {
    let db = database.migrated();
    client(&db, "CASES");
    database.execute_on_server(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    );
    assert_eq!(db.clients().unwrap().len(), 1);
    client(&db, "SMILE");
}

#[test]
fn a_backup_is_a_database_of_its_own() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    client(&db, "CASES");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copies/it's a copy.db");
    db.backup(&path).unwrap();
    client(&db, "SMILE");
    let copy = Db::open(&DatabaseUrl::sqlite(&path)).unwrap();
    assert_eq!(copy.clients().unwrap().len(), 1, "as it was then");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o007, 0);
    }
    let error = db.backup(&path).unwrap_err().to_string();
    assert!(error.contains("there is a file of this name"), "{error}");
    assert_eq!(copy.clients().unwrap().len(), 1, "and is left alone");
    assert!(db.backup(folder.path()).is_err());
}

#[test]
fn a_server_has_its_own_way_of_backup() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let error = database
        .migrated()
        .backup("x.db".as_ref())
        .unwrap_err()
        .to_string();
    assert!(error.contains("pg_dump"), "{error}");
    assert!(!std::path::Path::new("x.db").exists());
}
