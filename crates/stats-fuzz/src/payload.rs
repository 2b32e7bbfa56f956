use chrono::NaiveDate;
use serde_json::Value;
use serde_json::value::RawValue;
use stats_core::{
    Deletion, FieldErrors, MAX_DATA_BYTES, MIN_DATE, NewStat, PayloadError, RawJson, Stat,
    WithCauses, parse_batch, parse_deletions,
};

use crate::assert_short;

const LAST_DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
const MAX_DELETIONS: usize = 20;
const FIELDS: [&str; 5] = ["uuid", "anr", "type", "date", "data"];

/// A batch of stats or a list of deletions: the body of a POST.
pub fn payload(data: &[u8]) {
    match parse_deletions(data, MAX_DELETIONS) {
        Ok(deletions) => check_deletions(data, &deletions),
        Err(PayloadError::Invalid(errors)) => {
            check_errors(data, &errors, ["uuid", "deleted_at"], "a deletion")
        }
        Err(error) => assert_short(&WithCauses(&error).to_string(), 500),
    }
    match parse_batch(data, LAST_DATE) {
        Ok(stats) => check_stats(data, &stats),
        Err(error) => {
            if let PayloadError::Invalid(errors) = &error {
                check_errors(data, errors, FIELDS, "a stat");
            } else {
                assert_short(&WithCauses(&error).to_string(), 500);
            }
        }
    }
}

fn check_stats(data: &[u8], stats: &[NewStat]) {
    let sent: Vec<&RawValue> = serde_json::from_slice(data).expect("an accepted batch is a list");
    assert_eq!(stats.len(), sent.len());
    for (stat, sent) in stats.iter().zip(sent) {
        assert!((MIN_DATE..=LAST_DATE).contains(&stat.date));
        assert!(stat.data.as_str().len() <= MAX_DATA_BYTES);
        assert!(sent.get().contains(stat.data.as_str()), "kept as sent");
        assert!(stat.data.is_same_value(&spaced(stat.data.as_str())));
        // An earlier duplicate of a field is not checked, and may be too deep for serde_json.
        if let Ok(sent) = serde_json::from_str::<Value>(sent.get()) {
            let data: Value = serde_json::from_str(stat.data.as_str()).expect("data is JSON");
            assert_eq!(data, sent["data"]);
            assert_eq!(stat.stats_type.as_str(), sent["type"]);
        }
    }
    // What one instance stores, another one accepts.
    let stored: Vec<Stat> = stats.iter().cloned().map(Stat::from).collect();
    let mut pushed = Vec::new();
    for (stat, separator) in stored.iter().zip("[".chars().chain(std::iter::repeat(','))) {
        pushed.push(separator as u8);
        stat.write_json(&mut pushed).expect("writing to memory");
    }
    if !stored.is_empty() {
        pushed.push(b']');
        let accepted = parse_batch(&pushed, LAST_DATE).expect("a stored batch is accepted");
        for (accepted, stat) in accepted.into_iter().zip(stored) {
            assert_eq!(Stat::from(accepted), stat);
        }
    }
}

/// What is read is what was sent, and what one instance sends, another one reads.
fn check_deletions(data: &[u8], deletions: &[Deletion]) {
    let sent: Vec<&RawValue> = serde_json::from_slice(data).expect("an accepted list is a list");
    assert_eq!(deletions.len(), sent.len());
    assert!(deletions.len() <= MAX_DELETIONS);
    let written = serde_json::to_vec(deletions).expect("deletions are JSON");
    let read = parse_deletions(&written, MAX_DELETIONS).expect("written deletions are read");
    assert_eq!(read, deletions);
}

fn check_errors<const N: usize>(
    data: &[u8],
    errors: &FieldErrors,
    fields: [&str; N],
    element: &str,
) {
    let sent: Vec<&RawValue> = serde_json::from_slice(data).expect("a list of invalid elements");
    assert!((1..=FieldErrors::MAX).contains(&errors.iter().count()));
    for (field, message) in errors.iter() {
        let (index, name) = match field.split_once('.') {
            Some((index, name)) => (index, Some(name)),
            None => (field, None),
        };
        let index: usize = index.parse().expect("an error names the index");
        assert!(index < sent.len(), "{field}");
        let is_known = name.is_none_or(|name| fields.contains(&name));
        let unknown = format!("is not a field of {element}");
        assert!(is_known || message == unknown, "{field}");
        assert!(!message.is_empty() && !message.contains(char::is_control));
        assert!(!field.contains(char::is_control));
        assert_short(field, 300);
        assert_short(message, 500);
    }
}

/// The same document with white space after each structural character.
fn spaced(json: &str) -> RawJson {
    let (mut spaced, mut is_string, mut is_escaped) = (String::new(), false, false);
    for c in json.chars() {
        spaced.push(c);
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_string = !is_string,
            '{' | '[' | ',' | ':' if !is_string => spaced.push_str(" \n"),
            _ => {}
        }
    }
    RawJson::from_storage(spaced)
}
