//! Single values: numbers may come as strings, booleans as `true`, `"true"` or 1, lists separated by commas.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::NaiveDate;
use serde_json::Value;
use stats_core::{AnalysisId, InvalidValue, parse_date};

/// So many analyses can be asked for at once.
const MAX_ANALYSES: usize = 10_000;

pub(crate) fn text(value: &Value) -> Result<String, InvalidValue> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(InvalidValue::new(&other.to_string(), "a string")),
    }
}

/// A string that is parsed further.
pub(crate) fn parsed<T: FromStr<Err = InvalidValue>>(value: &Value) -> Result<T, InvalidValue> {
    text(value)?.parse()
}

pub(crate) fn date(value: &Value) -> Result<NaiveDate, InvalidValue> {
    parse_date(&text(value)?)
}

pub(crate) fn boolean(value: &Value) -> Result<bool, InvalidValue> {
    let text = match value {
        Value::String(text) => text.to_ascii_lowercase(),
        other => other.to_string(),
    };
    match text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(InvalidValue::new(&text, "true or false (or 1 or 0)")),
    }
}

pub(crate) fn number(value: &Value) -> Result<u32, InvalidValue> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse()
        .map_err(|_| InvalidValue::new(&text, "a whole number from 0 to 4294967295"))
}

pub(crate) fn analyses(value: &Value) -> Result<BTreeSet<AnalysisId>, InvalidValue> {
    let mut analyses = BTreeSet::new();
    let mut add = |text: &str| -> Result<(), InvalidValue> {
        for uuid in text
            .split(',')
            .map(str::trim)
            .filter(|uuid| !uuid.is_empty())
        {
            analyses.insert(uuid.parse()?);
        }
        if analyses.len() > MAX_ANALYSES {
            return Err(InvalidValue::message(format!(
                "holds more than {MAX_ANALYSES} analyses"
            )));
        }
        Ok(())
    };
    match value {
        Value::Array(list) => list.iter().try_for_each(|element| add(&text(element)?))?,
        other => add(&text(other)?)?,
    }
    Ok(analyses)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn booleans_and_numbers_come_in_many_ways() {
        for yes in [
            json!(true),
            json!("true"),
            json!("True"),
            json!(1),
            json!("1"),
        ] {
            assert_eq!(boolean(&yes), Ok(true), "{yes}");
        }
        for no in [json!(false), json!("false"), json!(0), json!("0")] {
            assert_eq!(boolean(&no), Ok(false), "{no}");
        }
        for bad in [
            json!("junk"),
            json!(2),
            json!(1.0),
            json!([]),
            json!({}),
            json!(""),
        ] {
            assert!(boolean(&bad).is_err(), "{bad}");
        }
        assert_eq!(number(&json!(7)), Ok(7));
        assert_eq!(number(&json!("7")), Ok(7));
        for bad in [
            json!(-1),
            json!("x"),
            json!(1.5),
            json!(99_999_999_999_u64),
            json!(""),
            json!([1]),
            json!(true),
        ] {
            assert!(number(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn analyses_come_as_a_list_or_separated_by_commas() {
        let (a, b) = (AnalysisId::random(), AnalysisId::random());
        let both = BTreeSet::from([a, b]);
        assert_eq!(
            analyses(&json!([a.to_string(), b.to_string()])),
            Ok(both.clone())
        );
        assert_eq!(analyses(&json!(format!("{a}, {b}"))), Ok(both));
        assert_eq!(analyses(&json!([])), Ok(BTreeSet::new()));
        assert_eq!(analyses(&json!("")), Ok(BTreeSet::new()));
        for bad in [
            json!(["zz"]),
            json!("zz"),
            json!([5]),
            json!([null]),
            json!({"a": 1}),
            json!(5),
        ] {
            assert!(analyses(&bad).is_err(), "{bad}");
        }
        let many: Vec<_> = (0..=MAX_ANALYSES)
            .map(|_| AnalysisId::random().to_string())
            .collect();
        assert_eq!(
            analyses(&json!(many)).unwrap_err().to_string(),
            "holds more than 10000 analyses"
        );
    }
}
