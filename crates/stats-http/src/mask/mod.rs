//! Masks: which fields of an answer somebody wants, as `data{uuid,date}`.

mod serialize;
mod text;

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

pub(crate) use serialize::Masked;

/// How long a mask may be, in bytes.
const MAX_LENGTH: usize = 4096;
/// How deep its braces may be nested.
const MAX_DEPTH: usize = 32;
/// Stands for all fields that are not named beside it.
const REST: &str = "*";

/// What to keep of a value. A list is masked element by element, and a value that has no fields is kept as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Mask {
    /// All of it.
    #[default]
    All,
    /// Some fields of an object.
    Fields(Fields),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fields {
    named: BTreeMap<String, Mask>,
    rest: Option<Box<Mask>>,
}

impl Mask {
    /// Reads `{a,b{c,d}}`: names, separated by commas, each with braces where only some of its own fields are wanted.
    /// The outer braces may be missing, and `*` stands for all fields that are not named beside it. A name is whatever
    /// is between the marks, without the spaces around it. Of a name that comes twice the last one counts, and a comma
    /// may end a list. No text at all is the mask that keeps everything.
    pub(crate) fn parse(text: &str) -> Result<Self, MaskError> {
        if text.len() > MAX_LENGTH {
            return Err(MaskError::TooLong);
        }
        if text.trim().is_empty() {
            return Ok(Self::All);
        }
        let mut parser = Parser::default();
        let mut at = Position(0);
        for part in text.split_inclusive(['{', '}', ',']) {
            at.0 += part.chars().count();
            let name = part.trim_end_matches(['{', '}', ',']);
            let mark = part.get(name.len()..).unwrap_or_default();
            parser.read(name.trim(), mark, at)?;
        }
        parser.finish()
    }

    /// What is kept of the field `name`; `None` where it is left out.
    pub(crate) fn of(&self, name: &str) -> Option<&Self> {
        match self {
            Self::All => Some(self),
            Self::Fields(fields) => fields.named.get(name).or(fields.rest.as_deref()),
        }
    }

    /// `value` as something that serialises to what is kept of it. What is left out is not serialised at all.
    pub(crate) fn apply<'a, T: ?Sized>(&'a self, value: &'a T) -> Masked<'a, T> {
        Masked::new(self, value)
    }
}

impl Fields {
    fn set(&mut self, name: &str, mask: Mask) {
        if name == REST {
            self.rest = Some(Box::new(mask));
        } else {
            self.named.insert(name.to_owned(), mask);
        }
    }

    /// The mask of these fields, which is a simpler one where they are all there can be.
    fn into_mask(self) -> Mask {
        let is_whole = |mask: &Mask| *mask == Mask::All;
        if self.rest.as_deref().is_some_and(is_whole) && self.named.values().all(is_whole) {
            Mask::All
        } else {
            Mask::Fields(self)
        }
    }
}

/// Why a mask cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum MaskError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("the braces are nested deeper than {MAX_DEPTH} levels at {0}")]
    TooDeep(Position),
    #[error("there is no field before the comma at {0}")]
    Comma(Position),
    #[error("there is no field before the opening brace at {0}")]
    Opening(Position),
    #[error("nothing is open that the closing brace at {0} could close")]
    Closing(Position),
    #[error("the opening brace at {0} is not closed")]
    Unclosed(Position),
    #[error("a comma is missing after the closing brace at {0}")]
    NoComma(Position),
    #[error("nothing may follow the closing brace at {0}, where the mask ends")]
    Trailing(Position),
}

/// A place in a mask, counted in characters from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position(usize);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}", self.0)
    }
}

/// Reads a mask from mark to mark. What is open is a list rather than a recursion.
#[derive(Default)]
struct Parser {
    /// The fields of the innermost braces.
    fields: Fields,
    outer: Vec<Open>,
    before: Before,
}

/// Braces that are not closed yet.
struct Open {
    at: Position,
    /// Whose fields are in the braces; nobody's where they are those around the whole mask.
    name: Option<String>,
    /// The fields around them.
    fields: Fields,
}

