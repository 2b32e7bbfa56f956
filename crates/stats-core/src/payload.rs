use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::kind;
use crate::{FieldErrors, InvalidValue, NewStat, RawJson, parse_date};

/// Why a batch of stats is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The payload is not UTF-8.
    #[error("the payload is not UTF-8")]
    NotUtf8,
    /// The payload is not JSON; the message tells line and column.
    #[error("the payload is not JSON: {0}")]
    NotJson(String),
    /// The payload is JSON, but no list.
    #[error("the payload must be a list of stats, not {0}")]
    NotAList(&'static str),
    /// Some stats are malformed. The fields are named `<index>.<field>`, counted from 0.
    #[error("{0}")]
    Invalid(FieldErrors),
}

/// Reads a batch as front offices post it: a list of `{anr, type, date, data, uuid?}`.
///
/// A batch is good or bad as a whole: one malformed stat, a missing field or an unknown one refuses it all, and the
/// error names what is wrong with each.
pub fn parse_batch(payload: &[u8]) -> Result<Vec<NewStat>, PayloadError> {
    let text = std::str::from_utf8(payload).map_err(|_| PayloadError::NotUtf8)?;
    let start = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if !start.is_empty() && !start.starts_with('[') {
        // Not JSON at all, or JSON of another kind: the difference helps who has to mend it.
        return Err(match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => PayloadError::NotAList(kind(raw.get())),
            Err(error) => PayloadError::NotJson(error.to_string()),
        });
    }
    let batch: Batch =
        serde_json::from_str(text).map_err(|error| PayloadError::NotJson(error.to_string()))?;
    if batch.errors.is_empty() {
        Ok(batch.stats)
    } else {
        Err(PayloadError::Invalid(batch.errors))
    }
}

/// The stats of a payload up to the point where there are too many errors to go on.
#[derive(Default)]
struct Batch {
    stats: Vec<NewStat>,
    errors: FieldErrors,
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BatchVisitor;

        impl<'de> Visitor<'de> for BatchVisitor {
            type Value = Batch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of stats")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Batch, A::Error> {
                let mut batch = Batch::default();
                let mut index = 0_usize;
                while let Some(raw) = list.next_element::<&RawValue>()? {
                    // Once something is wrong nothing will be stored, and once enough is wrong nothing more is told;
                    // the rest is only read to its end.
                    if !batch.errors.is_full() {
                        let stat = parse_stat(raw, index, &mut batch.errors);
                        if batch.errors.is_empty() {
                            batch.stats.extend(stat);
                        }
                    }
                    index += 1;
                }
                Ok(batch)
            }
        }

        deserializer.deserialize_seq(BatchVisitor)
    }
}

/// The fields of one stat, unread. Of a field that is there twice the last one counts, as in every JSON parser.
#[derive(Default)]
struct Fields<'de> {
    uuid: Option<&'de RawValue>,
    anr: Option<&'de RawValue>,
    stats_type: Option<&'de RawValue>,
    date: Option<&'de RawValue>,
    data: Option<&'de RawValue>,
    unknown: Vec<String>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a stat")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(name) = map.next_key::<String>()? {
                    let value =
                        Some(map.next_value::<&RawValue>()?).filter(|value| value.get() != "null");
                    match name.as_str() {
                        "uuid" => fields.uuid = value,
                        "anr" => fields.anr = value,
                        "type" => fields.stats_type = value,
                        "date" => fields.date = value,
                        "data" => fields.data = value,
                        _ if fields.unknown.len() < FieldErrors::MAX => fields.unknown.push(name),
                        _ => {}
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// The stat at `index`, or what is wrong with it in `errors`.
fn parse_stat(raw: &RawValue, index: usize, errors: &mut FieldErrors) -> Option<NewStat> {
    if !raw.get().starts_with('{') {
        errors.add(
            index.to_string(),
            format_args!("must be an object, not {}", kind(raw.get())),
        );
        return None;
    }
    let fields: Fields<'_> = match serde_json::from_str(raw.get()) {
        Ok(fields) => fields,
        // The names of the fields are the only strings that serde has to decode here.
        Err(error) => {
            errors.add(
                index.to_string(),
                format_args!("has an unreadable name: {error}"),
            );
            return None;
        }
    };
    for name in &fields.unknown {
        errors.add(
            format!("{index}.{}", name.escape_debug()),
            "is not a field of a stat",
        );
    }
    let mut read = Reader { index, errors };
    let uuid = match fields.uuid {
        Some(_) => read.field("uuid", fields.uuid, string).map(Some),
        None => Some(None),
    };
    let analysis = read.field("anr", fields.anr, string);
    let stats_type = read.field("type", fields.stats_type, string);
    let date = read.field("date", fields.date, |value| {
        parse_date(&string::<String>(value)?)
    });
    let data = read.field("data", fields.data, RawJson::from_well_formed);
    Some(NewStat {
        uuid: uuid?,
        analysis: analysis?,
        stats_type: stats_type?,
        date: date?,
        data: data?,
    })
}

