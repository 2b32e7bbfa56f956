use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url, redirect};
use serde::Deserialize;
use serde_json::Value;
use stats_core::Token;

use crate::RemoteError;

const USER_AGENT: &str = concat!("stats-service/", env!("CARGO_PKG_VERSION"));
/// The answer to a request that failed is read up to here, for its message.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// A connection is used again within this time only, in which no server gives it up: who uses one while it is being
/// given up cannot know whether the request arrived.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// What a remote says is quoted up to so many characters.
const MAX_QUOTED: usize = 300;

/// How a remote is talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a request may take in all, from the connection to the last byte of the answer.
    pub timeout: Duration,
    /// The largest answer, in bytes.
    pub max_answer_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(120),
            max_answer_bytes: 64 * 1024 * 1024,
        }
    }
}

/// The part of every remote that speaks HTTP.
pub(crate) struct Http {
    client: Client,
    /// Ends with a slash.
    base: Url,
    token: Option<Token>,
    options: Options,
}

/// Shows the address alone.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str())
    }
}

/// An answer with a status of success, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn new(
        base: &str,
        token: Option<Token>,
        options: Options,
    ) -> Result<Self, RemoteError> {
        let misconfigured = |what: String| RemoteError::Misconfigured { what };
        let base = parse_base(base).ok_or_else(|| {
            // The address is not quoted, since there may be a password in it.
            misconfigured(
                "its address must look like https://stats.example.org, without user name, query or fragment"
                    .to_owned(),
            )
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = &token {
            let mut value = HeaderValue::from_str(token.reveal())
                .map_err(|_| misconfigured("its token cannot travel in a header".to_owned()))?;
            value.set_sensitive(true);
            headers.insert("X-API-KEY", value);
        }
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .map_err(|error| misconfigured(root_cause(&error)))?;
        Ok(Self {
            client,
            base,
            token,
            options,
        })
    }

    /// The address of the remote, with a slash at its end.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str()
    }

    /// A request for a path below the address of the remote, perhaps with a query.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        // Set here and not for the client, the limit counts from the connection to the last byte of the answer.
        self.client
            .request(method, format!("{}{path}", self.base))
            .timeout(self.options.timeout)
    }

    /// The answer to a request, if it is one of success and whole.
    pub(crate) fn send(&self, request: RequestBuilder) -> Result<Answer, RemoteError> {
        let response = request.send().map_err(|error| self.failure(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(response));
        }
        let limit = self.options.max_answer_bytes;
        let body = read(response, limit.saturating_add(1)).map_err(|error| self.broken(&error))?;
        if body.len() > limit {
            return Err(RemoteError::AnswerTooLarge { limit });
        }
        Ok(Answer { status, body })
    }

    /// Reads the JSON of an answer.
    pub(crate) fn parse<'a, T: Deserialize<'a>>(&self, body: &'a [u8]) -> Result<T, RemoteError> {
        serde_json::from_slice(body).map_err(|error| {
            if body.trim_ascii_start().starts_with(b"<") {
                RemoteError::nonsense("a page instead of JSON")
            } else {
                RemoteError::nonsense(self.quote(&error.to_string()))
            }
        })
    }

    /// What a remote said, fit to be shown: without the token, on one line, and not too long.
    pub(crate) fn quote(&self, text: &str) -> String {
        match self.token.as_ref().map_or("", Token::reveal) {
            "" => shorten(text),
            token => {
                // Messages about JSON quote strings as Rust writes them.
                let literal = format!("{token:?}");
                let without_token = text.replace(&literal, "…").replace(token, "…");
                shorten(&without_token)
            }
        }
    }

    /// What a status that is none of success means.
    fn refusal(&self, response: Response) -> RemoteError {
        let status = response.status();
        let retry_after = retry_after(response.headers(), Utc::now());
        if status.is_redirection()
            && let Some(to) = response.headers().get(LOCATION)
        {
            return RemoteError::Redirected {
                to: self.quote(&target(response.url(), to)),
            };
        }
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => return RemoteError::TooLarge,
            StatusCode::TOO_MANY_REQUESTS => return RemoteError::RateLimited { retry_after },
            _ => {}
        }
        // The status says enough where the rest cannot be read.
        let body = read(response, MAX_ERROR_BYTES).unwrap_or_default();
        let message = message(&body)
            .map(|message| self.quote(&message))
            .unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason").to_owned());
        let status = status.as_u16();
        match status {
            400..=499 => RemoteError::Refused { status, message },
            500.. => RemoteError::Unavailable {
                status,
                message,
                retry_after,
            },
            _ => RemoteError::nonsense(format!("the status {status}")),
        }
    }

    /// What it means that no answer came.
    fn failure(&self, error: &reqwest::Error) -> RemoteError {
        let cause = self.quote(&root_cause(error));
        if error.is_connect() {
            RemoteError::Unreachable {
                address: self.base.to_string(),
                cause,
            }
        } else if error.is_timeout() {
            RemoteError::TimedOut {
                after: self.options.timeout,
            }
        } else {
            RemoteError::Interrupted { cause }
        }
    }

    /// What it means that an answer cannot be read to its end.
    fn broken(&self, error: &io::Error) -> RemoteError {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => self.failure(error),
            None => RemoteError::Interrupted {
                cause: self.quote(&root_cause(error)),
            },
        }
    }
}

/// The address of a remote, with a slash at its end.
fn parse_base(base: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    let fits = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    fits.then_some(url)
}