/// The mark before what is read.
#[derive(Clone, Copy, PartialEq, Default)]
enum Before {
    #[default]
    Nothing,
    OpeningOrComma,
    Closing(Position),
    /// The last of the braces around the whole mask.
    End(Position),
}

impl Parser {
    /// Reads a name, if there is one, and the mark that follows it, if there is one.
    fn read(&mut self, name: &str, mark: &str, at: Position) -> Result<(), MaskError> {
        match self.before {
            Before::End(last) if !(name.is_empty() && mark.is_empty()) => {
                return Err(MaskError::Trailing(last));
            }
            Before::Closing(last) if !name.is_empty() || mark == "{" => {
                return Err(MaskError::NoComma(last));
            }
            _ => {}
        }
        match mark {
            "{" => self.open(name, at),
            "}" => self.close(name, at),
            "," => self.separate(name, at),
            _ => {
                self.set(name);
                Ok(())
            }
        }
    }

    fn open(&mut self, name: &str, at: Position) -> Result<(), MaskError> {
        let is_around_all = name.is_empty() && self.before == Before::Nothing;
        if name.is_empty() && !is_around_all {
            return Err(MaskError::Opening(at));
        }
        if self.outer.len() >= MAX_DEPTH {
            return Err(MaskError::TooDeep(at));
        }
        self.outer.push(Open {
            at,
            name: (!is_around_all).then(|| name.to_owned()),
            fields: std::mem::take(&mut self.fields),
        });
        self.before = Before::OpeningOrComma;
        Ok(())
    }

    fn close(&mut self, name: &str, at: Position) -> Result<(), MaskError> {
        let Open {
            name: owner,
            fields,
            ..
        } = self.outer.pop().ok_or(MaskError::Closing(at))?;
        self.set(name);
        self.before = match owner {
            None => Before::End(at),
            Some(owner) => {
                let inner = std::mem::replace(&mut self.fields, fields);
                self.fields.set(&owner, inner.into_mask());
                Before::Closing(at)
            }
        };
        Ok(())
    }

    fn separate(&mut self, name: &str, at: Position) -> Result<(), MaskError> {
        if name.is_empty() && !matches!(self.before, Before::Closing(_)) {
            return Err(MaskError::Comma(at));
        }
        self.set(name);
        self.before = Before::OpeningOrComma;
        Ok(())
    }

    fn set(&mut self, name: &str) {
        if !name.is_empty() {
            self.fields.set(name, Mask::All);
        }
    }

