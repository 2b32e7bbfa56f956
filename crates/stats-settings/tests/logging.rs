//! The log of a process. A process has only one logger, so each test starts this program again.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::env;
use std::fs;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Output};

use stats_settings::{SettingsError, init_logging};

/// The child process of the tests, not a test itself.
#[test]
fn child() {
    let Some(path) = env::var_os("CHILD_LOG_PATH") else {
        return;
    };
    let path = Path::new(&path);
    let log_file = match init_logging(Some(path).filter(|path| *path != Path::new(""))) {
        Ok(log_file) => log_file,
        Err(error) => panic!("refused: {error}"),
    };
    log::error!(function = "child"; "one\ntwo");
    log::info!("three");
    log::debug!("four");
    assert!(matches!(
        init_logging(None),
        Err(SettingsError::LoggingTwice(_))
    ));
    let Some(log_file) = log_file else {
        return;
    };
    fs::rename(path, path.with_extension("1")).unwrap();
    fs::create_dir(path).unwrap();
    assert!(log_file.reopen().is_err());
    log::info!("in the old file");
    fs::remove_dir(path).unwrap();
    log_file.reopen().unwrap();
    log::info!("in the new file");
    log_file.reopen().unwrap();
    log::info!("appended");
}

/// The child process of the test of a full disk.
#[test]
fn child_on_a_full_disk() {
    let Some(path) = env::var_os("CHILD_FULL_LOG_PATH") else {
        return;
    };
    let path = Path::new(&path);
    let log_file = init_logging(Some(path)).unwrap().unwrap();
    log::info!("one");
    log::info!("two");
    fs::remove_file(path).unwrap();
    log_file.reopen().unwrap();
    log::info!("three");
    log::info!("four");
}

#[test]
fn lines_that_the_file_cannot_take_go_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stats.log");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child_on_a_full_disk", "--nocapture"]);
    command
        .env("CHILD_FULL_LOG_PATH", &path)
        .env_remove("RUST_LOG");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let cannot = "stats.log cannot be written: No space left on device (os error 28); the log goes";
    assert_lines(&output.stderr, &[cannot, ": one", ": two"]);
    let file = fs::read(&path).unwrap();
    let again = "stats.log can be written again; the lines before are on standard error";
    assert_lines(&file, &[again, ": three", ": four"]);
}

#[test]
fn lines_for_the_journal_have_priorities_and_no_time() {
    use std::os::unix::fs::MetadataExt;

    let file = tempfile::tempfile().unwrap();
    let metadata = file.metadata().unwrap();
    let (device, inode) = (metadata.dev(), metadata.ino());
    for (stream, is_journal) in [
        (format!("{device}:{inode}"), true),
        // That of a parent, from which standard error was redirected.
        (format!("{device}:{}", inode + 1), false),
        ("".to_owned(), false),
    ] {
        let mut file = file.try_clone().unwrap();
        file.set_len(0).unwrap();
        file.rewind().unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture"]);
        command.env("CHILD_LOG_PATH", "").env_remove("RUST_LOG");
        command.env("JOURNAL_STREAM", &stream);
        let stderr = file.try_clone().unwrap();
        assert!(command.stderr(stderr).status().unwrap().success());
        file.rewind().unwrap();
        let mut log = String::new();
        file.read_to_string(&mut log).unwrap();
        let line = log.lines().find(|line| line.contains("three")).unwrap();
        assert_eq!(line.starts_with("<6>logging - "), is_journal, "{line}");
        assert_eq!(log.contains(r"<3>logging child "), is_journal, "{log}");
    }
}

fn run(path: &Path, filter: Option<&str>) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]);
    command.env("CHILD_LOG_PATH", path).env_remove("RUST_LOG");
    command.envs(filter.map(|filter| ("RUST_LOG", filter)));
    command.output().unwrap()
}

/// Asserts that each line of the log contains its expected text.
fn assert_lines(log: &[u8], expected: &[&str]) {
    let log = str::from_utf8(log).unwrap();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("logging "))
        .collect();
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn rust_log_filters_and_the_default_is_info() {
    let error = "ERROR logging child ";
    let (info, debug) = ("INFO logging - ", "DEBUG logging - ");
    for (filter, expected) in [
        (None, &[error, info][..]),
        (Some(""), &[error, info]),
        (Some("debug"), &[error, info, debug]),
        (Some("warn,logging=error"), &[error]),
        (Some("off"), &[]),
    ] {
        let output = run(Path::new(""), filter);
        assert!(output.status.success());
        assert_lines(&output.stderr, expected);
    }
}

#[test]
fn a_log_file_is_created_appended_and_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/stats.log");
    let output = run(&path, None);
    assert!(output.status.success(), "{output:?}");
    assert_lines(&output.stderr, &[]);
    let old = fs::read(path.with_extension("1")).unwrap();
    assert_lines(&old, &[r": one\ntwo", ": three", "in the old file"]);
    assert_lines(&fs::read(&path).unwrap(), &["in the new file", "appended"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    }
}

#[test]
fn the_error_of_opening_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), None);
    assert!(!output.status.success());
    let path = folder.path().display();
    let expected = format!("cannot open the log file {path} (LOG_PATH)");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&expected));
}
