#![doc = include_str!("../README.md")]

mod docs;
mod error;
mod logging;
mod settings;
mod values;

pub use error::SettingsError;
pub use logging::{LogFile, init_logging};
pub use settings::Settings;
pub use values::{Blueprint, HttpUrl};
