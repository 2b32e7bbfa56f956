use serde::{Deserialize, Serialize};

/// The greatest value that is read from a stat. Real numbers of risks, products of scales and rates are far below: a
/// greater value is an error or an attempt to dominate every mean. Negative values are not read either.
pub const MAX_VALUE: f64 = 1e9;

/// The unit of sums is 1 / `SCALE`.
const SCALE: u64 = 1_000_000_000;

/// The arithmetic mean of values from 0 to [`MAX_VALUE`], in any order.
///
/// Values are rounded to multiples of 10⁻⁹ and summed as integers, which is exact in any order. The mean is rounded
/// once: the mean of equal values below 10⁶ with up to nine decimals is exactly that value.
///
/// Serialises as `[count, sum]`, with the sum in units of 10⁻⁹.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mean(u64, u128);

impl Mean {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.add_units(units(value));
    }

    /// Adds the values of another mean.
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
        self.1 = self.1.saturating_add(other.1);
    }

    /// The number of values.
    pub fn count(self) -> u64 {
        self.0
    }

    /// The mean, or `None` without values. Up to 2⁴³ values, it is the nearest float.
    pub fn value(self) -> Option<f64> {
        let Self(count, sum) = self;
        let divisor = u128::from(count) * u128::from(SCALE);
        // The quotient has at least 55 bits, more than a float keeps. Setting its last bit if there is a remainder
        // makes the conversion round correctly.
        let shift = sum.leading_zeros().min(u128::BITS - 1);
        let quotient = (sum << shift).checked_div(divisor)?;
        let has_remainder = quotient * divisor != sum << shift;
        Some((quotient | u128::from(has_remainder)) as f64 / (1_u128 << shift) as f64)
    }

    /// The mean of one value in units of 10⁻⁹.
    pub(crate) fn of_units(units: u64) -> Self {
        Self(1, units.into())
    }

    pub(crate) fn add_units(&mut self, units: u64) {
        self.merge(Self::of_units(units));
    }
}

/// A value in units of 10⁻⁹. The conversion saturates, so a value out of range cannot overflow a sum.
pub(crate) fn units(value: f64) -> u64 {
    (value * SCALE as f64).round() as u64
}

/// The mean over analyses and the mean over clients, each with its count.
///
/// The mean over clients is the mean of the client-days' means, which are rounded to multiples of 10⁻⁹: a client with
/// many analyses counts as much as a client with few.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The mean over all analyses. Its count is the number of stats.
    #[serde(rename = "a")]
    pub analyses: Mean,
    /// The mean over client-days. Its count is the number of client-days.
    #[serde(rename = "c")]
    pub clients: Mean,
}

impl Cell {
    /// Adds the values of one client's stats of one day.
    pub fn add(&mut self, client_day: Mean) {
        let Mean(count, sum) = client_day;
        let half = u128::from(count / 2);
        if let Some(mean) = sum.saturating_add(half).checked_div(count.into()) {
            self.analyses.merge(client_day);
            self.clients
                .add_units(u64::try_from(mean).unwrap_or(u64::MAX));
        }
    }

    /// Adds a cell of other client-days.
    pub fn merge(&mut self, other: Self) {
        self.analyses.merge(other.analyses);
        self.clients.merge(other.clients);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mean(values: impl IntoIterator<Item = f64>) -> Mean {
        let mut mean = Mean::default();
        values.into_iter().for_each(|value| mean.add(value));
        mean
    }

    #[test]
    fn the_mean_of_no_values_is_none() {
        assert_eq!(Mean::default().value(), None);
        let mut cell = Cell::default();
        cell.add(Mean::default());
        assert_eq!(cell, Cell::default());
    }

    #[test]
    fn a_remainder_breaks_a_tie_upwards() {
        let half_way = (1 << 44) * u128::from(SCALE) + 1_953_125;
        assert_eq!(Mean(1 << 42, half_way).value(), Some(4.0));
        assert_eq!(Mean(1 << 42, half_way + 1).value(), Some(4.0_f64.next_up()));
    }

    #[test]
    fn values_out_of_range_and_huge_counts_do_not_overflow() {
        let mut huge = mean([f64::NAN, f64::INFINITY, -1.0, MAX_VALUE]);
        for _ in 0..200 {
            let other = huge;
            huge.merge(other);
        }
        assert!(huge.count() == u64::MAX && huge.value().is_some());
        let mut cell = Cell::default();
        cell.add(huge);
        cell.add(Mean(1, u128::MAX));
        assert!(cell.clients.value().is_some());
    }

    #[test]
    fn a_client_counts_once_in_the_mean_over_clients() {
        let mut cell = Cell::default();
        cell.add(mean([1.0, 2.0, 2.0]));
        cell.add(mean([10.0]));
        assert_eq!(
            (cell.analyses.count(), cell.analyses.value()),
            (4, Some(3.75))
        );
        assert_eq!(
            (cell.clients.count(), cell.clients.value()),
            (2, Some(5.833_333_333_5)),
            "5 / 3 is rounded to 1.666666667"
        );
        assert_eq!(
            serde_json::to_string(&cell).unwrap(),
            r#"{"a":[4,15000000000],"c":[2,11666666667]}"#
        );
    }

    proptest! {
        #[test]
        fn the_mean_of_equal_values_is_that_value(units in 0_u64..1_000_000_000_000_000, count in 1_usize..5000) {
            let value = units as f64 / SCALE as f64;
            prop_assert_eq!(mean(std::iter::repeat_n(value, count)).value(), Some(value));
        }

        /// The expected quotient of integers below 2⁵³ is rounded once.
        #[test]
        fn the_mean_is_the_nearest_float(units in proptest::collection::vec(0_u64..1 << 48, 1..30)) {
            let expected = units.iter().sum::<u64>() as f64 / (units.len() as u64 * SCALE) as f64;
            let mut mean = Mean::default();
            units.iter().for_each(|units| mean.add_units(*units));
            prop_assert_eq!(mean.value(), Some(expected));
        }
    }
}
