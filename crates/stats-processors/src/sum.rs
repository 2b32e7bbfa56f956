use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use stats_core::InvalidValue;

/// The largest value, positive or negative, that is read from a stat. 2^64 of them still add up to less than the
/// largest 64-bit float, so that no sum of them overflows.
pub const MAX_MAGNITUDE: f64 = 1e288;

/// A sum of floats without any rounding, so that it depends neither on their order nor on how they were grouped.
///
/// It is kept as an expansion: floats that do not overlap and whose exact sum it is. Values are added by
/// GROW-EXPANSION of J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric
/// Predicates", Discrete & Computational Geometry 18 (1997), section 2.4; the way from there to one correctly rounded
/// float is that of `math.fsum` in Python. Values must be finite and within [`MAX_MAGNITUDE`].
///
/// Serialises as the one expansion in which each component is the rounded rest of the sum, the largest first: the same
/// for the same sum, whichever way it came about, and nothing where it is zero.
#[derive(Debug, Clone, Default)]
pub struct ExactSum {
    /// The largest component: the only one as long as all values are integers, as most are.
    top: f64,
    /// The others, none of them zero, the smallest first. An empty one takes no memory.
    rest: Vec<f64>,
}

impl ExactSum {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        let mut carry = value;
        let mut kept = 0;
        for i in 0..self.rest.len() {
            let (sum, error) = two_sum(carry, self.rest[i]);
            if error != 0.0 {
                self.rest[kept] = error;
                kept += 1;
            }
            carry = sum;
        }
        self.rest.truncate(kept);
        let (sum, error) = two_sum(carry, self.top);
        if error != 0.0 {
            self.rest.push(error);
        }
        self.top = sum;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        for component in &other.rest {
            self.add(*component);
        }
        self.add(other.top);
    }

    /// The float nearest to the exact sum; of two that are equally near, the even one.
    pub fn value(&self) -> f64 {
        let mut high = self.top;
        let mut lower = self.rest.iter().rev();
        while let Some(component) = lower.next() {
            let (sum, error) = two_sum(high, *component);
            high = sum;
            if error == 0.0 {
                continue;
            }
            // What is left is too small to matter, unless `error` is just half a unit in the last place, which was
            // rounded to even: then the next component tells on which side of the middle the sum lies.
            if let Some(next) = lower.next()
                && (*next > 0.0) == (error > 0.0)
            {
                let away = high + 2.0 * error;
                if away - high == 2.0 * error {
                    high = away;
                }
            }
            break;
        }
        high
    }
}

impl Serialize for ExactSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rest = self.clone();
        serializer.collect_seq(std::iter::from_fn(|| {
            let component = rest.value();
            rest.add(-component);
            // Nothing goes on for ever, even where somebody added what is not finite.
            (component != 0.0 && component.is_finite()).then_some(component)
        }))
    }
}

impl<'de> Deserialize<'de> for ExactSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Components;

        impl<'de> Visitor<'de> for Components {
            type Value = ExactSum;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the components of a sum")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ExactSum, A::Error> {
                let mut sum = ExactSum::default();
                while let Some(component) = list.next_element()? {
                    sum.add(component);
                }
                Ok(sum)
            }
        }

        deserializer.deserialize_seq(Components)
    }
}

/// The rounded sum of `a` and `b`, and what was lost by rounding (D. E. Knuth's TWO-SUM, Shewchuk's theorem 7).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    let a_part = sum - b_part;
    (sum, (a - a_part) + (b - b_part))
}

/// The arithmetic mean of values as they come in. Serialises as `[count, [component, …]]`, in one way only for the
/// same values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(into = "(u64, ExactSum)", try_from = "(u64, ExactSum)")]
pub struct Mean {
    count: u64,
    sum: ExactSum,
}

impl Mean {
    /// Takes a value in, which must be finite and within [`MAX_MAGNITUDE`].
    pub fn add(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        self.sum.add(value);
    }

    /// Takes all values of another mean in.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum.merge(&other.sum);
    }

    /// The sum divided by the number of values, or nothing where there are none.
    ///
    /// The quotient is corrected by the exact remainder, so that the mean of equal values is that value: without it,
    /// three values of 2.87 would give 2.8699999999999997.
    pub fn value(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let count = self.count as f64;
        let quotient = self.sum.value() / count;
        let product = quotient * count;
        let mut remainder = self.sum.clone();
        remainder.add(-product);
        remainder.add(-quotient.mul_add(count, -product));
        Some(quotient + remainder.value() / count)
    }
}

impl From<Mean> for (u64, ExactSum) {
    fn from(mean: Mean) -> Self {
        (mean.count, mean.sum)
    }
}

/// Refuses more values than anybody has (2^53, up to which a float counts), and what cannot be the sum of so many
/// within [`MAX_MAGNITUDE`].
impl TryFrom<(u64, ExactSum)> for Mean {
    type Error = InvalidValue;

