use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// A failure with an exit code of its own, so that scripts can tell it from others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What went wrong.
    pub message: String,
}

/// What a program exits with: 0, or the code of a [`Failure`], or 1; and on standard error what went wrong, with all
/// its causes.
///
/// A reader that went away, such as `head`, is no failure.
pub fn exit_code(program: &str, result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{program}: {}", with_causes(error.as_ref()));
            match error.downcast_ref::<Failure>() {
                Some(failure) => ExitCode::from(failure.code),
                None => ExitCode::FAILURE,
            }
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The error and its causes in one line. A cause that its error quotes already is not told again.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SettingsError;

    #[test]
    fn every_cause_is_told_once() {
        let source = io::Error::other("disk full");
        let error = SettingsError::LogFile {
            path: "x.log".into(),
            source,
        };
        let text = with_causes(&error);
        assert!(
            text.contains("x.log") && text.ends_with(": disk full"),
            "{text}"
        );
        assert_eq!(with_causes(&io::Error::other("disk full")), "disk full");
    }
}
