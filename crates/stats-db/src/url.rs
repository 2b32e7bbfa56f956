use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::DbError;

/// The location of a database: `sqlite://<path>` or `postgres://<user>:<password>@<host>:<port>/<name>`. The parameter
/// `pool_mode` of a PostgreSQL URL is this service's own, see [`PoolMode`]; all others are libpq's.
///
/// `Debug`, `Display` and parse errors show neither user nor password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A database on a PostgreSQL server.
    Postgres(PostgresUrl),
}

/// A PostgreSQL URL, split into its parts, which are percent-encoded.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// `user:password@`, or empty.
    credentials: String,
    /// `host:port`, several of them separated by commas, or empty.
    hosts: String,
    /// The name of the database, or empty.
    name: String,
    parameters: Vec<(String, String)>,
    pool_mode: PoolMode,
}

/// How long a connection of this program keeps the same connection to PostgreSQL, in the terms of PgBouncer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PoolMode {
    /// As long as it is open: there is no pooler, or one in session mode.
    #[default]
    Session,
    /// For one transaction. Nothing is kept between transactions: neither prepared statements nor settings.
    Transaction,
}

/// The parts of a PostgreSQL URL as plain text, not percent-encoded.
#[derive(Clone)]
pub struct PostgresParts {
    /// Host name, IP address (IPv6 without brackets) or directory of a Unix socket.
    pub host: String,
    /// Port of the server.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// User; libpq defaults to the user of the operating system.
    pub user: Option<String>,
    /// Password of the user.
    pub password: Option<String>,
}

/// libpq gives up after 5 s of connecting. On a network that drops packets, it gives up 30 s after sending, or after a
/// minute if it sent nothing.
const TIMEOUTS: &str = "connect_timeout=5&tcp_user_timeout=30000&keepalives_idle=30&keepalives_interval=10&keepalives_count=3";

/// The parameter that libpq does not know.
const POOL_MODE: &str = "pool_mode";

const EXPECTED: &str = "a database URL has the form sqlite://<path> or postgres://<user>:<password>@<host>:<port>/<name>";
const NOT_ENCODED: &str = "the database URL has a character that must be percent-encoded. In user name and password, write '@' as %40, \
     '/' as %2F, '#' as %23, '?' as %3F, ':' as %3A, '%' as %25 and a space as %20; or set DB_HOSTNAME, DB_NAME, \
     DB_USERNAME and DB_PASSWORD, which need no encoding";

