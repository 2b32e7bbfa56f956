//! Formats numbers for pages.

use stats_processors::Mean;

/// The text for a missing number.
pub(super) const NONE: &str = "–";

/// Formats a whole number with its digits in groups of three.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            // A narrow no-break space, which no language uses as a decimal separator.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Formats a mean with two decimals.
pub(super) fn mean(mean: Mean) -> String {
    match mean.value() {
        None => NONE.to_owned(),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_in_groups_of_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (1_234_567, "1 234 567"),
        ] {
            assert_eq!(count(number).replace('\u{202f}', " "), text);
        }
    }

    #[test]
    fn means_have_two_decimals() {
        let mut value = Mean::default();
        assert_eq!(mean(value), "–");
        value.add(0.0);
        assert_eq!(mean(value), "0.00");
        value.add(91.0);
        value.add(0.0);
        assert_eq!(mean(value), "30.33");
    }
}
