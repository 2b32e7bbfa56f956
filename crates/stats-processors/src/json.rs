//! Reading of JSON that may hold anything: what is not what it should be is `None`, never an error.
//!
//! Values are passed around as the text they stand in, which costs no memory, ends at the same place whatever they
//! hold, and leaves numbers to the exact parser of the standard library.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::MAX_MAGNITUDE;

/// Some fields of an object.
#[derive(Debug)]
pub(crate) struct Fields<'de, const N: usize> {
    /// The values of the fields asked for. Of a field that is there twice the last one counts, as in `jsonb`.
    pub(crate) values: [Option<&'de RawValue>; N],
    /// How many others there are.
    pub(crate) others: u64,
}

/// The fields called `names` of an object. An empty list is an empty object, since PHP does not know the difference.
pub(crate) fn fields<'de, const N: usize>(
    json: &'de str,
    names: &[&str; N],
) -> Option<Fields<'de, N>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    if let Ok(fields) = FieldsSeed(names).deserialize(&mut deserializer) {
        return deserializer.end().is_ok().then_some(fields);
    }
    list(json)?.is_empty().then_some(Fields {
        values: [None; N],
        others: 0,
    })
}

/// The elements of a list.
pub(crate) fn list(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// A text.
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A number within [`MAX_MAGNITUDE`], or a text that holds nothing else.
pub(crate) fn number(raw: &RawValue) -> Option<f64> {
    let text = if raw.get().starts_with('"') {
        text(raw)?
    } else {
        Cow::Borrowed(raw.get())
    };
    let number: f64 = text.parse().ok()?;
    // The parser takes "inf" and "nan" too; neither is within any bound.
    (number.abs() <= MAX_MAGNITUDE).then_some(number)
}

/// Reads an object, keeping the values of the fields with these names.
struct FieldsSeed<'a, const N: usize>(&'a [&'a str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for FieldsSeed<'_, N> {
    type Value = Fields<'de, N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for FieldsSeed<'_, N> {
    type Value = Fields<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields {
            values: [None; N],
            others: 0,
        };
        while let Some(position) = map.next_key_seed(PositionSeed(self.0))? {
            let value = map.next_value()?;
            match position.and_then(|position| fields.values.get_mut(position)) {
                Some(field) => *field = Some(value),
                None => fields.others += 1,
            }
        }
        Ok(fields)
    }
}

/// Reads a name as its position among these.
struct PositionSeed<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for PositionSeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for PositionSeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_and_numeric_strings_are_read_to_the_last_bit() {
        for (json, expected) in [
            ("36", 36.0),
            ("-0.5", -0.5),
            ("1.5e3", 1500.0),
            (r#""2.82""#, 2.82),
            (r#""-3""#, -3.0),
            (r#""1\u0032""#, 12.0),
            ("1e288", 1e288),
            (
                "9007199254740993.00000000000000001",
                9_007_199_254_740_994.0,
            ),
            ("1e-400", 0.0),
        ] {
            assert_eq!(number(raw(json)), Some(expected), "{json}");
        }
    }

    #[test]
    fn anything_else_is_no_number() {
        for json in [
            r#""NaN""#,
            r#""inf""#,
            r#""-Infinity""#,
            r#""""#,
            r#""-""#,
            r#""1,5""#,
            r#"" 1""#,
            r#""1_0""#,
            r#""0x10""#,
            r#""1.2.3""#,
            r#""٣""#,
            "true",
            "null",
            "[1]",
            "{}",
            "1.1e288",
            "-1e400",
            r#""1e999""#,
        ] {
            assert_eq!(number(raw(json)), None, "{json}");
        }
    }

    #[test]
    fn the_last_of_two_fields_counts_even_when_it_is_worse() {
        let names = ["a", "b"];
        let found = fields(r#"{"a": 1, "\u0061": "x", "c": 1e999, "d": {}}"#, &names).unwrap();
        assert_eq!(found.values[0].map(RawValue::get), Some(r#""x""#));
        assert!(found.values[1].is_none());
        assert_eq!(found.others, 2);
    }

    #[test]
    fn only_an_empty_list_passes_for_an_object() {
        for json in ["{}", "[]", " [ ] "] {
            let found = fields(json, &["a"]).unwrap();
            assert!(found.values[0].is_none() && found.others == 0, "{json}");
        }
        for json in [
            "[1]", "[{}]", "null", "5", r#""a""#, "", "{", "{} {}", "[] 1",
        ] {
            assert!(fields(json, &["a"]).is_none(), "{json}");
        }
    }

    #[test]
    fn texts_are_unescaped() {
        assert_eq!(text(raw(r#""Écoute""#)).unwrap(), "Écoute");
        assert_eq!(text(raw(r#""\u00c9coute \"x\"""#)).unwrap(), "Écoute \"x\"");
        for json in ["5", "null", r#""\ud800""#, "[\"a\"]"] {
            assert_eq!(text(raw(json)), None, "{json}");
        }
    }
}