impl PostgresUrl {
    /// Parses the text after `postgres://`.
    ///
    /// libpq's parse errors quote the invalid part, which may contain the password. This function therefore rejects
    /// everything that libpq rejects, and an `@` that makes the end of the password ambiguous.
    fn parse(rest: &str) -> Result<Self, &'static str> {
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, hosts) = authority.split_at(authority.find('@').map_or(0, |at| at + 1));
        if !is_encoded(rest) || hosts.contains('@') || tail.contains('@') {
            return Err(NOT_ENCODED);
        }
        if !hosts.split(',').all(|host| host_name(host).is_some()) {
            return Err(
                "the database URL has a host that is not <name>:<port> or [<IPv6 address>]:<port>",
            );
        }
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        // libpq quotes an unknown name in its message. After an `&` in a password that is not encoded, the name is a part of
        // the password.
        let is_name = |name: &str| name.bytes().all(|c| c == b'_' || c.is_ascii_lowercase());
        let (mut parameters, mut pool_mode) = (Vec::new(), PoolMode::default());
        for pair in pairs {
            match pair.split_once('=') {
                Some((POOL_MODE, "session")) => pool_mode = PoolMode::Session,
                Some((POOL_MODE, "transaction")) => pool_mode = PoolMode::Transaction,
                Some((POOL_MODE, _)) => {
                    return Err(
                        "the database URL has a pool_mode other than session and transaction",
                    );
                }
                Some((name, value)) if is_name(name) && !value.contains('=') => {
                    parameters.push((name.to_owned(), value.to_owned()));
                }
                _ => return Err("the database URL has a parameter that is not <name>=<value>"),
            }
        }
        Ok(Self {
            credentials: credentials.to_owned(),
            hosts: hosts.to_owned(),
            name: path.strip_prefix('/').unwrap_or(path).to_owned(),
            parameters,
            pool_mode,
        })
    }

    pub(crate) fn pool_mode(&self) -> PoolMode {
        self.pool_mode
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let mut latest_first = self.parameters.iter().rev();
        let (_, value) = latest_first.find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The URL for libpq, with timeouts.
    pub(crate) fn to_libpq(&self) -> String {
        let Self {
            credentials,
            hosts,
            name,
            parameters,
            pool_mode: _,
        } = self;
        // libpq uses the last of several values.
        let mut url = format!("postgres://{credentials}{hosts}/{name}?{TIMEOUTS}");
        for (name, value) in parameters {
            url += &format!("&{name}={value}");
        }
        url
    }

    /// The name of the database; libpq defaults to the name of the user.
    pub(crate) fn database_name(&self) -> Option<String> {
        let name = decode(self.parameter("dbname").unwrap_or(&self.name));
        Some(name).filter(|name| !name.is_empty())
    }

    /// Replaces the name of the user in a message of libpq or the server.
    pub(crate) fn hide_user(&self, message: &str) -> String {
        let user = self.credentials.split([':', '@']).next();
        let user = decode(self.parameter("user").or(user).unwrap_or_default());
        match user.as_str() {
            "" => message.to_owned(),
            user => message.replace(&format!("\"{user}\""), "(the user of the URL)"),
        }
    }

    /// The URL of another database on the same server.
    pub(crate) fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.parameters.retain(|(known, _)| known != "dbname");
        other.name = encode(name);
        other
    }

    /// Whether the server is on this machine.
    fn is_local(&self) -> bool {
        let is_local = |name: &str| {
            name.is_empty()
                || name.starts_with('/')
                || name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: IpAddr| address.is_loopback())
        };
        match self.parameter("hostaddr").or(self.parameter("host")) {
            Some(names) => decode(names).split(',').all(is_local),
            None => {
                let mut names = self.hosts.split(',').filter_map(host_name);
                names.all(|name| is_local(&decode(name)))
            }
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}/{}", self.hosts, self.name)
    }
}

/// Whether all characters are percent-encoded that RFC 3986 or libpq require to be encoded in every position.
fn is_encoded(text: &str) -> bool {
    let is_escape = |text: &str| {
        text.get(..2)
            .is_some_and(|hex| hex != "00" && hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let is_plain = |c: char| c != '#' && !c.is_whitespace() && !c.is_control();
    text.chars().all(is_plain) && text.split('%').skip(1).all(is_escape)
}

/// The name in `name:port`, or the address in `[address]:port`; the port is optional.
fn host_name(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(bracketed) => bracketed
            .split_once(']')
            .filter(|(name, _)| !name.is_empty())?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':')?.parse::<u16>().is_ok();
    is_port.then_some(name)
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

impl DatabaseUrl {
    /// A SQLite file.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self::Sqlite(path.as_ref().to_owned())
    }

    /// The same location, with an absolute path.
    #[must_use]
    pub fn absolute(&self) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(std::path::absolute(path).unwrap_or(path.clone())),
            Self::Postgres(_) => self.clone(),
        }
    }

    /// A PostgreSQL database. Fails if its URL would not parse.
    pub fn postgres(parts: &PostgresParts) -> Result<Self, DbError> {
        let mut credentials = encode(parts.user.as_deref().unwrap_or_default());
        if let Some(password) = &parts.password {
            credentials += &format!(":{}", encode(password));
        }
        if !credentials.is_empty() {
            credentials.push('@');
        }
        let host = match parts.host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => encode(&parts.host),
        };
        let (port, name) = (parts.port, encode(&parts.name));
        format!("postgres://{credentials}{host}:{port}/{name}").parse()
    }
}

impl FromStr for DatabaseUrl {
    type Err = DbError;

