use std::str::FromStr;

use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use stats_core::{InvalidValue, StatsType};

/// What a processor has gathered from some stats.
///
/// Stats may be folded into any number of partials, in any order, and these merged in any order: what comes out is the
/// same. The default is the partial of no stats.
pub trait Partial: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// A number for what serialised partials hold. It changes whenever those of an earlier version can no longer be
    /// read, or would no longer be what folding gives, so that whoever keeps them knows which to throw away.
    const FORMAT: u32;

    /// Takes in the stat of that date whose document is `data`. What cannot be read is skipped; nothing is an error.
    fn fold(&mut self, date: NaiveDate, data: &str);

    /// Takes in all that another partial holds.
    fn merge(&mut self, other: Self);

    /// How much could not be read: stats of which nothing could, and parts of others.
    fn skipped(&self) -> u64;

    /// Whether there is nothing to show: no stat was folded in, or none of which anything could be read.
    fn is_empty(&self) -> bool;
}

/// A way to turn many stats into one result. The value holds the parameters, which are valid.
pub trait Processor: Sized + Send + Sync + 'static {
    /// What it gathers. Processors that gather the same share the type.
    type Partial: Partial;

    /// The name on the wire.
    const NAME: &'static str;
    /// What it does and which parameters it has, for people.
    const DESCRIPTION: &'static str;
    /// The type of the stats that it works on.
    const STATS_TYPE: StatsType;

    /// The processor with these parameters, an object; `null`, `{}` and `[]` alike mean none.
    ///
    /// A parameter that the processor does not know is ignored, since front offices send the same ones to all. The
    /// error says which one has a value that it cannot have.
    fn new(parameters: &Value) -> Result<Self, InvalidValue>;

    /// Writes the result. That of an empty partial is `[]` as a series and `{}` as a map.
    fn finish<S: Serializer>(
        &self,
        partial: &Self::Partial,
        shape: Shape,
        serializer: S,
    ) -> Result<S::Ok, S::Error>;
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Lists, sorted by date, for charts.
    Series,
    /// Objects by name and date, for looking things up.
    Map,
}

impl FromStr for Shape {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "series" => Ok(Self::Series),
            "map" => Ok(Self::Map),
            _ => Err(InvalidValue::new(text, "a shape (series or map)")),
        }
    }
}

/// Writes the result of an empty partial.
pub(crate) fn finish_empty<S: Serializer>(shape: Shape, serializer: S) -> Result<S::Ok, S::Error> {
    match shape {
        Shape::Series => serializer.collect_seq([(); 0]),
        Shape::Map => serializer.collect_map([((), ()); 0]),
    }
}

/// Parameters by name.
pub(crate) fn parameters(value: &Value) -> Result<Map<String, Value>, InvalidValue> {
    match value {
        Value::Object(parameters) => Ok(parameters.clone()),
        Value::Null => Ok(Map::new()),
        Value::Array(list) if list.is_empty() => Ok(Map::new()),
        other => Err(InvalidValue::new(&other.to_string(), "an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_by_name() {
        assert_eq!("series".parse(), Ok(Shape::Series));
        assert_eq!("map".parse(), Ok(Shape::Map));
        let error = "odd".parse::<Shape>().unwrap_err();
        assert_eq!(error.to_string(), "'odd' is not a shape (series or map)");
    }
}
