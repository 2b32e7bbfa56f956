//! The exit codes. 65 and 75 are those of sysexits.h.

use std::io::{self, Write};
use std::process::ExitCode;

use stats_db::DbError;
use stats_remote::RemoteError;

const REJECTED: u8 = 65;
const TRY_AGAIN: u8 = 75;

/// A failure with an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Stats were rejected.
    #[error("{0}")]
    Rejected(String),
    /// A signal stopped the command.
    #[error("stopped by a signal")]
    Stopped,
}

/// Gives the exit code, and prints an error with its causes on one line.
///
/// If the reader of standard output has gone, as `head` does, the program ends with success.
pub(crate) fn exit_code(result: anyhow::Result<ExitCode>) -> ExitCode {
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    let io_error = error.downcast_ref::<io::Error>();
    if io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    // Nothing can be done if standard error is closed.
    let _ = writeln!(io::stderr(), "stats-admin: {error:#}");
    let is_temporary = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(error), _) => RemoteError::is_temporary(error),
        (_, error) => error.is_some_and(DbError::is_temporary),
    };
    match error.downcast_ref() {
        Some(Failure::Rejected(_)) => ExitCode::from(REJECTED),
        Some(Failure::Stopped) => ExitCode::from(TRY_AGAIN),
        None if is_temporary => ExitCode::from(TRY_AGAIN),
        None => ExitCode::FAILURE,
    }
}
