//! Ticks of axes, at steps that people use.

use chrono::{Datelike, NaiveDate};

use crate::{DateForm, NumberForm, Value};

/// The ticks of an axis of values, which begins at 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ValueScale {
    /// The step between ticks is `digit` × 10^`exponent`.
    digit: u32,
    exponent: i32,
    steps: u32,
}

/// The smallest step is 0.01: ticks have at most two decimals.
const MIN_EXPONENT: i32 = -2;

impl ValueScale {
    /// Returns the scale with the smallest step that reaches `max` in at most `max_steps` steps. Steps are 1, 2 or 5
    /// times a power of ten. The scale of zeros ends at 1.
    pub(crate) fn new(max: Value, max_steps: u32) -> Self {
        if max == Value::ZERO {
            return Self {
                digit: 1,
                exponent: 0,
                steps: 1,
            };
        }
        let max_steps = max_steps.max(1);
        let mut scale = Self {
            digit: 1,
            exponent: MIN_EXPONENT,
            steps: max_steps,
        };
        while scale.top() < max {
            (scale.digit, scale.exponent) = match scale.digit {
                1 => (2, scale.exponent),
                2 => (5, scale.exponent),
                _ => (1, scale.exponent + 1),
            };
        }
        let needed = (1..=max_steps).find(|&steps| scale.value(steps) >= max);
        scale.steps = needed.unwrap_or(max_steps);
        scale
    }

    fn value(self, step: u32) -> Value {
        let power = 10_f64.powi(self.exponent.abs());
        let number = f64::from(step * self.digit);
        let value = if self.exponent < 0 {
            number / power
        } else {
            number * power
        };
        Value::new(value).unwrap_or(Value::MAX)
    }

    /// The value at the end of the axis.
    pub(crate) fn top(self) -> Value {
        self.value(self.steps)
    }

    /// The values with a tick, from 0 to the top.
    pub(crate) fn ticks(self) -> impl Iterator<Item = Value> {
        (0..=self.steps).map(move |step| self.value(step))
    }

    /// How ticks are written, on an axis of values that are written in `form`.
    pub(crate) fn form(self, form: NumberForm) -> NumberForm {
        match form {
            NumberForm::Percent => NumberForm::Percent,
            NumberForm::Decimals(_) => {
                NumberForm::Decimals(u8::try_from(-self.exponent).unwrap_or(0))
            }
        }
    }
}

/// The distance of the ticks of an axis of dates.
#[derive(Debug, Clone, Copy)]
enum Step {
    Days(i32),
    Months(i32),
}

/// Steps from small to large, each with the most ticks that it may have.
const STEPS: [(Step, i32); 15] = [
    (Step::Days(1), 8),
    (Step::Days(2), 7),
    (Step::Days(7), 8),
    (Step::Days(14), 5),
    (Step::Months(1), 8),
    (Step::Months(2), 8),
    (Step::Months(3), 8),
    (Step::Months(6), 8),
    (Step::Months(12), 8),
    (Step::Months(24), 8),
    (Step::Months(60), 8),
    (Step::Months(120), 8),
    (Step::Months(240), 8),
    (Step::Months(600), 8),
    (Step::Months(1200), 8),
];

/// A date with a tick, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTick {
    pub(crate) date: NaiveDate,
    pub(crate) form: DateForm,
}

/// Returns the ticks from `first` to `last`: one if they are equal, otherwise up to eight. Weeks begin on Monday.
pub(crate) fn date_ticks(first: NaiveDate, last: NaiveDate) -> Vec<DateTick> {
    if first >= last {
        return vec![DateTick {
            date: first,
            form: DateForm::Full,
        }];
    }
    let mut steps = STEPS
        .into_iter()
        .map(|(step, most)| (step, step.multiples(first, last), most));
    let Some((step, (from, to), _)) = steps.find(|(_, (from, to), most)| to - from < *most) else {
        // More than eight centuries.
        let form = DateForm::Year;
        return [first, last].map(|date| DateTick { date, form }).into();
    };
    let dates = (from..=to).filter_map(|multiple| step.date(multiple));
    dates
        .enumerate()
        .map(|(position, date)| DateTick {
            date,
            form: match step {
                Step::Days(_) => DateForm::Day,
                Step::Months(months) if months % 12 == 0 => DateForm::Year,
                Step::Months(_) if position == 0 || date.month() == 1 => DateForm::MonthOfYear,
                Step::Months(_) => DateForm::Month,
            },
        })
        .collect()
}

impl Step {
    /// Returns the first and the last multiple of the step in a range of dates.
    fn multiples(self, first: NaiveDate, last: NaiveDate) -> (i32, i32) {
        match self {
            Self::Days(days) => {
                let (first, last) = (day_number(first), day_number(last));
                ((first - 1).div_euclid(days) + 1, last.div_euclid(days))
            }
            Self::Months(months) => {
                let is_after_first_day = i32::from(first.day() > 1);
                let first = month_number(first) + is_after_first_day;
                (
                    (first - 1).div_euclid(months) + 1,
                    month_number(last).div_euclid(months),
                )
            }
        }
    }

    /// Returns the date of a multiple of the step.
    fn date(self, multiple: i32) -> Option<NaiveDate> {
        match self {
            Self::Days(days) => NaiveDate::from_num_days_from_ce_opt(multiple * days + 1),
            Self::Months(months) => {
                let month = multiple * months;
                let month0 = u32::try_from(month.rem_euclid(12)).ok()?;
                NaiveDate::from_ymd_opt(month.div_euclid(12), month0 + 1, 1)
            }
        }
    }
}

