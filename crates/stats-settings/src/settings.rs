use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use serde::Deserialize;
use stats_core::{Token, TokenStorage};
use stats_db::{DatabaseUrl, PostgresParts};

use crate::values::{self, Blueprint, HttpUrl, Password};
use crate::{SettingsError, docs};

/// The settings of both programs. [`Settings::sample`] documents them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Settings {
    /// IP address or host name to listen on.
    #[serde(deserialize_with = "values::host")]
    pub host: String,
    /// Port to listen on; 0 for any free port.
    #[serde(deserialize_with = "values::port")]
    pub port: u16,
    /// Name of the instance, shown to visitors.
    #[serde(deserialize_with = "values::name")]
    pub instance_name: String,
    /// File of the logo, which [`read_logo`](crate::read_logo) reads.
    #[serde(deserialize_with = "values::optional")]
    pub instance_logo: Option<PathBuf>,
    /// File of the text about the instance, which [`read_paragraphs`](crate::read_paragraphs) reads.
    #[serde(deserialize_with = "values::optional")]
    pub instance_text: Option<PathBuf>,
    /// Public address of the service, without a trailing slash.
    #[serde(deserialize_with = "values::optional_base_url")]
    pub instance_url: Option<HttpUrl>,
    /// Whether to trust `X-Forwarded-*`.
    #[serde(deserialize_with = "values::boolean")]
    pub fix_proxy: bool,
    /// Maximum number of requests of an address in a minute without a token; `None` for no limit.
    #[serde(deserialize_with = "values::rate")]
    pub visitor_requests_per_minute: Option<NonZeroU32>,
    /// E-mail address of the operator.
    #[serde(deserialize_with = "values::email")]
    pub admin_email: Option<String>,
    /// Web page of the operator.
    #[serde(deserialize_with = "values::optional")]
    pub admin_url: Option<HttpUrl>,
    /// Where the source code of the running program is.
    #[serde(deserialize_with = "values::parsed")]
    pub source_url: HttpUrl,
    /// Token of the administrator to create.
    #[serde(deserialize_with = "values::optional")]
    pub admin_token: Option<Token>,
    /// Groups of routes to serve besides the API.
    #[serde(deserialize_with = "values::blueprints")]
    pub active_blueprints: BTreeSet<Blueprint>,
    /// Whether administrators may create clients through the API.
    #[serde(deserialize_with = "values::boolean")]
    pub client_registration_open: bool,
    /// How tokens of clients are stored.
    #[serde(deserialize_with = "values::parsed")]
    pub token_storage: TokenStorage,
    /// Instance to push to and pull from, without a trailing slash.
    #[serde(deserialize_with = "values::base_url")]
    pub remote_stats_server: HttpUrl,
    /// Token on that instance.
    #[serde(deserialize_with = "values::optional")]
    pub remote_stats_token: Option<Token>,
    /// MONARC Objects Sharing Platform, without a trailing slash.
    #[serde(deserialize_with = "values::base_url")]
    pub mosp_url: HttpUrl,
    /// Token on that platform.
    #[serde(deserialize_with = "values::optional")]
    pub mosp_token: Option<Token>,
    /// Log file; `None` for standard error.
    #[serde(deserialize_with = "values::optional")]
    pub log_path: Option<PathBuf>,
    /// Whether to log every request.
    #[serde(deserialize_with = "values::boolean")]
    pub log_requests: bool,
    /// `DATABASE_URL`, or the URL from `DB_HOSTNAME` to `DB_PORT`.
    #[serde(deserialize_with = "values::parsed")]
    pub database_url: DatabaseUrl,
    #[serde(deserialize_with = "values::database_host")]
    db_hostname: Option<String>,
    #[serde(deserialize_with = "values::optional")]
    db_name: Option<String>,
    #[serde(deserialize_with = "values::optional")]
    db_username: Option<String>,
    #[serde(deserialize_with = "values::optional")]
    db_password: Option<Password>,
    #[serde(deserialize_with = "values::remote_port")]
    pub(crate) db_port: u16,
    /// Whether to migrate the database at start.
    #[serde(deserialize_with = "values::boolean")]
    pub db_auto_migrate: bool,
    /// Largest request body, in bytes.
    #[serde(deserialize_with = "values::body_size")]
    pub max_body_bytes: usize,
    /// Memory for cached results of processors, in bytes.
    #[serde(deserialize_with = "values::cache_size")]
    pub cache_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 5000,
            instance_name: "MONARC Stats Service".to_owned(),
            instance_logo: None,
            instance_text: None,
            instance_url: None,
            fix_proxy: false,
            visitor_requests_per_minute: None,
            admin_email: None,
            admin_url: None,
            source_url: HttpUrl::known(env!("CARGO_PKG_REPOSITORY")),
            admin_token: None,
            active_blueprints: Blueprint::ALL.into(),
            client_registration_open: true,
            token_storage: TokenStorage::default(),
            remote_stats_server: HttpUrl::known("https://dashboard.monarc.lu"),
            remote_stats_token: None,
            mosp_url: HttpUrl::known("https://objects.monarc.lu"),
            mosp_token: None,
            log_path: None,
            log_requests: false,
            database_url: DatabaseUrl::sqlite("var/stats.db"),
            db_hostname: None,
            db_name: None,
            db_username: None,
            db_password: None,
            db_port: 5432,
            db_auto_migrate: true,
            max_body_bytes: 64 << 20,
            cache_bytes: 64 << 20,
        }
    }
}

