//! Deserializes arguments from a query string and from a JSON object into the struct of a route.

use std::fmt::{self, Display};

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::web::Query;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess};
use serde_json::{Map, Value};
use stats_core::{ClientId, Excerpt};

use super::body::{read_body, read_json_body};
use crate::errors::ApiError;
use crate::state::App;

/// Maximum size of a JSON body with arguments, in bytes. Only a list of analyses is long.
const MAX_BYTES: usize = 1 << 20;

/// Reads arguments from the query string and from a JSON body of any content type. The body, which MONARC sends with GET,
/// overrides the query string.
pub(crate) async fn from_query_and_body<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: &mut Payload,
    client: ClientId,
    app: &App,
) -> Result<T, ApiError> {
    let mut arguments = parse_query(request.query_string())?;
    let body = read_body(request, payload, client, app, MAX_BYTES).await?;
    arguments.extend(parse_object(&body.bytes)?);
    deserialize(arguments)
}

/// Reads arguments from a JSON body.
pub(crate) async fn from_json_body<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: &mut Payload,
    client: ClientId,
    app: &App,
) -> Result<T, ApiError> {
    let body = read_json_body(request, payload, client, app).await?;
    deserialize(parse_object(&body.bytes)?)
}

/// Reads arguments from the query string.
pub(crate) fn from_query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    deserialize(parse_query(request.query_string())?)
}

/// Reads arguments from a query string and from a body, as [`from_query_and_body`] does.
#[cfg(feature = "fuzzing")]
pub(crate) fn parse_arguments<T: DeserializeOwned>(
    query: &str,
    body: &[u8],
) -> Result<T, ApiError> {
    let mut arguments = parse_query(query)?;
    arguments.extend(parse_object(body)?);
    deserialize(arguments)
}

/// Parses strings, lists (`a=1&a=2`, or PHP's `a[]=1&a[]=2` and `a[0]=1`) and objects (PHP's `a[b]=1`).
fn parse_query(query: &str) -> Result<Map<String, Value>, ApiError> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query).map_err(|error| {
        ApiError::Malformed(format!("The query string cannot be read: {error}."))
    })?;
    let mut arguments = Map::new();
    for (name, value) in pairs.into_inner() {
        let value = Value::String(value);
        let (name, key) = match name.split_once('[') {
            Some((name, key)) => (name, key.strip_suffix(']')),
            None => (name.as_str(), None),
        };
        let key = key.filter(|key| !key.bytes().all(|byte| byte.is_ascii_digit()));
        match (key, arguments.get_mut(name)) {
            (Some(key), Some(Value::Object(object))) => {
                object.insert(key.to_owned(), value);
            }
            (Some(key), _) => {
                let object = Map::from_iter([(key.to_owned(), value)]);
                arguments.insert(name.to_owned(), object.into());
            }
            (None, None) => {
                arguments.insert(name.to_owned(), value);
            }
            (None, Some(Value::Array(list))) => list.push(value),
            (None, Some(first)) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Ok(arguments)
}

/// Parses a JSON object. An empty body, `null` and PHP's empty list count as an empty object.
fn parse_object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(Value::Array(list)) if list.is_empty() => Ok(Map::new()),
        Ok(_) => Err(ApiError::Malformed(
            "The body must be a JSON object.".into(),
        )),
        Err(error) => Err(ApiError::Malformed(format!(
            "The body is not JSON: {error}."
        ))),
    }
}

/// Deserializes the arguments of a route. `null` means that the argument is absent. Its name must be known all the same.
fn deserialize<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, ApiError> {
    let (absent, arguments): (Map<_, _>, _) = arguments
        .into_iter()
        .partition(|(_, value)| value.is_null());
    for argument in absent {
        if let Err(error @ ApiError::UnknownArgument(_)) =
            deserialize_all::<T>(Map::from_iter([argument]))
        {
            return Err(error);
        }
    }
    deserialize_all(arguments)
}

fn deserialize_all<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, ApiError> {
    let arguments = Arguments {
        rest: arguments.into_iter(),
        current: None,
    };
    T::deserialize(MapAccessDeserializer::new(arguments)).map_err(|ArgumentError(error)| error)
}

