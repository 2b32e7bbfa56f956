use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;
use serde_json::Value;
use stats_core::{AnalysisId, InvalidValue, Stat, StatsType};

use crate::processor::{AnalysisDocuments, parameters};
use crate::view::ViewParameters;
use crate::{
    CartographyAverages, CartographyAveragesOnDate, ComplianceAverages, ComplianceAveragesOnDate,
    Disclosure, ExtractedPartial, Format, Partial, Precision, Processor, RiskAverages,
    RiskAveragesOnDate, Shape, StoredPartial, ThreatAverageOnDate, UnreadableExtract, View,
    VulnerabilityAverageOnDate,
};

/// An error of a registry, an accumulator or a finisher.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessorError {
    /// Another processor has this name.
    #[error("a processor named '{0}' is already registered")]
    NameTaken(&'static str),
    /// The accumulator belongs to a processor with another type of partial.
    #[error("the accumulator belongs to a processor with another type of partial")]
    OtherPartial,
    /// The partials or extracts of this processor cannot be stored.
    #[error("the partials or extracts of this processor cannot be stored")]
    NotStored,
    /// A stored partial is not JSON, or belongs to another type.
    #[error("the stored partial cannot be read")]
    Read(#[source] serde_json::Error),
    /// A stored extract is damaged or has another format.
    #[error(transparent)]
    Extract(#[from] UnreadableExtract),
    /// A partial or a result cannot be written as JSON.
    #[error("the partial or result cannot be written as JSON")]
    Write(#[source] serde_json::Error),
}

/// Processors by name. The default contains the built-in ones.
#[derive(Debug, Clone)]
pub struct Registry(Vec<Registered>);

impl Default for Registry {
    fn default() -> Self {
        Self(vec![
            Registered::stored::<RiskAverages>(),
            Registered::stored::<RiskAveragesOnDate>(),
            Registered::extracted::<ThreatAverageOnDate>(),
            Registered::extracted::<VulnerabilityAverageOnDate>(),
            Registered::stored::<CartographyAverages>(),
            Registered::stored::<CartographyAveragesOnDate>(),
            Registered::stored::<ComplianceAverages>(),
            Registered::stored::<ComplianceAveragesOnDate>(),
        ])
    }
}

impl Registry {
    /// A registry without processors.
    pub fn empty() -> Self {
        Self(Vec::new())
    }

    /// Adds a processor. Fails if its name is taken.
    pub fn register<P: Processor>(&mut self) -> Result<(), ProcessorError> {
        self.add(Registered::new::<P>())
    }

    /// Adds a processor whose partials can be stored. Fails if its name is taken.
    pub fn register_stored<P: Processor<Partial: StoredPartial>>(
        &mut self,
    ) -> Result<(), ProcessorError> {
        self.add(Registered::stored::<P>())
    }

    /// The processor with this name.
    pub fn find(&self, name: &str) -> Option<&Registered> {
        self.iter().find(|known| known.name == name)
    }

    /// All processors, in the order of registration.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.0.iter()
    }

    fn add(&mut self, processor: Registered) -> Result<(), ProcessorError> {
        if self.find(processor.name).is_some() {
            return Err(ProcessorError::NameTaken(processor.name));
        }
        self.0.push(processor);
        Ok(())
    }
}

/// A [`Processor`] whose type is not known at compile time.
#[derive(Clone, Copy)]
pub struct Registered {
    /// The name on the wire.
    pub name: &'static str,
    /// A description for users, which names the parameters.
    pub description: &'static str,
    /// The type of the stats that are folded.
    pub stats_type: StatsType,
    /// The type of its partial. Processors with the same type of partial and of stats can share accumulators.
    pub partial_type: TypeId,
    /// The format of its stored partials, or `None` if they cannot be stored.
    pub format: Option<Format>,
    start: fn() -> Box<dyn ErasedPartial>,
    prepare: fn(&Value) -> Result<Finisher, InvalidValue>,
    storage: Option<Storage>,
    extraction: Option<Extraction>,
}

impl Registered {
    fn new<P: Processor>() -> Self {
        Self {
            name: P::NAME,
            description: P::DESCRIPTION,
            stats_type: P::STATS_TYPE,
            partial_type: TypeId::of::<P::Partial>(),
            start: || Box::new(P::Partial::default()),
            prepare: Finisher::new::<P>,
            format: None,
            storage: None,
            extraction: None,
        }
    }

    /// A processor whose partials can be stored.
    pub fn stored<P: Processor<Partial: StoredPartial>>() -> Self {
        Self {
            format: Some(P::Partial::FORMAT),
            storage: Some(Storage::of::<P::Partial>()),
            ..Self::new::<P>()
        }
    }

    /// A processor whose partials and extracts can be stored.
    pub fn extracted<P: Processor<Partial: ExtractedPartial>>() -> Self {
        Self {
            extraction: Some(Extraction {
                format: P::Partial::EXTRACT,
                extract: P::Partial::extract,
                fold: fold_extract::<P::Partial>,
            }),
            ..Self::stored::<P>()
        }
    }

    /// The format of its extracts, or `None` if it has none.
    pub fn extract_format(&self) -> Option<Format> {
        self.extraction.map(|extraction| extraction.format)
    }

    /// See [`ExtractedPartial::extract`]. `None` also if the processor has no extracts.
    pub fn extract(&self, documents: &mut AnalysisDocuments<'_, '_>) -> Option<Vec<u8>> {
        (self.extraction?.extract)(documents)
    }

    /// An empty accumulator.
    pub fn start(&self) -> Accumulator {
        Accumulator {
            partial: (self.start)(),
            storage: self.storage,
            extraction: self.extraction,
        }
    }

    /// Parses the parameters: an object, or `null` or an empty list for none. The error names each invalid parameter.
    ///
    /// Every processor has two parameters besides its own: `weight`, `analysis` (the default) or `client`, see
    /// [`Weight`](crate::Weight); and `counts`, whether a series has the numbers of clients and analyses, see [`View`].
    pub fn prepare(&self, parameters: &Value) -> Result<Finisher, InvalidValue> {
        (self.prepare)(parameters)
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registered").field(&self.name).finish()
    }
}

/// A [`Partial`] whose type is not known at compile time, created by [`Registered::start`].
pub struct Accumulator {
    partial: Box<dyn ErasedPartial>,
    storage: Option<Storage>,
    extraction: Option<Extraction>,
}

impl Accumulator {
    /// Adds one client's stats of one day, see [`Partial::fold`].
    pub fn fold<'a>(
        &mut self,
        date: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    ) {
        let mut documents = documents.into_iter().map(Into::into);
        self.partial.fold(date, &mut documents);
    }

    /// Adds a stat as a client-day of its own.
    pub fn fold_stat(&mut self, stat: &Stat) {
        self.fold(stat.date, [stat.data.as_str()]);
    }

    /// Adds an accumulator of other client-days. Fails if its partial has another type.
    pub fn merge(&mut self, other: &Self) -> Result<(), ProcessorError> {
        self.partial.merge(&*other.partial)
    }

    /// Adds a stored partial. An error changes nothing.
    pub fn merge_json(&mut self, json: &[u8]) -> Result<(), ProcessorError> {
        let storage = self.storage.ok_or(ProcessorError::NotStored)?;
        (storage.merge_json)(&mut *self.partial, json)
    }

    /// Adds an extract of some stats, see [`ExtractedPartial::fold_extract`].
    pub fn fold_extract(
        &mut self,
        date: NaiveDate,
        extract: &[u8],
        analyses: Option<&BTreeSet<AnalysisId>>,
    ) -> Result<(), ProcessorError> {
        let extraction = self.extraction.ok_or(ProcessorError::NotStored)?;
        (extraction.fold)(&mut *self.partial, date, extract, analyses)
    }

    /// The partial. Fails if it has another type.
    pub fn into_partial<P: Partial>(self) -> Result<P, ProcessorError> {
        let partial = self.partial.into_any().downcast();
        partial
            .map(|partial| *partial)
            .map_err(|_| ProcessorError::OtherPartial)
    }

    /// The partial as JSON. The same content gives the same bytes.
    pub fn to_json(&self) -> Result<Vec<u8>, ProcessorError> {
        let storage = self.storage.ok_or(ProcessorError::NotStored)?;
        (storage.to_json)(&*self.partial)
    }

    /// See [`StoredPartial::withhold`]. An error changes nothing.
    pub fn withhold(
        &mut self,
        disclosure: &mut Disclosure,
        all: Option<&Self>,
    ) -> Result<(), ProcessorError> {
        let storage = self.storage.ok_or(ProcessorError::NotStored)?;
        let all = all.map(|all| &*all.partial);
        (storage.withhold)(&mut *self.partial, disclosure, all)
    }

    /// See [`Partial::skipped`].
    pub fn skipped(&self) -> u64 {
        self.partial.skipped()
    }

    /// See [`Partial::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }
}

/// Computes results of accumulators with given parameters, created by [`Registered::prepare`].
pub struct Finisher {
    view: View,
    finish: Box<Finish>,
}

type Finish = dyn Fn(&dyn Any, Shape, View) -> Result<String, ProcessorError> + Send + Sync;

impl Finisher {
    fn new<P: Processor>(value: &Value) -> Result<Self, InvalidValue> {
        let view = parameters::<ViewParameters>(value)?.into();
        let params = parameters::<P::Params>(value)?;
        let finish = move |partial: &dyn Any, shape, view| {
            let partial = partial.downcast_ref::<P::Partial>();
            let partial = partial.ok_or(ProcessorError::OtherPartial)?;
            if Partial::is_empty(partial) {
                return Ok(match shape {
                    Shape::Series => "[]".to_owned(),
                    Shape::Map => "{}".to_owned(),
                });
            }
            let output = P::finish(partial, &params, view);
            match shape {
                Shape::Series => serde_json::to_string(&output),
                Shape::Map => serde_json::to_string(&P::map(&output)),
            }
            .map_err(ProcessorError::Write)
        };
        Ok(Self {
            view,
            finish: Box::new(finish),
        })
    }

    /// How results show means.
    pub fn view(&self) -> View {
        self.view
    }

    /// The same with other digits of means. By default they have full precision.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.view.precision = precision;
        self
    }

    /// The result as JSON; `[]` or `{}` for an empty partial.
    pub fn finish(
        &self,
        accumulator: &Accumulator,
        shape: Shape,
    ) -> Result<String, ProcessorError> {
        (self.finish)(accumulator.partial.as_any(), shape, self.view)
    }
}

