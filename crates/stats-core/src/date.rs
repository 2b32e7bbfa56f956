use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

use crate::InvalidValue;

/// The first date that a stat can have.
pub const MIN_DATE: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
/// The last date that a stat can have: four digits, so that dates sort as text.
pub const MAX_DATE: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();

/// Reads `YYYY-MM-DD`, or an ISO 8601 timestamp as the day that is written in it.
pub fn parse_date(text: &str) -> Result<NaiveDate, InvalidValue> {
    const DAY: usize = "YYYY-MM-DD".len();
    let error = || InvalidValue::new(text, "a date (YYYY-MM-DD)");
    let (day, time) = text.split_at_checked(DAY).ok_or_else(error)?;
    let shape_fits = day.bytes().enumerate().all(|(i, byte)| match i {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let time_fits = time.is_empty()
        || DateTime::parse_from_rfc3339(text).is_ok()
        || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok()
        || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").is_ok();
    let date = day.parse::<NaiveDate>().map_err(|_| error())?;
    if shape_fits && time_fits && date.year() >= MIN_DATE.year() {
        Ok(date)
    } else {
        Err(error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_timestamps_are_read() {
        let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
        for text in [
            "2024-02-29",
            "2024-02-29T00:00:00Z",
            "2024-02-29T23:59:59+02:00",
            "2024-02-29T10:11:12.5",
            "2024-02-29 10:11:12",
        ] {
            assert_eq!(parse_date(text), Ok(day), "{text}");
        }
        assert_eq!(parse_date("0001-01-01"), Ok(MIN_DATE));
        assert_eq!(parse_date("9999-12-31"), Ok(MAX_DATE));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "junk",
            "2023-02-29",
            "2026-13-45",
            "2026-1-1",
            "20260101",
            "0000-01-01",
            "12026-01-01",
            "-001-01-01",
            "+026-01-01",
            "2026-01-01T",
            "2026-01-01Tjunk",
            "2026-01-01T25:00:00Z",
            "2026-01-01\0",
            "２０２６-01-01",
        ] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }
}
