//! Arguments in the forms that clients send: numbers as strings, booleans as `true`, `"true"`, `1` or `"1"`, lists
//! separated by commas. Each type implements its deserialization and its schema.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;
use stats_core::{AnalysisId, ClientName, InvalidValue, StatsType, Token, parse_date};
use stats_processors::{Language, Shape, Weight};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, SchemaType};
use utoipa::openapi::{KnownFormat, Object, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::language;

/// Maximum number of analyses in a request.
const MAX_ANALYSES: usize = 10_000;

/// A boolean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// A whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) u32);

/// A day: `YYYY-MM-DD`, or a timestamp of that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) NaiveDate);

/// Analyses: a list, or a string with commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Analyses(pub(crate) BTreeSet<AnalysisId>);

/// The parameters of a processor: JSON, or a string of JSON.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parameters(pub(crate) Value);

/// A language of labels: a tag such as `fr` or `de-LU`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) Language);

/// The form of a public result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json(Shape),
    Csv,
}

impl Format {
    const CSV: &'static str = "csv";
    const NAMES: [&'static str; 3] = [Shape::Map.as_str(), Shape::Series.as_str(), Self::CSV];
}

impl FromStr for Format {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text.parse() {
            Ok(shape) => Ok(Self::Json(shape)),
            Err(_) if text == Self::CSV => Ok(Self::Csv),
            Err(_) => Err(InvalidValue::new(text, Self::NAMES.join(" or "))),
        }
    }
}

/// A value parsed from a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

// Aliases, because utoipa requires schemas of the arguments of a generic type.
pub(crate) type AnalysisText = Text<AnalysisId>;
pub(crate) type StatsTypeText = Text<StatsType>;
pub(crate) type FormatText = Text<Format>;
pub(crate) type WeightText = Text<Weight>;
pub(crate) type ClientNameText = Text<ClientName>;
pub(crate) type TokenText = Text<Token>;

/// A value that is accepted and ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ignored;

