use anyhow::anyhow;
use chrono::NaiveDate;
use clap::Args;
use stats_core::{DateRange, parse_date};

/// A range of dates.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct DateArguments {
    /// The first day (YYYY-MM-DD)
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date_from: Option<NaiveDate>,
    /// The last day (YYYY-MM-DD), included
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date_to: Option<NaiveDate>,
}

impl DateArguments {
    /// The range, with the ends of `default` for those that are not given.
    pub(super) fn range_or(&self, default: DateRange) -> anyhow::Result<DateRange> {
        let from = self.date_from.unwrap_or(default.from());
        let to = self.date_to.unwrap_or(default.to());
        let note = |date: Option<NaiveDate>| if date.is_some() { "" } else { " (the default)" };
        DateRange::new(from, to).map_err(|_| {
            anyhow!(
                "--date-from {from}{} is after --date-to {to}{}",
                note(self.date_from),
                note(self.date_to)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_or_takes_missing_ends_from_the_default() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let default = DateRange::new(day("2026-01-01"), day("2026-03-31")).unwrap();
        for (from, to, expected) in [
            (None, None, "2026-01-01 to 2026-03-31"),
            (Some("2025-01-01"), None, "2025-01-01 to 2026-03-31"),
            (None, Some("2026-01-01"), "2026-01-01 to 2026-01-01"),
            (
                Some("2026-02-02"),
                Some("2026-02-01"),
                "--date-from 2026-02-02 is after --date-to 2026-02-01",
            ),
            (
                Some("2026-04-01"),
                None,
                "--date-from 2026-04-01 is after --date-to 2026-03-31 (the default)",
            ),
            (
                None,
                Some("2025-12-31"),
                "--date-from 2026-01-01 (the default) is after --date-to 2025-12-31",
            ),
        ] {
            let dates = DateArguments {
                date_from: from.map(day),
                date_to: to.map(day),
            };
            let text = match dates.range_or(default) {
                Ok(range) => format!("{} to {}", range.from(), range.to()),
                Err(error) => error.to_string(),
            };
            assert_eq!(text, expected);
        }
    }
}
