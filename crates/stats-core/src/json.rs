use std::fmt::Write as _;
use std::hash::{Hash, Hasher};

use memchr::memchr2;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::InvalidValue;

/// Maximum nesting depth of the `data` of a stat. MONARC uses 7 levels.
pub const MAX_DEPTH: usize = 64;
/// Maximum size of the `data` of a stat, both as sent and as `jsonb` formats it: with all digits of a number and a
/// space after every comma and colon. Every instance therefore accepts the stored stats of another one. The size stays
/// below PostgreSQL's limit of 256 MB even if every two bytes of text take twelve.
pub const MAX_DATA_BYTES: usize = 8 * 1024 * 1024;
/// Maximum number of elements if `data` is a list. A threat or vulnerability stat has one element per object; a large
/// catalogue has some hundreds of objects.
pub const MAX_OBJECTS: usize = 4096;
/// Maximum length of a number with all its digits written out, in characters. It fits every 64-bit float.
pub const MAX_NUMBER_LENGTH: usize = 420;
/// Maximum absolute value of the exponent of a number.
const MAX_EXPONENT: usize = 308;

/// A JSON list or object as text, well-formed and within the limits of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Parses and checks `text`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let raw: &RawValue = serde_json::from_str(text)
            .map_err(|error| InvalidValue::message(format!("is not JSON: {error}")))?;
        raw.try_into()
    }

    /// Wraps stored text without checking it.
    pub fn from_storage(text: String) -> Self {
        Self(text.into_boxed_str())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both documents have the same JSON value.
    ///
    /// It ignores white space, escapes, the order of keys and the notation of numbers (`1e2`, `100.0`); the last
    /// duplicate key wins. PostgreSQL's `jsonb` normalises all of these and SQLite keeps the text as sent: this
    /// comparison gives the same result on both. Numbers are compared exactly, as `jsonb` stores them.
    ///
    /// Documents that exceed serde_json's nesting limit, which is above [`MAX_DEPTH`], are compared as text.
    pub fn is_same_value(&self, other: &Self) -> bool {
        self == other
            || comparable(&self.0)
                .is_some_and(|value| comparable(&other.0).is_some_and(|other| value == other))
    }

    /// Hashes the JSON value: documents of [the same value](Self::is_same_value) have the same hash.
    pub fn hash_value(&self, state: &mut impl Hasher) {
        match comparable(&self.0) {
            Some(value) => hash_comparable(&value, state),
            None => self.0.hash(state),
        }
    }
}

impl TryFrom<&RawValue> for RawJson {
    type Error = InvalidValue;

    /// Checks the limits of well-formed JSON.
    fn try_from(raw: &RawValue) -> Result<Self, InvalidValue> {
        let text = raw.get();
        if !text.starts_with(['{', '[']) {
            return Err(InvalidValue::message(format!(
                "must be an object or a list, not {}",
                kind(text)
            )));
        }
        if text.len() > MAX_DATA_BYTES {
            return Err(too_large());
        }
        check_limits(text)?;
        Ok(Self(text.into()))
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        (&*raw).try_into().map_err(D::Error::custom)
    }
}

/// The type of a JSON value, for messages: "a string", "a number", …
pub(crate) fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn too_large() -> InvalidValue {
    let limit = MAX_DATA_BYTES / (1024 * 1024);
    InvalidValue::message(format!("is larger than {limit} MiB"))
}

/// Checks the limits of `text`, which must be a well-formed list or object.
fn check_limits(text: &str) -> Result<(), InvalidValue> {
    let mut depth = 0_usize;
    let mut commas_in_list = 0_usize;
    // The length as jsonb formats it. jsonb never lengthens a string.
    let mut written = 0_usize;
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let (tail, length) = match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(InvalidValue::message(format!(
                        "is nested deeper than {MAX_DEPTH} levels"
                    )));
                }
                (tail, 1)
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                (tail, 1)
            }
            b'"' => {
                let tail = check_string(tail)?;
                (tail, rest.len() - tail.len())
            }
            b'-' | b'0'..=b'9' => check_number(rest)?,
            b',' => {
                if depth == 1 && text.starts_with('[') {
                    commas_in_list += 1;
                    if commas_in_list >= MAX_OBJECTS {
                        return Err(InvalidValue::message(format!(
                            "is a list of more than {MAX_OBJECTS} elements"
                        )));
                    }
                }
                (tail, 2)
            }
            b':' => (tail, 2),
            b' ' | b'\t' | b'\r' | b'\n' => (tail, 0),
            _ => (tail, 1),
        };
        rest = tail;
        written += length;
    }
    if written > MAX_DATA_BYTES {
        return Err(too_large());
    }
    Ok(())
}