/// Reads fields of the stat at `index`, noting what is wrong.
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

/// A JSON string, parsed further.
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
    use chrono::NaiveDate;
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

    fn parse(payload: &Value) -> Result<Vec<NewStat>, PayloadError> {
        parse_batch(payload.to_string().as_bytes())
    }

    #[test]
    fn a_stat_is_read_and_its_data_kept_to_the_letter() {
        let data = r#"[ {"b" :1.50,"a":"\u00e9" } ]"#;
        let payload = format!(
            r#" [{{"anr":"{ANR}","type":"risk","date":"2026-11-20T10:00:00Z","data":{data},"uuid":"{ANR}"}}]"#
        );
        let batch = parse_batch(payload.as_bytes()).unwrap();
        assert_eq!(batch.len(), 1);
        assert_eq!(batch[0].analysis.to_string(), ANR);
        assert_eq!(batch[0].uuid.unwrap().to_string(), ANR);
        assert_eq!(batch[0].stats_type, StatsType::Risk);
        assert_eq!(
            batch[0].date,
            NaiveDate::from_ymd_opt(2026, 11, 20).unwrap()
        );
        assert_eq!(batch[0].data.as_str(), data);
    }

    #[test]
    fn an_empty_batch_and_a_null_uuid_are_fine() {
        assert_eq!(parse(&json!([])).unwrap(), []);
        assert_eq!(
            parse(&json!([with("uuid", Value::Null)])).unwrap()[0].uuid,
            None
        );
    }

    #[test]
    fn every_malformed_field_is_named_with_its_index() {
        for (field, value, what) in [
            ("type", json!("bogus"), "'bogus' is not one of"),
            ("type", json!(5), "must be a string, not a number"),
            ("anr", json!("x"), "'x' is not a UUID"),
            ("anr", json!(null), "is missing"),
            ("date", json!("2026-13-45"), "'2026-13-45' is not a date"),
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
            assert!(found[0].1.contains(what), "{found:?}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let error = parse(&json!([{"type": "x"}, 5, []]))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "0.anr: is missing; 0.type: 'x' is not one of risk, threat, vulnerability, cartography, compliance; \
             0.date: is missing; 0.data: is missing; 1: must be an object, not a number; \
             2: must be an object, not a list"
        );
    }

    #[test]
    fn a_million_errors_are_not_kept() {
        let Err(PayloadError::Invalid(errors)) =
            parse_batch(format!("[{}0]", "0,".repeat(1_000_000)).as_bytes())
        else {
            panic!("accepted");
        };
        assert_eq!(errors.iter().count(), FieldErrors::MAX);
    }

    #[test]
    fn what_is_no_list_and_what_is_no_json_differ() {
        for (payload, message) in [
            ("\"x\"", "the payload must be a list of stats, not a string"),
            (" {}", "the payload must be a list of stats, not an object"),
            ("null", "the payload must be a list of stats, not null"),
            ("true", "the payload must be a list of stats, not a boolean"),
            ("5", "the payload must be a list of stats, not a number"),
            ("", "the payload is not JSON: EOF"),
            ("[", "the payload is not JSON: EOF"),
            (
                "{not json",
                "the payload is not JSON: key must be a string at line 1 column 2",
            ),
            ("[] []", "the payload is not JSON: trailing characters"),
        ] {
            let error = parse_batch(payload.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{payload}: {error}");
        }
        assert!(matches!(
            parse_batch(b"\xff\xfe["),
            Err(PayloadError::NotUtf8)
        ));
        assert!(parse_batch("[".repeat(100_000).as_bytes()).is_err());
        let closed = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(parse_batch(closed.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_batch(&payload);
        }

        /// A payload with one byte changed is read or refused, and what is read is what is written there.
        #[test]
        fn a_changed_byte_is_read_or_refused(position in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let mut payload = json!([stat(), with("uuid", json!(ANR))]).to_string().into_bytes();
            let position = position.index(payload.len());
            payload[position] = byte;
            if let Ok(batch) = parse_batch(&payload) {
                let sent: Vec<Value> = serde_json::from_slice(&payload).unwrap();
                prop_assert_eq!(batch.len(), sent.len());
                for (read, sent) in batch.iter().zip(&sent) {
                    prop_assert_eq!(&serde_json::from_str::<Value>(read.data.as_str()).unwrap(), &sent["data"]);
                }
            }
        }
    }
}
