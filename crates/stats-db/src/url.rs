use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::DbError;

/// Where the database is: `sqlite://<path>` or `postgres://<user>:<password>@<host>:<port>/<name>`.
///
/// `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server and a database on it.
    Postgres(PostgresUrl),
}

/// The parts of a PostgreSQL URL that this program looks at; libpq reads the whole.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// `user:password@`, or nothing.
    credentials: String,
    /// `host:port`, several of them separated by commas, or nothing.
    hosts: String,
    /// The database, percent-encoded, or nothing.
    name: String,
    /// `name=value` pairs.
    parameters: Vec<(String, String)>,
}

/// Seconds until a server that does not answer counts as not there.
const CONNECT_TIMEOUT: &str = "5";

impl PostgresUrl {
    fn parse(rest: &str) -> Self {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
            None => (String::new(), authority),
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let parameters = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self {
            credentials,
            hosts: hosts.to_owned(),
            name: name.to_owned(),
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The URL for libpq, with a bound on how long it tries.
    pub(crate) fn to_libpq(&self) -> String {
        let mut parameters = self.parameters.clone();
        if self.parameter("connect_timeout").is_none() {
            parameters.push(("connect_timeout".to_owned(), CONNECT_TIMEOUT.to_owned()));
        }
        let query: Vec<_> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!(
            "postgres://{}{}/{}?{}",
            self.credentials,
            self.hosts,
            self.name,
            query.join("&")
        )
    }

    /// The name of the database, or `None` where libpq takes the name of the user.
    pub(crate) fn database_name(&self) -> Option<String> {
        let name = self.parameter("dbname").unwrap_or(&self.name);
        Some(percent_decode_str(name).decode_utf8_lossy().into_owned())
            .filter(|name| !name.is_empty())
    }

    /// Another database on the same server.
    pub(crate) fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.parameters.retain(|(known, _)| known != "dbname");
        other.name = name.to_owned();
        other
    }

    /// Whether what is sent stays on this machine.
    fn is_local(&self) -> bool {
        let hosts = self
            .parameter("hostaddr")
            .or(self.parameter("host"))
            .unwrap_or(&self.hosts);
        hosts.split(',').all(|host| {
            let host = percent_decode_str(host).decode_utf8_lossy();
            let name = match host.strip_prefix('[') {
                Some(ipv6) => ipv6.split(']').next().unwrap_or_default(),
                None if host.matches(':').count() > 1 => &host,
                None => host.split(':').next().unwrap_or_default(),
            };
            name.is_empty()
                || name.starts_with('/')
                || name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        })
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}/{}", self.hosts, self.name)
    }
}

impl DatabaseUrl {
    /// A SQLite file.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self::Sqlite(path.as_ref().to_owned())
    }
}

impl FromStr for DatabaseUrl {
    type Err = DbError;

    fn from_str(url: &str) -> Result<Self, DbError> {
        let expected = "expected sqlite://<path> or postgres://<user>:<password>@<host>/<name>";
        let refuse = |reason: String| Err(DbError::Url(reason));
        match url.split_once("://") {
            Some(("sqlite", path)) => {
                if path.is_empty() || path.starts_with(':') || path.contains(['?', '\0']) {
                    return refuse(format!("the database URL names no file: {expected}"));
                }
                Ok(Self::sqlite(path))
            }
            Some(("postgres" | "postgresql", rest)) => {
                let url = PostgresUrl::parse(rest);
                if rest.contains('\0') {
                    return refuse("the database URL holds a NUL character".to_owned());
                }
                let has_tls = cfg!(feature = "postgres-tls");
                if !has_tls && !url.is_local() && url.parameter("sslmode") != Some("disable") {
                    return refuse(format!(
                        "{url} is not on this machine, and this build of the program speaks no TLS: use a build \
                         with the feature postgres-tls, or add ?sslmode=disable to the database URL to send \
                         everything, the password included, in the clear"
                    ));
                }
                Ok(Self::Postgres(url))
            }
            Some((scheme, _)) => refuse(format!(
                "there is no support for {scheme:?} databases: {expected}"
            )),
            None => refuse(format!("the database URL has no scheme: {expected}")),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(url: &str) -> PostgresUrl {
        match url.parse() {
            Ok(DatabaseUrl::Postgres(url)) => url,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_scheme_is_refused_and_named() {
        for (url, what) in [
            ("mysql://localhost/x", "no support for \"mysql\""),
            ("postgress://localhost/x", "no support for \"postgress\""),
            ("var/stats.db", "no scheme"),
            ("", "no scheme"),
            ("sqlite://", "names no file"),
            ("sqlite://:memory:", "names no file"),
            ("sqlite://x.db?mode=ro", "names no file"),
        ] {
            let error = url.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains(what), "{url}: {error}");
        }
    }

    #[test]
    fn paths_are_relative_or_absolute() {
        assert_eq!(
            "sqlite://var/stats.db".parse::<DatabaseUrl>().unwrap(),
            DatabaseUrl::sqlite("var/stats.db")
        );
        assert_eq!(
            "sqlite:///srv/s.db".parse::<DatabaseUrl>().unwrap(),
            DatabaseUrl::sqlite("/srv/s.db")
        );
    }

    #[test]
    fn the_password_is_for_libpq_alone() {
        let url = postgres("postgresql://me:p%40ss@localhost:5433/stats?application_name=x");
        assert_eq!(url.to_string(), "postgres://localhost:5433/stats");
        assert_eq!(
            url.to_libpq(),
            "postgres://me:p%40ss@localhost:5433/stats?application_name=x&connect_timeout=5"
        );
        assert_eq!(
            format!("{:?}", DatabaseUrl::Postgres(url)),
            "postgres://localhost:5433/stats"
        );
        assert!(
            postgres("postgres:///x?connect_timeout=1")
                .to_libpq()
                .ends_with("/x?connect_timeout=1")
        );
    }

    #[test]
    fn the_database_is_named_in_the_path_or_a_parameter() {
        assert_eq!(
            postgres("postgres://localhost/a%20b")
                .database_name()
                .as_deref(),
            Some("a b")
        );
        assert_eq!(
            postgres("postgres:///x?dbname=y")
                .database_name()
                .as_deref(),
            Some("y")
        );
        assert_eq!(postgres("postgres://me@localhost").database_name(), None);
        let other = postgres("postgres://me@localhost:1/x?dbname=y").with_database("z");
        assert_eq!(
            other.to_libpq(),
            "postgres://me@localhost:1/z?connect_timeout=5"
        );
    }

    #[cfg(not(feature = "postgres-tls"))]
    #[test]
    fn a_password_does_not_travel_in_the_clear_by_accident() {
        for local in [
            "postgres:///x",
            "postgres://me:pw@localhost/x",
            "postgres://127.0.0.2:1/x",
            "postgres://[::1]:5432/x",
            "postgres://%2Frun%2Fpostgresql/x",
            "postgres:///x?host=/run/postgresql",
            "postgres://db.example.org/x?sslmode=disable",
        ] {
            assert!(local.parse::<DatabaseUrl>().is_ok(), "{local}");
        }
        for remote in [
            "postgres://me:pw@db.example.org/x",
            "postgres://localhost.example.org/x",
            "postgres://localhost,db.example.org/x",
            "postgres://192.0.2.1:5432/x?sslmode=prefer",
            "postgres:///x?host=db.example.org",
            "postgres://localhost/x?hostaddr=192.0.2.1",
            "postgres://[2001:db8::1]/x",
        ] {
            let error = remote.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(
                error.contains("speaks no TLS") && !error.contains("pw"),
                "{remote}: {error}"
            );
        }
    }
}
