#![doc = include_str!("../README.md")]

mod json;
mod object;
mod processor;
mod registry;
mod risk;
mod sum;

pub use object::{ObjectPartial, ObjectSummary, ThreatAverageOnDate, VulnerabilityAverageOnDate};
pub use processor::{Partial, Processor, Shape};
pub use registry::{Accumulator, Finish, ProcessorError, Registered, all, find};
pub use risk::{RiskAverages, RiskAveragesOnDate, RiskHistory, RiskLevels, RiskPartial};
pub use sum::{ExactSum, MAX_MAGNITUDE, Mean};
