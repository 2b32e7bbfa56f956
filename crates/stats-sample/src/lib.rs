#![doc = include_str!("../README.md")]

mod analysis;
mod catalogue;
mod documents;
mod incident;
mod payload;
mod random;
mod risks;
mod story;

pub use analysis::{Analysis, Sample};
pub use incident::Incident;
pub use payload::payload;
pub use story::{Office, Story};
