//! Request errors, their HTTP statuses and their JSON bodies.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;
use stats_core::{FieldErrors, PayloadError, WithCauses};
use stats_db::{BoxedError, DbError};
use stats_partials::PartialsError;

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The request has no token.
    NoToken,
    /// The token is unknown, or its client is deactivated.
    BadToken,
    /// The request comes from a MONARC version that is too old.
    OutdatedMonarc,
    /// The client lacks the permission. Holds the message.
    NotAllowed(&'static str),
    /// Invalid values, by field.
    Invalid(FieldErrors),
    /// An argument that the route does not accept.
    UnknownArgument(String),
    /// The processor does not process stats of this type.
    WrongType {
        processor: String,
        stats_type: String,
    },
    /// The request as a whole is malformed. Holds the message.
    Malformed(String),
    /// The path does not exist.
    NotFound,
    /// The analysis has no stats that the client may read.
    NoStats,
    /// The path accepts only these methods.
    MethodNotAllowed(&'static str),
    /// The body is larger than this limit, in bytes.
    TooLarge(usize),
    /// The body arrived too slowly.
    BodyTimeout,
    /// The content type of the body is not JSON.
    NotJson,
    /// The body has a content encoding other than gzip.
    UnknownEncoding,
    /// The address sent too many requests without a token. It may retry after this time.
    TooManyRequests(Duration),
    /// All capacity for this resource stayed in use until the timeout.
    Busy(&'static str),
    /// The database is unreachable, busy, damaged or too slow.
    Unavailable(BoxedError),
    /// The client closed the connection.
    ClientGone,
    /// A fault of the service.
    Internal(BoxedError),
}

impl ApiError {
    /// The error of a single field.
    pub(crate) fn field(name: &str, text: impl fmt::Display) -> Self {
        Self::Invalid(FieldErrors::of(name, text))
    }

    pub(crate) fn internal(cause: impl Into<BoxedError>) -> Self {
        Self::Internal(cause.into())
    }

    /// The error as a sentence for pages and logs, with the invalid fields.
    pub(crate) fn explanation(&self) -> String {
        match self {
            Self::Invalid(errors) => format!("{errors}."),
            other => other.message(),
        }
    }

    /// Whether the database was already known to be unreachable. stats-db logs an outage once, requests do not.
    pub(crate) fn is_known_outage(&self) -> bool {
        match self {
            Self::Unavailable(cause) => {
                matches!(cause.downcast_ref(), Some(DbError::Away { .. }))
            }
            _ => false,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::NoToken => "Unauthorized - Authentication required.".into(),
            Self::BadToken => "Forbidden - Authentication failed.".into(),
            Self::OutdatedMonarc => "This service requires MONARC 2.10.2 or later.".into(),
            Self::NotAllowed(message) => (*message).into(),
            Self::Invalid(_) => "Input payload validation failed".into(),
            Self::UnknownArgument(name) => format!("Unknown arguments: {name}"),
            Self::WrongType {
                processor,
                stats_type,
            } => format!("Processor '{processor}' can not be used with type '{stats_type}'."),
            Self::Malformed(message) => message.clone(),
            Self::NotFound => "There is nothing here.".into(),
            Self::NoStats => "There are no stats of this analysis.".into(),
            Self::MethodNotAllowed(_) => "The method is not allowed here.".into(),
            Self::TooLarge(limit) => format!("The body is larger than {limit} bytes."),
            Self::BodyTimeout => "The body did not arrive in time.".into(),
            Self::NotJson => "The content type must be application/json.".into(),
            Self::UnknownEncoding => "The content encoding must be gzip or identity.".into(),
            Self::TooManyRequests(_) => {
                "There were too many requests from this address. Please try again in a while."
                    .into()
            }
            Self::Busy(_) | Self::Unavailable(_) => {
                "The service is not available. Please try again in a while.".into()
            }
            Self::ClientGone | Self::Internal(_) => "Internal Server Error".into(),
        }
    }

    /// The key of the message in the body. Clients of the Python service expect `Error` for some errors.
    fn key(&self) -> &'static str {
        match self {
            Self::NoToken | Self::BadToken | Self::OutdatedMonarc | Self::WrongType { .. } => {
                "Error"
            }
            _ => "message",
        }
    }
}

/// Formats the error for the log, with its causes.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(resource) => write!(f, "all capacity for {resource} stayed in use"),
            Self::ClientGone => f.write_str("the client hung up"),
            Self::Unavailable(cause) | Self::Internal(cause) => WithCauses(cause.as_ref()).fmt(f),
            other => f.write_str(&other.explanation()),
        }
    }
}

impl Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::BadToken | Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::OutdatedMonarc => StatusCode::UPGRADE_REQUIRED,
            Self::Invalid(_)
            | Self::UnknownArgument(_)
            | Self::WrongType { .. }
            | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotFound | Self::NoStats => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NotJson | Self::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::ClientGone | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::MethodNotAllowed(allowed) => {
                response.insert_header((header::ALLOW, *allowed));
            }
            Self::UnknownEncoding => {
                response.insert_header((header::ACCEPT_ENCODING, "gzip"));
            }
            Self::TooManyRequests(wait) => {
                // Rounded up.
                response.insert_header((header::RETRY_AFTER, wait.as_secs() + 1));
            }
            Self::Busy(_) | Self::Unavailable(_) => {
                response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        let mut body = json!({self.key(): self.message()});
        if let Self::Invalid(errors) = self {
            body["errors"] = json!(errors);
        }
        response.json(body)
    }
}

const RETRY_AFTER_SECONDS: &str = "5";

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Cancelled => Self::ClientGone,
            error if error.is_unavailable() => Self::Unavailable(error.into()),
            error => Self::Internal(error.into()),
        }
    }
}

impl From<PartialsError> for ApiError {
    fn from(error: PartialsError) -> Self {
        match error {
            PartialsError::Db(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<PayloadError> for ApiError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Invalid(errors) => Self::Invalid(errors),
            error => Self::Malformed(sentence(&WithCauses(&error).to_string())),
        }
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // The client does not read the answer.
            io::ErrorKind::BrokenPipe | io::ErrorKind::TimedOut => Self::ClientGone,
            _ => Self::internal(error),
        }
    }
}

/// `text` with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", chars.as_str())
}
