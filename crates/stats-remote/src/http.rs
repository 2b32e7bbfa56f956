use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url, redirect};
use serde::Deserialize;
use serde::de::IgnoredAny;
use stats_core::Token;

use crate::{Cause, RemoteError};

const USER_AGENT: &str = concat!("stats-service/", env!("CARGO_PKG_VERSION"));
/// The maximum size of an error response that is read for its message.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Shorter than the idle timeout of any server. If the server closes a connection during a request, the client cannot
/// know whether the request was processed.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest quote of text from a remote, in characters.
const MAX_QUOTE: usize = 300;

/// The limits of a connection to a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// The time limit for connecting.
    pub connect_timeout: Duration,
    /// The time limit for a request, from connecting to the last byte of the response.
    pub timeout: Duration,
    /// The largest response, in bytes.
    pub max_response_bytes: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(120),
            max_response_bytes: 64 * 1024 * 1024,
        }
    }
}

/// The HTTP client of a remote.
pub(crate) struct Http {
    client: Client,
    /// With a trailing slash.
    base: Url,
    token: Option<Token>,
    options: HttpOptions,
}

/// Shows only the address.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str())
    }
}

/// A complete response with a status of success.
pub(crate) struct Success {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn new(
        base: &str,
        token: Option<Token>,
        options: HttpOptions,
    ) -> Result<Self, RemoteError> {
        let base = parse_base(base).ok_or(RemoteError::InvalidAddress)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = &token {
            let mut value =
                HeaderValue::from_str(token.reveal()).map_err(|_| RemoteError::InvalidToken)?;
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
            .map_err(|error| RemoteError::Setup(Cause::new(&error, &shorten)))?;
        Ok(Self {
            client,
            base,
            token,
            options,
        })
    }

    /// The address of the remote, with a trailing slash.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str()
    }

    /// A request for a path, with an optional query, below the address of the remote.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        // The timeout of a request includes reading the body, unlike the timeout of a client.
        self.client
            .request(method, format!("{}{path}", self.base))
            .timeout(self.options.timeout)
    }

    /// Sends a request and reads the response. A status other than 2xx is an error.
    pub(crate) fn send(&self, request: RequestBuilder) -> Result<Success, RemoteError> {
        let response = request.send().map_err(|error| self.network_error(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.status_error(response));
        }
        let limit = self.options.max_response_bytes;
        let body =
            read(response, limit.saturating_add(1)).map_err(|error| self.read_error(&error))?;
        if body.len() > limit {
            return Err(RemoteError::ResponseTooLarge { limit });
        }
        Ok(Success { status, body })
    }

    /// Parses the JSON of a response. `what` names it in the error.
    pub(crate) fn parse<'a, T: Deserialize<'a>>(
        &self,
        what: impl fmt::Display,
        json: &'a [u8],
    ) -> Result<T, RemoteError> {
        serde_json::from_slice(json).map_err(|error| {
            if json.trim_ascii_start().starts_with(b"<") {
                return RemoteError::invalid("a page instead of JSON");
            }
            RemoteError::InvalidResponse {
                detail: format!("{what} cannot be read"),
                source: Some(self.cause(&error)),
            }
        })
    }

    /// Text of the remote for a message: on one line, shortened and without the token.
    fn quote(&self, text: &str) -> String {
        match self.token.as_ref().map_or("", Token::reveal) {
            "" => shorten(text),
            token => {
                // serde quotes strings in their Debug form.
                let debug = format!("{token:?}");
                shorten(&text.replace(&debug, "…").replace(token, "…"))
            }
        }
    }

    fn cause(&self, error: &dyn Error) -> Cause {
        Cause::new(error, &|text| self.quote(text))
    }

    /// The error for a status other than success.
    fn status_error(&self, response: Response) -> RemoteError {
        let status = response.status();
        let retry_after = retry_after(response.headers(), Utc::now());
        if status.is_redirection()
            && let Some(location) = response.headers().get(LOCATION)
        {
            let location = absolute(response.url(), location);
            return RemoteError::Redirected {
                location: self.quote(&location),
            };
        }
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => return RemoteError::RequestTooLarge,
            StatusCode::TOO_MANY_REQUESTS => return RemoteError::RateLimited { retry_after },
            _ => {}
        }
        // Without a readable body, the message is the name of the status.
        let body = read(response, MAX_ERROR_BYTES).unwrap_or_default();
        let message = match message(&body) {
            Some(message) => self.quote(&message),
            None => status.canonical_reason().unwrap_or("no message").to_owned(),
        };
        let status = status.as_u16();
        match status {
            400..=499 => RemoteError::Rejected { status, message },
            500.. => RemoteError::ServerError {
                status,
                message,
                retry_after,
            },
            _ => RemoteError::invalid(format!("the status {status}")),
        }
    }

    fn network_error(&self, error: &reqwest::Error) -> RemoteError {
        if error.is_timeout() && !error.is_connect() {
            return RemoteError::TimedOut {
                timeout: self.options.timeout,
            };
        }
        // The text of a reqwest::Error only names the URL; its source describes the error.
        let source = self.cause(error.source().unwrap_or(error));
        if error.is_connect() {
            RemoteError::Unreachable {
                address: self.base.to_string(),
                source,
            }
        } else {
            RemoteError::Interrupted(source)
        }
    }

    /// Maps the error of reading a body, which wraps an error of reqwest.
    fn read_error(&self, error: &io::Error) -> RemoteError {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => self.network_error(error),
            None => RemoteError::Interrupted(self.cause(error)),
        }
    }
}

