//! How many analyses of how many clients are behind a mean, and how it changed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use stats_charts::{DateForm, Locale};
use stats_processors::Average;

use super::super::translation::{Texts, text};

/// The analyses and clients that reported on each date.
#[derive(Default)]
pub(super) struct Reports(BTreeMap<NaiveDate, Report>);

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Report {
    pub(super) analyses: u64,
    pub(super) clients: u64,
}

impl Report {
    pub(super) fn text(self, texts: &Texts) -> String {
        text!(
            texts,
            "reports-of",
            analyses = self.analyses,
            clients = self.clients
        )
    }
}

/// The number of dates whose mean is compared, and of those before a date that has fewer analyses.
const WEEK: usize = 7;

impl Reports {
    /// Adds a mean of a date.
    pub(super) fn add(&mut self, date: NaiveDate, mean: Average) {
        let report = self.0.entry(date).or_default();
        report.analyses = report.analyses.max(mean.analyses());
        report.clients = report.clients.max(mean.clients());
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (NaiveDate, Report)> {
        self.0.iter().map(|(date, report)| (*date, *report))
    }

    pub(super) fn dates(&self) -> impl Iterator<Item = NaiveDate> {
        self.0.keys().copied()
    }

    /// Says what the means of all dates are based on.
    pub(super) fn sentence(&self, texts: &Texts) -> String {
        let (Some((&first, _)), Some((&last, _))) =
            (self.0.first_key_value(), self.0.last_key_value())
        else {
            return String::new();
        };
        let most = self.0.values().max().copied().unwrap_or_default();
        text!(
            texts,
            "reports",
            dates = self.0.len(),
            reports = most.text(texts),
            first = texts.date(first, DateForm::Full),
            last = texts.date(last, DateForm::Full),
        )
    }

    /// Returns what is said about each date in a picture over time.
    pub(super) fn notes(&self, texts: &Texts) -> BTreeMap<NaiveDate, String> {
        self.iter()
            .map(|(date, report)| (date, report.text(texts)))
            .collect()
    }

    /// Returns the dates on which fewer than three quarters of the analyses reported that had reported in the week before.
    pub(super) fn gaps(&self) -> impl Iterator<Item = Gap> {
        let reports: Vec<_> = self
            .iter()
            .map(|(date, report)| (date, report.analyses))
            .collect();
        (0..reports.len()).filter_map(move |index| {
            let before = &reports[index.saturating_sub(WEEK)..index];
            let usual = before.iter().map(|(_, analyses)| *analyses).max()?;
            let (date, analyses) = reports[index];
            (4 * analyses < 3 * usual).then_some(Gap {
                date,
                analyses,
                usual,
            })
        })
    }

    /// Says how many dates are gaps, and which is the widest.
    pub(super) fn gaps_sentence(&self, texts: &Texts) -> Option<String> {
        let gaps: Vec<_> = self.gaps().collect();
        let Gap {
            date,
            analyses,
            usual,
        } = gaps.iter().min_by_key(|gap| gap.analyses)?;
        Some(text!(
            texts,
            "reports-gaps",
            dates = gaps.len(),
            date = texts.date(*date, DateForm::Full),
            analyses = *analyses,
            usual = *usual,
        ))
    }
}

/// A date on which fewer analyses reported.
pub(super) struct Gap {
    pub(super) date: NaiveDate,
    pub(super) analyses: u64,
    /// The most analyses of a date in the week before.
    pub(super) usual: u64,
}

/// How a mean changed.
pub(super) struct Change {
    /// The mean over the first dates: a week, or half of the dates if they are fewer than two weeks.
    pub(super) from: f64,
    /// The mean over as many last dates.
    pub(super) to: f64,
    /// The first date.
    pub(super) since: NaiveDate,
    /// The greatest mean of a date, and the first such date.
    pub(super) peak: (f64, NaiveDate),
}

impl Change {
    /// Returns `None` unless there are two dates.
    pub(super) fn of(days: &[(NaiveDate, Average)]) -> Option<Self> {
        let dates = WEEK.min(days.len() / 2);
        let (since, _) = days.first()?;
        let (from, to) = (mean(&days[..dates])?, mean(&days[days.len() - dates..])?);
        let values = days
            .iter()
            .filter_map(|(date, mean)| Some((mean.value()?, *date)));
        let peak = values.rev().max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        Some(Self {
            from,
            to,
            since: *since,
            peak,
        })
    }

    /// Returns how far the mean was from what it is, or from what it was.
    pub(super) fn size(&self) -> f64 {
        let (peak, _) = self.peak;
        (self.to - self.from)
            .abs()
            .max(peak - self.from.max(self.to))
    }

    /// Returns whether the mean fell, rose or stayed the same as far as `decimals` show, as texts name it.
    pub(super) fn direction(&self, decimals: u8) -> &'static str {
        let shown = |value: f64| format!("{value:.*}", usize::from(decimals));
        if shown(self.from) == shown(self.to) {
            "same"
        } else if self.from < self.to {
            "rose"
        } else {
            "fell"
        }
    }

