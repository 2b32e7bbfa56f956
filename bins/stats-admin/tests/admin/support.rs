//! The program on a database, and what it said.
use std::io::Write;
use std::process::{Command, Stdio};

use stats_testing::TestDatabase;

/// What the program printed and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The printed line that begins with `label`.
    pub(crate) fn line(&self, label: &str) -> &str {
        let value = self
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(label));
        value.unwrap_or_else(|| unreachable!("no {label} in {self:?}"))
    }
}

/// The program with these arguments, in no environment but this.
pub(crate) fn program(environment: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_stats-admin"));
    program
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

/// The words of a line.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

pub(crate) fn run_in(environment: &[(&str, &str)], arguments: &[&str], typed: &str) -> Outcome {
    let mut program = program(environment, arguments).spawn().unwrap();
    // A program that asks nothing may be gone by now.
    let _ = program.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = program.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn run_with(url: &str, arguments: &[&str], typed: &str) -> Outcome {
    run_in(&[("DATABASE_URL", url)], arguments, typed)
}

pub(crate) fn run(database: &TestDatabase, line: &str) -> Outcome {
    run_with(database.url(), &words(line), "")
}

pub(crate) fn succeed(database: &TestDatabase, line: &str) -> Outcome {
    let outcome = run(database, line);
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (0, ""),
        "{line}: {outcome:?}"
    );
    outcome
}

pub(crate) fn fail(database: &TestDatabase, line: &str) -> String {
    let outcome = run(database, line);
    assert_ne!(outcome.code, 0, "{line}: {outcome:?}");
    assert!(!outcome.stderr.is_empty(), "{line}: {outcome:?}");
    outcome.stderr
}
