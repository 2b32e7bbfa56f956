use std::time::Duration;

/// Why a remote did not do what was asked.
///
/// What a remote said is quoted shortened, with control characters escaped and without the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The remote cannot even be asked, because its address or token is not usable.
    #[error("the remote cannot be asked: {what}")]
    Misconfigured {
        /// What is wrong.
        what: String,
    },
    /// There is no connection.
    #[error("{address} cannot be reached: {cause}")]
    Unreachable {
        /// The address of the remote.
        address: String,
        /// What the network said.
        cause: String,
    },
    /// The connection broke before the answer was whole.
    #[error("the remote gave no whole answer: {cause}")]
    Interrupted {
        /// What the network said.
        cause: String,
    },
    /// The answer was not whole in time.
    #[error("the remote gave no whole answer within {after:?}")]
    TimedOut {
        /// How long it had.
        after: Duration,
    },
    /// The remote understood, and will not do it: a status from 400 to 499.
    #[error("the remote refuses the request ({status}): {message}")]
    Refused {
        /// The status.
        status: u16,
        /// What the remote says about it.
        message: String,
    },
    /// What was sent is too large for the remote (413).
    #[error("the remote refuses a request of this size (413): send less at once")]
    TooLarge,
    /// The answer is larger than [`Options::max_answer_bytes`](crate::Options::max_answer_bytes).
    #[error("the answer is larger than {limit} bytes: ask for less at once")]
    AnswerTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The remote was asked too often (429).
    #[error("the remote was asked too often (429): try again later")]
    RateLimited {
        /// How long the remote wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The remote has a problem of its own: a status from 500 on.
    #[error("the remote has a problem ({status}): {message}")]
    Unavailable {
        /// The status.
        status: u16,
        /// What the remote says about it.
        message: String,
        /// How long the remote wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The remote points elsewhere, and the token does not go there.
    #[error("the remote redirects to {to}: set its address to where it really is")]
    Redirected {
        /// Where it points.
        to: String,
    },
    /// The answer is not what such a remote answers.
    #[error("the remote answers nonsense: {what}")]
    Nonsense {
        /// What is wrong with it.
        what: String,
    },
}

impl RemoteError {
    /// Whether the same may work a little later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Interrupted { .. }
                | Self::TimedOut { .. }
                | Self::RateLimited { .. }
                | Self::Unavailable { .. }
        )
    }

    /// Whether less at once may work: a smaller batch, fewer days, a shorter page.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge | Self::AnswerTooLarge { .. })
    }

    /// How long the remote wants to be left alone, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    pub(crate) fn nonsense(what: impl Into<String>) -> Self {
        Self::Nonsense { what: what.into() }
    }
}
