#![doc = include_str!("../README.md")]

mod error;
mod keys;
mod layers;
mod logging;
mod settings;
mod values;

pub use error::SettingsError;
pub use logging::init_logging;
pub use settings::Settings;
pub use values::{Blueprint, DatabaseUrl, HttpUrl};
