#![doc = include_str!("../README.md")]

mod analysis;
mod catalogue;
mod dice;
mod json;

pub use analysis::{Analysis, Sample};
pub use json::payload;
