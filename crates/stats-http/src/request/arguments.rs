use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::web::Query;
use serde_json::{Map, Value};
use stats_core::{FieldErrors, InvalidValue};

use super::body::{read_body, read_json_body};
use crate::errors::ApiError;

/// Arguments are a handful of values; only lists of analyses may be long.
const MAX_BYTES: usize = 1024 * 1024;

/// The arguments of a request by name, each taken once by the route that knows it. What is wrong with them is
/// collected, so that [`Arguments::finish`] tells all of it at once.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    values: BTreeMap<String, Value>,
    errors: FieldErrors,
}

impl Arguments {
    /// Reads the query string and a JSON body, which MONARC sends with GET too, whatever its content type. Where both
    /// know an argument, the body counts.
    pub(crate) async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
    ) -> Result<Self, ApiError> {
        let mut arguments = Self::from_query(request.query_string())?;
        let body = read_body(request, payload, MAX_BYTES).await?;
        arguments.values.extend(parse_object(&body)?);
        Ok(arguments)
    }

    /// Reads a JSON body alone, which must be one by its content type.
    pub(crate) async fn read_json(
        request: &HttpRequest,
        payload: &mut Payload,
    ) -> Result<Self, ApiError> {
        let body = read_json_body(request, payload, MAX_BYTES).await?;
        Ok(Self {
            values: parse_object(&body)?.into_iter().collect(),
            ..Self::default()
        })
    }

    /// The arguments in an object, for tests.
    #[cfg(test)]
    pub(crate) fn of(object: Value) -> Self {
        let values = object
            .as_object()
            .cloned()
            .unwrap_or_default()
            .into_iter()
            .collect();
        Self {
            values,
            ..Self::default()
        }
    }

    /// An argument that is there more than once, as `a=1&a=2` or in PHP's way as `a[]=1&a[]=2`, is a list.
    pub(crate) fn from_query(query: &str) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query).map_err(|error| {
            ApiError::Malformed(format!("The query string cannot be read: {error}."))
        })?;
        let mut arguments = Self::default();
        for (name, value) in pairs.into_inner() {
            let name = match name.split_once('[') {
                Some((list, _)) => list.to_owned(),
                None => name,
            };
            let value = Value::String(value);
            match arguments.values.get_mut(&name) {
                None => {
                    arguments.values.insert(name, value);
                }
                Some(Value::Array(list)) => list.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Ok(arguments)
    }

    /// The argument `name`, if it is there, not null and can be read.
    pub(crate) fn take<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&Value) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        let value = self.values.remove(name).filter(|value| !value.is_null())?;
        parse(&value)
            .map_err(|error| self.errors.add(name, error))
            .ok()
    }

    /// The argument `name`, which must be there.
    pub(crate) fn require<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&Value) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        if self.values.get(name).is_none_or(Value::is_null) {
            self.values.remove(name);
            self.errors.add(name, "is missing");
            return None;
        }
        self.take(name, parse)
    }

    /// The argument `name`, or what is made of `default` where there is none.
    pub(crate) fn take_or<T>(
        &mut self,
        name: &str,
        default: &Value,
        parse: impl FnOnce(&Value) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        self.values
            .entry(name.to_owned())
            .or_insert_with(|| default.clone());
        self.take(name, parse)
    }

    /// Lets an argument be there without a meaning.
    pub(crate) fn ignore(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// Gives what a route makes of its arguments, unless any value was wrong or there is an argument that nobody took.
    /// `make` gives `None` only for an argument that could not be read, which is among the errors then.
    pub(crate) fn finish<T>(self, make: impl FnOnce() -> Option<T>) -> Result<T, ApiError> {
        if self.errors.is_empty() && !self.values.is_empty() {
            let unknown = self.values.into_keys().take(FieldErrors::MAX).collect();
            return Err(ApiError::UnknownArguments(unknown));
        }
        self.finish_leniently(make)
    }

    /// The same, but arguments that nobody took are fine.
    pub(crate) fn finish_leniently<T>(
        self,
        make: impl FnOnce() -> Option<T>,
    ) -> Result<T, ApiError> {
        if !self.errors.is_empty() {
            return Err(ApiError::Invalid(self.errors));
        }
        make().ok_or_else(|| ApiError::Internal("an argument is neither read nor wrong".to_owned()))
    }
}

/// An object of arguments. No body, null and the empty list, which is what PHP makes of an empty map, are none.
fn parse_object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(Value::Array(list)) if list.is_empty() => Ok(Map::new()),
        Ok(_) => Err(ApiError::Malformed(
            "The body must be a JSON object.".to_owned(),
        )),
        Err(error) => Err(ApiError::Malformed(format!(
            "The body is not JSON: {error}."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::values;
    use super::*;

    fn body(text: &str) -> Map<String, Value> {
        parse_object(text.as_bytes()).unwrap()
    }

    #[test]
    fn nothing_comes_in_many_ways() {
        for nothing in ["", " \n", "null", "[]", "{}"] {
            assert_eq!(body(nothing), Map::new(), "{nothing:?}");
        }
        for bad in ["5", "\"x\"", "[1]", "{", "{} {}", "\u{0}"] {
            assert!(
                matches!(parse_object(bad.as_bytes()), Err(ApiError::Malformed(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_query_string_makes_texts_and_lists() {
        let read = |query| {
            Arguments::from_query(query)
                .unwrap()
                .values
                .into_iter()
                .collect::<Map<_, _>>()
        };
        assert_eq!(read(""), Map::new());
        assert_eq!(
            Value::Object(read("type=risk&x=%C3%A9&y")),
            json!({"type": "risk", "x": "é", "y": ""})
        );
        let list = json!({"anrs": ["a", "b", "c"]});
        for query in [
            "anrs=a&anrs=b&anrs=c",
            "anrs[]=a&anrs[]=b&anrs[]=c",
            "anrs%5B0%5D=a&anrs%5B1%5D=b&anrs[2]=c",
        ] {
            assert_eq!(Value::Object(read(query)), list, "{query}");
        }
    }

    #[test]
    fn everything_wrong_is_told_before_what_is_unknown() {
        let mut arguments =
            Arguments::of(json!({"limit": "x", "offset": -1, "foo": 1, "type": null}));
        assert_eq!(arguments.take("limit", values::number), None);
        assert_eq!(arguments.take("offset", values::number), None);
        assert_eq!(arguments.take("get_last", values::boolean), None);
        assert_eq!(arguments.require("type", values::text), None);
        let Err(ApiError::Invalid(errors)) = arguments.finish(|| Some(())) else {
            panic!("accepted")
        };
        let fields: Vec<_> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["limit", "offset", "type"]);
    }

    #[test]
    fn what_nobody_took_is_unknown() {
        let arguments = Arguments::of(json!({"foo": 1, "bar": null}));
        let Err(ApiError::UnknownArguments(names)) = arguments.finish(|| Some(())) else {
            panic!("accepted")
        };
        assert_eq!(names, ["bar", "foo"]);
    }
}
