//! Tables as CSV (RFC 4180).

use chrono::NaiveDate;
use csv::{Terminator, WriterBuilder};
use uuid::Uuid;

/// Characters at which spreadsheets begin a formula, also in their full width.
const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// White space that some spreadsheets drop before a formula.
const DROPPED: [char; 3] = ['\t', '\r', '\n'];
/// Characters that end a cell, also for spreadsheets that expect semicolons or tabs between cells.
const CELL_END: [char; 6] = [',', ';', '\t', '\r', '\n', '"'];

/// A cell. It is no formula for a spreadsheet, whatever text it is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Field(String);

/// Puts `'` before each character that would begin a formula, see
/// <https://owasp.org/www-community/attacks/CSV_Injection>.
impl From<&str> for Field {
    fn from(text: &str) -> Self {
        let mut safe = String::with_capacity(text.len());
        if text.starts_with(DROPPED) {
            safe.push('\'');
        }
        let mut begins_cell = true;
        for c in text.chars() {
            if begins_cell && SIGNS.contains(&c) {
                safe.push('\'');
            }
            begins_cell = CELL_END.contains(&c);
            safe.push(c);
        }
        Self(safe)
    }
}

/// Implements the conversion from values whose text is never a formula. That of a negative number is a number.
macro_rules! plain {
    ($($Type:ty)*) => {$(
        impl From<$Type> for Field {
            fn from(value: $Type) -> Self {
                Self(value.to_string())
            }
        }
    )*};
}

plain!(f64 u64 usize NaiveDate Uuid);

/// An empty cell for `None`.
impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(value: Option<T>) -> Self {
        value.map(T::into).unwrap_or_default()
    }
}

/// Writes rows of the same length, of which the first is the header.
pub(crate) fn csv(
    rows: impl IntoIterator<Item = impl IntoIterator<Item = Field>>,
) -> Result<Vec<u8>, csv::Error> {
    let mut builder = WriterBuilder::new();
    let mut writer = builder.terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.into_iter().map(|Field(text)| text))?;
    }
    let written = writer.into_inner();
    written.map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &[&[Field]]) -> String {
        String::from_utf8(csv(rows.iter().map(|row| row.to_vec())).unwrap()).unwrap()
    }

    #[test]
    fn cells_are_quoted_as_rfc_4180_says() {
        let date: NaiveDate = "2026-11-20".parse().unwrap();
        let header: [Field; 3] = ["date", "label", "value"].map(Field::from);
        let first = [date.into(), "a, \"b\"\r\nc".into(), Field::from(-1.5)];
        let second = [
            None::<f64>.into(),
            "Écoute 🛡".into(),
            Field::from(Some(8_u64)),
        ];
        assert_eq!(
            written(&[&header, &first, &second]),
            "date,label,value\r\n2026-11-20,\"a, \"\"b\"\"\r\nc\",-1.5\r\n,Écoute 🛡,8\r\n"
        );
        let error = csv([first.to_vec(), Vec::new()]).unwrap_err();
        assert!(error.to_string().contains("0 fields"), "{error}");
    }

    #[test]
    fn text_is_never_a_formula() {
        for (text, safe) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r\n=1", "'\r\n'=1"),
            ("＝1", "'＝1"),
            ("a;=1", "a;'=1"),
            ("a\";=1", "a\";'=1"),
            ("\"=1\"", "\"'=1\""),
            ("a\t@b,-c", "a\t'@b,'-c"),
            ("a=1-b", "a=1-b"),
            ("e-mail", "e-mail"),
            ("", ""),
        ] {
            assert_eq!(Field::from(text), Field(safe.to_owned()), "{text:?}");
        }
    }
}