/// The functions that store and read a type of partial.
#[derive(Clone, Copy)]
struct Storage {
    to_json: fn(&dyn ErasedPartial) -> Result<Vec<u8>, ProcessorError>,
    merge_json: fn(&mut dyn ErasedPartial, &[u8]) -> Result<(), ProcessorError>,
    withhold: Withhold,
}

type Withhold = fn(
    &mut dyn ErasedPartial,
    &mut Disclosure,
    Option<&dyn ErasedPartial>,
) -> Result<(), ProcessorError>;

impl Storage {
    fn of<P: StoredPartial>() -> Self {
        Self {
            to_json: |partial| {
                let partial = partial.as_any().downcast_ref::<P>();
                serde_json::to_vec(partial.ok_or(ProcessorError::OtherPartial)?)
                    .map_err(ProcessorError::Write)
            },
            merge_json: |partial, json| {
                let other: P = serde_json::from_slice(json).map_err(ProcessorError::Read)?;
                partial.merge(&other)
            },
            withhold: |partial, disclosure, all| {
                let partial = partial.as_any_mut().downcast_mut::<P>();
                let partial = partial.ok_or(ProcessorError::OtherPartial)?;
                let all = all.map(|all| all.as_any().downcast_ref::<P>());
                let all = all.map(|all| all.ok_or(ProcessorError::OtherPartial));
                partial.withhold(disclosure, all.transpose()?);
                Ok(())
            },
        }
    }
}

