use chrono::NaiveDate;

use crate::Value;

/// Writes numbers and dates in the reader's language. Charts have no words of their own.
pub trait Locale {
    /// Returns the text of a number. It must not contain `|`, which separates values in attributes.
    fn number(&self, value: Value, form: NumberForm) -> String;

    /// Returns the text of a date. It must not contain `|`.
    fn date(&self, date: NaiveDate, form: DateForm) -> String;
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberForm {
    /// With this number of decimals.
    Decimals(u8),
    /// As a whole number of percent: 1 is 100 %.
    Percent,
}

/// How a date is written. The examples are English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateForm {
    /// 5 May 2026.
    Full,
    /// 5 May.
    Day,
    /// May.
    Month,
    /// May 2026.
    MonthOfYear,
    /// 2026.
    Year,
}
