use std::io::{self, Write};
use std::process::ExitCode;

/// Returns the exit code, and prints an error and its causes on one line.
///
/// A closed standard output, as in `stats-server --sample-settings | head`, is a success.
pub(crate) fn exit_code(result: anyhow::Result<ExitCode>) -> ExitCode {
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    let io_error = error.downcast_ref::<io::Error>();
    if io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    // An error of standard error cannot be reported.
    let _ = writeln!(io::stderr(), "stats-server: {error:#}");
    ExitCode::FAILURE
}