/// Deserializes arguments. An error about a value names the argument.
struct Arguments {
    rest: serde_json::map::IntoIter,
    /// The argument whose value is read next.
    current: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Arguments {
    type Error = ArgumentError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ArgumentError> {
        self.current = self.rest.next();
        let name = self.current.as_ref().map(|(name, _)| name.as_str());
        name.map(|name| seed.deserialize(name.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ArgumentError> {
        let (name, value) = self.current.take().unwrap_or_default();
        seed.deserialize(value)
            .map_err(|error| ArgumentError(ApiError::field(&name, error)))
    }
}

/// A serde error about one argument or about all of them.
#[derive(Debug)]
struct ArgumentError(ApiError);

impl Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ArgumentError {}

impl de::Error for ArgumentError {
    fn custom<T: Display>(message: T) -> Self {
        Self(ApiError::Malformed(message.to_string()))
    }

    fn missing_field(name: &'static str) -> Self {
        Self(ApiError::field(name, "is missing"))
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self(ApiError::UnknownArgument(Excerpt(name).to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::super::lenient::{Flag, Number, Text};
    use super::*;

    #[test]
    fn a_body_without_arguments_may_have_several_forms() {
        for empty in ["", " \n", "null", "[]", "{}"] {
            assert_eq!(parse_object(empty.as_bytes()).unwrap(), Map::new());
        }
        for malformed in ["5", "\"x\"", "[1]", "{", "{} {}", "\u{0}"] {
            let error = parse_object(malformed.as_bytes()).unwrap_err();
            assert!(matches!(error, ApiError::Malformed(_)), "{malformed:?}");
        }
    }

    #[test]
    fn query_strings_hold_strings_lists_and_objects() {
        for (query, expected) in [
            ("", json!({})),
            (
                "type=risk&x=%C3%A9&y",
                json!({"type": "risk", "x": "é", "y": ""}),
            ),
            ("a=1&a=2&a=3", json!({"a": ["1", "2", "3"]})),
            ("a[]=1&a[]=2", json!({"a": ["1", "2"]})),
            ("a%5B0%5D=1&a[1]=2", json!({"a": ["1", "2"]})),
            ("a[b]=1&a[c]=2", json!({"a": {"b": "1", "c": "2"}})),
            ("a[b]=1&a[b]=2", json!({"a": {"b": "2"}})),
            ("a=1&a[b]=2", json!({"a": {"b": "2"}})),
        ] {
            let parsed = parse_query(query).unwrap();
            assert_eq!(Value::Object(parsed), expected, "{query}");
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        flag: Option<Flag>,
        number: Option<Number>,
        #[serde(rename = "type")]
        stats_type: Text<stats_core::StatsType>,
    }

    #[test]
    fn errors_name_the_argument() {
        let read = |value: Value| deserialize::<Sample>(value.as_object().unwrap().clone());
        let sample = read(json!({"type": "risk", "number": "7", "flag": null})).unwrap();
        assert_eq!((sample.flag, sample.number), (None, Some(Number(7))));
        for (arguments, expected) in [
            (json!({}), "type: is missing"),
            (json!({"type": null}), "type: is missing"),
            (json!({"type": 5}), "type: '5' is not a string"),
            (
                json!({"type": "risk", "number": -1}),
                "number: '-1' is not a whole number from 0 to 4294967295",
            ),
        ] {
            match read(arguments.clone()).unwrap_err() {
                ApiError::Invalid(errors) => {
                    assert_eq!(errors.to_string(), expected, "{arguments}")
                }
                other => panic!("{arguments}: {other}"),
            }
        }
        for value in [json!(1), json!(null)] {
            let unknown = read(json!({"flag": null, "foo": value, "type": "risk"})).unwrap_err();
            assert_eq!(unknown.to_string(), "Unknown arguments: foo");
        }
        let name = "x".repeat(1 << 20);
        let unknown = read(json!({ name: 1, "type": "risk" })).unwrap_err();
        let excerpt = "x".repeat(64);
        assert_eq!(
            unknown.to_string(),
            format!("Unknown arguments: {excerpt}…")
        );
    }
}
