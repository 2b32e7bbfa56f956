use std::any::Any;

use chrono::NaiveDate;
use serde_json::Value;
use stats_core::{InvalidValue, StatsType};

use crate::{
    Partial, Processor, RiskAverages, RiskAveragesOnDate, Shape, ThreatAverageOnDate,
    VulnerabilityAverageOnDate,
};

/// All processors, by name.
pub fn all() -> &'static [Registered] {
    static ALL: [Registered; 4] = [
        Registered::of::<RiskAverages>(),
        Registered::of::<RiskAveragesOnDate>(),
        Registered::of::<ThreatAverageOnDate>(),
        Registered::of::<VulnerabilityAverageOnDate>(),
    ];
    &ALL
}

/// The processor with this name.
pub fn find(name: &str) -> Option<&'static Registered> {
    all().iter().find(|known| known.name == name)
}

/// Why something could not be done with an accumulator.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// The accumulator belongs to a processor that gathers something else.
    #[error("the accumulator is that of another processor")]
    OtherProcessor,
    /// A serialised partial is not JSON, or not one of this processor.
    #[error("the partial cannot be read: {0}")]
    Partial(#[source] serde_json::Error),
    /// A partial or a result could not be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    Write(#[source] serde_json::Error),
}

/// A [`Processor`] whose type is not known at compile time.
#[derive(Debug)]
pub struct Registered {
    name: &'static str,
    description: &'static str,
    stats_type: StatsType,
    format: u32,
    start: fn() -> Box<dyn Accumulator>,
    prepare: fn(&Value) -> Result<Box<dyn Finish>, InvalidValue>,
}

impl Registered {
    /// The processor `P`.
    pub const fn of<P: Processor>() -> Self {
        Self {
            name: P::NAME,
            description: P::DESCRIPTION,
            stats_type: P::STATS_TYPE,
            format: P::Partial::FORMAT,
            start: || Box::new(Erased(P::Partial::default())),
            prepare: |parameters| Ok(Box::new(Prepared(P::new(parameters)?))),
        }
    }

    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does and which parameters it has, for people.
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// The type of the stats that it works on.
    pub fn stats_type(&self) -> StatsType {
        self.stats_type
    }

    /// The [`Partial::FORMAT`] of what it gathers. All processors in [`all`] for one type of stats gather the same, so
    /// that a partial kept under type, date and format serves each of them.
    pub fn format(&self) -> u32 {
        self.format
    }

    /// An empty accumulator.
    pub fn start(&self) -> Box<dyn Accumulator> {
        (self.start)()
    }

    /// Checks the parameters, see [`Processor::new`]; what comes back writes results.
    pub fn prepare(&self, parameters: &Value) -> Result<Box<dyn Finish>, InvalidValue> {
        (self.prepare)(parameters)
    }
}

/// A [`Partial`] whose type is not known at compile time. Made by [`Registered::start`].
pub trait Accumulator: Any + Send + Sync {
    /// See [`Partial::fold`].
    fn fold(&mut self, date: NaiveDate, data: &str);

    /// Takes in all that another accumulator of this processor holds, or of one that gathers the same.
    fn merge(&mut self, other: Box<dyn Accumulator>) -> Result<(), ProcessorError>;

    /// Takes in a serialised partial. One that cannot be read changes nothing.
    fn merge_json(&mut self, json: &[u8]) -> Result<(), ProcessorError>;

    /// The partial as JSON, the same bytes for the same content.
    fn to_json(&self) -> Result<Vec<u8>, ProcessorError>;

    /// See [`Partial::skipped`].
    fn skipped(&self) -> u64;

    /// See [`Partial::is_empty`].
    fn is_empty(&self) -> bool;
}

/// A [`Processor`] with its parameters, whose type is not known at compile time. Made by [`Registered::prepare`].
pub trait Finish: Send + Sync {
    /// The result as JSON.
    fn finish(&self, accumulator: &dyn Accumulator, shape: Shape)
    -> Result<String, ProcessorError>;
}

struct Erased<P>(P);

impl<P: Partial> Accumulator for Erased<P> {
    fn fold(&mut self, date: NaiveDate, data: &str) {
        self.0.fold(date, data);
    }

    fn merge(&mut self, other: Box<dyn Accumulator>) -> Result<(), ProcessorError> {
        let other: Box<dyn Any> = other;
        let other = other
            .downcast::<Self>()
            .map_err(|_| ProcessorError::OtherProcessor)?;
        self.0.merge(other.0);
        Ok(())
    }

