//! Ranges of dates.

use std::collections::BTreeSet;

use chrono::{Local, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use stats_core::{DateRange, InvalidValue, MIN_DATE, StatsFilter, last_acceptable_date};
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::errors::ApiError;
use crate::extract::lenient::Number;

/// A number of days before today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Number")]
pub(crate) struct Days(pub(crate) u32);

impl Days {
    /// 100 years.
    const MAX: u32 = 36_525;
}

impl Default for Days {
    fn default() -> Self {
        Self(365)
    }
}

impl TryFrom<Number> for Days {
    type Error = InvalidValue;

    fn try_from(Number(days): Number) -> Result<Self, InvalidValue> {
        if days <= Self::MAX {
            return Ok(Self(days));
        }
        let expected = format_args!("a number of days up to {}", Self::MAX);
        Err(InvalidValue::new(&days.to_string(), expected))
    }
}

impl PartialSchema for Days {
    fn schema() -> RefOr<Schema> {
        let days = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(Self::MAX))
            .default(Some(Self::default().0.into()))
            .build();
        Schema::from(days).into()
    }
}

impl ToSchema for Days {}

/// The dates from `days` days ago to [`last_acceptable_date`]. Earlier versions accepted stats of later dates; these are
/// not public.
pub(crate) fn last_days(Days(days): Days) -> DateRange {
    let last = last_acceptable_date(Utc::now());
    let today = Local::now().date_naive();
    let from = today.checked_sub_days(chrono::Days::new(days.into()));
    DateRange::new(from.unwrap_or(MIN_DATE), last).unwrap_or(DateRange::until(last))
}

/// The dates from `days` days before `today` to `today`.
pub(crate) fn days_before(today: NaiveDate, Days(days): Days) -> DateRange {
    let from = today.checked_sub_days(chrono::Days::new(days.into()));
    DateRange::new(from.unwrap_or(MIN_DATE), today).unwrap_or(DateRange::until(today))
}

/// Selects the stats from `from` to `to`.
///
/// If `from` is after `to`, this is an error if `is_strict`, and otherwise selects nothing, as in the Python service:
/// MONARC, which sends its arguments in the body, expects that.
pub(crate) fn select_dates(
    filter: StatsFilter,
    from: NaiveDate,
    to: NaiveDate,
    is_strict: bool,
) -> Result<StatsFilter, ApiError> {
    match DateRange::new(from, to) {
        Ok(dates) => Ok(StatsFilter { dates, ..filter }),
        Err(_) if !is_strict => Ok(StatsFilter {
            analyses: Some(BTreeSet::new()),
            ..filter
        }),
        Err(error) => Err(ApiError::field("date_from", error)),
    }
}