    fn try_from((count, sum): (u64, ExactSum)) -> Result<Self, InvalidValue> {
        if count <= 1 << 53 && sum.value().abs() <= MAX_MAGNITUDE * count as f64 {
            Ok(Self { count, sum })
        } else {
            Err(InvalidValue::message(format!(
                "this is not the sum of {count} values"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    fn sum(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        for value in values {
            sum.add(*value);
        }
        sum
    }

    fn mean(values: &[f64]) -> Mean {
        let mut mean = Mean::default();
        for value in values {
            mean.add(*value);
        }
        mean
    }

    #[test]
    fn nothing_is_lost() {
        let tiny = f64::from_bits(1);
        for (values, expected) in [
            (&[][..], 0.0),
            (&[-0.0, -0.0], 0.0),
            (&[1e16, 1.0, 1.0, -1e16], 2.0),
            (&[1e288, 1.0, tiny, -1e288, -1.0], tiny),
            (&[0.1; 10], 1.0),
            (&[1e288; 1000], 1e291),
        ] {
            assert_eq!(sum(values).value(), expected, "{values:?}");
        }
    }

    #[test]
    fn a_sum_in_the_middle_is_rounded_by_what_is_below() {
        let (half, tiny) = (0.5 * f64::EPSILON, 1e-200);
        let (one, two) = (1.0 + f64::EPSILON, 1.0 + 2.0 * f64::EPSILON);
        for (values, expected) in [
            (&[1.0, half][..], 1.0),
            (&[1.0, half, tiny], one),
            (&[1.0, half, -tiny], 1.0),
            (&[one, half], two),
            (&[one, half, -tiny], one),
            (&[1.0, -half / 2.0], 1.0),
            (&[1.0, -half / 2.0, -tiny], 1.0 - half),
        ] {
            assert_eq!(sum(values).value(), expected, "{values:?}");
        }
    }

    #[test]
    fn integers_need_no_memory_beyond_the_sum_itself() {
        let sum = sum(&(0..1000).map(f64::from).collect::<Vec<_>>());
        assert_eq!((sum.value(), sum.rest.capacity()), (499_500.0, 0));
    }

    #[test]
    fn a_mean_is_the_sum_by_the_number() {
        assert_eq!(Mean::default().value(), None);
        assert_eq!(mean(&[66.0, 12.0, 13.0]).value(), Some(91.0 / 3.0));
        assert_eq!(mean(&[2.32, 3.0]).value(), Some(2.66));
        assert_eq!(mean(&[-1e288, 1e288]).value(), Some(0.0));
    }

    #[test]
    fn what_cannot_be_a_mean_is_refused() {
        for json in [
            "[0,[1.0]]",
            "[1,[1e289]]",
            "[2,[1e308,1e308]]",
            "[-1,[]]",
            "[9007199254740993,[]]",
        ] {
            assert!(serde_json::from_str::<Mean>(json).is_err(), "{json}");
        }
    }

    /// Unit of the integers that stand for floats in the tests below.
    const UNIT: f64 = 1.0 / (1_u64 << 30) as f64;

    /// A float as an integer number of units: with all bits used, with few, and with neighbours at the edge of
    /// rounding.
    fn units() -> impl Strategy<Value = i128> {
        let bits = (-(1_i128 << 53)..=1 << 53, 0_u32..60).prop_map(|(bits, up)| bits << up);
        let power =
            (0_u32..110, any::<bool>()).prop_map(|(up, minus)| if minus { -1 } else { 1 } << up);
        prop_oneof![bits, power, -100_i128..100]
    }

    /// Units, followed by the opposite of some of them, in any order.
    fn many_units() -> impl Strategy<Value = Vec<i128>> {
        (
            proptest::collection::vec(units(), 0..40),
            proptest::collection::vec(any::<Index>(), 0..40),
        )
            .prop_map(|(mut values, opposites)| {
                let positive = values.len();
                if positive > 0 {
                    values.extend(
                        opposites
                            .iter()
                            .map(|index| -values[index.index(positive)])
                            .collect::<Vec<_>>(),
                    );
                }
                values
            })
            .prop_shuffle()
    }

    fn floats(units: &[i128]) -> Vec<f64> {
        units.iter().map(|units| *units as f64 * UNIT).collect()
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_integers(units in many_units()) {
            // The conversion of an integer rounds half to even.
            let expected = units.iter().sum::<i128>() as f64 * UNIT;
            prop_assert_eq!(sum(&floats(&units)).value(), expected);
        }

        #[test]
        fn components_are_the_same_for_the_same_sum(units in many_units(), cut in any::<Index>()) {
            let total = units.iter().sum::<i128>();
            let (left, right) = units.split_at(cut.index(units.len() + 1));
            let mut parts = sum(&floats(right));
            parts.merge(&sum(&floats(left)));
            let json = serde_json::to_string(&parts).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&sum(&floats(&units))).unwrap());
            let components: Vec<f64> = serde_json::from_str(&json).unwrap();
            let back: i128 = components.iter().map(|component| (component / UNIT) as i128).sum();
            prop_assert_eq!(back, total);
        }

        /// Half of the distance to the next float is the most by which a mean may be off.
        #[test]
        fn a_mean_is_the_nearest_float(units in proptest::collection::vec(-(1_i128 << 52)..1 << 52, 1..100)) {
            let count = units.len() as i128;
            let total = units.iter().sum::<i128>();
            let mean = mean(&floats(&units)).value().unwrap();
            let off = |float: f64| ((float / UNIT * 1_048_576.0) as i128 * count - total * 1_048_576).abs();
            prop_assume!(mean.abs() > 1.0);
            prop_assert!(off(mean) <= off(mean.next_up()) && off(mean) <= off(mean.next_down()));
        }

        #[test]
        fn the_mean_of_equal_values_is_that_value(value in -1e288..1e288, small in -1e3..1e3, count in 1_usize..200) {
            for value in [value, small] {
                prop_assert_eq!(mean(&vec![value; count]).value(), Some(value));
            }
        }

        #[test]
        fn a_mean_survives_json(values in proptest::collection::vec(-1e288..1e288, 0..20), small in -1.0..1.0) {
            let mut mean = mean(&values);
            mean.add(small);
            let json = serde_json::to_string(&mean).unwrap();
            let back: Mean = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back.value(), mean.value());
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), json);
        }
    }
}
