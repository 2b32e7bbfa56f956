use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use stats_core::InvalidValue;
use url::{Host, Url};

/// A group of routes that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blueprint {
    /// The public stats under `/stats`.
    Stats,
    /// What administrators can do under `/admin`.
    Admin,
    /// The pages.
    Root,
    /// The map.
    Map,
}

impl Blueprint {
    /// All groups.
    pub const ALL: [Self; 4] = [Self::Stats, Self::Admin, Self::Root, Self::Map];

    /// The name in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stats => "stats_bp",
            Self::Admin => "admin_bp",
            Self::Root => "root_bp",
            Self::Map => "map_bp",
        }
    }

    pub(crate) fn all() -> BTreeSet<Self> {
        Self::ALL.into()
    }
}

impl FromStr for Blueprint {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let mut known = Self::ALL.into_iter();
        known.find(|known| known.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            InvalidValue::new(text, format_args!("one of {names}"))
        })
    }
}

/// An address that starts with `http://` or `https://`, without user name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// The address as text. Where other addresses are made from it, it has no slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads an address that others can be made from, by adding a path to it.
    pub(crate) fn parse_base(text: &str) -> Result<Self, InvalidValue> {
        let Self(url) = text.parse()?;
        if url.contains(['?', '#']) {
            return Err(InvalidValue::message(
                "must be an address without '?' and '#'",
            ));
        }
        Ok(Self(url.trim_end_matches('/').to_owned()))
    }

    /// An address that is known to be one.
    pub(crate) fn known(url: &'static str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for HttpUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        const EXPECTED: &str = "an address such as https://stats.example.org";
        let authority = text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        // The parser is as lenient as a browser: it would read `http:x` and `http:///x`, and strip spaces.
        let is_strict = !authority.is_empty() && !text.contains([' ', '\\']);
        match Url::parse(text) {
            Ok(url)
                if is_strict
                    && !authority.contains('@')
                    && ["http", "https"].contains(&url.scheme()) =>
            {
                Ok(Self(url.into()))
            }
            // Not quoted, for there is probably a password in it.
            _ if text.contains('@') => {
                let message = format!("must be {EXPECTED}, without user name and password");
                Err(InvalidValue::message(message))
            }
            _ => Err(InvalidValue::new(text, EXPECTED)),
        }
    }
}

/// Where the database is. `Debug` shows nothing of a PostgreSQL URL, since there may be a password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

/// The parts of the URL of a PostgreSQL database, as they are, not percent-encoded.
pub(crate) struct PostgresParts {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) name: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl DatabaseUrl {
    /// The URL with everything in it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(crate) fn default_sqlite() -> Self {
        Self("sqlite://var/stats.db".to_owned())
    }

    pub(crate) fn postgres(parts: &PostgresParts) -> Self {
        // What RFC 3986 calls unreserved stays.
        const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'.')
            .remove(b'_')
            .remove(b'~');
        let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        let host = match parts.host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => encode(&parts.host),
        };
        let password = parts
            .password
            .as_deref()
            .map(|password| format!(":{}", encode(password)));
        let credentials = match (parts.user.as_deref(), password) {
            (None, None) => String::new(),
            (user, password) => format!(
                "{}{}@",
                encode(user.unwrap_or_default()),
                password.unwrap_or_default()
            ),
        };
        Self(format!(
            "postgres://{credentials}{host}:{}/{}",
            parts.port,
            encode(&parts.name)
        ))
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text.split_once("://") {
            Some(("sqlite" | "postgres" | "postgresql", rest)) if !rest.is_empty() => {
                Ok(Self(text.to_owned()))
            }
            // Not quoted, for there may be a password in it.
            _ => Err(InvalidValue::message(
                "must be sqlite://<path> or postgres://<user>:<password>@<host>:<port>/<name>",
            )),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.strip_prefix("sqlite://") {
            Some(path) => write!(f, "DatabaseUrl(sqlite://{})", path.escape_debug()),
            None => f.write_str("DatabaseUrl(postgres://…)"),
        }
    }
}

/// An IP address (IPv6 without brackets) or a host name.
pub(crate) fn host(text: &str) -> Result<String, InvalidValue> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let is_name_character = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match Host::parse(text) {
        Ok(Host::Domain(name)) if name.bytes().all(is_name_character) => Ok(name),
        // An address that is written in an unusual way, such as 127.1, is more likely a slip.
        _ => Err(InvalidValue::new(
            text,
            "an IP address (IPv6 without brackets) or a host name",
        )),
    }
}

/// What [`host`] reads, or the directory of a Unix socket.
pub(crate) fn database_host(text: &str) -> Result<String, InvalidValue> {
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    host(text).map_err(|_| {
        InvalidValue::new(
            text,
            "a host name, an IP address or the directory of a socket",
        )
    })
}

/// A port on which to listen.
pub(crate) fn port(text: &str) -> Result<u16, InvalidValue> {
    number(text, 0, u16::MAX)
}

/// A port to connect to.
pub(crate) fn remote_port(text: &str) -> Result<u16, InvalidValue> {
    number(text, 1, u16::MAX)
}

/// A size from 1 KiB to 1 GiB.
pub(crate) fn body_size(text: &str) -> Result<usize, InvalidValue> {
    number(text, 1 << 10, 1 << 30)
}

