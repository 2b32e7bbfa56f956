use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use stats_core::{InvalidValue, Token};

use crate::keys::{self, KEYS};
use crate::layers::{ENVIRONMENT, Layers};
use crate::values::{self, PostgresParts};
use crate::{Blueprint, DatabaseUrl, HttpUrl, SettingsError};

/// All that can be set, checked. [`Settings::sample`] says more about each.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `HOST`: the address on which the server listens, an IP address or a host name.
    pub host: String,
    /// `PORT`: the port on which it listens; 0 for any that is free.
    pub port: u16,
    /// `INSTANCE_URL`: where others reach the service, without a slash at the end.
    pub instance_url: Option<HttpUrl>,
    /// `FIX_PROXY`: whether `X-Forwarded-…` is trusted.
    pub fix_proxy: bool,
    /// `ADMIN_EMAIL`: how to reach those who run the service.
    pub admin_email: Option<String>,
    /// `ADMIN_URL`: a page about those who run the service.
    pub admin_url: Option<HttpUrl>,
    /// `ADMIN_TOKEN`: the token of the administrator that is created when there is none.
    pub admin_token: Option<Token>,
    /// `ACTIVE_BLUEPRINTS`: the groups of routes that are there besides the API.
    pub active_blueprints: BTreeSet<Blueprint>,
    /// `CLIENT_REGISTRATION_OPEN`: whether clients can be created through the API.
    pub client_registration_open: bool,
    /// `REMOTE_STATS_SERVER`: the instance to push to and to pull from, without a slash at the end.
    pub remote_stats_server: HttpUrl,
    /// `REMOTE_STATS_TOKEN`: the token there.
    pub remote_stats_token: Option<Token>,
    /// `MOSP_URL`: the MONARC Objects Sharing Platform, without a slash at the end.
    pub mosp_url: HttpUrl,
    /// `MOSP_TOKEN`: the token there.
    pub mosp_token: Option<Token>,
    /// `LOG_PATH`: the log file; `None` for standard error.
    pub log_path: Option<PathBuf>,
    /// `DATABASE_URL`, or what the settings `DB_HOSTNAME` to `DB_PORT` make of it.
    pub database_url: DatabaseUrl,
    /// `DB_AUTO_MIGRATE`: whether the server migrates the database at start.
    pub db_auto_migrate: bool,
    /// `MAX_BODY_BYTES`: how large the body of a request may be.
    pub max_body_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 5000,
            instance_url: None,
            fix_proxy: false,
            admin_email: None,
            admin_url: None,
            admin_token: None,
            active_blueprints: Blueprint::all(),
            client_registration_open: true,
            remote_stats_server: HttpUrl::known("https://dashboard.monarc.lu"),
            remote_stats_token: None,
            mosp_url: HttpUrl::known("https://objects.monarc.lu"),
            mosp_token: None,
            log_path: None,
            database_url: DatabaseUrl::default_sqlite(),
            db_auto_migrate: true,
            max_body_bytes: 64 << 20,
        }
    }
}

impl Settings {
    /// The settings of this process: those of its environment, then those of the file that `STATS_CONFIG` names, then the
    /// defaults.
    pub fn load() -> Result<Self, SettingsError> {
        Self::from_variables(env::vars_os())
    }

