use std::fmt;
use std::marker::PhantomData;
use std::str::{FromStr, Utf8Error};

use chrono::NaiveDate;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::deletion::{Deletion, parse_time};
use crate::json::kind;
use crate::{Excerpt, FieldErrors, InvalidValue, NewStat, parse_date};

/// The error of an invalid list of stats or deletions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload is not UTF-8.
    #[error("the payload is not UTF-8")]
    NotUtf8(#[source] Utf8Error),
    /// The payload is not JSON.
    #[error("the payload is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// The payload is JSON, but not a list.
    #[error("the payload must be a list of {elements}, not {found}")]
    NotAList {
        /// The elements of the list, such as `stats`.
        elements: &'static str,
        /// The type of the value.
        found: &'static str,
    },
    /// The list is too long.
    #[error("the payload has more than {0} elements")]
    TooLong(usize),
    /// Some elements are malformed. Fields are named `<index>.<field>`, with indexes from 0.
    #[error("{0}")]
    Invalid(FieldErrors),
}

/// Parses a batch of stats: a list of `{anr, type, date, data, uuid?}`.
///
/// `last_date` is the last date that a stat may have, see [`last_acceptable_date`](crate::last_acceptable_date).
/// A malformed stat, a missing field or an unknown field rejects the whole batch. The error names all invalid fields.
pub fn parse_batch(payload: &[u8], last_date: NaiveDate) -> Result<Vec<NewStat>, PayloadError> {
    parse_list(payload, usize::MAX, |fields: &Fields<'_>, read| {
        parse_stat(fields, last_date, read)
    })
}

/// Parses a list of `{uuid, deleted_at}` with at most `max` elements. `deleted_at` is an ISO 8601 timestamp, in UTC if it
/// has no offset.
pub fn parse_deletions(payload: &[u8], max: usize) -> Result<Vec<Deletion>, PayloadError> {
    parse_list(payload, max, parse_deletion)
}

/// An element of a list, as its unparsed fields.
trait Element: Sized {
    /// What a message calls it, and several of them.
    const NAMES: (&'static str, &'static str);
    /// The names of its fields.
    const FIELDS: &'static [&'static str];
}

impl Element for NewStat {
    const NAMES: (&'static str, &'static str) = ("a stat", "stats");
    const FIELDS: &'static [&'static str] = &["uuid", "anr", "type", "date", "data"];
}

impl Element for Deletion {
    const NAMES: (&'static str, &'static str) = ("a deletion", "deletions");
    const FIELDS: &'static [&'static str] = &["uuid", "deleted_at"];
}