/// Checks the string after its opening quote. Returns the text after its closing quote.
fn check_string(mut rest: &[u8]) -> Result<&[u8], InvalidValue> {
    while let Some(special) = memchr2(b'"', b'\\', rest) {
        rest = match rest.split_at(special).1 {
            [b'\\', b'u', tail @ ..] => check_escape(tail)?,
            [b'\\', _, tail @ ..] => tail,
            [_, tail @ ..] => return Ok(tail),
            [] => break,
        };
    }
    Ok(&[])
}

/// Checks an escape after its `\u`. Returns the text after it.
fn check_escape(rest: &[u8]) -> Result<&[u8], InvalidValue> {
    let lone_surrogate =
        || InvalidValue::message("holds half of a surrogate pair, which is no character");
    let (unit, tail) = code_unit(rest).ok_or_else(lone_surrogate)?;
    match unit {
        0 => Err(InvalidValue::message(
            "holds the character U+0000, which cannot be stored",
        )),
        0xD800..=0xDBFF => match tail {
            [b'\\', b'u', tail @ ..] => match code_unit(tail) {
                Some((0xDC00..=0xDFFF, tail)) => Ok(tail),
                _ => Err(lone_surrogate()),
            },
            _ => Err(lone_surrogate()),
        },
        0xDC00..=0xDFFF => Err(lone_surrogate()),
        _ => Ok(tail),
    }
}

/// The UTF-16 code unit of four hexadecimal digits, and the text after them.
fn code_unit(rest: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, tail) = rest.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u16::from_str_radix(digits, 16).ok()?, tail))
}

/// Checks the number at the start of `rest`. Returns the text after it, and its length with all digits written out.
fn check_number(rest: &[u8]) -> Result<(&[u8], usize), InvalidValue> {
    let (literal, tail) = split_number(rest);
    let is_finite = || literal.parse::<f64>().is_ok_and(f64::is_finite);
    match written_length(literal) {
        Some(length) if length <= MAX_NUMBER_LENGTH && is_finite() => Ok((tail, length)),
        _ => Err(InvalidValue::message(format!(
            "holds a number beyond the range of a 64-bit float (exponents up to {MAX_EXPONENT}, at most \
             {MAX_NUMBER_LENGTH} characters with all digits written out)"
        ))),
    }
}

/// The number at the start of `rest`, and the text after it.
fn split_number(rest: &[u8]) -> (&str, &[u8]) {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = rest
        .iter()
        .position(|byte| !is_part(byte))
        .unwrap_or(rest.len());
    let (literal, tail) = rest.split_at(length);
    (std::str::from_utf8(literal).unwrap_or_default(), tail)
}

/// The length of a number without an exponent, or `None` if the exponent is too large.
fn written_length(literal: &str) -> Option<usize> {
    let Some((digits, exponent)) = literal.split_once(['e', 'E']) else {
        return Some(literal.len());
    };
    let is_small = exponent.starts_with('-');
    let exponent = exponent.trim_start_matches(['+', '-']).parse().ok();
    let exponent = exponent.filter(|exponent: &usize| *exponent <= MAX_EXPONENT)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // The sign counts as a digit, so the result may be one too large.
    let (whole, fraction) = if is_small {
        (whole.len(), fraction.len() + exponent)
    } else {
        (
            whole.len() + exponent,
            fraction.len().saturating_sub(exponent),
        )
    };
    Some(whole + usize::from(fraction > 0) + fraction)
}

/// A canonical form for comparison: numbers become strings that start with `n`, in one notation; strings and keys start
/// with `s`.
fn comparable(text: &str) -> Option<Value> {
    let mut tagged = String::with_capacity(text.len() * 5 / 4);
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| matches!(c, '"' | '-' | '0'..='9')) {
        let (before, token) = rest.split_at(start);
        tagged.push_str(before);
        let tail = if let Some(string) = token.strip_prefix('"') {
            let tail = check_string(string.as_bytes()).ok()?.len();
            let (string, tail) = string.split_at(string.len() - tail);
            tagged.push_str("\"s");
            tagged.push_str(string);
            tail
        } else {
            let (literal, tail) = split_number(token.as_bytes());
            let (sign, digits, exponent) = decimal(literal)?;
            write!(tagged, "\"n{sign}{digits}e{exponent}\"").ok()?;
            token.get(token.len() - tail.len()..)?
        };
        rest = tail;
    }
    tagged.push_str(rest);
    serde_json::from_str(&tagged).ok()
}