    fn merge_json(&mut self, json: &[u8]) -> Result<(), ProcessorError> {
        self.0
            .merge(serde_json::from_slice(json).map_err(ProcessorError::Partial)?);
        Ok(())
    }

    fn to_json(&self) -> Result<Vec<u8>, ProcessorError> {
        serde_json::to_vec(&self.0).map_err(ProcessorError::Write)
    }

    fn skipped(&self) -> u64 {
        self.0.skipped()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

struct Prepared<P>(P);

impl<P: Processor> Finish for Prepared<P> {
    fn finish(
        &self,
        accumulator: &dyn Accumulator,
        shape: Shape,
    ) -> Result<String, ProcessorError> {
        let accumulator: &dyn Any = accumulator;
        let Erased(partial) = accumulator
            .downcast_ref::<Erased<P::Partial>>()
            .ok_or(ProcessorError::OtherProcessor)?;
        let mut json = Vec::new();
        self.0
            .finish(partial, shape, &mut serde_json::Serializer::new(&mut json))
            .map_err(ProcessorError::Write)?;
        // What serde_json writes is UTF-8.
        String::from_utf8(json)
            .map_err(|error| ProcessorError::Write(serde::ser::Error::custom(error)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn processors_are_found_by_name() {
        let names: Vec<_> = all().iter().map(Registered::name).collect();
        assert_eq!(
            names,
            [
                "risk_averages",
                "risk_averages_on_date",
                "threat_average_on_date",
                "vulnerability_average_on_date"
            ]
        );
        for known in all() {
            assert_eq!(find(known.name()).map(Registered::name), Some(known.name()));
            assert!(!known.description().is_empty());
        }
        assert!(find("tree").is_none());
        let on_date = find("risk_averages_on_date").unwrap();
        for word in [
            "risks_type",
            "informational",
            "operational",
            "risks_state",
            "current",
            "residual",
        ] {
            assert!(on_date.description().contains(word), "{word}");
        }
    }

    /// A partial is kept under the type of the stats, and must serve every processor for it.
    #[test]
    fn processors_of_one_type_gather_the_same() {
        for one in all() {
            for other in all()
                .iter()
                .filter(|other| other.stats_type == one.stats_type)
            {
                assert_eq!(one.format(), other.format());
                one.start().merge(other.start()).unwrap();
                let finish = one.prepare(&Value::Null).unwrap();
                finish.finish(other.start().as_ref(), Shape::Map).unwrap();
            }
        }
    }

    #[test]
    fn what_belongs_elsewhere_is_refused() {
        let risks = find("risk_averages").unwrap();
        let threats = find("threat_average_on_date").unwrap();
        let error = risks.start().merge(threats.start()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the accumulator is that of another processor"
        );
        let finish = threats.prepare(&Value::Null).unwrap();
        assert!(matches!(
            finish.finish(risks.start().as_ref(), Shape::Map),
            Err(ProcessorError::OtherProcessor)
        ));
    }

    #[test]
    fn a_partial_that_cannot_be_read_changes_nothing() {
        for processor in all() {
            let mut accumulator = processor.start();
            let skipped = accumulator.to_json().unwrap();
            let skipped = String::from_utf8(skipped)
                .unwrap()
                .replace('0', &u64::MAX.to_string());
            accumulator.merge_json(skipped.as_bytes()).unwrap();
            accumulator.fold("2026-11-20".parse().unwrap(), "5");
            assert_eq!(accumulator.skipped(), u64::MAX);
            let before = accumulator.to_json().unwrap();
            for json in [&b""[..], b"null", b"{}", b"[]", b"\xff", b"{\"skipped\":1}"] {
                let error = accumulator.merge_json(json).unwrap_err();
                assert!(
                    error
                        .to_string()
                        .starts_with("the partial cannot be read: ")
                );
            }
            assert_eq!(accumulator.to_json().unwrap(), before);
        }
    }

    #[test]
    fn parameters_are_checked_by_the_processor_that_has_them() {
        for processor in all() {
            for none in [json!(null), json!({}), json!([]), json!({"other": 1})] {
                assert!(processor.prepare(&none).is_ok(), "{none}");
            }
            assert!(processor.prepare(&json!("x")).is_err());
            let junk = processor.prepare(&json!({"risks_type": "junk"}));
            assert_eq!(junk.is_err(), processor.stats_type() == StatsType::Risk);
        }
    }
}