    /// The settings from a file, given as path and text, and the environment. Variables that are no settings are of no
    /// concern, `STATS_CONFIG` included.
    pub fn from_sources(
        file: Option<(&Path, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        Self::read(&Layers::new(file, environment)?)
    }

    /// A settings file with every key commented out, its default, and what it means.
    pub fn sample() -> String {
        keys::sample()
    }

    fn from_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let mut path = None;
        let mut environment = Vec::new();
        for (name, value) in variables {
            if name == "STATS_CONFIG" {
                path = Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty());
            } else if let Some(key) = KEYS.iter().find(|key| name == key.name) {
                let value = value.into_string().map_err(|_| SettingsError::Value {
                    key: key.name,
                    origin: ENVIRONMENT.to_owned(),
                    problem: InvalidValue::message("is not UTF-8"),
                })?;
                environment.push((key.name.to_owned(), value));
            }
        }
        let Some(path) = path else {
            return Self::from_sources(None, environment);
        };
        if path.extension().is_some_and(|extension| extension == "py") {
            return Err(SettingsError::PythonFile { path });
        }
        match fs::read_to_string(&path) {
            Ok(text) => Self::from_sources(Some((&path, &text)), environment),
            Err(source) => Err(SettingsError::ReadFile { path, source }),
        }
    }

    fn read(layers: &Layers) -> Result<Self, SettingsError> {
        use values::{body_size, boolean, email, file, host, port};

        let address = |text: &str| text.parse::<HttpUrl>();
        let token = |text: &str| text.parse::<Token>();
        let default = Self::default();
        Ok(Self {
            host: layers.text("HOST", host)?.unwrap_or(default.host),
            port: layers.scalar("PORT", port)?.unwrap_or(default.port),
            instance_url: layers.text("INSTANCE_URL", HttpUrl::parse_base)?,
            fix_proxy: layers
                .scalar("FIX_PROXY", boolean)?
                .unwrap_or(default.fix_proxy),
            admin_email: layers.text("ADMIN_EMAIL", email)?,
            admin_url: layers.text("ADMIN_URL", address)?,
            admin_token: layers.text("ADMIN_TOKEN", token)?,
            active_blueprints: layers
                .list("ACTIVE_BLUEPRINTS", str::parse)?
                .unwrap_or(default.active_blueprints),
            client_registration_open: layers
                .scalar("CLIENT_REGISTRATION_OPEN", boolean)?
                .unwrap_or(default.client_registration_open),
            remote_stats_server: layers
                .text("REMOTE_STATS_SERVER", HttpUrl::parse_base)?
                .unwrap_or(default.remote_stats_server),
            remote_stats_token: layers.text("REMOTE_STATS_TOKEN", token)?,
            mosp_url: layers
                .text("MOSP_URL", HttpUrl::parse_base)?
                .unwrap_or(default.mosp_url),
            mosp_token: layers.text("MOSP_TOKEN", token)?,
            log_path: layers.text("LOG_PATH", file)?,
            database_url: database_url(layers)?.unwrap_or(default.database_url),
            db_auto_migrate: layers
                .scalar("DB_AUTO_MIGRATE", boolean)?
                .unwrap_or(default.db_auto_migrate),
            max_body_bytes: layers
                .scalar("MAX_BODY_BYTES", body_size)?
                .unwrap_or(default.max_body_bytes),
        })
    }
}

/// The database that is set, in one piece or in parts.
fn database_url(layers: &Layers) -> Result<Option<DatabaseUrl>, SettingsError> {
    use values::{any, database_host, remote_port};

    let url = layers.text("DATABASE_URL", str::parse)?;
    let host = layers.text("DB_HOSTNAME", database_host)?;
    let name = layers.text("DB_NAME", any)?;
    let user = layers.text("DB_USERNAME", any)?;
    let password = layers.text("DB_PASSWORD", any)?;
    let port = layers.scalar("DB_PORT", remote_port)?;
    if url.is_some() || (host.is_none() && name.is_none()) {
        return Ok(url);
    }
    Ok(Some(DatabaseUrl::postgres(&PostgresParts {
        host: host.unwrap_or_else(|| "localhost".to_owned()),
        port: port.unwrap_or(5432),
        name: name.unwrap_or_else(|| "statsservice".to_owned()),
        user,
        password,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &Path)]) -> Result<Settings, SettingsError> {
        let variables = variables.iter();
        Settings::from_variables(variables.map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn the_file_that_stats_config_names_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stats.toml");
        fs::write(&path, "PORT = 5001\nHOST = '0.0.0.0'\n").unwrap();
        let settings = load(&[("PORT", "5002".as_ref()), ("STATS_CONFIG", &path)]).unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("0.0.0.0", 5002));

        fs::write(&path, "PORT = 'x'").unwrap();
        let error = load(&[("STATS_CONFIG", &path)]).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "PORT in {}: 'x' is not a number from 0 to 65535",
                path.display()
            )
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = load(&[("STATS_CONFIG", "no/such/stats.toml".as_ref())]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the settings file no/such/stats.toml, which STATS_CONFIG names, cannot be read"
        );
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn the_file_of_the_python_service_is_refused_without_a_look_at_it() {
        let error = load(&[("STATS_CONFIG", "no/such/production.py".as_ref())])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no/such/production.py") && error.contains("TOML"),
            "{error}"
        );
        assert!(error.contains("see the sample file"), "{error}");
    }

    #[test]
    fn an_empty_stats_config_is_none() {
        assert_eq!(
            load(&[("STATS_CONFIG", "".as_ref())]).unwrap(),
            Settings::default()
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_utf_8_matters_only_in_settings() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let bytes = Path::new(OsStr::from_bytes(b"\xff"));
        assert_eq!(load(&[("OTHER", bytes)]).unwrap(), Settings::default());
        let error = load(&[("DB_PASSWORD", bytes)]).unwrap_err().to_string();
        assert_eq!(error, "DB_PASSWORD in the environment: is not UTF-8");
    }
}
