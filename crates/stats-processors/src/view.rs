use std::fmt;

use serde::de::{Deserializer, Error};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stats_core::InvalidValue;

use crate::names::named_enum;
use crate::{Cell, Mean};

named_enum! {
    /// What counts once in a mean.
    #[derive(Default)]
    Weight {
        /// Each analysis: a client with many analyses counts more than a client with few.
        #[default]
        Analysis = "analysis",
        /// Each client: the mean over the means of each client's stats of one day.
        Client = "client",
    }
}

/// The digits of means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// All that a float has.
    #[default]
    Full,
    /// As many significant digits as the number of clients bears. The relative standard error of a mean over n clients
    /// is about 1 / √n: two digits below 100 clients, three below 10,000, else four.
    Rounded,
}

/// How results show means. [`View::average`] is the only way from a [`Cell`] to a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// What counts once.
    pub weight: Weight,
    /// The digits of means.
    pub precision: Precision,
    /// Whether the numbers of clients and analyses stand beside each mean, in
    /// [`Shape::Series`](crate::Shape::Series).
    pub counts: bool,
}

impl View {
    /// The mean of a cell of one date.
    pub fn average(self, cell: Cell) -> Average {
        Average {
            mean: match self.weight {
                Weight::Analysis => cell.analyses,
                Weight::Client => cell.clients,
            },
            analyses: cell.analyses.count(),
            clients: cell.clients.count(),
            view: self,
        }
    }
}

/// Parameters of every processor.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ViewParameters {
    #[serde(deserialize_with = "weight")]
    weight: Weight,
    #[serde(deserialize_with = "flag")]
    counts: bool,
}

impl From<ViewParameters> for View {
    fn from(ViewParameters { weight, counts }: ViewParameters) -> Self {
        Self {
            weight,
            precision: Precision::Full,
            counts,
        }
    }
}

fn weight<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Weight, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("") => Ok(Weight::default()),
        Some(name) => name.parse().map_err(D::Error::custom),
    }
}

/// A boolean, also as a number or a text, as PHP sends it.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" | "" | "null" => Ok(false),
        other => Err(D::Error::custom(InvalidValue::new(other, "true or false"))),
    }
}

/// The mean of one date or several, and who is behind it.
///
/// Serialises as the mean, or as `{"value", "clients", "analyses"}` if the view has counts.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Average {
    mean: Mean,
    analyses: u64,
    clients: u64,
    view: View,
}

impl Average {
    /// The mean, or `None` without values.
    pub fn value(self) -> Option<f64> {
        let value = self.mean.value()?;
        let decimals = match (self.view.precision, self.clients) {
            (Precision::Full, _) => return Some(value),
            (Precision::Rounded, ..100) => 1,
            (Precision::Rounded, ..10_000) => 2,
            (Precision::Rounded, _) => 3,
        };
        format!("{value:.decimals$e}").parse().ok()
    }

    /// The number of analyses. Over several dates it is that of the date with the most: analyses report on many dates, so
    /// there are at least as many, and not as many as the sum.
    pub fn analyses(self) -> u64 {
        self.analyses
    }

    /// The number of clients. Over several dates it is that of the date with the most.
    pub fn clients(self) -> u64 {
        self.clients
    }

    /// Adds the mean of other dates.
    pub fn merge(&mut self, other: Self) {
        self.mean.merge(other.mean);
        self.analyses = self.analyses.max(other.analyses);
        self.clients = self.clients.max(other.clients);
        self.view = other.view;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.mean.count() == 0
    }

    /// The same in [`Shape::Map`](crate::Shape::Map), which has no counts.
    pub(crate) fn without_counts(mut self) -> Self {
        self.view.counts = false;
        self
    }

    /// Writes the fields `clients` and `analyses` if the view has counts.
    pub(crate) fn serialize_counts<M: SerializeMap>(self, map: &mut M) -> Result<(), M::Error> {
        if self.view.counts {
            map.serialize_entry("clients", &self.clients)?;
            map.serialize_entry("analyses", &self.analyses)?;
        }
        Ok(())
    }

    /// Whether the view has counts.
    pub(crate) fn has_counts(self) -> bool {
        self.view.counts
    }
}

impl Serialize for Average {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.view.counts {
            return self.value().serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &self.value())?;
        self.serialize_counts(&mut map)?;
        map.end()
    }
}

impl fmt::Debug for Average {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            analyses, clients, ..
        } = self;
        write!(
            f,
            "{:?} of {analyses} analyses, {clients} clients",
            self.value()
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::processor::parameters;

    /// A cell of one client-day for each list of values.
    fn cell(client_days: &[&[f64]]) -> Cell {
        let mut cell = Cell::default();
        for values in client_days {
            let mut mean = Mean::default();
            values.iter().for_each(|value| mean.add(*value));
            cell.add(mean);
        }
        cell
    }

    #[test]
    fn the_weight_selects_the_mean() {
        let cell = cell(&[&[1.0, 2.0, 3.0], &[10.0]]);
        for (weight, value) in [(Weight::Analysis, 4.0), (Weight::Client, 6.0)] {
            let view = View {
                weight,
                ..View::default()
            };
            let average = view.average(cell);
            assert_eq!(average.value(), Some(value));
            assert_eq!((average.analyses(), average.clients()), (4, 2));
        }
    }

    #[test]
    fn dates_are_merged_with_the_counts_of_the_date_with_the_most() {
        let view = View::default();
        let mut average = view.average(cell(&[&[1.0, 1.0, 1.0]]));
        average.merge(view.average(cell(&[&[5.0], &[5.0]])));
        assert_eq!(average.value(), Some(2.6));
        assert_eq!((average.analyses(), average.clients()), (3, 2));
    }

    #[test]
    fn rounded_means_have_the_digits_that_clients_bear() {
        let view = View {
            precision: Precision::Rounded,
            ..View::default()
        };
        for (clients, value, rounded) in [
            (1, 0.0, 0.0),
            (3, 109.4, 110.0),
            (99, 0.033_61, 0.034),
            (100, 109.4, 109.0),
            (9999, 4991.2, 4990.0),
            (10_000, 4991.2, 4991.0),
        ] {
            let mut cell = Cell::default();
            for _ in 0..clients {
                let mut mean = Mean::default();
                mean.add(value);
                cell.add(mean);
            }
            assert_eq!(view.average(cell).value(), Some(rounded), "{clients}");
        }
    }

    #[test]
    fn parameters_select_a_view() {
        let view = |value| parameters::<ViewParameters>(&value).map(View::from);
        assert_eq!(view(json!([])), Ok(View::default()));
        let counted = View {
            weight: Weight::Client,
            precision: Precision::Full,
            counts: true,
        };
        for counts in [json!(true), json!(1), json!("1"), json!("true")] {
            let parameters = json!({"weight": "client", "counts": counts, "risks_state": "x"});
            assert_eq!(view(parameters), Ok(counted));
        }
        let parameters = json!({"weight": null, "counts": ""});
        assert_eq!(view(parameters), Ok(View::default()));
        let error = view(json!({"weight": "clients", "counts": 2})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "counts: '2' is not true or false; weight: 'clients' is not analysis or client"
        );
    }
}
