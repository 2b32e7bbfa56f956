use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::Origin;

/// An error in the settings or in the setup of the log. It quotes no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {}; STATS_CONFIG can name another one", .path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The settings file belongs to the Python service.
    #[error(
        "the settings file {} (STATS_CONFIG) is one of the Python service: write a TOML file instead \
         ('stats-server --sample-settings' prints one)",
        .path.display()
    )]
    PythonFile {
        /// The file.
        path: PathBuf,
    },
    /// The settings file is not TOML.
    #[error("the settings file {} is not TOML: {problem}", .path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Position and problem, without the line of the file, which may contain a secret.
        problem: String,
    },
    /// The settings file has an unknown key.
    #[error("the settings file {} has the unknown key '{key}'{}", .path.display(), suggestion(.similar))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The unknown key.
        key: String,
        /// A similar known key, if any.
        similar: Option<String>,
    },
    /// The value of a setting is invalid.
    #[error("invalid {key} in {origin}")]
    Value {
        /// The key of the setting.
        key: String,
        /// Where it was set.
        origin: Origin,
        /// The problem and the expected form.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A secret is set twice in one place.
    #[error("{key} and {key}_FILE are both set in {origin}: remove one of them")]
    Twice {
        /// The key of the secret.
        key: &'static str,
        /// The place.
        origin: Origin,
    },
    /// A file that a setting names cannot be used.
    #[error("cannot use the file {} ({key})", .path.display())]
    File {
        /// The key of the setting.
        key: String,
        /// The file.
        path: PathBuf,
        /// The I/O error, or what is wrong with the content.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The log file cannot be opened.
    #[error("cannot open the log file {} (LOG_PATH)", .path.display())]
    OpenLog {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The process has a logger already.
    #[error("the log is set up already")]
    LoggingTwice(#[source] log::SetLoggerError),
}

fn suggestion(similar: &Option<String>) -> String {
    similar
        .as_ref()
        .map_or_else(String::new, |key| format!("; did you mean {key}?"))
}
