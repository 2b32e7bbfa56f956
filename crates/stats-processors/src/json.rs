//! Lenient reading of JSON: a value of another type than expected is `None`, not an error.
//!
//! With these functions, all processors accept the same input: numbers may be text, the last of duplicate fields wins,
//! and an empty list is an empty object, because PHP writes it so. JSON values are passed as text, without copying and
//! with all digits of numbers.
//!
//! ```
//! use stats_processors::json;
//!
//! let stat = r#"[{"maxRisk": "40"}, {"maxRisk": null}, 5]"#;
//! let elements = json::objects(stat, &["maxRisk"]).ok_or("not a list")?;
//! let numbers: Vec<_> = elements
//!     .iter()
//!     .map(|element| json::number(element.as_ref()?.values[0]?))
//!     .collect();
//! assert_eq!(numbers, [Some(40.0), None, None]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::MAX_VALUE;

/// Some fields of an object.
#[derive(Debug)]
pub struct Fields<'de, const N: usize> {
    /// The JSON values of the requested fields, in the order of their names. The last of duplicate fields wins.
    pub values: [Option<&'de str>; N],
    /// The number of other fields.
    pub others: u64,
}

impl<const N: usize> Default for Fields<'_, N> {
    fn default() -> Self {
        Self {
            values: [None; N],
            others: 0,
        }
    }
}

/// The fields of an object with the given names. An empty list is an empty object.
pub fn fields<'de, const N: usize>(json: &'de str, names: &[&str; N]) -> Option<Fields<'de, N>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    if let Ok(fields) = FieldsVisitor(names).deserialize(&mut deserializer) {
        return deserializer.end().ok().map(|()| fields);
    }
    (list(json)?.len() == 0).then(Fields::default)
}

/// The elements of a list.
pub fn list(json: &str) -> Option<impl ExactSizeIterator<Item = &str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.into_iter().map(RawValue::get))
}

/// The fields of each object in a list: [`fields`] for each element of [`list`], but faster.
pub fn objects<'de, const N: usize>(
    json: &'de str,
    names: &[&str; N],
) -> Option<Vec<Option<Fields<'de, N>>>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let objects = deserializer.deserialize_seq(ObjectsVisitor(names));
    match objects {
        Ok(objects) => deserializer.end().ok().map(|()| objects),
        // Some elements are not objects.
        Err(_) => Some(list(json)?.map(|element| fields(element, names)).collect()),
    }
}

/// The entries of an array of PHP with whole numbers as keys.
#[derive(Debug, Default)]
pub struct Numbered<'de> {
    /// The JSON values by key. The last of duplicate keys wins.
    pub values: BTreeMap<i64, &'de str>,
    /// The number of entries with other keys.
    pub others: u64,
}

/// The entries of an object by whole number. A list has the keys 0, 1, 2, …, because PHP writes such an array as a list.
pub fn numbered(json: &str) -> Option<Numbered<'_>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let numbered = deserializer.deserialize_any(NumberedVisitor).ok()?;
    deserializer.end().ok().map(|()| numbered)
}

/// The content of a string.
pub fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A number from 0 to [`MAX_VALUE`], or a string with such a number.
pub fn number(json: &str) -> Option<f64> {
    let text = if json.starts_with('"') {
        text(json)?
    } else {
        Cow::Borrowed(json)
    };
    let number: f64 = text.parse().ok()?;
    // Excludes "inf" and "nan", which the parser accepts.
    (0.0..=MAX_VALUE).contains(&number).then_some(number)
}

struct ObjectsVisitor<'a, const N: usize>(&'a [&'a str; N]);

impl<'de, const N: usize> Visitor<'de> for ObjectsVisitor<'_, N> {
    type Value = Vec<Option<Fields<'de, N>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut objects = Vec::new();
        while let Some(object) = list.next_element_seed(FieldsVisitor(self.0))? {
            objects.push(Some(object));
        }
        Ok(objects)
    }
}

struct FieldsVisitor<'a, const N: usize>(&'a [&'a str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for FieldsVisitor<'_, N> {
    type Value = Fields<'de, N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for FieldsVisitor<'_, N> {
    type Value = Fields<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(position) = map.next_key_seed(Position(self.0))? {
            let value = map.next_value::<&RawValue>()?;
            match position.and_then(|position| fields.values.get_mut(position)) {
                Some(field) => *field = Some(value.get()),
                None => fields.others += 1,
            }
        }
        Ok(fields)
    }
}

/// Deserialises a name as its position in the list.
struct Position<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Position<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Position<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

struct NumberedVisitor;

impl<'de> Visitor<'de> for NumberedVisitor {
    type Value = Numbered<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut numbered = Numbered::default();
        while let Some(key) = map.next_key_seed(WholeNumber)? {
            let value = map.next_value::<&RawValue>()?;
            match key {
                Some(key) => {
                    numbered.values.insert(key, value.get());
                }
                None => numbered.others += 1,
            }
        }
        Ok(numbered)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut numbered = Numbered::default();
        let mut keys = 0..;
        while let Some(value) = list.next_element::<&RawValue>()? {
            numbered.values.extend(keys.next().zip(Some(value.get())));
        }
        Ok(numbered)
    }
}

