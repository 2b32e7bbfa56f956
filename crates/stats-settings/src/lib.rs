#![doc = include_str!("../README.md")]

mod error;
mod exit;
mod keys;
mod layers;
mod logging;
mod settings;
mod values;

pub use error::SettingsError;
pub use exit::{Failure, exit_code};
pub use logging::init_logging;
pub use settings::Settings;
pub use values::{Blueprint, DatabaseUrl, HttpUrl};