/// The body of an answer, up to `limit` bytes.
fn read(response: Response, limit: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    response.take(limit).read_to_end(&mut body)?;
    Ok(body)
}

/// What lies at the bottom of an error: "Connection refused" and not "error sending request".
fn root_cause(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.to_string()
}

/// Where a redirect from `from` points.
fn target(from: &Url, location: &HeaderValue) -> String {
    let location = String::from_utf8_lossy(location.as_bytes());
    from.join(&location)
        .map_or(location.into_owned(), String::from)
}

/// The header `Retry-After`: seconds, or a point in time.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some(
        until
            .signed_duration_since(now)
            .to_std()
            .unwrap_or_default(),
    )
}

/// What the JSON of an answer to a failed request says: `message` or `Error`, and `errors` by field.
fn message(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let text = ["message", "Error"]
        .iter()
        .find_map(|name| answer.get(name)?.as_str());
    let errors = answer.get("errors").map(|errors| match errors {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(field, error)| match error {
                Value::String(text) => format!("{field}: {text}"),
                other => format!("{field}: {other}"),
            });
            fields.collect::<Vec<_>>().join("; ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    match (text, errors) {
        (Some(text), Some(errors)) => Some(format!("{text}: {errors}")),
        (Some(text), None) => Some(text.to_owned()),
        (None, errors) => errors,
    }
}

/// `text` on one line, with what cannot be printed escaped, cut after some hundred characters.
fn shorten(text: &str) -> String {
    let mut short = String::new();
    for (i, c) in text.trim().chars().enumerate() {
        if i == MAX_QUOTED {
            short.push('…');
            break;
        }
        match c {
            '"' | '\'' | '\\' => short.push(c),
            _ => short.extend(c.escape_debug()),
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(base: &str, token: Option<Token>) -> Result<Http, RemoteError> {
        Http::new(base, token, Options::default())
    }

    #[test]
    fn paths_are_below_the_address() {
        for (base, url) in [
            ("https://example.org", "https://example.org/api/v1/stats/"),
            ("https://example.org/", "https://example.org/api/v1/stats/"),
            (
                "http://[::1]:5000/dashboardBO",
                "http://[::1]:5000/dashboardBO/api/v1/stats/",
            ),
        ] {
            let request = http(base, None)
                .unwrap()
                .request(Method::GET, "api/v1/stats/");
            assert_eq!(request.build().unwrap().url().as_str(), url);
        }
    }

    #[test]
    fn an_address_is_plain_and_not_quoted() {
        for bad in [
            "",
            "dashboard.monarc.lu",
            "localhost:5000",
            "ftp://example.org",
            "file:///sesame",
            "https://",
            "https://sesame@example.org",
            "https://user:sesame@example.org",
            "https://:sesame@example.org:port",
            "https://example.org?sesame",
            "https://example.org#sesame",
        ] {
            let error = http(bad, None).unwrap_err().to_string();
            assert!(error.contains("its address must look like"), "{error}");
            assert!(!error.contains("sesame"), "{error}");
        }
    }

    #[test]
    fn a_token_that_cannot_travel_is_refused_and_none_is_shown() {
        let odd = Token::from_storage(Some("two\nlines".to_owned()));
        let error = http("https://example.org", Some(odd)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the remote cannot be asked: its token cannot travel in a header"
        );
        let good = http("https://example.org", Some("sesame".parse().unwrap())).unwrap();
        assert_eq!(format!("{good:?}"), "https://example.org/");
        let request = format!("{:?}", good.request(Method::GET, ""));
        assert!(!request.contains("sesame"), "{request}");
    }

    #[test]
    fn what_is_quoted_is_short_printable_and_without_the_token() {
        let token = r#"se"sa\me"#;
        let http = http("https://example.org", Some(token.parse().unwrap())).unwrap();
        assert_eq!(
            http.quote(&format!(" the token {token} is 'unknown'\n\u{202e}x")),
            r"the token … is 'unknown'\n\u{202e}x"
        );
        let error = serde_json::from_value::<u8>(token.into()).unwrap_err();
        assert_eq!(
            http.quote(&error.to_string()),
            "invalid type: string …, expected u8"
        );
        let long = http.quote(&"é".repeat(1000));
        assert_eq!(long, "é".repeat(MAX_QUOTED) + "…");
        let at_the_end = "x".repeat(MAX_QUOTED - 2) + token;
        assert!(!http.quote(&at_the_end).contains("se"));
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_point_in_time() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        let read = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(read("5"), seconds(5));
        assert_eq!(read(" 120 "), seconds(120));
        assert_eq!(read("Fri, 20 Nov 2026 10:01:30 GMT"), seconds(90));
        assert_eq!(read("Fri, 20 Nov 2026 09:00:00 GMT"), seconds(0));
        for junk in ["", "soon", "-5", "1.5", "99999999999999999999"] {
            assert_eq!(read(junk), None, "{junk}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn messages_are_found_where_services_put_them() {
        for (body, expected) in [
            (
                r#"{"message": "There is nothing here."}"#,
                Some("There is nothing here."),
            ),
            (r#"{"Error": "Unauthorized"}"#, Some("Unauthorized")),
            (
                r#"{"message": "failed", "errors": {"0.anr": "is missing", "1": ["x"]}}"#,
                Some(r#"failed: 0.anr: is missing; 1: ["x"]"#),
            ),
            (r#"{"errors": "all"}"#, Some("all")),
            (r#"{"message": 5}"#, None),
            ("[]", None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(message(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
