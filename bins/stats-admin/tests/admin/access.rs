//! Databases that the user may not read or write, and databases that another program has locked.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use stats_testing::{TestDatabase, client, on_each_database};

use crate::support::{Outcome, arguments, message, run_program, succeed};

on_each_database!(reading_does_not_wait_for_the_write_lock);
fn reading_does_not_wait_for_the_write_lock(database: &TestDatabase) {
    let name = client(&database.migrated(), "CASES").name;
    let _lock = database.hold_write_lock();
    assert!(succeed(database, "client list").contains(&name));
    assert_eq!(succeed(database, "stats list-last"), "");
}

#[test]
fn a_write_protected_file_can_be_read() {
    let database = TestDatabase::sqlite();
    let uuid = client(&database.migrated(), "CASES").uuid;
    let protected = Protected::new(&database, 0o500, 0o400);
    let list = protected.run("client list");
    assert_eq!(list.code, 0, "{list:?}");
    assert!(list.stdout.contains("CASES"), "{list:?}");
    let refused = message(
        &protected.run(&format!("client deactivate --uuid {uuid}")),
        1,
    );
    assert!(refused.contains("write-protected"), "{refused}");
}

#[test]
fn doctor_reports_a_file_that_may_not_be_written() {
    let database = TestDatabase::sqlite();
    drop(database.migrated());
    for (folder, file, problem) in [
        (0o700, 0o600, "this user may write"),
        (0o500, 0o600, "this user may not write: "),
        (0o700, 0o400, "this user may not write: "),
    ] {
        let report = Protected::new(&database, folder, file).run("doctor");
        assert!(report.stdout.contains(problem), "{report:?}");
    }
}

#[test]
fn a_file_that_may_not_be_read_is_not_called_missing() {
    let database = TestDatabase::sqlite();
    drop(database.migrated());
    for (folder, file) in [(0o000, 0o600), (0o700, 0o000)] {
        let protected = Protected::new(&database, folder, file);
        let refused = message(&protected.run("client list"), 1);
        let expected = "may not be read by this user: Permission denied";
        assert!(refused.contains(expected), "{refused}");
    }
}

/// A database whose file and folder have these permissions until the value is dropped.
struct Protected<'a> {
    database: &'a TestDatabase,
    file: PathBuf,
}

impl<'a> Protected<'a> {
    fn new(database: &'a TestDatabase, folder_mode: u32, file_mode: u32) -> Self {
        let file = PathBuf::from(database.url().strip_prefix("sqlite://").unwrap());
        set_mode(&file, file_mode);
        set_mode(file.parent().unwrap(), folder_mode);
        Self { database, file }
    }

    fn run(&self, line: &str) -> Outcome {
        let environment = [("DATABASE_URL", self.database.url())];
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        // Permissions bind root only without its capabilities.
        let wrapper: &[&str] = match is_root {
            true => &["setpriv", "--inh-caps=-all", "--bounding-set=-all"],
            false => &["env"],
        };
        let mut program = Command::new(wrapper[0]);
        program
            .args(&wrapper[1..])
            .arg(env!("CARGO_BIN_EXE_stats-admin"));
        run_program(arguments(&mut program, &environment, line), "")
    }
}

impl Drop for Protected<'_> {
    fn drop(&mut self) {
        set_mode(self.file.parent().unwrap(), 0o700);
        set_mode(&self.file, 0o600);
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
