use serde_json::{Value, json};
use stats_core::{AnalysisId, MIN_DATE, RawJson, Stat, StatId, StatsType};
use stats_http::fuzzing::{apply_mask, masked_list};
use uuid::Uuid;

use crate::assert_short;

/// A field mask (`X-Fields`) in the first line, and JSON to apply it to in the others.
pub fn mask(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mask, document) = text.split_once('\n').unwrap_or((&text, ""));
    let value = serde_json::from_str(document)
        .unwrap_or_else(|_| json!([{"uuid": 1, "data": {"a": [{"b": 1}, null]}, "": {"*": 2}}]));
    check_names(&value);
    let mut masked = value.clone();
    if let Err(error) = apply_mask(mask, &mut masked) {
        check_error(mask, &error);
        return;
    }
    assert!(is_part(&masked, &value));
    let mut twice = masked.clone();
    apply_mask(mask, &mut twice).expect("the mask is valid");
    assert_eq!(twice, masked);
    // The outer braces are optional.
    if !mask.trim().is_empty() && !mask.trim().starts_with('{') && mask.len() + 2 <= 4096 {
        let mut braced = value.clone();
        apply_mask(&format!(" {{ {mask} }} "), &mut braced).unwrap_or_default();
        assert!(braced == masked || mask.len() + 6 > 4096 || is_deep(mask));
    }
    if let Ok(data) = RawJson::parse(document) {
        check_list(mask, data);
    }
}

/// A mask of one name keeps that field whole and no other one; with braces, it keeps one field of that field.
fn check_names(value: &Value) {
    let is_name = |name: &&String| {
        !name.is_empty() && *name != "*" && name.trim() == *name && !name.contains(['{', '}', ','])
    };
    let Some(object) = value.as_object() else {
        return;
    };
    for name in object
        .keys()
        .filter(is_name)
        .filter(|name| name.len() < 1000)
    {
        let mut masked = value.clone();
        apply_mask(name, &mut masked).expect("a name is a mask");
        assert_eq!(masked, json!({ name.as_str(): object[name] }));
        let Some(inner) = object[name].as_object() else {
            continue;
        };
        for field in inner
            .keys()
            .filter(is_name)
            .filter(|name| name.len() < 1000)
        {
            let mut masked = value.clone();
            apply_mask(&format!("{name}{{{field}}}"), &mut masked).expect("a mask");
            assert_eq!(
                masked,
                json!({ name.as_str(): { field.as_str(): inner[field] } })
            );
        }
    }
}

/// Whether the mask has as many levels of braces as are allowed.
fn is_deep(mask: &str) -> bool {
    mask.matches('{').count() >= 32
}

fn check_error(mask: &str, error: &str) {
    assert_short(error, 200);
    let position = error.split_once("character ");
    let position: Option<usize> =
        position.and_then(|(_, rest)| rest.split([' ', ',']).next()?.parse().ok());
    if let Some(position) = position {
        assert!((1..=mask.chars().count()).contains(&position), "{error}");
    }
}

/// A list is written with a mask as if the mask were applied to it as a value.
fn check_list(mask: &str, data: RawJson) {
    let stat = Stat {
        uuid: StatId(Uuid::nil()),
        analysis: AnalysisId(Uuid::nil()),
        stats_type: StatsType::Risk,
        date: MIN_DATE,
        data,
    };
    let mut expected = json!([stat, stat]);
    apply_mask(mask, &mut expected).expect("the mask is valid");
    let written = masked_list(mask, &[stat.clone(), stat]).expect("a list is written");
    let written: Value = serde_json::from_slice(&written).expect("a list is JSON");
    assert_eq!(written, expected);
}

/// Whether `part` is `whole` without some fields.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(name, part)| whole.get(name).is_some_and(|whole| is_part(part, whole))),
        (Value::Array(part), Value::Array(whole)) => {
            let mut pairs = part.iter().zip(whole);
            part.len() == whole.len() && pairs.all(|(part, whole)| is_part(part, whole))
        }
        _ => part == whole,
    }
}
