//! The program on a database, and what it said.
use std::process::{Command, Stdio};

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

/// The program with these words, in no environment but this.
pub(crate) fn program(environment: &[(&str, &str)], line: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_stats-admin"));
    program
        .args(line.split(' '))
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

pub(crate) fn run(environment: &[(&str, &str)], line: &str) -> Outcome {
    let output = program(environment, line).output().unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
