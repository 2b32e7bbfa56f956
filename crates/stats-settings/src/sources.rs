//! Where the values of the settings come from.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use config::{File, FileFormat, Map, Source, ValueKind};
use stats_core::Excerpt;

use crate::docs::{self, DOCS, Doc};
use crate::error::SettingsError;
use crate::files::read_secret;

/// Where a setting was set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nowhere: it has its default.
    Default,
    /// In the environment.
    Environment,
    /// In the settings file with this path.
    SettingsFile(PathBuf),
    /// In the file that `<key>_FILE` names.
    SecretFile(PathBuf),
    /// In a credential of systemd, with this path.
    Credential(PathBuf),
    /// In the settings from `DB_HOSTNAME` to `DB_PORT`.
    Parts,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment => f.write_str("the environment"),
            Self::SettingsFile(path) => path.display().fmt(f),
            Self::SecretFile(path) => write!(f, "the file {}", path.display()),
            Self::Credential(path) => write!(f, "the credential {}", path.display()),
            Self::Parts => f.write_str("DB_HOSTNAME to DB_PORT"),
        }
    }
}

/// A value and where it was set.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) kind: ValueKind,
    pub(crate) origin: Origin,
}

/// The values of the settings that are set, by key.
pub(crate) type Values = BTreeMap<&'static str, Found>;

/// Collects the values from a settings file (path and text), and from environment variables and credentials, which take
/// precedence.
pub(crate) fn collect(
    file: Option<(&Path, &str)>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Values, SettingsError> {
    let environment = environment.into_iter();
    let environment: HashMap<String, OsString> = environment
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .collect();
    let in_environment = |key: &str| match environment.get(key) {
        None => Ok(None),
        Some(value) => match value.to_str() {
            Some(value) => Ok(Some(ValueKind::from(value))),
            None => Err(invalid(key, &Origin::Environment, "it is not UTF-8")),
        },
    };
    let credentials = environment.get(CREDENTIALS_DIRECTORY).map(Path::new);
    let (path, in_file) = match file {
        Some((path, text)) => (path, parse_file(path, text)?),
        None => (Path::new(""), Map::new()),
    };
    let in_file = |key: &str| {
        let value = in_file.get(key).cloned();
        Ok(value.filter(|value| *value != ValueKind::from("")))
    };
    let mut values = Values::new();
    for doc in &DOCS {
        let environment = look_up(doc, Origin::Environment, in_environment)?;
        let file = look_up(doc, Origin::SettingsFile(path.to_owned()), in_file)?;
        let credential = || match credentials.filter(|_| doc.is_secret) {
            Some(folder) => read_credential(doc.key, folder),
            None => Ok(None),
        };
        let mut found = environment.map(|place| place.resolve(doc)).transpose()?;
        if found.is_none() {
            found = credential()?;
        }
        if found.is_none() {
            found = file.map(|place| place.resolve(doc)).transpose()?;
        }
        if let Some(found) = found {
            values.insert(doc.key, found);
        }
    }
    Ok(values)
}

/// The variable with which systemd passes the folder of the credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A setting in the environment or in the settings file.
enum Place {
    Value(Found),
    /// The secret is in the file that this value names.
    File(Found),
}

impl Place {
    fn resolve(self, doc: &Doc) -> Result<Found, SettingsError> {
        let Found { kind, origin } = match self {
            Self::Value(found) => return Ok(found),
            Self::File(found) => found,
        };
        let key = doc.file_key().unwrap_or_default();
        let ValueKind::String(path) = kind else {
            return Err(invalid(&key, &origin, "it must be text in quotes"));
        };
        let path = PathBuf::from(path);
        match read_secret(&key, &path)? {
            empty if empty.is_empty() => Err(SettingsError::File {
                key,
                path,
                source: "it is empty".into(),
            }),
            secret => Ok(Found {
                kind: ValueKind::from(secret),
                origin: Origin::SecretFile(path),
            }),
        }
    }
}

/// Looks for a setting, and for the file of a secret, in one place.
fn look_up(
    doc: &Doc,
    origin: Origin,
    value: impl Fn(&str) -> Result<Option<ValueKind>, SettingsError>,
) -> Result<Option<Place>, SettingsError> {
    let plain = value(doc.key)?;
    let file = doc.file_key().map(|key| value(&key)).transpose()?.flatten();
    match (plain, file) {
        (Some(_), Some(_)) => Err(SettingsError::Twice {
            key: doc.key,
            origin,
        }),
        (Some(kind), None) => Ok(Some(Place::Value(Found { kind, origin }))),
        (None, Some(kind)) => Ok(Some(Place::File(Found { kind, origin }))),
        (None, None) => Ok(None),
    }
}

/// An empty credential counts as not set: a unit may have it as the fallback of a missing file.
fn read_credential(key: &'static str, folder: &Path) -> Result<Option<Found>, SettingsError> {
    let path = folder.join(key);
    if let Ok(false) = path.try_exists() {
        return Ok(None);
    }
    let secret = read_secret(key, &path)?;
    Ok((!secret.is_empty()).then(|| Found {
        kind: ValueKind::from(secret),
        origin: Origin::Credential(path),
    }))
}

fn invalid(key: &str, origin: &Origin, problem: &str) -> SettingsError {
    SettingsError::Value {
        key: key.to_owned(),
        origin: origin.clone(),
        source: problem.into(),
    }
}

fn parse_file(path: &Path, text: &str) -> Result<Map<String, ValueKind>, SettingsError> {
    let values = File::from_str(text, FileFormat::Toml).collect();
    let values = values.map_err(|error| SettingsError::NotToml {
        path: path.to_owned(),
        problem: without_excerpt(&error.to_string()),
    })?;
    if let Some(unknown) = values
        .keys()
        .find(|key| !docs::keys().any(|known| known == **key))
    {
        return Err(SettingsError::UnknownKey {
            path: path.to_owned(),
            key: Excerpt(unknown).to_string(),
            similar: docs::similar_key(unknown),
        });
    }
    let values = values.into_iter();
    Ok(values.map(|(key, value)| (key, value.kind)).collect())
}

/// The first and the last line of a message of the TOML parser: position and problem. The lines in between quote the
/// file.
fn without_excerpt(message: &str) -> String {
    let mut lines = message.lines();
    let place = lines.next().unwrap_or_default();
    lines
        .next_back()
        .map_or_else(|| place.to_owned(), |problem| format!("{place}: {problem}"))
}
