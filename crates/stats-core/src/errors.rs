use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value from outside that cannot be what it should be. Its message quotes the value and says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(String);

impl InvalidValue {
    /// `'<value>' is not <expected>`; a long value is shortened.
    pub fn new(value: &str, expected: impl fmt::Display) -> Self {
        const QUOTED: usize = 64;
        let mut quoted: String = value.escape_debug().take(QUOTED).collect();
        if value.escape_debug().nth(QUOTED).is_some() {
            quoted.push('…');
        }
        Self(format!("'{quoted}' is not {expected}"))
    }

    /// An error whose text is `message` alone, for a value that is too large to quote or must not be shown.
    pub fn message(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// What is wrong with an input, field by field, in the order in which it was found.
///
/// Serialises as an object of field and text. An input can be wrong in a million places, so that only the first
/// [`FieldErrors::MAX`] are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    /// How many errors are kept.
    pub const MAX: usize = 20;

    /// The error of a single field.
    pub fn of(field: impl Into<String>, text: impl fmt::Display) -> Self {
        let mut errors = Self::default();
        errors.add(field, text);
        errors
    }

    /// Notes that `field` is wrong, unless there are [`FieldErrors::MAX`] errors already.
    pub fn add(&mut self, field: impl Into<String>, text: impl fmt::Display) {
        if !self.is_full() {
            self.0.push((field.into(), text.to_string()));
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether further errors would not be kept.
    pub fn is_full(&self) -> bool {
        self.0.len() >= Self::MAX
    }

    /// The fields and what is wrong with them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(field, text)| (field.as_str(), text.as_str()))
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (field, text)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{field}: {text}")?;
        }
        Ok(())
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, text) in self.iter() {
            map.serialize_entry(field, text)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_unprintable_values_are_shortened_and_escaped() {
        assert_eq!(
            InvalidValue::new("a\nb", "x").to_string(),
            "'a\\nb' is not x"
        );
        let text = InvalidValue::new(&"é".repeat(1000), "x").to_string();
        assert_eq!(text, format!("'{}…' is not x", "é".repeat(64)));
    }

    #[test]
    fn only_the_first_errors_are_kept() {
        let mut errors = FieldErrors::default();
        for i in 0..FieldErrors::MAX + 5 {
            errors.add(format!("{i}.date"), "is missing");
        }
        assert_eq!(errors.iter().count(), FieldErrors::MAX);
        assert_eq!(errors.iter().next(), Some(("0.date", "is missing")));
    }
}