    fn finish(mut self) -> Result<Mask, MaskError> {
        match self.outer.pop() {
            Some(open) => Err(MaskError::Unclosed(open.at)),
            None => Ok(self.fields.into_mask()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    fn mask(text: &str) -> Mask {
        Mask::parse(text).unwrap()
    }

    fn apply(text: &str, value: &impl Serialize) -> Value {
        serde_json::to_value(mask(text).apply(value)).unwrap()
    }

    #[test]
    fn masks_keep_what_they_name() {
        let value = json!({
            "metadata": {"count": "1", "limit": "0"},
            "data": [{"uuid": 1, "data": {"High risks": [8, null]}}, {"uuid": 2, "data": []}],
        });
        for (mask, kept) in [
            ("", value.clone()),
            (" ", value.clone()),
            ("*", value.clone()),
            ("{*,metadata}", value.clone()),
            ("{}", json!({})),
            ("nothing", json!({})),
            ("nothing{at,all}", json!({})),
            (
                "metadata",
                json!({"metadata": {"count": "1", "limit": "0"}}),
            ),
            (
                " { metadata { count } } ",
                json!({"metadata": {"count": "1"}}),
            ),
            ("metadata{}", json!({"metadata": {}})),
            ("metadata{count,},", json!({"metadata": {"count": "1"}})),
            (
                "metadata,metadata{count}",
                json!({"metadata": {"count": "1"}}),
            ),
            ("data{uuid}", json!({"data": [{"uuid": 1}, {"uuid": 2}]})),
            ("data{x}", json!({"data": [{}, {}]})),
            (
                "data{data{High risks{x}}}",
                json!({"data": [{"data": {"High risks": [8, null]}}, {"data": []}]}),
            ),
            (
                "data{data{x}},*",
                json!({"metadata": value["metadata"], "data": [{"data": {}}, {"data": []}]}),
            ),
            (
                "*{count,uuid}",
                json!({"metadata": {"count": "1"}, "data": [{"uuid": 1}, {"uuid": 2}]}),
            ),
        ] {
            assert_eq!(apply(mask, &value), kept, "{mask}");
        }
        assert_eq!(
            apply("x", &json!([{"x": 1, "y": 2}, [], 5])),
            json!([{"x": 1}, [], 5])
        );
    }

    #[test]
    fn bad_masks_say_what_is_wrong_and_where() {
        let at = Position;
        for (text, error) in [
            ("{", MaskError::Unclosed(at(1))),
            ("{data{uuid", MaskError::Unclosed(at(6))),
            ("{data{uuid}", MaskError::Unclosed(at(1))),
            ("data}", MaskError::Closing(at(5))),
            ("}", MaskError::Closing(at(1))),
            ("data{uuid,,}}", MaskError::Comma(at(11))),
            (",a", MaskError::Comma(at(1))),
            ("{,}", MaskError::Comma(at(2))),
            ("é,日{x, ,", MaskError::Comma(at(8))),
            ("{{a}}", MaskError::Opening(at(2))),
            ("a,{b}", MaskError::Opening(at(3))),
            ("a{b}c", MaskError::NoComma(at(4))),
            ("a{b}{c}", MaskError::NoComma(at(4))),
            ("a{b}c}", MaskError::NoComma(at(4))),
            ("{a}b", MaskError::Trailing(at(3))),
            ("{a},", MaskError::Trailing(at(3))),
            ("{a},b{c}", MaskError::Trailing(at(3))),
            ("{a}}", MaskError::Trailing(at(3))),
        ] {
            assert_eq!(Mask::parse(text), Err(error), "{text}");
        }
        assert_eq!(
            MaskError::Comma(at(11)).to_string(),
            "there is no field before the comma at character 11"
        );
    }

    #[test]
    fn length_and_nesting_are_bounded() {
        let long = "a".repeat(MAX_LENGTH);
        assert_eq!(apply(&long, &json!({"a": 1})), json!({}));
        assert_eq!(Mask::parse(&(long + "a")), Err(MaskError::TooLong));
        let deep = |depth| "a{".repeat(depth) + &"}".repeat(depth);
        assert!(Mask::parse(&deep(MAX_DEPTH)).is_ok());
        let too_deep = MaskError::TooDeep(Position(2 * (MAX_DEPTH + 1)));
        assert_eq!(Mask::parse(&deep(MAX_DEPTH + 1)), Err(too_deep));
    }

    /// Fails when it is serialised.
    struct Untouchable;

    impl Serialize for Untouchable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("touched"))
        }
    }

    #[derive(Serialize)]
    struct Answer<T> {
        name: &'static str,
        maybe: Option<(u8, f32)>,
        data: T,
    }

    #[test]
    fn what_is_left_out_is_not_serialised() {
        let answer = Answer {
            name: "x",
            maybe: None,
            data: Untouchable,
        };
        assert!(serde_json::to_string(&mask("data").apply(&answer)).is_err());
        assert_eq!(
            apply("name,maybe", &answer),
            json!({"name": "x", "maybe": null})
        );
        let map = BTreeMap::from([(1, vec![Untouchable]), (2, vec![])]);
        assert_eq!(apply("2", &map), json!({"2": []}));
    }