    /// Returns the [`Self::direction`], or that the mean rose and went back.
    pub(super) fn course(&self, decimals: u8) -> &'static str {
        let (peak, _) = self.peak;
        let (from, to) = (self.from, self.to);
        // Ordinary days are above the mean of a week, too.
        if peak > 1.25 * from.max(to) && peak - from.max(to) > (to - from).abs() {
            "peaked"
        } else {
            self.direction(decimals)
        }
    }
}

fn mean(days: &[(NaiveDate, Average)]) -> Option<f64> {
    let mut total = Average::default();
    for (_, mean) in days {
        total.merge(*mean);
    }
    total.value()
}

#[cfg(test)]
mod tests {
    use stats_processors::{Cell, Language, Mean, View};

    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    /// The mean of a client with analyses of the same value.
    fn mean(analyses: u32, value: f64) -> Average {
        let mut mean = Mean::default();
        for _ in 0..analyses {
            mean.add(value);
        }
        let mut cell = Cell::default();
        cell.add(mean);
        View::default().average(cell)
    }

    fn reports(analyses: &[(u32, u32)]) -> Reports {
        let mut reports = Reports::default();
        for &(date, analyses) in analyses {
            reports.add(day(date), mean(analyses, 1.0));
        }
        reports
    }

    #[test]
    fn the_period_is_that_of_the_data() {
        let texts = Texts::of(Language::English);
        for (analyses, sentence) in [
            (&[][..], ""),
            (
                &[(3, 2)],
                "Mean of 2 analyses of one client on 3 November 2026.",
            ),
            (
                &[(3, 2), (9, 1)],
                "Mean of up to 2 analyses of one client a day, 3 November 2026 to 9 November 2026.",
            ),
        ] {
            assert_eq!(reports(analyses).sentence(texts), sentence);
        }
    }

    #[test]
    fn a_date_with_far_fewer_analyses_than_the_week_before_is_a_gap() {
        let texts = Texts::of(Language::English);
        let gaps = |analyses: &[(u32, u32)]| reports(analyses).gaps_sentence(texts);
        assert_eq!(gaps(&[]), None);
        assert_eq!(
            gaps(&[(1, 4), (2, 3), (3, 9)]),
            None,
            "three quarters are enough, and more are no gap"
        );
        let one =
            "On 2 November 2026, fewer analyses reported than in the week before: 2 instead of 4.";
        assert_eq!(gaps(&[(1, 4), (2, 2)]).as_deref(), Some(one));
        let long = [
            (1, 4),
            (2, 1),
            (3, 1),
            (4, 1),
            (5, 1),
            (6, 1),
            (7, 1),
            (8, 1),
            (9, 1),
        ];
        let many = "On 7 dates, fewer analyses reported than in the week before: \
            1 instead of 4 on 2 November 2026, for example.";
        assert_eq!(
            gaps(&long).as_deref(),
            Some(many),
            "after a week it is usual"
        );
    }

    #[test]
    fn a_change_compares_the_first_and_the_last_week() {
        let days = |values: &[f64]| -> Vec<_> {
            (1..)
                .zip(values)
                .map(|(date, value)| (day(date), mean(1, *value)))
                .collect()
        };
        let change = |values: &[f64]| {
            Change::of(&days(values)).map(|change| (change.from, change.to, change.since))
        };
        assert_eq!(change(&[]), None);
        assert_eq!(change(&[1.0]), None);
        assert_eq!(change(&[1.0, 9.0]), Some((1.0, 9.0, day(1))));
        assert_eq!(change(&[1.0, 5.0, 9.0]), Some((1.0, 9.0, day(1))));
        let mut values = vec![2.0; 7];
        values.extend([100.0; 3]);
        values.extend([4.0; 7]);
        assert_eq!(change(&values), Some((2.0, 4.0, day(1))));
    }

    #[test]
    fn a_change_that_is_not_shown_is_none() {
        let direction = |from: f64, to: f64| {
            let peak = (from.max(to), day(1));
            let change = Change {
                from,
                to,
                since: day(1),
                peak,
            };
            change.direction(1)
        };
        assert_eq!(direction(6.82, 6.83), "same");
        assert_eq!(direction(6.84, 6.86), "rose");
        assert_eq!(direction(6.86, 6.84), "fell");
    }

    #[test]
    fn a_peak_is_a_rise_that_went_back() {
        let change = |peak: f64, to: f64| Change {
            from: 2.0,
            to,
            since: day(1),
            peak: (peak, day(2)),
        };
        assert_eq!(change(6.0, 3.0).course(1), "peaked");
        assert_eq!(
            change(3.2, 3.0).course(1),
            "rose",
            "the peak is hardly above the end"
        );
        assert_eq!(change(6.0, 5.0).course(1), "rose", "it did not go back");
        assert!((change(6.0, 3.0).size() - 3.0).abs() < 1e-9);
    }
}
