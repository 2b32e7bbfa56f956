use std::path::Path;

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use stats_core::InvalidValue;

use crate::SettingsError;
use crate::keys::{KEYS, nearest};

/// Where the values of the environment come from, for errors.
pub(crate) const ENVIRONMENT: &str = "the environment";

/// The values of the settings file with those of the environment on top, not yet looked at. Some of them are secrets.
pub(crate) struct Layers(Map<String, Value>);

impl Layers {
    pub(crate) fn new(
        file: Option<(&Path, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut values = match file {
            Some((path, text)) => read_file(path, text)?,
            None => Map::new(),
        };
        let environment = environment
            .into_iter()
            .filter(|(name, value)| !value.is_empty() && KEYS.iter().any(|key| key.name == name));
        values.extend(environment.map(|(name, value)| (name, from(ENVIRONMENT, value))));
        Ok(Self(values))
    }

    /// A setting that is written as text.
    pub(crate) fn text<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<T>, SettingsError> {
        self.value(key, |kind| match kind {
            ValueKind::String(text) => parse_text(text, &parse),
            other => Err(wrong_kind("text in quotes", other)),
        })
    }

    /// A setting that is written as a number or a boolean, or as text.
    pub(crate) fn scalar<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<T>, SettingsError> {
        self.value(key, |kind| match kind {
            ValueKind::String(text) => parse_text(text, &parse),
            ValueKind::I64(number) => parse(&number.to_string()).map(Some),
            ValueKind::Boolean(boolean) => parse(&boolean.to_string()).map(Some),
            other => Err(wrong_kind("a number, true or false", other)),
        })
    }

    /// A setting that is written as a list, or as text with commas or spaces in between.
    pub(crate) fn list<T, L: FromIterator<T>>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, InvalidValue>,
    ) -> Result<Option<L>, SettingsError> {
        let parse_item = |item: &Value| match &item.kind {
            ValueKind::String(text) => parse(text),
            other => Err(wrong_kind("a list of texts in quotes", other)),
        };
        let parse_items = |text: &str| {
            let separators = |c: char| c == ',' || c.is_whitespace();
            let items = text.split(separators).filter(|item| !item.is_empty());
            items.map(&parse).collect()
        };
        self.value(key, |kind| match kind {
            ValueKind::String(text) => parse_text(text, parse_items),
            ValueKind::Array(items) => items
                .iter()
                .map(parse_item)
                .collect::<Result<_, _>>()
                .map(Some),
            other => Err(wrong_kind("a list", other)),
        })
    }

    fn value<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&ValueKind) -> Result<Option<T>, InvalidValue>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.0.get(key) else {
            return Ok(None);
        };
        read(&value.kind).map_err(|problem| SettingsError::Value {
            key,
            origin: value.origin().unwrap_or_default().to_owned(),
            problem,
        })
    }
}

fn from(origin: &str, value: impl Into<ValueKind>) -> Value {
    Value::new(Some(&origin.to_owned()), value)
}

fn read_file(path: &Path, text: &str) -> Result<Map<String, Value>, SettingsError> {
    let values = File::from_str(text, FileFormat::Toml)
        .collect()
        .map_err(|error| SettingsError::NotToml {
            path: path.to_owned(),
            problem: without_excerpt(&error),
        })?;
    let unknown = values
        .keys()
        .filter(|name| KEYS.iter().all(|key| key.name != *name));
    // The first in the order of the alphabet, so that the same file always gives the same error.
    if let Some(unknown) = unknown.min() {
        return Err(SettingsError::UnknownKey {
            path: path.to_owned(),
            key: unknown.escape_debug().to_string(),
            nearest: nearest(unknown),
        });
    }
    let origin = path.display().to_string();
    let values = values.into_iter();
    Ok(values
        .map(|(name, value)| (name, from(&origin, value.kind)))
        .collect())
}

/// Where a syntax error is, and what: the first and the last line of the message. Between the two the parser quotes the
/// line of the file, which may hold a secret.
fn without_excerpt(error: &ConfigError) -> String {
    let text = error.to_string();
    let mut lines = text.lines();
    match (lines.next(), lines.next_back()) {
        (Some(place), Some(problem)) => format!("{place}: {problem}"),
        _ => text,
    }
}

/// Reads a text, unless it is empty: that counts as not set.
fn parse_text<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Result<Option<T>, InvalidValue> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.chars().any(char::is_control) {
        let message = "holds a control character, such as a line break, which no setting can have";
        return Err(InvalidValue::message(message));
    }
    parse(text).map(Some)
}

fn wrong_kind(expected: &str, kind: &ValueKind) -> InvalidValue {
    let found = match kind {
        ValueKind::Boolean(_) => "a boolean",
        ValueKind::String(_) => "a text",
        ValueKind::Array(_) => "a list",
        ValueKind::Table(_) => "a table",
        ValueKind::Nil => "nothing",
        _ => "a number",
    };
    InvalidValue::message(format!("must be {expected}, not {found}"))
}
