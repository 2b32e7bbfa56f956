use std::error::Error;

use chrono::NaiveDate;
use clap::Args;
use stats_core::{DateRange, parse_date};

/// The days that a command is about.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Dates {
    /// The first day (YYYY-MM-DD)
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date_from: Option<NaiveDate>,
    /// The last day (YYYY-MM-DD), which counts too
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date_to: Option<NaiveDate>,
}

impl Dates {
    /// The days from the one to the other; an end that was not given is that of `default`. Fails where there are none.
    pub(crate) fn range(&self, default: DateRange) -> Result<DateRange, Box<dyn Error>> {
        let range = DateRange {
            from: self.date_from.unwrap_or(default.from),
            to: self.date_to.unwrap_or(default.to),
        };
        if range.from <= range.to {
            return Ok(range);
        }
        let given = |date: Option<NaiveDate>| if date.is_some() { "" } else { ", the default," };
        Err(format!(
            "--date-from {}{} is after --date-to {}{} so that there are no days in between",
            range.from,
            given(self.date_from),
            range.to,
            given(self.date_to),
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn range(from: Option<&str>, to: Option<&str>) -> Result<(String, String), String> {
        let dates = Dates {
            date_from: from.map(day),
            date_to: to.map(day),
        };
        let default = DateRange {
            from: day("2026-01-01"),
            to: day("2026-03-31"),
        };
        let range = dates.range(default).map_err(|error| error.to_string())?;
        Ok((range.from.to_string(), range.to.to_string()))
    }

    #[test]
    fn an_end_that_is_missing_is_the_default() {
        for (from, to, expected) in [
            (None, None, ("2026-01-01", "2026-03-31")),
            (Some("2025-01-01"), None, ("2025-01-01", "2026-03-31")),
            (None, Some("2026-01-01"), ("2026-01-01", "2026-01-01")),
            (
                Some("2024-02-29"),
                Some("2024-03-01"),
                ("2024-02-29", "2024-03-01"),
            ),
        ] {
            let (from, to) = range(from, to).unwrap();
            assert_eq!((from.as_str(), to.as_str()), expected);
        }
    }

    #[test]
    fn no_days_are_an_error_that_names_both_ends() {
        for (from, to, text) in [
            (
                Some("2026-02-02"),
                Some("2026-02-01"),
                "--date-from 2026-02-02 is after --date-to 2026-02-01 so",
            ),
            (
                Some("2026-04-01"),
                None,
                "--date-from 2026-04-01 is after --date-to 2026-03-31, the default, so",
            ),
            (
                None,
                Some("2025-12-31"),
                "--date-from 2026-01-01, the default, is after --date-to 2025-12-31 so",
            ),
        ] {
            let error = range(from, to).unwrap_err();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