fn parse_list<T: Element>(
    payload: &[u8],
    max: usize,
    parse: impl Fn(&Fields<'_>, &mut Reader<'_>) -> Option<T>,
) -> Result<Vec<T>, PayloadError> {
    let text = std::str::from_utf8(payload).map_err(PayloadError::NotUtf8)?;
    let start = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if !start.is_empty() && !start.starts_with('[') {
        // Other JSON and malformed JSON are different errors.
        let raw: &RawValue = serde_json::from_str(text).map_err(PayloadError::NotJson)?;
        return Err(PayloadError::NotAList {
            elements: T::NAMES.1,
            found: kind(raw.get()),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let list = deserializer
        .deserialize_seq(ListVisitor { max, parse })
        .and_then(|list| deserializer.end().map(|()| list))
        .map_err(PayloadError::NotJson)?;
    if !list.errors.is_empty() {
        Err(PayloadError::Invalid(list.errors))
    } else if list.is_too_long {
        Err(PayloadError::TooLong(max))
    } else {
        Ok(list.elements)
    }
}

struct List<T> {
    elements: Vec<T>,
    is_too_long: bool,
    errors: FieldErrors,
}

struct ListVisitor<F> {
    max: usize,
    parse: F,
}

impl<'de, T, F> Visitor<'de> for ListVisitor<F>
where
    T: Element,
    F: Fn(&Fields<'_>, &mut Reader<'_>) -> Option<T>,
{
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", T::NAMES.1)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut read = List {
            elements: Vec::new(),
            is_too_long: false,
            errors: FieldErrors::default(),
        };
        let mut index = 0_usize;
        // After the first error no element is kept. When the errors are full, the rest is only checked for syntax.
        while !read.errors.is_full() && !read.is_too_long {
            let Some(value) = list.next_element_seed(ElementSeed::<T>(PhantomData))? else {
                return Ok(read);
            };
            let element = self.parse(value, index, &mut read.errors);
            if read.errors.is_empty() {
                read.elements.extend(element);
            }
            index += 1;
            read.is_too_long = index > self.max;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(read)
    }
}

impl<F> ListVisitor<F> {
    /// Parses the element at `index`. Adds its errors to `errors`.
    fn parse<T>(&self, value: Value<'_>, index: usize, errors: &mut FieldErrors) -> Option<T>
    where
        T: Element,
        F: Fn(&Fields<'_>, &mut Reader<'_>) -> Option<T>,
    {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Other(kind) => {
                errors.add(
                    index.to_string(),
                    format_args!("must be an object, not {kind}"),
                );
                return None;
            }
        };
        for name in &fields.unknown {
            errors.add(
                format!("{index}.{}", Excerpt(name)),
                format_args!("is not a field of {}", T::NAMES.0),
            );
        }
        (self.parse)(&fields, &mut Reader { index, errors })
    }
}

/// An element of a list. Each byte of it is scanned once.
enum Value<'de> {
    Object(Fields<'de>),
    /// Another type of value, for messages.
    Other(&'static str),
}

/// The maximum number of fields of an element.
const MAX_FIELDS: usize = 5;

/// The unparsed fields of an element. The last duplicate wins, and `null` means a missing field.
#[derive(Default)]
struct Fields<'de> {
    /// In the order of [`Element::FIELDS`].
    known: [Option<&'de RawValue>; MAX_FIELDS],
    unknown: Vec<String>,
}

/// Reads the fields of a `T`.
struct ElementSeed<T>(PhantomData<T>);

impl<'de, T: Element> DeserializeSeed<'de> for ElementSeed<T> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Element> Visitor<'de> for ElementSeed<T> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::NAMES.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            let mut known = fields.known.iter_mut().zip(T::FIELDS);
            match known.find(|(_, known)| **known == name) {
                Some((field, _)) => *field = Some(value).filter(|raw| raw.get() != "null"),
                None if fields.unknown.len() < FieldErrors::MAX => {
                    fields.unknown.push(name);
                }
                None => {}
            }
        }
        Ok(Value::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other("a list"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Value::Other("a string"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Other("a boolean"))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Other("null"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }
}

fn parse_stat(fields: &Fields<'_>, last_date: NaiveDate, read: &mut Reader<'_>) -> Option<NewStat> {
    let [uuid, analysis, stats_type, date, data] = fields.known;
    let uuid = match uuid {
        Some(_) => read.field("uuid", uuid, string).map(Some),
        None => Some(None),
    };
    let analysis = read.field("anr", analysis, string);
    let stats_type = read.field("type", stats_type, string);
    let date = read.field("date", date, |value| {
        let date = parse_date(&string::<String>(value)?)?;
        if date > last_date {
            return Err(InvalidValue::message(format!(
                "{date} is in the future; the last date accepted is {last_date}"
            )));
        }
        Ok(date)
    });
    let data = read.field("data", data, |value| value.try_into());
    Some(NewStat {
        uuid: uuid?,
        analysis: analysis?,
        stats_type: stats_type?,
        date: date?,
        data: data?,
    })
}

fn parse_deletion(fields: &Fields<'_>, read: &mut Reader<'_>) -> Option<Deletion> {
    let [uuid, deleted_at, ..] = fields.known;
    let uuid = read.field("uuid", uuid, string);
    let deleted_at = read.field("deleted_at", deleted_at, |value| {
        parse_time(&string::<String>(value)?)
    });
    Some(Deletion {
        uuid: uuid?,
        deleted_at: deleted_at?,
    })
}

/// Parses the fields of the element at `index` and collects their errors.
struct Reader<'a> {
    index: usize,
    errors: &'a mut FieldErrors,
}

impl Reader<'_> {
    fn field<T>(
        &mut self,
        name: &str,
        value: Option<&RawValue>,
        parse: impl FnOnce(&RawValue) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        let read = match value {
            Some(value) => parse(value),
            None => Err(InvalidValue::message("is missing")),
        };
        read.map_err(|error| self.errors.add(format!("{}.{name}", self.index), error))
            .ok()
    }
}

/// Parses the content of a JSON string.
fn string<T>(raw: &RawValue) -> Result<T, InvalidValue>
where
    T: FromStr,
    InvalidValue: From<T::Err>,
{
    let not_a_string = |what: String| InvalidValue::message(format!("must be a string, {what}"));
    if !raw.get().starts_with('"') {
        return Err(not_a_string(format!("not {}", kind(raw.get()))));
    }
    let text: String =
        serde_json::from_str(raw.get()).map_err(|error| not_a_string(error.to_string()))?;
    Ok(text.parse()?)
}

impl From<std::convert::Infallible> for InvalidValue {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::StatsType;

    const ANR: &str = "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1";

    fn stat() -> Value {
        json!({"anr": ANR, "type": "threat", "date": "2026-11-20", "data": [{"count": 1}]})
    }

    fn with(field: &str, value: Value) -> Value {
        let mut stat = stat();
        stat[field] = value;
        stat
    }

    const LAST_DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();

    fn parse_text(payload: &str) -> Result<Vec<NewStat>, PayloadError> {
        parse_batch(payload.as_bytes(), LAST_DATE)
    }

    fn parse(payload: &Value) -> Result<Vec<NewStat>, PayloadError> {
        parse_text(&payload.to_string())
    }

    #[test]
    fn data_is_kept_as_sent() {
        let data = r#"[ {"b" :1.50,"a":"\u00e9" } ]"#;
        let payload = format!(
            r#" [{{"anr":"{ANR}","type":"risk","date":"2026-11-20T10:00:00Z","data":{data},"uuid":"{ANR}"}}]"#
        );
        let stat = parse_text(&payload).unwrap().remove(0);
        assert_eq!(stat.analysis.to_string(), ANR);
        assert_eq!(stat.uuid.unwrap().to_string(), ANR);
        assert_eq!(stat.stats_type, StatsType::Risk);
        assert_eq!(stat.date.to_string(), "2026-11-20");
        assert_eq!(stat.data.as_str(), data);
    }

    #[test]
    fn empty_batch_null_uuid_and_last_date_are_accepted() {
        assert_eq!(parse(&json!([])).unwrap(), []);
        let batch = parse(&json!([
            with("uuid", Value::Null),
            with("date", json!(LAST_DATE))
        ]));
        let batch = batch.unwrap();
        assert_eq!((batch[0].uuid, batch[1].date), (None, LAST_DATE));
    }

    #[test]
    fn errors_name_index_and_field() {
        for (field, value, message) in [
            ("type", json!("bogus"), "'bogus' is not one of"),
            ("type", json!(5), "must be a string, not a number"),
            ("anr", json!("x"), "'x' is not a UUID"),
            ("anr", json!(null), "is missing"),
            ("date", json!("2026-13-45"), "'2026-13-45' is not a date"),
            (
                "date",
                json!("2026-11-23"),
                "2026-11-23 is in the future; the last date accepted is 2026-11-22",
            ),
            (
                "date",
                json!(["2026-11-20"]),
                "must be a string, not a list",
            ),
            (
                "data",
                json!("text"),
                "must be an object or a list, not a string",
            ),
            ("data", json!(null), "is missing"),
            ("data", json!(["\0"]), "U+0000"),
            ("uuid", json!("zz"), "'zz' is not a UUID"),
            ("uuid", json!({}), "must be a string, not an object"),
            ("client_id", json!(1), "is not a field of a stat"),
        ] {
            let Err(PayloadError::Invalid(errors)) =
                parse(&json!([stat(), with(field, value.clone())]))
            else {
                panic!("{field} {value} was accepted");
            };
            let found: Vec<_> = errors.iter().collect();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, format!("1.{field}"));
            assert!(found[0].1.contains(message), "{found:?}");
        }
    }

    #[test]
    fn all_errors_are_reported_up_to_a_limit() {
        let error = parse(&json!([{"type": "x"}, 5, [[1]], -5, 0.5, null, true, "x"]))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "0.anr: is missing; 0.type: 'x' is not one of risk, threat, vulnerability, cartography, compliance; \
             0.date: is missing; 0.data: is missing; 1: must be an object, not a number; \
             2: must be an object, not a list; 3: must be an object, not a number; \
             4: must be an object, not a number; 5: must be an object, not null; \
             6: must be an object, not a boolean; 7: must be an object, not a string"
        );
        let Err(PayloadError::Invalid(errors)) =
            parse_text(&format!("[{}0]", "0,".repeat(1_000_000)))
        else {
            panic!("accepted");
        };
        assert_eq!(errors.iter().count(), FieldErrors::MAX);
    }

    #[test]
    fn names_of_unknown_fields_are_truncated() {
        let name = "x\n".repeat(1_000_000);
        let error = parse(&json!([with(&name, json!(1))])).unwrap_err();
        let excerpt = "x\\n".repeat(21) + "x…";
        assert_eq!(
            error.to_string(),
            format!("0.{excerpt}: is not a field of a stat")
        );
    }

    #[test]
    fn deletions_have_an_id_and_a_time() {
        let parse = |text: &str| parse_deletions(text.as_bytes(), 2).map_err(|e| e.to_string());
        let one = format!(r#"{{"uuid": "{ANR}", "deleted_at": "2026-11-20T10:00:00+02:00"}}"#);
        let deletion = parse(&format!("[{one}]")).unwrap().remove(0);
        assert_eq!(deletion.uuid.to_string(), ANR);
        assert_eq!(deletion.deleted_at.to_string(), "2026-11-20 08:00:00");
        assert_eq!(
            serde_json::to_value(deletion).unwrap()["deleted_at"],
            "2026-11-20T08:00:00Z"
        );
        assert_eq!(parse("[]"), Ok(Vec::new()));
        assert_eq!(parse(&format!("[{one},{one}]")).unwrap().len(), 2);
        for (text, error) in [
            (
                format!("[{one},{one},{one}]"),
                "the payload has more than 2 elements",
            ),
            (
                "{}".to_owned(),
                "the payload must be a list of deletions, not an object",
            ),
            ("[5]".to_owned(), "0: must be an object, not a number"),
            (
                "[{}]".to_owned(),
                "0.uuid: is missing; 0.deleted_at: is missing",
            ),
            (
                one.replace("uuid", "anr"),
                "the payload must be a list of deletions, not an object",
            ),
            (
                format!(r#"[{{"uuid": "{ANR}", "deleted_at": "yesterday", "anr": "{ANR}"}}]"#),
                "0.anr: is not a field of a deletion; 0.deleted_at: 'yesterday' is not a time (YYYY-MM-DDTHH:MM:SSZ)",
            ),
        ] {
            assert_eq!(parse(&text), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn other_json_and_malformed_json_are_different_errors() {
        for (payload, kind) in [
            ("\"x\"", "a string"),
            (" {}", "an object"),
            ("null", "null"),
            ("true", "a boolean"),
            ("5", "a number"),
        ] {
            let error = parse_text(payload).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("the payload must be a list of stats, not {kind}")
            );
        }
        let deep = "[".repeat(100_000);
        let closed = deep.clone() + &"]".repeat(100_000);
        for payload in ["", "[", "{not json", "[] []", &deep] {
            let error = parse_text(payload).unwrap_err();
            assert!(matches!(error, PayloadError::NotJson(_)), "{error}");
        }
        assert!(parse_text(&closed).is_err());
        let error = parse_batch(b"\xff\xfe[", LAST_DATE).unwrap_err();
        assert!(matches!(error, PayloadError::NotUtf8(_)));
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_batch(&payload, LAST_DATE);
            let _ = parse_deletions(&payload, 5);
        }

        #[test]
        fn a_changed_byte_parses_like_serde_json_or_fails(position in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let mut payload = json!([stat(), with("uuid", json!(ANR))]).to_string().into_bytes();
            let position = position.index(payload.len());
            payload[position] = byte;
            if let Ok(batch) = parse_batch(&payload, LAST_DATE) {
                let sent: Vec<Value> = serde_json::from_slice(&payload).unwrap();
                prop_assert_eq!(batch.len(), sent.len());
                for (parsed, sent) in batch.iter().zip(&sent) {
                    prop_assert_eq!(&serde_json::from_str::<Value>(parsed.data.as_str()).unwrap(), &sent["data"]);
                }
            }
        }
    }
}
