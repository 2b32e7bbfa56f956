use std::collections::BTreeSet;

use chrono::{Months, NaiveDate};

use crate::{AnalysisId, ClientId, InvalidValue, MAX_DATE, MIN_DATE, StatsType};

/// An inclusive range of dates that is never inverted. The default is all dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    from: NaiveDate,
    to: NaiveDate,
}

impl Default for DateRange {
    fn default() -> Self {
        Self {
            from: MIN_DATE,
            to: MAX_DATE,
        }
    }
}

impl DateRange {
    /// The dates from `from` to `to`. Fails if `from` is after `to`.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Self, InvalidValue> {
        if from <= to {
            Ok(Self { from, to })
        } else {
            Err(InvalidValue::message(format!(
                "{from} is after the end of the range, {to}"
            )))
        }
    }

    /// A single date.
    pub fn day(date: NaiveDate) -> Self {
        Self {
            from: date,
            to: date,
        }
    }

    /// The dates up to `to`.
    pub fn until(to: NaiveDate) -> Self {
        Self {
            from: MIN_DATE.min(to),
            to,
        }
    }

    /// The three months up to `to`, MONARC's default.
    pub fn three_months_to(to: NaiveDate) -> Self {
        Self {
            from: to.checked_sub_months(Months::new(3)).unwrap_or(to),
            to,
        }
    }

    /// The first date.
    pub fn from(self) -> NaiveDate {
        self.from
    }

    /// The last date.
    pub fn to(self) -> NaiveDate {
        self.to
    }
}

/// A page of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Number of items to skip.
    pub offset: u32,
    /// Maximum number of items, or `None` for all.
    pub limit: Option<u32>,
}

impl Page {
    /// The number of items on this page of a list of `total` items.
    pub fn count(self, total: u64) -> u64 {
        let rest = total.saturating_sub(self.offset.into());
        self.limit.map_or(rest, |limit| rest.min(limit.into()))
    }
}

/// Selects stats. The default selects all of them; a stat must match every field that is set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatsFilter {
    /// The client that sent the stat.
    pub owner: Option<ClientId>,
    /// The type of the stat.
    pub stats_type: Option<StatsType>,
    /// The analyses: the stat must belong to one of them.
    pub analyses: Option<BTreeSet<AnalysisId>>,
    /// The dates of the stat.
    pub dates: DateRange,
    /// Only stats of local clients.
    pub local_only: bool,
    /// Only the newest matching stat of each client, analysis and type: the latest date, then the latest arrival.
    pub newest_only: bool,
    /// The page of the list, which is ordered by date, then id.
    pub page: Page,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn new_rejects_an_inverted_range() {
        let (first, last) = (day("2026-11-19"), day("2026-11-20"));
        assert_eq!(DateRange::new(first, first), Ok(DateRange::day(first)));
        let range = DateRange::new(first, last).unwrap();
        assert_eq!((range.from(), range.to()), (first, last));
        let error = DateRange::new(last, first).unwrap_err().to_string();
        assert_eq!(
            error,
            "2026-11-20 is after the end of the range, 2026-11-19"
        );
    }

    #[test]
    fn three_months_start_on_the_last_day_of_a_shorter_month() {
        for (to, from) in [
            ("2026-11-20", "2026-08-20"),
            ("2024-05-31", "2024-02-29"),
            ("2026-01-31", "2025-10-31"),
        ] {
            assert_eq!(DateRange::three_months_to(day(to)).from(), day(from));
        }
    }

    #[test]
    fn page_counts_the_items_on_it() {
        let page = |offset, limit| Page { offset, limit };
        assert_eq!(page(0, None).count(5), 5);
        assert_eq!(page(2, None).count(5), 3);
        assert_eq!(page(2, Some(2)).count(5), 2);
        assert_eq!(page(4, Some(2)).count(5), 1);
        assert_eq!(page(9, Some(2)).count(5), 0);
    }
}