/// Deserialises a text as the whole number in it, if any.
struct WholeNumber;

impl<'de> DeserializeSeed<'de> for WholeNumber {
    type Value = Option<i64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for WholeNumber {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_reads_numbers_and_numeric_strings_exactly() {
        for (json, expected) in [
            ("36", 36.0),
            ("-0", 0.0),
            ("1.5e3", 1500.0),
            (r#""2.82""#, 2.82),
            (r#""1\u0032""#, 12.0),
            ("1e9", MAX_VALUE),
            ("8388608.00000000093132257461547852", 8_388_608.000_000_002),
            ("1e-400", 0.0),
        ] {
            assert_eq!(number(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn number_rejects_other_values_and_values_out_of_range() {
        let texts = r#""NaN" "inf" "-Infinity" "" "-" "1,5" "1_0" "0x10" "1.2.3" "٣" "1e999" "-1""#;
        let others = "true null [1] {} -1 -0.001 1000000000.001";
        for json in texts.split(' ').chain(others.split(' ')).chain([r#"" 1""#]) {
            assert_eq!(number(json), None, "{json}");
        }
    }

    #[test]
    fn fields_takes_the_last_of_duplicates() {
        let json = r#"{"a": 1, "\u0061": "x", "c": 1e999, "d": {}}"#;
        let found = fields(json, &["a", "b"]).unwrap();
        assert_eq!((found.values, found.others), ([Some(r#""x""#), None], 2));
    }

    #[test]
    fn fields_accepts_objects_and_the_empty_list() {
        for json in ["{}", "[]", " [ ] "] {
            let found = fields(json, &["a"]).unwrap();
            assert_eq!((found.values, found.others), ([None], 0), "{json}");
        }
        for json in [
            "[1]", "[{}]", "null", "5", r#""a""#, "", "{", "{} {}", "[] 1",
        ] {
            assert!(fields(json, &["a"]).is_none(), "{json}");
        }
    }

    #[test]
    fn objects_are_the_fields_of_each_element() {
        for json in [
            r#"[{"a": 1}, {"c": [1e999], "a": 1}]"#,
            r#"[{"a": 1}, 1e999, [], [1], "x", null, {"a": 1}]"#,
            "[]",
            "{}",
            "",
            "[{}",
            "[{}] 1",
            r#"[{"a"}]"#,
            "[[1}]",
        ] {
            let values = |fields: Fields<'_, 1>| format!("{fields:?}");
            let expected = list(json).map(|elements| {
                let elements = elements.map(|element| fields(element, &["a"]).map(values));
                elements.collect::<Vec<_>>()
            });
            let found = objects(json, &["a"]).map(|objects| {
                let objects = objects.into_iter();
                objects.map(|object| object.map(values)).collect()
            });
            assert_eq!(found, expected, "{json}");
        }
    }

    #[test]
    fn numbered_has_the_keys_of_php_objects_and_lists() {
        for (json, expected, others) in [
            ("[]", &[][..], 0),
            ("{}", &[], 0),
            ("[5, [1e999]]", &[(0, "5"), (1, "[1e999]")], 0),
            (r#"{"2": {}, "0": "x"}"#, &[(0, r#""x""#), (2, "{}")], 0),
            (
                r#"{"-1": 1, "\u0031": 2, "1": 3}"#,
                &[(-1, "1"), (1, "3")],
                0,
            ),
            (
                r#"{"": 1, "1.0": 2, "a": 3, " 1": 4, "1e3": 5, "99999999999999999999": 6}"#,
                &[],
                6,
            ),
        ] {
            let found = numbered(json).unwrap();
            let values: Vec<_> = found.values.into_iter().collect();
            assert_eq!(
                (values.as_slice(), found.others),
                (expected, others),
                "{json}"
            );
        }
        for json in [
            "", "5", "null", r#""a""#, "[1", "[] 1", r#"{"1"}"#, "{1: 2}",
        ] {
            assert!(numbered(json).is_none(), "{json}");
        }
    }

    #[test]
    fn text_unescapes() {
        assert_eq!(text(r#""Écoute""#).unwrap(), "Écoute");
        assert_eq!(text(r#""\u00c9coute \"x\"""#).unwrap(), "Écoute \"x\"");
        for json in ["5", "null", r#""\ud800""#, r#"["a"]"#] {
            assert_eq!(text(json), None, "{json}");
        }
    }
}
