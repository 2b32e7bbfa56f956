use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::InvalidValue;

/// How deep lists and objects may be nested in the `data` of a stat. MONARC needs 7.
pub const MAX_DEPTH: usize = 64;
/// How large the `data` of one stat may be, as it is sent and as `jsonb` writes it: numbers with all their digits, and
/// a space after every comma and colon. So what is stored once is taken by every other instance, too, and stays well under
/// PostgreSQL's own limit of 256 MB even where every two bytes of text become twelve.
pub const MAX_DATA_BYTES: usize = 8 * 1024 * 1024;
/// How many characters a number may have, with all its digits written out: enough for a float of any size.
pub const MAX_NUMBER_LENGTH: usize = 420;
/// The largest exponent of a number, positive or negative.
const MAX_EXPONENT: usize = 308;

/// A JSON list or object, as text: well-formed, within the limits of this crate, and passed through as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Checks `text` and keeps it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let raw: &RawValue = serde_json::from_str(text)
            .map_err(|error| InvalidValue::message(format!("is not JSON: {error}")))?;
        Self::from_well_formed(raw)
    }

    /// Keeps what was checked when it was stored.
    pub fn from_storage(text: String) -> Self {
        Self(text.into_boxed_str())
    }

    /// Checks what serde has found to be well-formed against everything that serde does not look at.
    pub(crate) fn from_well_formed(raw: &RawValue) -> Result<Self, InvalidValue> {
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

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&RawValue> for RawJson {
    type Error = InvalidValue;

    /// Checks what serde has read, and keeps it.
    fn try_from(raw: &RawValue) -> Result<Self, InvalidValue> {
        Self::from_well_formed(raw)
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
        Self::from_well_formed(&raw).map_err(D::Error::custom)
    }
}

/// What a JSON value is, for messages: "a string", "a number", …
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

/// Whether `text`, which is well-formed JSON, is within the limits.
fn check_limits(text: &str) -> Result<(), InvalidValue> {
    let mut depth = 0_usize;
    // How long it is as jsonb writes it; that of a string is never longer than it was.
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
            b',' | b':' => (tail, 2),
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

/// Checks the string whose opening quote has been read, and gives what follows its closing quote.
fn check_string(mut rest: &[u8]) -> Result<&[u8], InvalidValue> {
    loop {
        rest = match rest {
            [b'"', tail @ ..] => return Ok(tail),
            [b'\\', b'u', tail @ ..] => check_escape(tail)?,
            [b'\\', _, tail @ ..] | [_, tail @ ..] => tail,
            [] => return Ok(rest),
        };
    }
}

/// Checks the escape whose `\u` has been read, and gives what follows it.
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

/// The UTF-16 code unit written in the first four hexadecimal digits, and what follows them.
fn code_unit(rest: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, tail) = rest.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u16::from_str_radix(digits, 16).ok()?, tail))
}

/// Checks the number at the beginning, and gives what follows it and its length with all digits written out.
fn check_number(rest: &[u8]) -> Result<(&[u8], usize), InvalidValue> {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = rest
        .iter()
        .position(|byte| !is_part(byte))
        .unwrap_or(rest.len());
    let (literal, tail) = rest.split_at(length);
    let literal = std::str::from_utf8(literal).unwrap_or_default();
    let is_finite = || literal.parse::<f64>().is_ok_and(f64::is_finite);
    match written_length(literal) {
        Some(length) if length <= MAX_NUMBER_LENGTH && is_finite() => Ok((tail, length)),
        _ => Err(InvalidValue::message(format!(
            "holds a number beyond the range of a 64-bit float (exponents up to {MAX_EXPONENT}, at most \
             {MAX_NUMBER_LENGTH} characters with all digits written out)"
        ))),
    }
}

/// The length of a number without an exponent; `None` if that is too large.
fn written_length(literal: &str) -> Option<usize> {
    let Some((digits, exponent)) = literal.split_once(['e', 'E']) else {
        return Some(literal.len());
    };
    let is_small = exponent.starts_with('-');
    let exponent = exponent.trim_start_matches(['+', '-']).parse().ok();
    let exponent = exponent.filter(|exponent: &usize| *exponent <= MAX_EXPONENT)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // The sign counts as a digit here, which is at worst one too many.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        RawJson::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn lists_and_objects_are_kept_as_they_came() {
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
    fn only_lists_and_objects_are_data() {
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
    fn what_jsonb_cannot_hold_is_refused() {
        assert!(error(r#"["\u0000"]"#).contains("U+0000"));
        assert!(error(r#"[{"a\u0000": 1}]"#).contains("U+0000"));
        assert!(
            error(r#"["\\\u0000"]"#).contains("U+0000"),
            "an escaped backslash before the escape"
        );
        for text in [
            r#"["\ud83d"]"#,
            r#"["\ud83dx"]"#,
            r#"["\ud83d\u0041"]"#,
            r#"["\udee1"]"#,
            r#"["\udee1\ud83d"]"#,
        ] {
            assert!(error(text).contains("surrogate"), "{text}");
        }
        let long = format!("[0.{}]", "1".repeat(MAX_NUMBER_LENGTH - 1));
        let long_with_exponent = format!("[{}e308]", "0.".to_owned() + &"1".repeat(420));
        for text in [
            "[1e309]",
            "[-1e400]",
            "[10e308]",
            "[1e-309]",
            "[0e-20000]",
            "[1e99999999999]",
            &long,
            &long_with_exponent,
        ] {
            assert!(error(text).contains("number"), "{text}");
        }
        let longest = format!("[0.{}]", "1".repeat(MAX_NUMBER_LENGTH - 2));
        assert!(RawJson::parse(&longest).is_ok());
    }

    #[test]
    fn the_length_of_a_number_is_that_of_all_its_digits() {
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
    fn nesting_and_size_are_bounded() {
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        assert_eq!(error(&deep), "is nested deeper than 64 levels");
        assert!(
            RawJson::parse(&format!("[{}]", ["[]"; 1000].join(","))).is_ok(),
            "wide is not deep"
        );
        let large = format!("[\"{}\"]", "x".repeat(MAX_DATA_BYTES));
        let large_as_jsonb = format!("[{}1]", "1e300,".repeat(MAX_DATA_BYTES / 300));
        let spread = format!("[{}1]", "1,".repeat(MAX_DATA_BYTES / 3));
        for text in [large, large_as_jsonb, spread] {
            assert_eq!(error(&text), "is larger than 8 MiB");
        }
        let just_fits = format!("[{}1]", "1,".repeat(MAX_DATA_BYTES / 3 - 1));
        assert!(RawJson::parse(&just_fits).is_ok());
        assert!(RawJson::parse(&just_fits.replace(',', ", ")).is_ok());
    }

    proptest! {
        /// The scanner, which never builds a value, agrees with a parser that does.
        #[test]
        fn strings_are_judged_as_a_full_parser_judges_them(inner in r#"([ -!#-\[\]-~é]|\\["\\/bfnrt]|\\u[0-9a-f]{4}|\\ud8[0-9a-f]{2}\\udc[0-9a-f]{2}){0,12}"#) {
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
