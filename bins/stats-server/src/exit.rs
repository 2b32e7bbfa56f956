use std::io::{self, Write};
use std::process::ExitCode;

/// Prints an error and its causes on one line, and returns the exit code.
///
/// A closed standard output, as in `stats-server --sample-settings | head`, is a success.
pub(crate) fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    let io_error = error.downcast_ref::<io::Error>();
    if io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    // An error of standard error cannot be reported.
    let _ = writeln!(io::stderr(), "stats-server: {error:#}");
    ExitCode::FAILURE
}
