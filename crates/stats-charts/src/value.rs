use std::cmp::Ordering;

/// A number that a chart can show: from 0 to [`Value::MAX`], never NaN.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Value(f64);

impl Value {
    /// 0.
    pub const ZERO: Self = Self(0.0);
    /// 1, which is 100 % in [`NumberForm::Percent`](crate::NumberForm::Percent).
    pub const ONE: Self = Self(1.0);
    /// The greatest value, 10¹².
    pub const MAX: Self = Self(1e12);

    /// Returns `None` for a number that is negative, greater than [`Value::MAX`] or NaN.
    pub fn new(value: f64) -> Option<Self> {
        // abs() turns -0 into 0.
        (0.0..=Self::MAX.0)
            .contains(&value)
            .then_some(Self(value.abs()))
    }

    /// Returns the number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Returns the number as a part of `whole`, at most 1. A part of 0 is 0.
    pub(crate) fn part_of(self, whole: Self) -> f64 {
        if whole.0 > 0.0 {
            (self.0 / whole.0).min(1.0)
        } else {
            0.0
        }
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}

impl Eq for Value {}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_can_be_drawn_are_values() {
        for number in [0.0, -0.0, 0.25, 1e12] {
            assert_eq!(Value::new(number).map(Value::get), Some(number), "{number}");
        }
        for number in [-0.1, 1.1e12, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Value::new(number), None, "{number}");
        }
        assert!(Value::new(-0.0).unwrap().get().is_sign_positive());
    }

    #[test]
    fn a_part_is_at_most_the_whole() {
        let part = |value: u32, whole: u32| Value::from(value).part_of(whole.into());
        assert_eq!((part(1, 4), part(9, 4), part(1, 0)), (0.25, 1.0, 0.0));
    }
}
