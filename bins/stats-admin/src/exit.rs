//! The exit codes that scripts can tell apart, besides 0 and 1. They are those of sysexits.h.

use stats_remote::RemoteError;
use stats_settings::Failure;

/// Something that was sent is not taken (EX_DATAERR).
pub(crate) const REFUSED: u8 = 65;
/// The same may work later (EX_TEMPFAIL).
pub(crate) const TRY_LATER: u8 = 75;

/// What it means for who called that a remote did not do what it was asked to. `more` is told after it.
pub(crate) fn failure(error: &RemoteError, more: &str) -> Failure {
    Failure {
        code: if error.is_temporary() { TRY_LATER } else { 1 },
        message: format!("{error}{more}"),
    }
}