    #[test]
    fn raw_json_is_filtered_as_text() {
        let raw = |text: &str| Answer {
            name: "x",
            maybe: Some((1, 0.5)),
            data: RawValue::from_string(text.to_owned()).unwrap(),
        };
        for (text, kept) in [
            (r#"[ {"a": 1.50, "b": 2}, 7 ,[] ]"#, r#"[{"a":1.50},7,[]]"#),
            (
                r#"{"\u0061" : 1e5, "a}": "]\"\\", "b":[{}]}"#,
                r#"{"\u0061":1e5}"#,
            ),
            (
                r#"{"b": "}\\\"", "a": {"b": [1, {"c": "]"}] }}"#,
                r#"{"a":{"b": [1, {"c": "]"}] }}"#,
            ),
            ("{ }", "{}"),
            ("-1.0e3", "-1.0e3"),
        ] {
            let masked = serde_json::to_string(&mask("data{a}").apply(&raw(text))).unwrap();
            assert_eq!(masked, format!(r#"{{"data":{kept}}}"#), "{text}");
        }
        let whole = r#"{"a" : [1.50, {}]}"#;
        let masked = serde_json::to_string(&mask("data").apply(&raw(whole))).unwrap();
        assert_eq!(
            masked,
            format!(r#"{{"data":{whole}}}"#),
            "not even looked at"
        );
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(text::filter(&deep, &mask("a")), Some(deep));
    }

    /// What a mask is to do, in the plainest way.
    fn reference(mask: &Mask, value: &Value) -> Value {
        match (mask, value) {
            (_, Value::Array(list)) => list.iter().map(|item| reference(mask, item)).collect(),
            (Mask::Fields(fields), Value::Object(object)) => {
                let mut kept = serde_json::Map::new();
                for (name, value) in object {
                    let named = fields.named.get(name);
                    let mask = named.or(fields.rest.as_deref());
                    kept.extend(mask.map(|mask| (name.clone(), reference(mask, value))));
                }
                Value::Object(kept)
            }
            _ => value.clone(),
        }
    }

    fn masks() -> impl Strategy<Value = Mask> {
        let leaf = Just(Mask::All);
        leaf.prop_recursive(4, 24, 4, |inner| {
            let named = proptest::collection::btree_map("[a-dé\\\\\"]{1,2}", inner.clone(), 0..4);
            let rest = proptest::option::of(inner.prop_map(Box::new));
            (named, rest).prop_map(|(named, rest)| Fields { named, rest }.into_mask())
        })
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c{}\\[\\],:\\\\\" é\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 48, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-dé\\\\\"]{1,2}", inner, 0..5)
                    .prop_map(|object| Value::Object(object.into_iter().collect())),
            ]
        })
    }

    fn write(mask: &Mask) -> String {
        let Mask::Fields(Fields { named, rest }) = mask else {
            return "*".to_owned();
        };
        let field = |(name, mask): (&str, &Mask)| match mask {
            Mask::All => name.to_owned(),
            fields => format!("{name} {}", write(fields)),
        };
        let rest = rest.as_deref().map(|mask| (REST, mask));
        let fields = named.iter().map(|(name, mask)| (name.as_str(), mask));
        format!(
            "{{{}}}",
            fields.chain(rest).map(field).collect::<Vec<_>>().join(" ,")
        )
    }

    proptest! {
        #[test]
        fn any_mask_on_any_value_keeps_what_the_plainest_code_keeps(mask in masks(), value in values()) {
            let expected = reference(&mask, &value);
            prop_assert_eq!(&serde_json::to_value(mask.apply(&value)).unwrap(), &expected);
            for text in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
                let raw = RawValue::from_string(text).unwrap();
                let kept = serde_json::to_string(&mask.apply(&raw)).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Value>(&kept).unwrap(), &expected);
            }
        }

        #[test]
        fn masks_are_read_as_they_are_written(mask in masks()) {
            prop_assert_eq!(Mask::parse(&write(&mask)), Ok(mask));
        }

        #[test]
        fn no_text_is_too_odd(text in "[a*{}, é]{0,20}", junk in "[ab{}\\[\\],:\"\\\\ 1]{0,20}") {
            if let Ok(mask) = Mask::parse(&text) {
                text::filter(&junk, &mask);
            }
        }
    }
}