/// Numbers days so that multiples of seven are Mondays.
fn day_number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 1
}

fn month_number(date: NaiveDate) -> i32 {
    date.year() * 12 + date.month0() as i32
}

#[cfg(test)]
mod tests {
    use chrono::{Days, Weekday};
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn ticks(max: f64, steps: u32) -> Vec<f64> {
        let scale = ValueScale::new(Value::new(max).unwrap(), steps);
        scale.ticks().map(Value::get).collect()
    }

    #[test]
    fn value_ticks_are_round_numbers() {
        assert_eq!(ticks(6.8, 5), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.3, 5), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(ticks(0.0, 5), [0.0, 1.0]);
        assert_eq!(ticks(1234.0, 4), [0.0, 500.0, 1000.0, 1500.0]);
    }

    #[test]
    fn value_ticks_have_the_decimals_of_their_step() {
        let form = |max: f64, form| ValueScale::new(Value::new(max).unwrap(), 5).form(form);
        let decimals = NumberForm::Decimals(2);
        assert_eq!(form(6.8, decimals), NumberForm::Decimals(0));
        assert_eq!(form(0.9, decimals), NumberForm::Decimals(1));
        assert_eq!(form(0.04, decimals), NumberForm::Decimals(2));
        assert_eq!(form(0.04, NumberForm::Percent), NumberForm::Percent);
    }

    #[test]
    fn date_ticks_are_days_weeks_months_or_years() {
        let texts = |first, last| {
            let ticks = date_ticks(day(first), day(last));
            let texts: Vec<_> = ticks
                .iter()
                .map(|tick| format!("{} {:?}", tick.date, tick.form))
                .collect();
            texts.join(", ")
        };
        assert_eq!(texts("2026-05-05", "2026-05-05"), "2026-05-05 Full");
        assert_eq!(
            texts("2026-05-05", "2026-05-06"),
            "2026-05-05 Day, 2026-05-06 Day"
        );
        assert_eq!(
            texts("2026-05-05", "2026-06-03"),
            "2026-05-11 Day, 2026-05-18 Day, 2026-05-25 Day, 2026-06-01 Day"
        );
        assert_eq!(
            texts("2025-11-02", "2026-03-05"),
            "2025-12-01 MonthOfYear, 2026-01-01 MonthOfYear, 2026-02-01 Month, 2026-03-01 Month"
        );
        assert_eq!(
            texts("2025-05-05", "2026-05-05"),
            "2025-07-01 MonthOfYear, 2025-09-01 Month, 2025-11-01 Month, 2026-01-01 MonthOfYear, 2026-03-01 Month, \
             2026-05-01 Month"
        );
        assert_eq!(
            texts("2020-05-05", "2023-05-05"),
            "2020-07-01 MonthOfYear, 2021-01-01 MonthOfYear, 2021-07-01 Month, 2022-01-01 MonthOfYear, 2022-07-01 \
             Month, 2023-01-01 MonthOfYear"
        );
    }

    proptest! {
        #[test]
        fn value_ticks_reach_the_greatest_value_in_few_round_steps(
            max in prop_oneof![0.0..2.0, 0.0..1e4, 0.0..1e12],
            steps in 1_u32..10,
        ) {
            let max = Value::new(max).unwrap();
            let scale = ValueScale::new(max, steps);
            let ticks: Vec<_> = scale.ticks().collect();
            prop_assert!((2..=steps as usize + 1).contains(&ticks.len()));
            prop_assert_eq!(ticks[0], Value::ZERO);
            prop_assert!(ticks.is_sorted());
            // The last tick is the first that reaches the value.
            prop_assert!(scale.top() >= max);
            prop_assert!(ticks[ticks.len() - 2] < max || ticks.len() == 2);
            prop_assert!([1, 2, 5].contains(&scale.digit));
            // No tick needs more decimals than it is written with.
            let NumberForm::Decimals(decimals) = scale.form(NumberForm::Decimals(0)) else {
                unreachable!()
            };
            for tick in ticks {
                let text = format!("{:.*}", usize::from(decimals), tick.get());
                prop_assert_eq!(text.parse::<f64>().unwrap(), tick.get());
            }
        }

        #[test]
        fn date_ticks_are_few_ascending_and_within_the_period(
            first in 600_000_i32..800_000,
            days in prop_oneof![0_u64..40, 0_u64..400, 0_u64..280_000],
        ) {
            let first = NaiveDate::from_num_days_from_ce_opt(first).unwrap();
            let last = first + Days::new(days);
            let ticks = date_ticks(first, last);
            prop_assert!((1..=8).contains(&ticks.len()), "{}", ticks.len());
            prop_assert!(days == 0 || days > 56 || ticks.len() > 1);
            prop_assert!(ticks.is_sorted_by(|a, b| a.date < b.date));
            for tick in ticks {
                prop_assert!((first..=last).contains(&tick.date));
                match tick.form {
                    DateForm::Full | DateForm::Day => {
                        prop_assert!(days < 15 || tick.date.weekday() == Weekday::Mon);
                    }
                    _ => prop_assert_eq!(tick.date.day(), 1),
                }
            }
        }
    }

    #[test]
    fn date_ticks_cover_all_dates() {
        assert_eq!(date_ticks(NaiveDate::MIN, NaiveDate::MAX).len(), 2);
    }
}
