//! The log as a process sets it up. Each test starts this program once more, since a process has but one logger and its
//! environment is its own.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that the tests share are tests too"
)]

use std::env;
use std::path::Path;
use std::process::{Command, Output};

use stats_settings::{SettingsError, init_logging};

/// Not a test by itself: what the started process does.
#[test]
fn child() {
    let Some(path) = env::var_os("CHILD_LOG_PATH") else {
        return;
    };
    let path = Some(Path::new(&path)).filter(|path| !path.as_os_str().is_empty());
    match init_logging(path) {
        Ok(()) => {}
        Err(error) => panic!("refused: {error}"),
    }
    log::error!(function = stats_core::function_name!(); "one\ntwo");
    log::info!("three");
    log::debug!("four");
    assert!(matches!(
        init_logging(None),
        Err(SettingsError::LoggingTwice(_))
    ));
}

fn run(path: &str, filter: Option<&str>) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]);
    command.env("CHILD_LOG_PATH", path).env_remove("RUST_LOG");
    command.envs(filter.map(|filter| ("RUST_LOG", filter)));
    command.output().unwrap()
}

/// The lines without their time.
fn lines(log: &[u8]) -> Vec<String> {
    let log = str::from_utf8(log).unwrap();
    let lines = log.lines().filter(|line| line.contains(" logging "));
    lines
        .map(|line| line.splitn(3, ' ').nth(2).unwrap().to_owned())
        .collect()
}

fn starts_with(lines: &[String], expected: &[&str]) {
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
}

#[test]
fn without_a_path_the_log_goes_to_standard_error() {
    let output = run("", None);
    assert!(output.status.success());
    let lines = lines(&output.stderr);
    starts_with(&lines, &["ERROR logging child ", "INFO logging - "]);
    assert!(lines[0].ends_with(r": one\ntwo"), "{lines:?}");
}

#[test]
fn rust_log_says_how_much_is_logged() {
    starts_with(
        &lines(&run("", Some("debug")).stderr),
        &["ERROR ", "INFO ", "DEBUG "],
    );
    starts_with(
        &lines(&run("", Some("warn,logging=error")).stderr),
        &["ERROR "],
    );
    starts_with(&lines(&run("", Some("off")).stderr), &[]);
    starts_with(&lines(&run("", Some("")).stderr), &["ERROR ", "INFO "]);
}

#[test]
fn a_file_is_made_with_its_directory_and_appended_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/stats.log");
    for count in [2, 4] {
        let output = run(path.to_str().unwrap(), None);
        assert!(output.status.success());
        starts_with(&lines(&output.stderr), &[]);
        assert_eq!(lines(&std::fs::read(&path).unwrap()).len(), count);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let output = run(path, None);
    assert!(!output.status.success());
    let expected = format!("the log file {path}, which LOG_PATH names, cannot be opened");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&expected));
}