/// The origin of values, as [`config::Environment`] names it.
const ENVIRONMENT: &str = "the environment";

impl Settings {
    /// Reads the settings of this process from its environment and from the file in `STATS_CONFIG`.
    pub fn load() -> Result<Self, SettingsError> {
        let path = env::var_os("STATS_CONFIG").filter(|path| !path.is_empty());
        let Some(path) = path.map(PathBuf::from) else {
            return Self::from_sources(None, env::vars_os());
        };
        if path.extension().is_some_and(|extension| extension == "py") {
            return Err(SettingsError::PythonFile { path });
        }
        match fs::read_to_string(&path) {
            Ok(text) => Self::from_sources(Some((&path, &text)), env::vars_os()),
            Err(source) => Err(SettingsError::ReadFile { path, source }),
        }
    }

    /// Reads the settings from a file (path and text) and from environment variables, which take precedence. Unknown
    /// variables are ignored.
    pub fn from_sources(
        file: Option<(&Path, &str)>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let mut values = match file {
            Some((path, text)) => parse_file(path, text)?,
            None => Map::new(),
        };
        for (name, value) in environment {
            let Some(key) = docs::keys().find(|key| name == *key) else {
                continue;
            };
            let value = value.into_string().map_err(|_| SettingsError::Value {
                key: key.to_owned(),
                origin: ENVIRONMENT.to_owned(),
                source: "it is not UTF-8".into(),
            })?;
            if !value.is_empty() {
                values.insert(
                    key.to_owned(),
                    Value::new(Some(&ENVIRONMENT.to_owned()), value),
                );
            }
        }
        values.retain(|_, value| value.kind != ValueKind::String(String::new()));
        let invalid = |key: &str, source| SettingsError::Value {
            key: key.to_owned(),
            origin: values
                .get(key)
                .and_then(Value::origin)
                .unwrap_or_default()
                .to_owned(),
            source,
        };
        let settings = Self::deserialize(Value::from(values.clone()));
        let mut settings = settings.map_err(|error| match error {
            ConfigError::At { key, error, .. } => invalid(&key.unwrap_or_default(), error),
            error => invalid("", error.into()),
        })?;
        if !values.contains_key("DATABASE_URL")
            && let Some(parts) = settings.postgres_parts()
        {
            let url = DatabaseUrl::postgres(&parts);
            settings.database_url = url.map_err(|error| invalid("DB_HOSTNAME", error.into()))?;
        }
        Ok(settings)
    }

    /// A settings file with the documentation and the commented-out default of every key.
    pub fn sample() -> String {
        docs::sample(&Self::default())
    }

    fn postgres_parts(&self) -> Option<PostgresParts> {
        let or = |text: &Option<String>, default: &str| {
            text.clone().unwrap_or_else(|| default.to_owned())
        };
        let is_set = self.db_hostname.is_some() || self.db_name.is_some();
        is_set.then(|| PostgresParts {
            host: or(&self.db_hostname, "localhost"),
            port: self.db_port,
            name: or(&self.db_name, "statsservice"),
            user: self.db_username.clone(),
            password: self.db_password.clone().map(|Password(password)| password),
        })
    }
}

fn parse_file(path: &Path, text: &str) -> Result<Map<String, Value>, SettingsError> {
    let values = File::from_str(text, FileFormat::Toml).collect();
    let values = values.map_err(|error| SettingsError::NotToml {
        path: path.to_owned(),
        problem: without_excerpt(&error.to_string()),
    })?;
    if let Some(unknown) = values
        .keys()
        .find(|key| !docs::keys().any(|known| known == *key))
    {
        return Err(SettingsError::UnknownKey {
            path: path.to_owned(),
            key: unknown.escape_debug().to_string(),
            similar: docs::similar_key(unknown),
        });
    }
    let origin = path.display().to_string();
    let values = values.into_iter();
    Ok(values
        .map(|(key, value)| (key, Value::new(Some(&origin), value.kind)))
        .collect())
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
