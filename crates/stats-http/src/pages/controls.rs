//! Forms with a reader's choices. They work without a script: a button applies them.

use maud::{Markup, html};
use stats_processors::Weight;

use super::options::{Choice, Top};
use super::site::Site;
use super::translation::text;
use crate::period::Days;

/// A choice between named values.
pub(super) struct Field {
    name: &'static str,
    label: String,
    /// The values, each with its text and whether it is chosen.
    values: Vec<(String, String, bool)>,
}

/// A choice of the period.
pub(super) fn days(site: &Site, periods: &[u32], Days(chosen): Days) -> Field {
    let mut periods = periods.to_vec();
    // The query string may choose any other period.
    if !periods.contains(&chosen) {
        periods.push(chosen);
        periods.sort_unstable();
    }
    let text = |days: u32| text!(site.texts(), "last-days", days = days);
    Field {
        name: "days",
        label: text!(site.texts(), "period"),
        values: periods
            .into_iter()
            .map(|days| (days.to_string(), text(days), days == chosen))
            .collect(),
    }
}

/// A choice of the number of threats and vulnerabilities.
pub(super) fn top(site: &Site, numbers: &[u8], Top(chosen): Top) -> Field {
    let mut numbers = numbers.to_vec();
    if !numbers.contains(&chosen) {
        numbers.push(chosen);
        numbers.sort_unstable();
    }
    let text = |number: u8| text!(site.texts(), "top-number", number = number);
    Field {
        name: "top",
        label: text!(site.texts(), "top"),
        values: numbers
            .into_iter()
            .map(|number| (number.to_string(), text(number), number == chosen))
            .collect(),
    }
}

/// A choice of the argument `name`. `text` returns the text of a value by its name.
pub(super) fn choice<T: Choice + PartialEq>(
    name: &'static str,
    label: String,
    chosen: &T,
    text: impl Fn(&str) -> String,
) -> Field {
    let values = T::ALL.iter();
    Field {
        name,
        label,
        values: values
            .map(|value| {
                (
                    value.as_str().to_owned(),
                    text(value.as_str()),
                    value == chosen,
                )
            })
            .collect(),
    }
}

/// A choice of what counts once in a mean.
pub(super) fn weight(site: &Site, chosen: Weight) -> Field {
    let texts = site.texts();
    let text = |weight: &str| text!(texts, "weight", weight = weight);
    choice("weight", text!(texts, "weight-label"), &chosen, text)
}

/// Returns a form that opens the page `path` with the chosen values.
pub(super) fn form(site: &Site, path: &str, fields: &[Field]) -> Markup {
    html! {
        form.controls method="get" action=(site.base.link(path)) {
            @if let Some(language) = site.chosen_language() {
                input type="hidden" name="lang" value=(language.code());
            }
            @for field in fields {
                div {
                    label for=(field.name) { (field.label) }
                    select id=(field.name) name=(field.name) {
                        @for (value, text, is_chosen) in &field.values {
                            option value=(value) selected[*is_chosen] { (text) }
                        }
                    }
                }
            }
            button type="submit" { (text!(site.texts(), "show")) }
        }
    }
}
