#![doc = include_str!("../README.md")]

mod docs;
mod error;
mod files;
mod logging;
mod settings;
mod sources;
mod values;

pub use error::SettingsError;
pub use files::{Logo, read_logo, read_paragraphs};
pub use logging::{LogFile, init_logging};
pub use settings::{Entry, LoadedSettings, SETTINGS_FILE, Settings};
pub use sources::Origin;
pub use values::{Blueprint, HttpUrl};