    fn from_str(url: &str) -> Result<Self, DbError> {
        let refuse = |reason: &str| DbError::Url(reason.to_owned());
        match url.split_once("://") {
            Some(("sqlite", path)) => {
                if path.is_empty() || path.starts_with(':') || path.contains(['?', '\0']) {
                    return Err(refuse(
                        "the database URL names no file: expected sqlite://<path>",
                    ));
                }
                Ok(Self::sqlite(path))
            }
            Some(("postgres" | "postgresql", rest)) => {
                let url = PostgresUrl::parse(rest).map_err(refuse)?;
                let has_tls = cfg!(feature = "postgres-tls");
                if !has_tls && !url.is_local() && url.parameter("sslmode") != Some("disable") {
                    return Err(DbError::Url(format!(
                        "{url} is on another machine, and this build of the program has no TLS. Use a build with the \
                         feature postgres-tls, or add ?sslmode=disable to DATABASE_URL to send everything \
                         unencrypted, the password included"
                    )));
                }
                Ok(Self::Postgres(url))
            }
            // Do not quote the URL: any part of it may contain the user or the password.
            _ => Err(refuse(EXPECTED)),
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
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn sqlite_paths_are_relative_or_absolute() {
        for (url, path) in [
            ("sqlite://var/stats.db", "var/stats.db"),
            ("sqlite:///srv/s.db", "/srv/s.db"),
        ] {
            assert_eq!(
                url.parse::<DatabaseUrl>().unwrap(),
                DatabaseUrl::sqlite(path)
            );
        }
    }

    #[test]
    fn malformed_urls_are_refused() {
        for (url, reason) in [
            ("mysql://localhost/x", EXPECTED),
            ("postgress://localhost/x", EXPECTED),
            ("var/stats.db", EXPECTED),
            ("", EXPECTED),
            ("sqlite://", "names no file"),
            ("sqlite://:memory:", "names no file"),
            ("sqlite://x.db?mode=ro", "names no file"),
            ("postgres://localhost:x/y", "has a host"),
            ("postgres://localhost:70000/y", "has a host"),
            ("postgres://localhost,me:pw/y", "has a host"),
            ("postgres://::1/y", "has a host"),
            ("postgres://[::1/y", "has a host"),
            ("postgres://[]/y", "has a host"),
            ("postgres://[::1]x/y", "has a host"),
            ("postgres:///x?pool_mode=statement", "has a pool_mode"),
            ("postgres:///x?sslmode", "has a parameter"),
            ("postgres:///x?sslmode=a=b", "has a parameter"),
            ("postgres:///x?password=a&/b=", "has a parameter"),
            ("postgres:///a b", NOT_ENCODED),
            ("postgres:///a\0", NOT_ENCODED),
            ("postgres:///a%00b", NOT_ENCODED),
            ("postgres:///a%4", NOT_ENCODED),
            ("postgres:///a%é", NOT_ENCODED),
            ("postgres:///a%+1", NOT_ENCODED),
            ("postgres:///a#b", NOT_ENCODED),
            ("postgres:///a@b", NOT_ENCODED),
            ("postgres:///x?user=a@b", NOT_ENCODED),
        ] {
            let error = url.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }

    /// Opens the database too, because the error contains libpq's message.
    #[test]
    fn user_and_password_are_never_printed() {
        const USER: &str = "Kd4Jv";
        for special in "@/#?% \t:&=[]+\\'\"é".chars() {
            for password in [
                format!("{special}Qx7Zj"),
                format!("Qx7{special}Zj9"),
                format!("Qx7Zj{special}"),
                format!("Qx{special}7Z{special}j9"),
            ] {
                let url = format!("postgres://{USER}:{password}@127.0.0.1:1/stats");
                let refusal = url.parse::<DatabaseUrl>().err();
                assert_eq!(
                    refusal.map(|error| error.to_string()).as_deref(),
                    "@/#?% \t".contains(special).then_some(NOT_ENCODED),
                    "{url}"
                );
                for url in [
                    url,
                    format!("postgres://{password}@127.0.0.1:1/stats"),
                    format!("postgres://{USER}:{password}@127.0.0.1:1,[::1]:1?connect_timeout=1"),
                    format!("postgres://{USER}:{password}@127.0.0.1:port/stats"),
                    format!("postgres://{USER}:{password}@[::1/stats"),
                    format!("postgres://{USER}:{password}@db.example.org/stats"),
                    format!("mysql://{USER}:{password}@127.0.0.1/stats"),
                    format!("{USER}:{password}://@127.0.0.1/stats"),
                ] {
                    let text = match url.parse::<DatabaseUrl>() {
                        Ok(parsed) => match crate::Db::open(&parsed) {
                            Ok(_) => panic!("{url} is not a database"),
                            Err(error) => format!("{parsed} {parsed:?} {error} {error:?}"),
                        },
                        Err(error) => format!("{error} {error:?}"),
                    };
                    for secret in [USER, &password] {
                        let characters: Vec<_> = secret.chars().collect();
                        for pair in characters.windows(2).map(String::from_iter) {
                            assert!(!text.contains(&pair), "{url}: {text}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn plain_parts_are_encoded() {
        let parts = PostgresParts {
            host: "/run/postgresql".to_owned(),
            port: 5433,
            name: "my stats".to_owned(),
            user: Some("a:b".to_owned()),
            password: Some("p@ss/w?rd#%é~ ".to_owned()),
        };
        let anonymous = PostgresParts {
            host: "::1".to_owned(),
            user: None,
            password: None,
            ..parts.clone()
        };
        for (parts, url) in [
            (
                &parts,
                "postgres://a%3Ab:p%40ss%2Fw%3Frd%23%25%C3%A9~%20@%2Frun%2Fpostgresql:5433/my%20stats",
            ),
            (&anonymous, "postgres://[::1]:5433/my%20stats"),
        ] {
            assert_eq!(
                DatabaseUrl::postgres(parts).unwrap(),
                DatabaseUrl::Postgres(postgres(url))
            );
        }
    }

    #[test]
    fn libpq_gets_all_parts_and_timeouts() {
        let url = postgres("postgresql://me:p%40ss@localhost:5433/stats?connect_timeout=1");
        assert_eq!(
            url.to_libpq(),
            format!("postgres://me:p%40ss@localhost:5433/stats?{TIMEOUTS}&connect_timeout=1")
        );
        assert_eq!(url.to_string(), "postgres://localhost:5433/stats");
    }

    #[test]
    fn the_parameter_dbname_overrides_the_path() {
        for (url, name) in [
            ("postgres://localhost/a%20b", Some("a b")),
            ("postgres:///x?dbname=y", Some("y")),
            ("postgres://me@localhost", None),
        ] {
            assert_eq!(postgres(url).database_name().as_deref(), name, "{url}");
        }
        let other = postgres("postgres://me@localhost:1/x?dbname=y").with_database("z");
        assert_eq!(
            other.to_libpq(),
            format!("postgres://me@localhost:1/z?{TIMEOUTS}")
        );
    }

    #[cfg(not(feature = "postgres-tls"))]
    #[test]
    fn other_machines_need_sslmode_disable_without_tls() {
        for local in [
            "postgres:///x",
            "postgres://me:pw@localhost/x",
            "postgres://127.0.0.2:1/x",
            "postgres://[::1]:5432/x",
            "postgres://%2Frun%2Fpostgresql/x",
            "postgres:///x?host=/run/postgresql",
            "postgres:///x?hostaddr=::1,127.0.0.1",
            "postgres://db.example.org/x?sslmode=disable",
        ] {
            assert!(local.parse::<DatabaseUrl>().is_ok(), "{local}");
        }
        for remote in [
            "postgres://me:pw@db.example.org/x",
            "postgres://localhost.example.org/x",
            "postgres://localhost,db.example.org/x",
            "postgres://192.0.2.1:5432/x?sslmode=prefer",
            "postgres://db.example.org/x?sslmode=disable&sslmode=prefer",
            "postgres:///x?host=db.example.org",
            "postgres://localhost/x?hostaddr=192.0.2.1",
            "postgres://[2001:db8::1]/x",
        ] {
            let error = remote.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains("has no TLS"), "{remote}: {error}");
        }
    }
}