/// Parses the address of a remote and appends the slash that a relative path needs.
fn parse_base(base: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    is_plain.then_some(url)
}

/// The body of a response, up to `limit` bytes.
fn read(response: Response, limit: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    response.take(limit).read_to_end(&mut body)?;
    Ok(body)
}

/// The target of a redirect from `from`, as an absolute URL if possible.
fn absolute(from: &Url, location: &HeaderValue) -> String {
    let location = String::from_utf8_lossy(location.as_bytes());
    from.join(&location)
        .map_or(location.into_owned(), String::from)
}

/// The delay of the header `Retry-After`, which is a number of seconds or a date.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    let delay = until.signed_duration_since(now);
    Some(delay.to_std().unwrap_or_default())
}

/// The message of an error response: `message` or `Error`, and `errors` by field.
fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct ErrorBody {
        message: Option<String>,
        #[serde(rename = "Error")]
        error: Option<String>,
        errors: Option<Errors>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Errors {
        ByField(BTreeMap<String, String>),
        Other(IgnoredAny),
    }

    let body: ErrorBody = serde_json::from_slice(body).ok()?;
    let mut parts: Vec<_> = body.message.or(body.error).into_iter().collect();
    if let Some(Errors::ByField(errors)) = body.errors {
        let errors = errors
            .iter()
            .map(|(field, text)| format!("{field}: {text}"));
        parts.push(errors.collect::<Vec<_>>().join("; "));
    }
    (!parts.is_empty()).then(|| parts.join(": "))
}

/// `text` on one line, with unprintable characters escaped, cut after [`MAX_QUOTE`] characters.
fn shorten(text: &str) -> String {
    let mut short = String::new();
    for (i, c) in text.trim().chars().enumerate() {
        if i == MAX_QUOTE {
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
    use stats_core::StoredToken;

    use super::*;

    fn http(base: &str, token: Option<Token>) -> Result<Http, RemoteError> {
        Http::new(base, token, HttpOptions::default())
    }

    #[test]
    fn paths_are_relative_to_the_address() {
        for (base, url) in [
            ("https://example.org", "https://example.org/api/v1/stats/"),
            ("https://example.org/", "https://example.org/api/v1/stats/"),
            (
                "http://[::1]:5000/dashboardBO",
                "http://[::1]:5000/dashboardBO/api/v1/stats/",
            ),
        ] {
            let http = http(base, None).unwrap();
            let request = http.request(Method::GET, "api/v1/stats/").build().unwrap();
            assert_eq!(request.url().as_str(), url);
        }
    }

    #[test]
    fn address_must_be_a_plain_http_url() {
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
            let error = http(bad, None).unwrap_err();
            assert_eq!(error, RemoteError::InvalidAddress, "{bad}");
        }
    }

    #[test]
    fn token_must_fit_a_header_and_is_hidden() {
        let invalid = match StoredToken::from_storage("two\nlines".to_owned()) {
            Some(StoredToken::Plain(token)) => token,
            other => panic!("{other:?}"),
        };
        let error = http("https://example.org", Some(invalid)).unwrap_err();
        assert_eq!(error, RemoteError::InvalidToken);
        let good = http("https://example.org", Some("sesame".parse().unwrap())).unwrap();
        assert_eq!(format!("{good:?}"), "https://example.org/");
        let request = format!("{:?}", good.request(Method::GET, ""));
        assert!(!request.contains("sesame"), "{request}");
    }

    #[test]
    fn quotes_are_short_printable_and_without_the_token() {
        let token = r#"se"sa\me"#;
        let http = http("https://example.org", Some(token.parse().unwrap())).unwrap();
        for (text, quote) in [
            (
                format!(" the token {token} is 'unknown'\n\u{202e}x"),
                r"the token … is 'unknown'\n\u{202e}x".to_owned(),
            ),
            ("é".repeat(1000), "é".repeat(MAX_QUOTE) + "…"),
            (
                "x".repeat(MAX_QUOTE - 2) + token,
                "x".repeat(MAX_QUOTE - 2) + "…",
            ),
        ] {
            assert_eq!(http.quote(&text), quote);
        }
        let json = serde_json::to_vec(token).unwrap();
        let error = http.parse::<u8>("the list", &json).unwrap_err();
        let report = stats_core::WithCauses(&error).to_string();
        assert!(
            report.contains("invalid type: string …, expected u8"),
            "{report}"
        );
        assert!(!format!("{error:?}{report}").contains("sa"), "{error:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("5", Some(5)),
            (" 120 ", Some(120)),
            ("Fri, 20 Nov 2026 10:01:30 GMT", Some(90)),
            ("Fri, 20 Nov 2026 09:00:00 GMT", Some(0)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("99999999999999999999", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn message_is_read_from_the_known_fields() {
        for (body, expected) in [
            (r#"{"message": "Not found."}"#, Some("Not found.")),
            (r#"{"Error": "Unauthorized"}"#, Some("Unauthorized")),
            (
                r#"{"message": "failed", "errors": {"0.anr": "is missing", "1": "is invalid"}}"#,
                Some("failed: 0.anr: is missing; 1: is invalid"),
            ),
            (r#"{"errors": {"type": "is bad"}}"#, Some("type: is bad")),
            (r#"{"message": "failed", "errors": [1]}"#, Some("failed")),
            (r#"{"errors": "all"}"#, None),
            (r#"{"message": 5}"#, None),
            ("[]", None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(message(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
