use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};
use stats_core::{FieldErrors, PayloadError, function_name};
use stats_db::DbError;

/// Why a request is not answered as asked. The only place where an error becomes a status.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// There is no token.
    NoToken,
    /// Nobody has this token, or may not use it any more.
    BadToken,
    /// The MONARC that asks is too old.
    OutdatedMonarc,
    /// The client is known, but may not do this.
    NotAllowed(&'static str),
    /// Values that cannot be what they should be, by field.
    Invalid(FieldErrors),
    /// Arguments that nobody knows.
    UnknownArguments(Vec<String>),
    /// A processor that reads another type of stats.
    WrongType {
        processor: String,
        stats_type: String,
    },
    /// A request that is wrong as a whole.
    Malformed(String),
    /// There is nothing under this path.
    NotFound,
    /// The client sees no stats of this analysis.
    NoStats,
    /// The path is there, but not for this method; the methods that are.
    MethodNotAllowed(&'static str),
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The body does not arrive, or too slowly.
    BodyTimeout,
    /// The body is not JSON by its content type.
    NotJson,
    /// The service is busy, or its database is away.
    Unavailable(String),
    /// Something that the client cannot help. The text is for the log.
    Internal(String),
}

impl ApiError {
    /// The error of a single field.
    pub(crate) fn field(name: &str, text: impl fmt::Display) -> Self {
        Self::Invalid(FieldErrors::of(name, text))
    }

    /// What is wrong, as a sentence for people.
    pub(crate) fn explanation(&self) -> String {
        match self {
            Self::Invalid(errors) => sentence(&errors.to_string()),
            other => {
                let body = other.body();
                let text = body.get("message").or_else(|| body.get("Error"));
                text.and_then(Value::as_str).unwrap_or_default().to_owned()
            }
        }
    }

    fn body(&self) -> Value {
        match self {
            Self::NoToken => json!({"Error": "Unauthorized - Authentication required."}),
            Self::BadToken => json!({"Error": "Forbidden - Authentication failed."}),
            Self::OutdatedMonarc => {
                json!({"Error": "This service requires MONARC 2.10.2 or later."})
            }
            Self::NotAllowed(why) => json!({"message": why}),
            Self::Invalid(errors) => {
                json!({"message": "Input payload validation failed", "errors": errors})
            }
            Self::UnknownArguments(names) => {
                json!({"message": format!("Unknown arguments: {}", names.join(", "))})
            }
            Self::WrongType {
                processor,
                stats_type,
            } => {
                json!({"Error": format!("Processor '{processor}' can not be used with type '{stats_type}'.")})
            }
            Self::Malformed(what) => json!({"message": what}),
            Self::NotFound => json!({"message": "There is nothing here."}),
            Self::NoStats => json!({"message": "There are no stats of this analysis."}),
            Self::MethodNotAllowed(_) => json!({"message": "The method is not allowed here."}),
            Self::TooLarge(limit) => {
                json!({"message": format!("The body is larger than {limit} bytes.")})
            }
            Self::BodyTimeout => json!({"message": "The body did not arrive in time."}),
            Self::NotJson => json!({"message": "The content type must be application/json."}),
            Self::Unavailable(_) => {
                json!({"message": "The service is busy. Please try again in a while."})
            }
            Self::Internal(_) => json!({"message": "Internal Server Error"}),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(cause) | Self::Internal(cause) => f.write_str(cause),
            other => other.body().fmt(f),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::BadToken | Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::OutdatedMonarc => StatusCode::UPGRADE_REQUIRED,
            Self::Invalid(_)
            | Self::UnknownArguments(_)
            | Self::WrongType { .. }
            | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotFound | Self::NoStats => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::MethodNotAllowed(allowed) => {
                response.insert_header((header::ALLOW, *allowed));
            }
            Self::Unavailable(cause) => {
                log::warn!(function = function_name!(); "Not available: {cause}");
                response.insert_header((header::RETRY_AFTER, "5"));
            }
            Self::Internal(cause) => {
                log::error!(function = function_name!(); "Internal error: {cause}")
            }
            _ => {}
        }
        response.json(self.body())
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.is_temporary() {
            Self::Unavailable(error.to_string())
        } else {
            Self::Internal(error.to_string())
        }
    }
}

impl From<PayloadError> for ApiError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Invalid(errors) => Self::Invalid(errors),
            PayloadError::NotUtf8 | PayloadError::NotJson(_) | PayloadError::NotAList(_) => {
                Self::Malformed(sentence(&error.to_string()))
            }
        }
    }
}

/// Writing an answer fails when nobody reads it any more.
impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self::Internal(format!("the answer cannot be written: {error}"))
    }
}

/// `text` as a sentence: with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
