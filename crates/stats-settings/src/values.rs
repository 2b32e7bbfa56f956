//! The types of the settings, and their deserialisation from the settings file and the environment.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use config::{Value, ValueKind};
use serde::de::{Deserialize, Deserializer, Error};
use stats_core::InvalidValue;
use stats_db::Options;
use url::{Host, Url};

/// A group of routes that can be disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Blueprint {
    /// The public stats below `/stats`.
    Stats,
    /// The routes for administrators below `/admin`.
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

/// A URL that starts with `http://` or `https://`, without user name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Wraps a URL that is known to be valid.
    pub(crate) fn known(url: &'static str) -> Self {
        Self(url.to_owned())
    }

    /// Parses a URL to which a path can be appended.
    fn parse_base(text: &str) -> Result<Self, InvalidValue> {
        if text.contains(['?', '#']) {
            return Err(InvalidValue::message(
                "it must be a URL without '?' and '#'",
            ));
        }
        let Self(url) = text.parse()?;
        Ok(Self(url.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for HttpUrl {
    type Err = InvalidValue;

    /// The error does not quote the text, which may contain a password.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        // `Url` is lenient like a browser: it accepts `http:x` and `http:///x`, and strips spaces.
        let is_strict = text
            .split_once("://")
            .is_some_and(|(_, rest)| !rest.starts_with('/'))
            && !text.contains(['@', ' ']);
        match Url::parse(text) {
            Ok(url) if is_strict && ["http", "https"].contains(&url.scheme()) => {
                Ok(Self(url.into()))
            }
            _ => Err(InvalidValue::message(
                "it must be a URL such as https://stats.example.org, without user name and password; write an '@' in \
                 a path as %40",
            )),
        }
    }
}

/// A password, hidden by `Debug`.
#[derive(Clone, PartialEq)]
pub(crate) struct Password(pub(crate) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl FromStr for Password {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// Deserialises a value that is quoted in the settings file.
fn text<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    match Value::deserialize(deserializer)?.kind {
        ValueKind::String(text) if text.contains(char::is_control) => Err(D::Error::custom(
            "it holds a control character, such as a line break",
        )),
        ValueKind::String(text) => parse(&text).map_err(D::Error::custom),
        _ => Err(D::Error::custom("it must be text in quotes")),
    }
}

/// Deserialises a value that may be quoted or unquoted in the settings file.
fn scalar<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Result<T, D::Error> {
    match Value::deserialize(deserializer)?.kind {
        kind @ (ValueKind::String(_) | ValueKind::I64(_) | ValueKind::Boolean(_)) => {
            parse(&kind.to_string()).map_err(D::Error::custom)
        }
        _ => Err(D::Error::custom("it must be a whole number, true or false")),
    }
}

pub(crate) fn parsed<'de, D: Deserializer<'de>, T>(d: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
{
    text(d, str::parse)
}

pub(crate) fn optional<'de, D: Deserializer<'de>, T>(d: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: fmt::Display>,
{
    parsed(d).map(Some)
}

pub(crate) fn boolean<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    scalar(d, |text| match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(InvalidValue::new(
            text,
            "a boolean (true, false, 1, 0, yes, no, on or off)",
        )),
    })
}

pub(crate) fn name<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    const MAX_LENGTH: usize = 80;
    text(d, |text| {
        let fits = (1..=MAX_LENGTH).contains(&text.chars().count());
        match fits && text.trim() == text {
            true => Ok(text.to_owned()),
            false => Err(InvalidValue::new(
                text,
                format_args!(
                    "a name of 1 to {MAX_LENGTH} characters without a space at either end"
                ),
            )),
        }
    })
}

pub(crate) fn port<'de, D: Deserializer<'de>>(d: D) -> Result<u16, D::Error> {
    scalar(d, |text| number(text, 0..=u16::MAX))
}

pub(crate) fn remote_port<'de, D: Deserializer<'de>>(d: D) -> Result<u16, D::Error> {
    scalar(d, |text| number(text, 1..=u16::MAX))
}

pub(crate) fn body_size<'de, D: Deserializer<'de>>(d: D) -> Result<usize, D::Error> {
    scalar(d, |text| number(text, 1 << 10..=1 << 30))
}

/// 0 stands for no limit.
pub(crate) fn rate<'de, D: Deserializer<'de>>(d: D) -> Result<Option<NonZeroU32>, D::Error> {
    scalar(d, |text| number(text, 0..=1_000_000)).map(NonZeroU32::new)
}

pub(crate) fn delay<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    scalar(d, |text| number(text, 0..=600)).map(Duration::from_secs)
}

pub(crate) fn clients<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    scalar(d, |text| number(text, 1..=1_000_000))
}

pub(crate) fn connections<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    scalar(d, |text| number(text, Options::MIN_CONNECTIONS..=1000))
}

pub(crate) fn cache_size<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    scalar(d, |text| number(text, 0..=1 << 40))
}

pub(crate) fn host<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d, parse_host)
}

pub(crate) fn database_host<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    text(d, |text| match text.starts_with('/') {
        true => Ok(Some(text.to_owned())),
        false => parse_host(text).map(Some),
    })
}

pub(crate) fn base_url<'de, D: Deserializer<'de>>(d: D) -> Result<HttpUrl, D::Error> {
    text(d, HttpUrl::parse_base)
}

pub(crate) fn optional_base_url<'de, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<HttpUrl>, D::Error> {
    base_url(d).map(Some)
}

/// Detects only values that are clearly not an e-mail address.
pub(crate) fn email<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    text(d, |text| match text.split_once('@') {
        Some((user, domain))
            if !user.is_empty()
                && Host::parse(domain).is_ok()
                && !text.contains(char::is_whitespace) =>
        {
            Ok(Some(text.to_owned()))
        }
        _ => Err(InvalidValue::new(text, "an e-mail address")),
    })
}

/// Deserialises a list of texts, or one text with items separated by commas or spaces.
pub(crate) fn blueprints<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeSet<Blueprint>, D::Error> {
    let value = Value::deserialize(d)?;
    let items = match value.kind {
        ValueKind::Array(items) => items,
        ValueKind::String(text) => text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|item| !item.is_empty())
            .map(Value::from)
            .collect(),
        _ => return Err(D::Error::custom("it must be a list of texts in quotes")),
    };
    let items = items.into_iter().map(parsed::<_, Blueprint>);
    items.collect::<Result<_, _>>().map_err(D::Error::custom)
}

/// Parses an IP address (IPv6 without brackets) or a host name.
fn parse_host(text: &str) -> Result<String, InvalidValue> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match Host::parse(text) {
        _ if text.parse::<IpAddr>().is_ok() => Ok(text.to_owned()),
        Ok(Host::Domain(name)) if name.bytes().all(is_name) => Ok(name),
        // An unusual form of an IP address, such as 127.1, is probably a mistake.
        _ => Err(InvalidValue::new(
            text,
            "an IP address (IPv6 without brackets) or a host name",
        )),
    }
}

fn number<N: FromStr + PartialOrd + fmt::Display>(
    text: &str,
    range: RangeInclusive<N>,
) -> Result<N, InvalidValue> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        InvalidValue::new(text, format_args!("a number from {least} to {most}"))
    })
}