/// Hashes a value of [`comparable`], in which all scalars but `null` and booleans are strings.
fn hash_comparable(value: &Value, state: &mut impl Hasher) {
    match value {
        Value::Array(items) => {
            state.write_u8(b'[');
            state.write_usize(items.len());
            for item in items {
                hash_comparable(item, state);
            }
        }
        Value::Object(fields) => {
            state.write_u8(b'{');
            state.write_usize(fields.len());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                name.hash(state);
                hash_comparable(value, state);
            }
        }
        Value::String(text) => {
            state.write_u8(b'"');
            text.hash(state);
        }
        Value::Bool(value) => state.write_u8(if *value { b't' } else { b'f' }),
        Value::Null | Value::Number(_) => state.write_u8(b'n'),
    }
}

/// Sign, significant digits and exponent of a number, the same for all its notations.
fn decimal(literal: &str) -> Option<(&str, String, i64)> {
    let (digits, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let (sign, digits) = digits.split_at(usize::from(digits.starts_with('-')));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let exponent = exponent
        .parse::<i64>()
        .ok()?
        .checked_sub(fraction.len().try_into().ok()?)?
        .checked_add((digits.len() - significant.len()).try_into().ok()?)?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(("", String::new(), 0));
    }
    Some((sign, significant.to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        RawJson::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn parse_keeps_the_text() {
        let nested = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
        for text in [
            "[]",
            "{}",
            r#"{"b": 1, "a": [1.50, -0, 1e308, 1E-308, 2.82], "b": "é日🛡"}"#,
            r#"["\\u0000", "\ud83d\udee1", "\u00e9", "\"", "\\", "]]]]", "-"]"#,
            &nested,
        ] {
            assert_eq!(RawJson::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn parse_rejects_scalars_and_malformed_json() {
        for (text, kind) in [
            ("5", "a number"),
            ("\"x\"", "a string"),
            ("true", "a boolean"),
            ("null", "null"),
            ("-1", "a number"),
        ] {
            assert_eq!(
                error(text),
                format!("must be an object or a list, not {kind}")
            );
        }
        assert!(error("[1,").starts_with("is not JSON: EOF"));
    }

    #[test]
    fn parse_rejects_values_that_jsonb_cannot_store() {
        let long = format!("[0.{}]", "1".repeat(MAX_NUMBER_LENGTH - 1));
        let long_with_exponent = format!("[0.{}e308]", "1".repeat(MAX_NUMBER_LENGTH));
        for (text, what) in [
            (r#"["\u0000"]"#, "U+0000"),
            (r#"[{"a\u0000": 1}]"#, "U+0000"),
            (r#"["\\\u0000"]"#, "U+0000"),
            (r#"["\ud83d"]"#, "surrogate"),
            (r#"["\ud83dx"]"#, "surrogate"),
            (r#"["\ud83d\u0041"]"#, "surrogate"),
            (r#"["\udee1"]"#, "surrogate"),
            (r#"["\udee1\ud83d"]"#, "surrogate"),
            ("[1e309]", "number"),
            ("[-1e400]", "number"),
            ("[10e308]", "number"),
            ("[1e-309]", "number"),
            ("[0e-20000]", "number"),
            ("[1e99999999999]", "number"),
            (&long, "number"),
            (&long_with_exponent, "number"),
        ] {
            assert!(error(text).contains(what), "{text}");
        }
        let longest = format!("[0.{}]", "1".repeat(MAX_NUMBER_LENGTH - 2));
        assert!(RawJson::parse(&longest).is_ok());
    }

    #[test]
    fn written_length_counts_all_digits() {
        for (literal, length) in [
            ("0", 1),
            ("-2.50", 5),
            ("1e3", 4),
            ("1.5E+3", 4),
            ("1.2345e2", 6),
            ("1e-3", 5),
            ("12.5e-1", 5),
            ("1e308", 309),
        ] {
            let written = written_length(literal).unwrap();
            assert!(
                (length..=length + 1).contains(&written),
                "{literal}: {written}"
            );
        }
        assert_eq!(written_length("1e309"), None);
        assert_eq!(written_length("1e99999999999999999999"), None);
    }

    #[test]
    fn parse_limits_depth_size_and_number_of_elements() {
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        assert_eq!(
            error(&deep),
            format!("is nested deeper than {MAX_DEPTH} levels")
        );

        let list = |length| format!("[{}]", vec!["[1, 2]"; length].join(","));
        assert!(RawJson::parse(&list(MAX_OBJECTS)).is_ok());
        let message = format!("is a list of more than {MAX_OBJECTS} elements");
        assert_eq!(error(&list(MAX_OBJECTS + 1)), message);
        for inner in [
            format!("[{}]", list(MAX_OBJECTS + 1)),
            format!(r#"{{"a": {}}}"#, list(MAX_OBJECTS + 1)),
            format!("{{{}}}", vec![r#""a": 1"#; MAX_OBJECTS + 1].join(",")),
        ] {
            assert!(RawJson::parse(&inner).is_ok(), "{}", &inner[..20]);
        }

        // The length of inner lists is not limited.
        let numbers = |number: &str, count| format!("[[{}1]]", format!("{number},").repeat(count));
        let large = format!("[\"{}\"]", "x".repeat(MAX_DATA_BYTES));
        let large_as_jsonb = numbers("1e300", MAX_DATA_BYTES / 300);
        let spread = numbers("1", MAX_DATA_BYTES / 3);
        for text in [large, large_as_jsonb, spread] {
            assert_eq!(error(&text), "is larger than 8 MiB");
        }
        let just_fits = numbers("1", MAX_DATA_BYTES / 3 - 1);
        assert!(RawJson::parse(&just_fits).is_ok());
        assert!(RawJson::parse(&just_fits.replace(',', ", ")).is_ok());
    }

    fn hash_of(json: &RawJson) -> u64 {
        let mut hasher = DefaultHasher::new();
        json.hash_value(&mut hasher);
        hasher.finish()
    }

    /// Whether both texts have the same value. Checks that their hashes say the same.
    fn is_same(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|text| RawJson::from_storage(text.to_owned()));
        assert!(one.is_same_value(&one) && other.is_same_value(&other));
        let is_same = one.is_same_value(&other);
        assert_eq!(is_same, other.is_same_value(&one));
        assert_eq!(is_same, hash_of(&one) == hash_of(&other));
        is_same
    }

    #[test]
    fn is_same_value_ignores_notation() {
        for (one, other) in [
            (r#"{"a": 1, "b": [2]}"#, r#"{"b":[2],"a":1}"#),
            (r#"{"a": 5, "a": 1}"#, r#"{"a": 1}"#),
            (r#"["\u00e9\/\"", true]"#, r#"["é/\"",  true]"#),
            (r#"{"\u0061": null}"#, r#"{"a": null}"#),
            ("[1e2, 1.50, 0.1]", "[100.0, 1.5, 1E-1]"),
            ("[100, -0, 0e5]", "[1e+2, 0, 0.00]"),
            ("[12345678901234567890.10]", "[1234567890123456789010e-2]"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn is_same_value_detects_other_differences() {
        for (one, other) in [
            ("[1, 2]", "[2, 1]"),
            ("[1]", "[1, 1]"),
            ("[1]", "[10]"),
            ("[1]", "[-1]"),
            ("[12]", "[21]"),
            ("[1]", r#"["1"]"#),
            ("[1]", r#"["n1e0"]"#),
            ("[null]", "[false]"),
            ("[]", "{}"),
            (r#"{"a": 1}"#, r#"{"a": 1, "b": 1}"#),
            (r#"["a"]"#, r#"["A"]"#),
            (r#"["1e2"]"#, r#"["100"]"#),
            ("[9007199254740993]", "[9007199254740992]"),
            ("[0.1]", "[0.10000000000000001]"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn is_same_value_compares_unparsable_documents_as_text() {
        let deep = "[".repeat(100_000) + "1" + &"]".repeat(100_000);
        assert!(!is_same(&deep, &deep.replace('1', "1.0")));
        for text in ["[", "[\"", "[\"\\", "[1e99999999999999999999]", "[1e]"] {
            assert!(!is_same(text, &format!("{text} ")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn strings_are_accepted_as_serde_json_accepts_them(inner in r#"([ -!#-\[\]-~é]|\\["\\/bfnrt]|\\u[0-9a-f]{4}|\\ud8[0-9a-f]{2}\\udc[0-9a-f]{2}){0,12}"#) {
            let text = format!("[\"{inner}\"]");
            let full = serde_json::from_str::<Vec<String>>(&text);
            let expected = full.is_ok_and(|strings| !strings[0].contains('\0'));
            prop_assert_eq!(RawJson::parse(&text).is_ok(), expected);
        }

        #[test]
        fn serialising_gives_the_same_text(numbers in proptest::collection::vec(-1e300..1e300, 0..5)) {
            let text = serde_json::to_string(&numbers).unwrap();
            let raw: RawJson = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&raw).unwrap(), text);
        }
    }
}
