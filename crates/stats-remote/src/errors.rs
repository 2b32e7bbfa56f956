use std::error::Error;
use std::time::Duration;

/// Why a request to a remote failed.
///
/// Text that the remote sent is shortened, its control characters are escaped and the token is removed from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The address is unusable. It is not quoted, because it may contain a password.
    #[error(
        "the address of the remote must look like https://stats.example.org, without user name, query or fragment"
    )]
    InvalidAddress,
    /// The token has characters that a header cannot carry.
    #[error("the token for the remote has characters that cannot be sent in a header")]
    InvalidToken,
    /// The HTTP client cannot be set up, for example without root certificates.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] Cause),
    /// No connection could be made.
    #[error("cannot connect to {address}")]
    Unreachable {
        /// The address of the remote.
        address: String,
        /// The network error.
        source: Cause,
    },
    /// The connection broke before the response was complete.
    #[error("the connection to the remote broke")]
    Interrupted(#[source] Cause),
    /// The response was not complete in time.
    #[error("no complete response from the remote within {timeout:?}")]
    TimedOut {
        /// The limit of [`HttpOptions::timeout`](crate::HttpOptions::timeout).
        timeout: Duration,
    },
    /// The remote rejected the request with a status from 400 to 499.
    #[error("the remote rejected the request ({status}): {message}")]
    Rejected {
        /// The status.
        status: u16,
        /// The message of the remote, or the name of the status.
        message: String,
    },
    /// The request is too large for the remote (413).
    #[error("the request is too large for the remote (413)")]
    RequestTooLarge,
    /// The response exceeds [`HttpOptions::max_response_bytes`](crate::HttpOptions::max_response_bytes).
    #[error("the response of the remote is larger than {limit} bytes")]
    ResponseTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The remote limits the rate of requests (429).
    #[error("too many requests for the remote (429)")]
    RateLimited {
        /// The delay of the header `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The remote failed with a status of 500 or above.
    #[error("the remote failed ({status}): {message}")]
    ServerError {
        /// The status.
        status: u16,
        /// The message of the remote, or the name of the status.
        message: String,
        /// The delay of the header `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The remote redirects. Redirects are not followed, because they would forward the token.
    #[error("the remote redirects to {location}: configure the address that it has now")]
    Redirected {
        /// The target.
        location: String,
    },
    /// The response does not follow the protocol.
    #[error("invalid response from the remote: {detail}")]
    InvalidResponse {
        /// The violation.
        detail: String,
        /// The error of the JSON parser.
        source: Option<Cause>,
    },
}

/// An error of the network, TLS or JSON library, with its sources. It keeps the text instead of the library's error,
/// because the text may quote the remote: it is shortened and escaped, and the token is removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    pub(crate) fn new(error: &dyn Error, quote: &dyn Fn(&str) -> String) -> Self {
        let source = error.source().map(|source| Self::new(source, quote));
        Self {
            text: quote(&error.to_string()),
            source: source.map(Box::new),
        }
    }
}

impl RemoteError {
    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Interrupted(_)
                | Self::TimedOut { .. }
                | Self::RateLimited { .. }
                | Self::ServerError { .. }
        )
    }

    /// Whether the remote does not know the route of the request.
    pub fn is_unknown_route(&self) -> bool {
        let Self::Rejected { status, .. } = self else {
            return false;
        };
        matches!(status, 404 | 405)
    }

    /// Whether a smaller batch or page may succeed.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::RequestTooLarge | Self::ResponseTooLarge { .. })
    }

    /// The delay that the remote asked for in the header `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::ServerError { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::InvalidResponse {
            detail: detail.into(),
            source: None,
        }
    }
}
