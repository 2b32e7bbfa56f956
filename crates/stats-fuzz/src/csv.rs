use ::csv::{ReaderBuilder, StringRecord};
use stats_http::fuzzing;

/// Characters at which spreadsheets begin a formula, also in their full width.
const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Texts from stats as a CSV table: the number of columns as a digit, then cells separated by `|`.
pub fn csv(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut characters = text.chars();
    let columns = characters.next().and_then(|digit| digit.to_digit(10));
    let columns = columns.unwrap_or(1).max(1) as usize;
    let cells: Vec<_> = characters.as_str().split('|').collect();
    let rows: Vec<_> = cells.chunks_exact(columns).map(<[_]>::to_vec).collect();
    let written = fuzzing::csv(&rows).expect("rows of the same length");
    let read = read(&written, b',');
    assert_eq!(read.len(), rows.len());
    for (read, row) in read.iter().zip(&rows) {
        assert_eq!(read.len(), row.len());
        for (cell, text) in read.iter().zip(row) {
            assert!(is_marked(cell, text), "{text:?} became {cell:?}");
        }
    }
    // A spreadsheet may take other characters for the ends of cells.
    for delimiter in [b',', b';', b'\t'] {
        for record in self::read(&written, delimiter) {
            for cell in &record {
                let begin = cell.trim_start_matches(['\t', '\r', '\n']);
                assert!(!begin.starts_with(SIGNS), "{cell:?} is a formula");
            }
        }
    }
}

fn read(written: &[u8], delimiter: u8) -> Vec<StringRecord> {
    let mut reader = ReaderBuilder::new();
    let reader = reader
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter);
    let records = reader.from_reader(written).into_records();
    records
        .map(|record| record.expect("the table is UTF-8"))
        .collect()
}

/// Whether `cell` is `text` with some `'` more.
fn is_marked(cell: &str, text: &str) -> bool {
    let mut rest = text.chars().peekable();
    for c in cell.chars() {
        if rest.peek() == Some(&c) {
            rest.next();
        } else if c != '\'' {
            return false;
        }
    }
    rest.next().is_none()
}
