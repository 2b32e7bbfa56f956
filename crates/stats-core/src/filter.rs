use std::collections::BTreeSet;

use chrono::{Months, NaiveDate};

use crate::{AnalysisId, ClientId, MAX_DATE, MIN_DATE, StatsType};

/// From one day to another, both inclusive. The default is all days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
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
    /// The three months up to `today`, which is what MONARC means by "no dates".
    pub fn three_months_to(today: NaiveDate) -> Self {
        Self {
            from: today.checked_sub_months(Months::new(3)).unwrap_or(MIN_DATE),
            to: today,
        }
    }
}

/// A part of a list: the first `offset` are left out, and at most `limit` given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// How many are left out.
    pub offset: u32,
    /// How many are given at most; `None` for all.
    pub limit: Option<u32>,
}

impl Page {
    /// How many of `total` are on this page.
    pub fn count(self, total: u64) -> u64 {
        let rest = total.saturating_sub(self.offset.into());
        self.limit.map_or(rest, |limit| rest.min(limit.into()))
    }
}

/// Which stats somebody wants to see. The default is all of them; each field that is set leaves some out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatsFilter {
    /// Only those that this client sent.
    pub owner: Option<ClientId>,
    /// Only those of this type.
    pub stats_type: Option<StatsType>,
    /// Only those about these analyses.
    pub analyses: Option<BTreeSet<AnalysisId>>,
    /// Only those of these days.
    pub dates: DateRange,
    /// Only those of local clients.
    pub local_only: bool,
    /// Of each analysis and type only the newest one that the rest of the filter lets through; of two of the same day
    /// the one stored last.
    pub newest_only: bool,
    /// The part of the list, ordered by date and then by id.
    pub page: Page,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn three_months_end_on_the_last_day_of_a_shorter_month() {
        assert_eq!(
            DateRange::three_months_to(day("2026-11-20")).from,
            day("2026-08-20")
        );
        assert_eq!(
            DateRange::three_months_to(day("2024-05-31")).from,
            day("2024-02-29")
        );
        assert_eq!(
            DateRange::three_months_to(day("2026-01-31")).from,
            day("2025-10-31")
        );
    }

    #[test]
    fn a_page_knows_how_many_are_on_it() {
        let page = |offset, limit| Page { offset, limit };
        assert_eq!(page(0, None).count(5), 5);
        assert_eq!(page(2, None).count(5), 3);
        assert_eq!(page(2, Some(2)).count(5), 2);
        assert_eq!(page(4, Some(2)).count(5), 1);
        assert_eq!(page(9, Some(2)).count(5), 0);
    }
}
