use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{ConfigError, Map, Value};
use serde::Deserialize;
use stats_core::{Token, TokenStorage};
use stats_db::{DatabaseUrl, Options, PostgresParts};

use crate::docs::{self, DOCS};
use crate::error::SettingsError;
use crate::sources::{self, Found, Origin};
use crate::values::{self, Blueprint, HttpUrl, Password};

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
    /// How long the server goes on after a signal to stop.
    #[serde(deserialize_with = "values::delay")]
    pub shutdown_delay: Duration,
    /// Maximum number of requests of an address in a minute without a token; `None` for no limit.
    #[serde(deserialize_with = "values::rate")]
    pub visitor_requests_per_minute: Option<NonZeroU32>,
    /// How many clients have to be behind each public figure; 1 for any number.
    #[serde(deserialize_with = "values::clients")]
    pub public_min_clients: u64,
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
    pub(crate) db_hostname: Option<String>,
    #[serde(deserialize_with = "values::optional")]
    pub(crate) db_name: Option<String>,
    #[serde(deserialize_with = "values::optional")]
    pub(crate) db_username: Option<String>,
    #[serde(deserialize_with = "values::optional")]
    pub(crate) db_password: Option<Password>,
    #[serde(deserialize_with = "values::remote_port")]
    pub(crate) db_port: u16,
    /// A streaming replica of that database, which answers what the server reads.
    #[serde(deserialize_with = "values::optional")]
    pub database_read_url: Option<DatabaseUrl>,
    /// Maximum number of connections of the server to each of the two.
    #[serde(deserialize_with = "values::connections")]
    pub database_connections: u32,
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
            shutdown_delay: Duration::ZERO,
            visitor_requests_per_minute: None,
            public_min_clients: 1,
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
            database_read_url: None,
            database_connections: Options::default().connections,
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

/// The settings file that is read if `STATS_CONFIG` names none.
pub const SETTINGS_FILE: &str = "/etc/stats-server/stats.toml";

/// Settings, and where they come from.
#[derive(Debug, Clone)]
pub struct LoadedSettings {
    /// The settings.
    pub settings: Settings,
    /// The settings file, if there is one.
    pub file: Option<PathBuf>,
    origins: BTreeMap<&'static str, Origin>,
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: &'static str,
    /// Its value as TOML. Of a secret it only shows whether it is set, and of `DATABASE_URL` neither user nor password.
    pub value: String,
    /// Where it was set.
    pub origin: Origin,
    /// Whether it may contain a secret.
    pub is_secret: bool,
}

impl LoadedSettings {
    /// Reads the settings of this process: from its environment, from its credentials, and from the file that
    /// `STATS_CONFIG` names. If that is not set, from `default_file`, if it exists.
    pub fn load(default_file: Option<&Path>) -> Result<Self, SettingsError> {
        let named = env::var_os("STATS_CONFIG").filter(|path| !path.is_empty());
        let Some(path) = named.as_deref().map(Path::new).or(default_file) else {
            return Self::from_sources(None, env::vars_os());
        };
        if path.extension().is_some_and(|extension| extension == "py") {
            return Err(SettingsError::PythonFile {
                path: path.to_owned(),
            });
        }
        match fs::read_to_string(path) {
            Ok(text) => Self::from_sources(Some((path, &text)), env::vars_os()),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                Self::from_sources(None, env::vars_os())
            }
            Err(source) => Err(SettingsError::ReadFile {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Reads the settings from a file (path and text), and from environment variables, which take precedence, and the
    /// credentials that they name. Unknown variables are ignored.
    pub fn from_sources(
        file: Option<(&Path, &str)>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let values = sources::collect(file, environment)?;
        let mut origins = BTreeMap::new();
        let mut kinds = Map::new();
        for (key, Found { kind, origin }) in values {
            origins.insert(key, origin);
            kinds.insert(key.to_owned(), Value::new(None, kind));
        }
        let invalid = |key: String, source| SettingsError::Value {
            origin: origins
                .get(key.as_str())
                .cloned()
                .unwrap_or(Origin::Default),
            key,
            source,
        };
        let settings = Settings::deserialize(Value::from(kinds));
        let mut settings = settings.map_err(|error| match error {
            ConfigError::At { key, error, .. } => invalid(key.unwrap_or_default(), error),
            error => invalid(String::new(), error.into()),
        })?;
        if !origins.contains_key(DATABASE_URL)
            && let Some(parts) = settings.postgres_parts()
        {
            let url = DatabaseUrl::postgres(&parts);
            let url = url.map_err(|error| invalid("DB_HOSTNAME".to_owned(), error.into()))?;
            settings.database_url = url;
            origins.insert(DATABASE_URL, Origin::Parts);
        }
        Ok(Self {
            settings,
            file: file.map(|(path, _)| path.to_owned()),
            origins,
        })
    }

    /// Where a setting was set.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// All settings in force, without secrets, in the order of the sample file.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        DOCS.iter().map(|doc| Entry {
            key: doc.key,
            value: doc.value(&self.settings),
            origin: self.origin(doc.key).clone(),
            is_secret: doc.is_secret,
        })
    }
}

const DATABASE_URL: &str = "DATABASE_URL";

impl Settings {
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
