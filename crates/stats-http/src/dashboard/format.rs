//! Numbers and texts as people read them.

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// The longest label that is shown, in characters.
const MAX_LABEL: usize = 200;

/// A number of things, its digits in groups of three.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            // A narrow space that does not break, which no language takes for a decimal sign.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A mean, to two decimals.
pub(super) fn mean(value: Option<f64>) -> String {
    match value {
        None => NONE.to_owned(),
        // Stats may hold numbers with hundreds of digits.
        Some(value) if value.abs() >= 1e9 => format!("{value:.2e}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// A label, cut where nobody would read on.
pub(super) fn label(text: &str) -> String {
    match text.char_indices().nth(MAX_LABEL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups() {
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
    fn means_are_short() {
        assert_eq!(mean(None), "–");
        assert_eq!(mean(Some(0.0)), "0.00");
        assert_eq!(mean(Some(91.0 / 3.0)), "30.33");
        assert_eq!(mean(Some(-2.5)), "-2.50");
        assert_eq!(mean(Some(1e288)), "1.00e288");
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(label("Error in use"), "Error in use");
        let long = "é".repeat(201);
        assert_eq!(label(&long), format!("{}…", "é".repeat(200)));
        assert_eq!(label(&long[2..]), long[2..]);
    }
}