/// The functions that make and read the extracts of a type of partial.
#[derive(Clone, Copy)]
struct Extraction {
    format: Format,
    extract: fn(&mut AnalysisDocuments<'_, '_>) -> Option<Vec<u8>>,
    fold: FoldExtract,
}

type FoldExtract = fn(
    &mut dyn ErasedPartial,
    NaiveDate,
    &[u8],
    Option<&BTreeSet<AnalysisId>>,
) -> Result<(), ProcessorError>;

fn fold_extract<P: ExtractedPartial>(
    partial: &mut dyn ErasedPartial,
    date: NaiveDate,
    extract: &[u8],
    analyses: Option<&BTreeSet<AnalysisId>>,
) -> Result<(), ProcessorError> {
    let partial = partial.as_any_mut().downcast_mut::<P>();
    let partial = partial.ok_or(ProcessorError::OtherPartial)?;
    Ok(partial.fold_extract(date, extract, analyses)?)
}

/// [`Partial`] without generic methods.
trait ErasedPartial: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn fold(&mut self, date: NaiveDate, documents: &mut dyn Iterator<Item = Cow<'_, str>>);
    fn merge(&mut self, other: &dyn ErasedPartial) -> Result<(), ProcessorError>;
    fn skipped(&self) -> u64;
    fn is_empty(&self) -> bool;
}

impl<P: Partial> ErasedPartial for P {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn fold(&mut self, date: NaiveDate, documents: &mut dyn Iterator<Item = Cow<'_, str>>) {
        Partial::fold(self, date, documents);
    }

    fn merge(&mut self, other: &dyn ErasedPartial) -> Result<(), ProcessorError> {
        let other = other.as_any().downcast_ref();
        Partial::merge(self, other.ok_or(ProcessorError::OtherPartial)?);
        Ok(())
    }

    fn skipped(&self) -> u64 {
        Partial::skipped(self)
    }

