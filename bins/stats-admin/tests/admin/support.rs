use std::io::Write;
use std::process::{Command, Stdio};

use stats_testing::TestDatabase;

/// What the program printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The rest of the line that begins with `label`.
pub(crate) fn value<'a>(printed: &'a str, label: &str) -> &'a str {
    let mut lines = printed.lines();
    let value = lines.find_map(|line| line.strip_prefix(label));
    value
        .ok_or_else(|| format!("no '{label}' in {printed}"))
        .unwrap()
}

/// The program with the arguments in `line`, and with no environment variables but these.
pub(crate) fn program(environment: &[(&str, &str)], line: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_stats-admin"));
    arguments(&mut program, environment, line);
    program
}

/// Gives a program the arguments in `line`, and no environment variables but these. The settings file of this machine is
/// not read.
pub(crate) fn arguments<'a>(
    program: &'a mut Command,
    environment: &[(&str, &str)],
    line: &str,
) -> &'a mut Command {
    program
        .args(line.split(' '))
        .env_clear()
        .env("STATS_CONFIG", "/dev/null")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

/// Runs a program that reads `typed` from standard input.
pub(crate) fn run_program(program: &mut Command, typed: &str) -> Outcome {
    let mut program = program.spawn().unwrap();
    // The program may end without reading it.
    let _ = program.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = program.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program on a database.
pub(crate) fn run(database: &TestDatabase, line: impl AsRef<str>, typed: &str) -> Outcome {
    let environment = [("DATABASE_URL", database.url())];
    run_program(&mut program(&environment, line.as_ref()), typed)
}

/// The standard output of a command that succeeds.
pub(crate) fn succeed(database: &TestDatabase, line: impl AsRef<str>) -> String {
    let outcome = run(database, &line, "");
    let is_quiet = outcome.stderr.is_empty();
    assert!(
        outcome.code == 0 && is_quiet,
        "{}: {outcome:?}",
        line.as_ref()
    );
    outcome.stdout
}

/// The message of a command that fails.
pub(crate) fn fail(database: &TestDatabase, line: impl AsRef<str>) -> String {
    message(&run(database, line, ""), 1)
}

/// The message of a command that ended with this exit code. It is a single line.
pub(crate) fn message(outcome: &Outcome, code: i32) -> String {
    assert_eq!(outcome.code, code, "{outcome:?}");
    let message = outcome.stderr.strip_prefix("stats-admin: ");
    let message = message.and_then(|message| message.strip_suffix('\n'));
    let message = message.filter(|message| !message.contains('\n'));
    message.ok_or(outcome).unwrap().to_owned()
}
