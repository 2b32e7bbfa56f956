use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use stats_core::{AnalysisId, FieldErrors, InvalidValue, Stat, StatsType};

use crate::names::named_enum;
use crate::{Disclosure, View};

/// The intermediate state of a processor: a mergeable accumulator. The default is empty.
///
/// The result does not depend on how client-days are ordered and split over partials, nor on the order of merges.
pub trait Partial: Default + Send + Sync + 'static {
    /// Adds one client's stats of one day.
    ///
    /// Each document is the `data` of one stat, that is, of one analysis. Documents are read one at a time, so memory
    /// does not grow with their number. Unreadable parts are skipped and counted.
    fn fold<'a>(
        &mut self,
        date: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    );

    /// Adds a stat as a client-day of its own.
    fn fold_stat(&mut self, stat: &Stat) {
        self.fold(stat.date, [stat.data.as_str()]);
    }

    /// Adds a partial of other client-days.
    fn merge(&mut self, other: &Self);

    /// The number of unreadable parts of stats. A stat that is unreadable as a whole counts as one part.
    fn skipped(&self) -> u64;

    /// Whether no readable stat was folded.
    fn is_empty(&self) -> bool;
}

/// A [`Partial`] that can be stored as JSON. The same content must give the same bytes.
pub trait StoredPartial: Partial + Serialize + DeserializeOwned {
    /// The format of the JSON.
    const FORMAT: Format;

    /// Leaves only what may be published of the stats of one day: cells and labels of enough clients, and no number of
    /// skipped parts. The partial must be of one day, on which its cells and labels count clients and not client-days.
    /// `all` is that of all clients, before it loses anything, if this partial is of some of them.
    fn withhold(&mut self, disclosure: &mut Disclosure, all: Option<&Self>);
}

/// A partial that reads little of long documents. The part of one client's stats of one day that it reads can be stored
/// as an extract, to be folded without the documents, also for some of the analyses.
pub trait ExtractedPartial: StoredPartial {
    /// The format of extracts.
    const EXTRACT: Format;

    /// The extract of the stats of one client and day, or `None` if it would be too large.
    fn extract(documents: &mut AnalysisDocuments<'_, '_>) -> Option<Vec<u8>>;

    /// Adds what [`Partial::fold`] would add for the documents of `analyses`, or of all analyses. An error changes
    /// nothing.
    fn fold_extract(
        &mut self,
        date: NaiveDate,
        extract: &[u8],
        analyses: Option<&BTreeSet<AnalysisId>>,
    ) -> Result<(), UnreadableExtract>;
}

/// Stats: the analysis and the document of each.
pub type AnalysisDocuments<'a, 'd> = dyn Iterator<Item = (AnalysisId, Cow<'d, str>)> + 'a;

/// The error of an extract that is damaged or has another format.
#[derive(Debug, thiserror::Error)]
#[error("the stored extract cannot be read")]
pub struct UnreadableExtract(#[from] postcard::Error);

/// The format of a stored partial or extract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// Identifies the type of the content.
    pub name: &'static str,
    /// Must change when content of the previous version becomes unreadable, or differs from the result of folding the
    /// same stats.
    pub version: u32,
}

/// Aggregates stats into one result.
pub trait Processor: 'static {
    /// Its intermediate state, which several processors may share.
    type Partial: Partial;
    /// Its own parameters. Each is optional. Unknown parameters are ignored, because front offices send the same
    /// parameters to all processors. Use [`IgnoredAny`](serde::de::IgnoredAny) for none.
    type Params: DeserializeOwned + Default + Send + Sync + 'static;
    /// The result. Serialises as [`Shape::Series`].
    type Output: Serialize;

    /// The name on the wire.
    const NAME: &'static str;
    /// A description for users, which names the parameters.
    const DESCRIPTION: &'static str;
    /// The type of the stats that are folded.
    const STATS_TYPE: StatsType;

    /// Computes the result, with means as `view` shows them.
    fn finish(partial: &Self::Partial, params: &Self::Params, view: View) -> Self::Output;

    /// The result in [`Shape::Map`], which has no counts, by default the same as [`Shape::Series`].
    fn map(output: &Self::Output) -> impl Serialize {
        output
    }
}

named_enum! {
    /// The JSON form of a result.
    Shape {
        /// Lists ordered by date, for charts.
        Series = "series",
        /// Objects keyed by name and date, for lookups.
        Map = "map",
    }
}

/// A parameter that selects values: a text with names separated by commas. An empty selection selects all values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<T>(pub Vec<T>);

impl<T: PartialEq> Selection<T> {
    /// Whether `value` is selected.
    pub fn contains(&self, value: &T) -> bool {
        self.0.is_empty() || self.0.contains(value)
    }
}

impl<T> Default for Selection<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// `null` and the empty text select all values.
impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Selection<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        if names.trim().is_empty() {
            return Ok(Self::default());
        }
        let values = names.split(',').map(|name| name.trim().parse());
        Ok(Self(
            values.collect::<Result<_, _>>().map_err(D::Error::custom)?,
        ))
    }
}

/// Parses parameters: an object, or `null` or an empty list for none. The error names each invalid parameter.
pub(crate) fn parameters<P: DeserializeOwned + Default>(value: &Value) -> Result<P, InvalidValue> {
    let parameters = match value {
        Value::Object(parameters) => parameters,
        Value::Null => return Ok(P::default()),
        Value::Array(list) if list.is_empty() => return Ok(P::default()),
        other => return Err(InvalidValue::new(&other.to_string(), "an object")),
    };
    P::deserialize(value).map_err(|error| {
        // Serde does not name the field. Every field is optional, so parse each one alone.
        let mut errors = FieldErrors::default();
        for (name, value) in parameters {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            if let Err(error) = P::deserialize(Value::Object(alone)) {
                errors.add(name, error);
            }
        }
        InvalidValue::message(match errors.is_empty() {
            true => error.to_string(),
            false => errors.to_string(),
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kind, RiskParameters, State};

    #[test]
    fn parameters_select_states_and_kinds() {
        for (value, risks_state, risks_type) in [
            (json!(null), vec![], vec![]),
            (json!({}), vec![], vec![]),
            (json!([]), vec![], vec![]),
            (
                json!({"risks_type": " ", "risks_state": null}),
                vec![],
                vec![],
            ),
            (
                json!({"risks_type": "operational", "unknown": 5}),
                vec![],
                vec![Kind::Operational],
            ),
            (
                json!({"risks_state": "residual, current"}),
                vec![State::Residual, State::Current],
                vec![],
            ),
        ] {
            let expected = RiskParameters {
                risks_state: Selection(risks_state),
                risks_type: Selection(risks_type),
            };
            assert_eq!(parameters(&value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn errors_name_the_invalid_parameters() {
        for (value, message) in [
            (json!(5), "'5' is not an object"),
            (json!(["current"]), r#"'[\"current\"]' is not an object"#),
            (
                json!({"risks_type": "junk", "other": 5, "risks_state": ["current"]}),
                "risks_state: invalid type: sequence, expected a string; \
                 risks_type: 'junk' is not informational or operational",
            ),
            (
                json!({"risks_state": "current,"}),
                "risks_state: '' is not current or residual",
            ),
            (
                json!({"risks_state": "Current"}),
                "risks_state: 'Current' is not current or residual",
            ),
        ] {
            let error = parameters::<RiskParameters>(&value).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