fn number<N: FromStr + PartialOrd + fmt::Display>(
    text: &str,
    least: N,
    most: N,
) -> Result<N, InvalidValue> {
    match text.parse() {
        Ok(number) if (&least..=&most).contains(&&number) => Ok(number),
        _ => Err(InvalidValue::new(
            text,
            format_args!("a number from {least} to {most}"),
        )),
    }
}

pub(crate) fn boolean(text: &str) -> Result<bool, InvalidValue> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(InvalidValue::new(
            text,
            "a boolean (true, false, 1, 0, yes, no, on or off)",
        )),
    }
}

/// Enough of a check to notice that something else was written there.
pub(crate) fn email(text: &str) -> Result<String, InvalidValue> {
    let is_email = text.split_once('@').is_some_and(|(user, domain)| {
        !user.is_empty() && Host::parse(domain).is_ok() && !text.contains(char::is_whitespace)
    });
    if is_email {
        Ok(text.to_owned())
    } else {
        Err(InvalidValue::new(text, "an e-mail address"))
    }
}

/// The path of a file.
pub(crate) fn file(text: &str) -> Result<PathBuf, InvalidValue> {
    if text.ends_with('/') {
        return Err(InvalidValue::new(text, "the path of a file"));
    }
    Ok(text.into())
}

/// Any text.
pub(crate) fn any(text: &str) -> Result<String, InvalidValue> {
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_start_with_http_and_have_a_host() {
        for (text, url) in [
            ("https://stats.example.org", "https://stats.example.org/"),
            (
                "HTTP://Stats.example.org:8080/a?b#c",
                "http://stats.example.org:8080/a?b#c",
            ),
            (
                "https://social.example/@monarc",
                "https://social.example/@monarc",
            ),
            ("http://[::1]:5000", "http://[::1]:5000/"),
            ("https://bücher.example", "https://xn--bcher-kva.example/"),
        ] {
            assert_eq!(text.parse::<HttpUrl>().unwrap().as_str(), url);
        }
        for text in [
            "stats.example.org",
            "//stats.example.org",
            "ftp://stats.example.org",
            "https://",
            "https:///x",
            "https:stats.example.org",
            "https:\\\\stats.example.org",
            "https://stats example.org",
            " https://stats.example.org",
            "https://stats.example.org:99999",
        ] {
            let error = text.parse::<HttpUrl>().unwrap_err().to_string();
            assert!(
                error.ends_with("' is not an address such as https://stats.example.org"),
                "{error}"
            );
        }
        for text in [
            "https://me:sesame@x.org",
            "https://me:sesame/@x.org",
            "me:sesame@x.org",
            "https://me@x.org",
        ] {
            let error = text.parse::<HttpUrl>().unwrap_err().to_string();
            assert!(
                error.ends_with("without user name and password") && !error.contains("sesame"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_base_has_no_slash_at_the_end_and_no_query() {
        for (text, url) in [
            ("https://example.org", "https://example.org"),
            (
                "https://example.org/dashboardBO//",
                "https://example.org/dashboardBO",
            ),
        ] {
            assert_eq!(HttpUrl::parse_base(text).unwrap().as_str(), url);
        }
        for text in [
            "https://example.org/?key=sesame",
            "https://example.org#sesame",
        ] {
            let error = HttpUrl::parse_base(text).unwrap_err().to_string();
            assert_eq!(error, "must be an address without '?' and '#'");
        }
    }

    #[test]
    fn parts_of_a_database_url_are_encoded() {
        let url = |host: &str, user: Option<&str>, password: Option<&str>| {
            let parts = PostgresParts {
                host: host.to_owned(),
                port: 5433,
                name: "my stats".to_owned(),
                user: user.map(str::to_owned),
                password: password.map(str::to_owned),
            };
            DatabaseUrl::postgres(&parts).reveal().to_owned()
        };
        assert_eq!(
            url("db.example.org", None, None),
            "postgres://db.example.org:5433/my%20stats"
        );
        assert_eq!(
            url("::1", Some("me"), None),
            "postgres://me@[::1]:5433/my%20stats"
        );
        assert_eq!(
            url("/run/postgresql", Some("a:b"), Some("p@ss/w?rd#%é~")),
            "postgres://a%3Ab:p%40ss%2Fw%3Frd%23%25%C3%A9~@%2Frun%2Fpostgresql:5433/my%20stats"
        );
        assert_eq!(
            url("db", None, Some("x")),
            "postgres://:x@db:5433/my%20stats"
        );
    }

    #[test]
    fn hosts_are_addresses_or_names() {
        for text in [
            "127.0.0.1",
            "::",
            "localhost",
            "stats-service.example.org",
            "stats_1",
        ] {
            assert_eq!(host(text).unwrap(), text);
        }
        for text in [
            "127.1",
            "256.0.0.1",
            "[::1]",
            "a b",
            "http://x",
            "x:5000",
            "x/y",
            "*",
        ] {
            assert!(
                host(text).is_err() && database_host(text).is_err(),
                "{text}"
            );
        }
        assert_eq!(database_host("/run/postgresql").unwrap(), "/run/postgresql");
        assert!(host("/run/postgresql").is_err());
    }
}
