#![doc = include_str!("../README.md")]

mod analysis;
mod catalogue;
mod documents;
mod payload;
mod random;

pub use analysis::{Analysis, Sample};
pub use payload::payload;
