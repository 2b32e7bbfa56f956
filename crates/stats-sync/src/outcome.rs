use stats_db::DbError;
use stats_remote::{RemoteError, RetryPolicy};

use crate::Progress;

/// How a push or a pull ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything was transferred or rejected.
    #[default]
    Complete,
    /// The [`Progress`] cancelled it.
    Cancelled,
    /// The remote is unavailable, or every further request would fail.
    Failed(RemoteError),
}

/// The reason for ending a push or a pull early.
pub(crate) enum Stop {
    Outcome(Outcome),
    Database(DbError),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<RemoteError> for Stop {
    fn from(error: RemoteError) -> Self {
        Self::Outcome(Outcome::Failed(error))
    }
}

/// Stops if `progress` has cancelled the run.
fn check_cancelled(progress: &impl Progress) -> Result<(), Stop> {
    match progress.is_cancelled() {
        true => Err(Stop::Outcome(Outcome::Cancelled)),
        false => Ok(()),
    }
}

/// Sends a request, with retries, unless `progress` has cancelled the run.
pub(crate) fn send<T>(
    progress: &mut impl Progress,
    retry: RetryPolicy,
    request: impl Fn() -> Result<T, RemoteError>,
) -> Result<Result<T, RemoteError>, Stop> {
    check_cancelled(progress)?;
    let sent = retry.run(|error, delay| progress.wait(error, delay), request);
    if sent.is_err() {
        check_cancelled(progress)?;
    }
    Ok(sent)
}

impl Outcome {
    pub(crate) fn of(result: Result<(), Stop>) -> Result<Self, DbError> {
        match result {
            Ok(()) => Ok(Self::Complete),
            Err(Stop::Outcome(outcome)) => Ok(outcome),
            Err(Stop::Database(error)) => Err(error),
        }
    }
}
