use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use crate::InvalidValue;

/// The first valid date of a stat.
pub const MIN_DATE: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
/// The last valid date of a stat. With four-digit years, dates sort as text.
pub const MAX_DATE: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();

/// The last date that a stat received at `now` may have: tomorrow in UTC+14, the time zone that is furthest ahead.
///
/// A front office dates its stats in its own time zone. The extra day tolerates a fast clock. A later date is an error
/// of the sender; in a list by date, the stat would stay the newest.
pub fn last_acceptable_date(now: DateTime<Utc>) -> NaiveDate {
    let tomorrow = now
        .naive_utc()
        .checked_add_signed(TimeDelta::hours(14 + 24));
    tomorrow.map_or(MAX_DATE, |time| time.date().min(MAX_DATE))
}

/// Parses `YYYY-MM-DD` or an ISO 8601 timestamp, whose time and offset are ignored.
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
    fn parse_date_takes_dates_and_timestamps() {
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
    fn parse_date_rejects_other_text() {
        let texts = "|junk|2023-02-29|2026-13-45|2026-1-1|20260101|0000-01-01|12026-01-01|-001-01-01|+026-01-01|\
                     2026-01-01T|2026-01-01Tjunk|2026-01-01T25:00:00Z|2026-01-01\0|２０２６-01-01";
        for text in texts.split('|') {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn last_acceptable_date_is_tomorrow_on_the_line_islands() {
        for (now, last) in [
            ("2026-11-20T09:59:59Z", "2026-11-21"),
            ("2026-11-20T10:00:00Z", "2026-11-22"),
            ("2026-12-31T23:00:00Z", "2027-01-02"),
        ] {
            assert_eq!(last_acceptable_date(now.parse().unwrap()).to_string(), last);
        }
        assert_eq!(last_acceptable_date(DateTime::<Utc>::MAX_UTC), MAX_DATE);
    }
}