    fn is_empty(&self) -> bool {
        Partial::is_empty(self)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;
    use serde_json::json;

    use super::*;
    use crate::ObjectPartial;

    struct Skipped;

    impl Processor for Skipped {
        type Partial = ObjectPartial;
        type Params = IgnoredAny;
        type Output = u64;

        const NAME: &'static str = "skipped";
        const DESCRIPTION: &'static str = "The number of parts that cannot be read.";
        const STATS_TYPE: StatsType = StatsType::Threat;

        fn finish(partial: &ObjectPartial, _: &IgnoredAny, _: View) -> u64 {
            Partial::skipped(partial)
        }
    }

    #[test]
    fn processors_are_ordered_and_names_are_unique() {
        fn assert_send_sync<T: Send + Sync>(_: &T) {}

        let mut registry = Registry::default();
        assert_send_sync(&registry);
        registry.register::<Skipped>().unwrap();
        let names: Vec<_> = registry.iter().map(|known| known.name).collect();
        assert_eq!(
            names,
            [
                "risk_averages",
                "risk_averages_on_date",
                "threat_average_on_date",
                "vulnerability_average_on_date",
                "cartography_averages",
                "cartography_averages_on_date",
                "compliance_averages",
                "compliance_averages_on_date",
                "skipped"
            ]
        );
        for name in names {
            assert_eq!(registry.find(name).unwrap().name, name);
        }
        assert!(registry.find("tree").is_none());
        let error = registry.register_stored::<RiskAverages>().unwrap_err();
        let message = "a processor named 'risk_averages' is already registered";
        assert_eq!(error.to_string(), message);

        let mut registry = Registry::empty();
        registry.register_stored::<Skipped>().unwrap();
        assert_eq!(registry.iter().count(), 1);
    }

    #[test]
    fn descriptions_name_the_parameters() {
        let registry = Registry::default();
        for name in [
            "risk_averages",
            "risk_averages_on_date",
            "cartography_averages",
            "cartography_averages_on_date",
        ] {
            let description = registry.find(name).unwrap().description;
            let words = "risks_type informational operational risks_state current residual";
            assert!(words.split(' ').all(|word| description.contains(word)));
        }
    }

    #[test]
    fn processors_with_the_same_partial_share_accumulators() {
        let registry = Registry::default();
        for one in registry.iter() {
            let finisher = one.prepare(&Value::Null).unwrap();
            for other in registry.iter() {
                let merged = one.start().merge(&other.start());
                let finished = finisher.finish(&other.start(), Shape::Map);
                for result in [merged, finished.map(drop)] {
                    match one.partial_type == other.partial_type {
                        true => assert!(result.is_ok() && one.format == other.format),
                        false => assert!(matches!(result, Err(ProcessorError::OtherPartial))),
                    }
                }
            }
        }
    }

    #[test]
    fn results_take_the_requested_shape() {
        let threats = r#"[5, {"uuid": "b402d4e0-4576-11e9-9173-0800277f0571", "count": 1, "maxRisk": 1, "averageRate": 1}]"#;
        let mut registry = Registry::default();
        registry.register::<Skipped>().unwrap();
        for (name, series, map) in [
            ("threat_average_on_date", "[{\"object\":", "{\"b402d4e0-"),
            ("skipped", "2", "2"),
        ] {
            let processor = registry.find(name).unwrap();
            let finisher = processor.prepare(&json!({"unknown": 1})).unwrap();
            let mut accumulator = processor.start();
            for (documents, shape, start) in [
                ("5", Shape::Series, "[]"),
                ("[]", Shape::Map, "{}"),
                (threats, Shape::Series, series),
                ("[]", Shape::Map, map),
            ] {
                accumulator.fold(NaiveDate::MIN, [documents]);
                let result = finisher.finish(&accumulator, shape).unwrap();
                assert!(result.starts_with(start), "{result}");
            }
        }
    }

    #[test]
    fn only_stored_partials_become_json() {
        let mut registry = Registry::empty();
        registry.register::<Skipped>().unwrap();
        let processor = registry.find("skipped").unwrap();
        assert_eq!(processor.format, None);
        let mut accumulator = processor.start();
        let written = accumulator.to_json().map(drop);
        for result in [written, accumulator.merge_json(b"{}")] {
            assert!(matches!(result, Err(ProcessorError::NotStored)));
        }
    }

    #[test]
    fn a_merge_json_error_changes_nothing() {
        for processor in Registry::default().iter() {
            let mut accumulator = processor.start();
            let empty = String::from_utf8(accumulator.to_json().unwrap()).unwrap();
            let full = empty.replace('0', &u64::MAX.to_string());
            accumulator.merge_json(full.as_bytes()).unwrap();
            accumulator.fold(NaiveDate::MIN, ["5"]);
            assert_eq!(accumulator.skipped(), u64::MAX);
            for json in ["", "null", "{}", "[]", r#"{"skipped":1}"#] {
                let error = accumulator.merge_json(json.as_bytes()).unwrap_err();
                assert!(matches!(error, ProcessorError::Read(_)));
            }
            assert_eq!(accumulator.to_json().unwrap(), full.as_bytes());
        }
    }
}
