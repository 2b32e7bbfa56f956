//! SQLite files that are damaged, write-protected or incomplete.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stats_testing::TestDatabase;
use stats_testing_http::{Server, wait_for};

use crate::stored::{store_admin, store_stats};
use crate::support::{
    command, command_in_namespace, illness, is_unavailable, start_error, start_on, wait_until,
};

const LIST: &str = "/api/v1/stats/?date_from=2026-01-01&date_to=2026-12-31";
const STORED: usize = 3000;

/// A database without a -wal file, and its path.
fn stored() -> (TestDatabase, PathBuf) {
    let database = TestDatabase::sqlite();
    drop(database.migrated());
    store_admin(&database);
    store_stats(&database, 0, STORED);
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    let path = path(&database);
    (database, path)
}

fn path(database: &TestDatabase) -> PathBuf {
    database.url().strip_prefix("sqlite://").unwrap().into()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", path.display()).into()
}

fn stats(count: usize) -> Value {
    let stat = json!({"anr": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1", "type": "threat", "date": "2026-02-02", "data": []});
    vec![stat; count].into()
}

/// The number of stats.
fn count(server: &Server) -> usize {
    let list = server.get(LIST);
    list["data"].as_array().unwrap().len()
}

#[test]
fn a_damaged_file_is_refused_and_left_untouched() {
    let garbage = |path: &Path, at: u64| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&[0xa5; 100], at).unwrap();
    };
    let truncate = |path: &Path, to: u64| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(to).unwrap();
    };
    let (not_a_database, malformed) = ("file is not a database", "disk image is malformed");
    /// What is damaged, how, and the reason in the message.
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);
    let damages: [Damage<'_>; 5] = [
        ("a header", &|path| garbage(path, 0), not_a_database),
        ("a schema", &|path| garbage(path, 100), malformed),
        ("half of it", &|path| truncate(path, 4096 * 100), malformed),
        ("one page", &|path| truncate(path, 4096), malformed),
        ("part of a page", &|path| truncate(path, 1000), malformed),
    ];
    for (name, damage, message) in damages {
        let (database, path) = stored();
        damage(&path);
        let before = fs::read(&path).unwrap();
        let error = start_error(command(database.url()));
        assert!(error.contains(message), "{name}: {error}");
        assert!(
            error.contains("is damaged") && error.lines().count() == 1,
            "{name}: {error}"
        );
        assert!(fs::read(&path).unwrap() == before, "{name} was written to");
    }
}

/// Overwrites pages whose first byte is `kind`, in the middle of the file: neither the clients nor the newest stats.
fn overwrite_pages(path: &Path, kind: u8) -> usize {
    const PAGE: usize = 4096;
    let mut content = fs::read(path).unwrap();
    let pages = content.len() / PAGE;
    let mut overwritten = 0;
    for page in content.chunks_mut(PAGE).skip(pages / 3).take(pages / 3) {
        if page[0] == kind {
            page.fill(0xa5);
            overwritten += 1;
        }
    }
    fs::write(path, content).unwrap();
    overwritten
}

#[test]
fn damage_inside_is_noticed_and_nothing_more_is_written() {
    const LEAF_OF_TABLE: u8 = 0x0d;
    const LEAF_OF_INDEX: u8 = 0x0a;
    for kind in [LEAF_OF_TABLE, LEAF_OF_INDEX] {
        let (database, path) = stored();
        assert!(overwrite_pages(&path, kind) > 10);
        let before = fs::read(&path).unwrap();
        let server = start_on(&database);
        let list = server.request(LIST);
        // An answer that has begun is cut off.
        assert!(is_unavailable(&list) || list.text().is_err());
        let posted = server.post(&stats(20));
        assert!(is_unavailable(&posted), "{posted:?}");
        assert!(illness(&server).unwrap().contains("damaged"));
        server.stop();
        assert!(fs::read(&path).unwrap() == before, "it was written to");
    }
}

#[test]
fn a_write_protected_file_can_be_read() {
    let (database, path) = stored();
    let folder = path.parent().unwrap();
    let protect = format!(
        "mount --bind {0} {0}; mount -o remount,bind,ro {0}",
        folder.display()
    );
    let mut command = command_in_namespace(&protect, database.url());
    command.env("DB_AUTO_MIGRATE", "0");
    let server = Server::spawn(command);
    assert_eq!(count(&server), STORED);
    assert_eq!(server.request("/").status(), 200);
    let posted = server.post(&stats(1));
    assert!(is_unavailable(&posted), "{posted:?}");
    assert_eq!(count(&server), STORED);
    let log = server.stop();
    let explains =
        |line: &String| line.contains(" 503 to ADMIN") && line.contains("write-protected");
    assert!(log.iter().any(explains), "{log:?}");
}

#[test]
fn a_write_protected_file_that_must_be_migrated_is_an_error() {
    let (database, path) = stored();
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations); PRAGMA wal_checkpoint(TRUNCATE)");
    let folder = path.parent().unwrap();
    let protect = format!(
        "mount --bind {0} {0}; mount -o remount,bind,ro {0}",
        folder.display()
    );
    let error = start_error(command_in_namespace(&protect, database.url()));
    assert!(error.contains("write-protected"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_lost_wal_costs_what_was_not_in_the_file() {
    for suffixes in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]] {
        let (database, path) = stored();
        let server = start_on(&database);
        assert_eq!(server.post(&stats(10)).status(), 201);
        server.signal("KILL");
        drop(server);
        for suffix in suffixes {
            fs::remove_file(with_suffix(&path, suffix)).unwrap();
        }
        let server = start_on(&database);
        assert_eq!(illness(&server), None);
        let kept = if suffixes.contains(&"-wal") { 0 } else { 10 };
        assert_eq!(count(&server), STORED + kept, "{suffixes:?}");
        assert_eq!(server.post(&stats(1)).status(), 201);
    }
}

#[test]
fn files_removed_from_a_running_server_cost_nothing_that_it_acknowledged() {
    for suffix in ["-wal", "-shm"] {
        let (database, path) = stored();
        let mut server = start_on(&database);
        let mut acknowledged = 0;
        assert_eq!(server.post(&stats(10)).status(), 201);
        acknowledged += 10;
        fs::remove_file(with_suffix(&path, suffix)).unwrap();
        if suffix == "-wal" {
            wait_until("the loss is noticed", || illness(&server).is_some());
            let message = illness(&server).unwrap();
            assert!(message.contains("stats.db-wal was removed"), "{message}");
            assert!(is_unavailable(&server.post(&stats(1))));
            wait_for(&mut server.log, "was removed");
        } else {
            assert_eq!(illness(&server), None);
            assert_eq!(server.post(&stats(10)).status(), 201);
            acknowledged += 10;
        }
        server.stop();
        let server = start_on(&database);
        assert_eq!(illness(&server), None);
        assert_eq!(count(&server), STORED + acknowledged, "{suffix}");
        assert_eq!(server.post(&stats(1)).status(), 201);
    }
}
