use std::io;
use std::path::PathBuf;

use stats_core::InvalidValue;

/// Why there are no settings, or no log. No secret is part of it.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no settings file, or it cannot be read.
    #[error("the settings file {}, which STATS_CONFIG names, cannot be read", .path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The settings file is one of the Python service.
    #[error(
        "STATS_CONFIG names {}, a file of the Python service: the settings are a TOML file now, see the sample file \
         (examples/stats.toml)",
        .path.display()
    )]
    PythonFile {
        /// The file.
        path: PathBuf,
    },
    /// The settings file is not TOML.
    #[error("{} cannot be read: {problem}", .path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// The settings file has a key that does not exist.
    #[error("{} has an unknown key '{key}': the nearest known one is {nearest}", .path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The key that was probably meant.
        nearest: &'static str,
    },
    /// A value is not what it should be.
    #[error("{key} in {origin}: {problem}")]
    Value {
        /// The key of the value.
        key: &'static str,
        /// The settings file, or `the environment`.
        origin: String,
        /// What is wrong, and what is expected.
        problem: InvalidValue,
    },
    /// The log file cannot be opened.
    #[error("the log file {}, which LOG_PATH names, cannot be opened", .path.display())]
    LogFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process has a logger already.
    #[error("logging is set up already")]
    LoggingTwice(#[source] log::SetLoggerError),
}
