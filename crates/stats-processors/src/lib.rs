#![doc = include_str!("../README.md")]

mod names;

mod cartography;
mod compliance;
pub mod json;
mod label;
mod mean;
mod object;
mod processor;
mod registry;
mod risk;
mod table;
mod view;
mod withhold;

pub use cartography::{
    CartographyAverages, CartographyAveragesOnDate, CartographyHistory, CartographyMeans,
    CartographyPartial, CartographySeries, MAX_IMPACT, MAX_LIKELIHOOD, MAX_PROBABILITY, RiskMatrix,
};
pub use compliance::{
    CategoryAverages, CategoryMeans, CategoryMeansOnDate, ComplianceAverages,
    ComplianceAveragesOnDate, ComplianceMeans, CompliancePartial, ReferentialAverages,
};
pub use label::{Labels, Language, MAX_LABEL_LENGTH, MAX_LABELS};
pub use mean::{Cell, MAX_VALUE, Mean};
pub use object::{
    MAX_KEPT_OBJECTS, ObjectAverages, ObjectMeans, ObjectMeansOnDate, ObjectPartial,
    ThreatAverageOnDate, VulnerabilityAverageOnDate,
};
pub use processor::{
    AnalysisDocuments, ExtractedPartial, Format, Partial, Processor, Selection, Shape,
    StoredPartial, UnreadableExtract,
};
pub use registry::{Accumulator, Finisher, ProcessorError, Registered, Registry};
pub use risk::{
    Kind, Level, Levels, RiskAverages, RiskAveragesOnDate, RiskHistory, RiskMeans, RiskParameters,
    RiskPartial, RiskSeries, State,
};
pub use view::{Average, Precision, View, Weight};
pub use withhold::Disclosure;
