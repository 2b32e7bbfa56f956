use std::error::Error;
use std::fmt::{self, Write};

use serde::{Serialize, Serializer};

/// Displays an error followed by its causes: `cannot connect: no such host`.
#[derive(Debug, Clone, Copy)]
pub struct WithCauses<'a>(pub &'a dyn Error);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        error.fmt(f)?;
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Displays text from outside in a message: with escapes, and truncated if it is long.
#[derive(Debug, Clone, Copy)]
pub struct Excerpt<'a>(pub &'a str);

impl Excerpt<'_> {
    /// Maximum length with escapes, in characters.
    const MAX_LENGTH: usize = 64;
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        let mut escaped = text.escape_debug();
        for c in escaped.by_ref().take(Self::MAX_LENGTH) {
            f.write_char(c)?;
        }
        match escaped.next() {
            Some(_) => f.write_char('…'),
            None => Ok(()),
        }
    }
}

/// An invalid input value. The message quotes the value and names the expected form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(String);

impl InvalidValue {
    /// The error `'<value>' is not <expected>`, with an [`Excerpt`] of the value.
    pub fn new(value: &str, expected: impl fmt::Display) -> Self {
        Self(format!("'{}' is not {expected}", Excerpt(value)))
    }

    /// An error with the given message, for a value that is too long to quote or must not be shown.
    pub fn message(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// The errors of an input by field, in the order in which they were found.
///
/// Serialises as an object that maps field to message. Only the first [`FieldErrors::MAX`] errors are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    /// The maximum number of errors kept.
    pub const MAX: usize = 20;

    /// An error of a single field.
    pub fn of(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self(vec![(field.into(), message.to_string())])
    }

    /// Adds an error of `field`, unless the list is full.
    pub fn add(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        if !self.is_full() {
            self.0.push((field.into(), message.to_string()));
        }
    }

    /// Whether there are no errors.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the limit [`FieldErrors::MAX`] is reached. Further errors are dropped.
    pub fn is_full(&self) -> bool {
        self.0.len() >= Self::MAX
    }

    /// The fields and messages.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(field, message)| (field.as_str(), message.as_str()))
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (field, message)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{field}: {message}")?;
        }
        Ok(())
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_causes_displays_the_chain() {
        let cause = std::io::Error::other(InvalidValue::message("the second"));
        let error = crate::PayloadError::NotJson(serde_json::Error::io(cause));
        assert_eq!(
            WithCauses(&error).to_string(),
            "the payload is not JSON: the second"
        );
    }

    #[test]
    fn new_escapes_and_truncates_the_value() {
        assert_eq!(
            InvalidValue::new("a\nb", "x").to_string(),
            "'a\\nb' is not x"
        );
        let text = InvalidValue::new(&"é".repeat(1000), "x").to_string();
        assert_eq!(text, format!("'{}…' is not x", "é".repeat(64)));
    }

    #[test]
    fn add_keeps_the_first_errors_only() {
        let mut errors = FieldErrors::default();
        for i in 0..FieldErrors::MAX + 5 {
            errors.add(format!("{i}.date"), "is missing");
        }
        assert_eq!(errors.iter().count(), FieldErrors::MAX);
        assert_eq!(errors.iter().next(), Some(("0.date", "is missing")));
    }
}