/// Implements deserialization from a JSON value and a named schema.
macro_rules! lenient {
    ($Type:ty, $name:literal, $parse:expr, $schema:expr) => {
        impl<'de> Deserialize<'de> for $Type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let parse: fn(Value) -> Result<Self, InvalidValue> = $parse;
                parse(Value::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl PartialSchema for $Type {
            fn schema() -> RefOr<Schema> {
                Schema::from($schema).into()
            }
        }

        impl ToSchema for $Type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    };
}

lenient!(Flag, "Flag", flag, {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .enum_values(Some([0, 1]));
    AnyOfBuilder::new()
        .item(Object::with_type(Type::Boolean))
        .item(number)
        .item(one_of(["true", "false", "1", "0"]))
        .build()
});
lenient!(Number, "Number", number, {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .maximum(Some(u32::MAX))
        .build()
});
lenient!(Day, "Day", |value| parse_date(text(&value)?).map(Self), {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
        .build()
});
lenient!(Analyses, "Analyses", analyses, {
    ArrayBuilder::new()
        .items(text_schema(
            36,
            "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
        ))
        .build()
});
// Clients encode objects in query strings in different ways.
lenient!(
    Parameters,
    "Parameters",
    parameters,
    Object::with_type(Type::String)
);
lenient!(
    Ignored,
    "Ignored",
    |_| Ok(Self),
    Object::with_type(SchemaType::AnyValue)
);
lenient!(AnalysisText, "AnalysisId", parsed, {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .build()
});
lenient!(
    StatsTypeText,
    "StatsType",
    parsed,
    one_of(StatsType::ALL.map(StatsType::as_str))
);
lenient!(FormatText, "Format", parsed, one_of(Format::NAMES));
lenient!(
    WeightText,
    "Weight",
    parsed,
    one_of(Weight::ALL.map(Weight::as_str))
);
lenient!(Tag, "Tag", tag, one_of(Language::ALL.map(Language::code)));
lenient!(
    ClientNameText,
    "ClientName",
    parsed,
    text_schema(
        ClientName::MAX_LENGTH,
        r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
    )
);
lenient!(
    TokenText,
    "Token",
    parsed,
    text_schema(Token::MAX_LENGTH, "^[!-~]+$")
);

fn one_of<const N: usize>(known: [&'static str; N]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(known))
        .build()
}

fn text_schema(max_length: usize, pattern: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(max_length))
        .pattern(Some(pattern))
        .build()
}

fn text(value: &Value) -> Result<&str, InvalidValue> {
    value
        .as_str()
        .ok_or_else(|| InvalidValue::new(&value.to_string(), "a string"))
}

fn parsed<T: FromStr<Err = InvalidValue>>(value: Value) -> Result<Text<T>, InvalidValue> {
    text(&value)?.parse().map(Text)
}

/// Returns a string without its quotes, and any other value as JSON.
fn unquoted(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn flag(value: Value) -> Result<Flag, InvalidValue> {
    let text = unquoted(value).to_ascii_lowercase();
    match text.as_str() {
        "true" | "1" => Ok(Flag(true)),
        "false" | "0" => Ok(Flag(false)),
        _ => Err(InvalidValue::new(&text, "true or false (or 1 or 0)")),
    }
}

fn number(value: Value) -> Result<Number, InvalidValue> {
    let text = unquoted(value);
    let expected = || format!("a whole number from 0 to {}", u32::MAX);
    text.parse()
        .map(Number)
        .map_err(|_| InvalidValue::new(&text, expected()))
}

fn tag(value: Value) -> Result<Tag, InvalidValue> {
    let tag = text(&value)?;
    let known = || Language::ALL.map(Language::code).join(" or ");
    let language = language::parse_tag(tag).ok_or_else(|| InvalidValue::new(tag, known()))?;
    Ok(Tag(language))
}

fn analyses(value: Value) -> Result<Analyses, InvalidValue> {
    let list = match &value {
        Value::Array(list) => list.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut analyses = BTreeSet::new();
    for element in list {
        let ids = text(element)?.split(',').map(str::trim);
        for id in ids.filter(|id| !id.is_empty()) {
            analyses.insert(id.parse()?);
        }
    }
    if analyses.len() > MAX_ANALYSES {
        let message = format!("holds more than {MAX_ANALYSES} analyses");
        return Err(InvalidValue::message(message));
    }
    Ok(Analyses(analyses))
}

fn parameters(value: Value) -> Result<Parameters, InvalidValue> {
    match value {
        Value::String(text) if text.trim().is_empty() => Ok(Parameters::default()),
        Value::String(text) => serde_json::from_str(&text)
            .map(Parameters)
            .map_err(|_| InvalidValue::new(&text, "JSON")),
        other => Ok(Parameters(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
        serde_json::from_value(value).ok()
    }

    #[test]
    fn booleans_and_numbers_may_be_strings() {
        for (expected, values) in [
            (Some(Flag(true)), json!([true, "true", "True", 1, "1"])),
            (Some(Flag(false)), json!([false, "false", 0, "0"])),
            (None, json!(["junk", 2, 1.0, [], {}, ""])),
        ] {
            for value in values.as_array().unwrap() {
                assert_eq!(read(value.clone()), expected, "{value}");
            }
        }
        for (expected, values) in [
            (Some(Number(7)), json!([7, "7"])),
            (
                None,
                json!([-1, "x", 1.5, 99_999_999_999_u64, "", [1], true]),
            ),
        ] {
            for value in values.as_array().unwrap() {
                assert_eq!(read(value.clone()), expected, "{value}");
            }
        }
    }

    #[test]
    fn a_language_is_a_tag_or_a_code() {
        for (tag, expected) in [
            ("fr", Some(Language::French)),
            ("DE-lu", Some(Language::German)),
            ("", None),
            ("it", None),
            ("label1", None),
        ] {
            assert_eq!(read(json!(tag)), expected.map(Tag), "{tag}");
        }
    }

    #[test]
    fn analyses_are_a_list_or_separated_by_commas() {
        let (a, b) = (AnalysisId::random(), AnalysisId::random());
        let both = Some(Analyses(BTreeSet::from([a, b])));
        assert_eq!(read(json!([a, b])), both);
        assert_eq!(read(json!(format!("{a}, {b}"))), both);
        assert_eq!(read(json!([])), Some(Analyses::default()));
        assert_eq!(read(json!("")), Some(Analyses::default()));
        let invalid = json!([["zz"], "zz", [5], [null], {"a": 1}, 5]);
        for invalid in invalid.as_array().unwrap() {
            assert_eq!(read::<Analyses>(invalid.clone()), None, "{invalid}");
        }
        let many: Vec<_> = (0..=MAX_ANALYSES).map(|_| AnalysisId::random()).collect();
        let error = serde_json::from_value::<Analyses>(json!(many)).unwrap_err();
        assert_eq!(error.to_string(), "holds more than 10000 analyses");
    }
}
