use std::collections::BTreeSet;
use std::fmt::{Debug, Display, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::{Blueprint, Settings};

/// The documentation of a setting.
pub(crate) struct Doc {
    pub(crate) key: &'static str,
    /// Its value in a `Settings`, as TOML.
    value: fn(&Settings) -> String,
    text: &'static str,
    pub(crate) is_secret: bool,
}

const fn doc(key: &'static str, value: fn(&Settings) -> String, text: &'static str) -> Doc {
    Doc {
        key,
        value,
        text,
        is_secret: false,
    }
}

/// A setting that may also be in a file, which the setting `<key>_FILE` names, or in a credential of systemd.
const fn secret(key: &'static str, value: fn(&Settings) -> String, text: &'static str) -> Doc {
    Doc {
        is_secret: true,
        ..doc(key, value, text)
    }
}

impl Doc {
    /// The key of the file with the secret.
    pub(crate) fn file_key(&self) -> Option<String> {
        self.is_secret.then(|| format!("{}_FILE", self.key))
    }

    /// The value in `settings` as TOML, without secrets.
    pub(crate) fn value(&self, settings: &Settings) -> String {
        (self.value)(settings)
    }
}

/// All settings, in the order of the sample file.
pub(crate) static DOCS: [Doc; 34] = [
    doc(
        "HOST",
        |settings| toml(&settings.host),
        "IP address or host name to listen on. 0.0.0.0 listens on all IPv4 addresses of the machine.",
    ),
    doc(
        "PORT",
        |settings| toml(settings.port),
        "Port to listen on, 0 to 65535. With 0 the operating system chooses a free one.",
    ),
    doc(
        "INSTANCE_NAME",
        |settings| toml(&settings.instance_name),
        "Name of this instance, shown to visitors, 1 to 80 characters.",
    ),
    doc(
        "INSTANCE_LOGO",
        |settings| path(&settings.instance_logo),
        "File with the logo of this instance, SVG or PNG, at most 256 KiB. The server reads it at start.",
    ),
    doc(
        "INSTANCE_TEXT",
        |settings| path(&settings.instance_text),
        "File with a text about this instance, shown to visitors: plain text in UTF-8, at most 16 KiB. Empty lines\n\
         separate its paragraphs. The server reads it at start.",
    ),
    doc(
        "INSTANCE_URL",
        |settings| optional(&settings.instance_url),
        "Public address of this service, such as \"https://dashboard.example.org\". Without it, links lead to the\n\
         address that the request was sent to.",
    ),
    doc(
        "FIX_PROXY",
        |settings| toml(settings.fix_proxy),
        "Trust the headers X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Prefix and X-Forwarded-For. Enable it\n\
         only behind a proxy that sets all four.",
    ),
    doc(
        "SHUTDOWN_DELAY",
        |settings| toml(settings.shutdown_delay.as_secs()),
        "Seconds, 0 to 600, that the server goes on serving after SIGTERM or SIGINT before it stops. Meanwhile\n\
         /health is 503 and connections are closed after their answer. Behind a balancer, set it to more than the\n\
         balancer takes to notice.",
    ),
    doc(
        "VISITOR_REQUESTS_PER_MINUTE",
        |settings| {
            toml(
                settings
                    .visitor_requests_per_minute
                    .map_or(0, NonZeroU32::get),
            )
        },
        "Maximum number of requests of an IPv4 address or an IPv6 network (/64) in a minute without a token, 0 to\n\
         1000000. Further ones get 429; /health and /metrics do not count. 0 does not limit. Behind a proxy it\n\
         needs FIX_PROXY: otherwise all visitors have the address of the proxy.",
    ),
    doc(
        "PUBLIC_MIN_CLIENTS",
        |settings| toml(settings.public_min_clients),
        "Number of clients that have to be behind each public figure, 1 to 1000000; 3 or more is recommended. Above 1\n\
         the public statistics are a release: of whole days, made once a day after midnight, without figures that\n\
         fewer clients are behind. With 1 they show all stats at once, and single ones can be worked out from them.",
    ),
    doc(
        "ADMIN_EMAIL",
        |settings| optional(&settings.admin_email),
        "E-mail address of the operator of this service, shown to visitors.",
    ),
    doc(
        "ADMIN_URL",
        |settings| optional(&settings.admin_url),
        "Web page about the operator of this service, shown to visitors.",
    ),
    doc(
        "SOURCE_URL",
        |settings| toml(settings.source_url.as_str()),
        "Where visitors find the source code of this service. The licence (AGPL) asks for that of a modified version.",
    ),
    secret(
        "ADMIN_TOKEN",
        |settings| hidden(&settings.admin_token),
        "Token of the administrator, 1 to 100 visible ASCII characters. At start the server creates an\n\
         administrator with this token if there is none. If there is one, this setting has no effect.",
    ),
    doc(
        "ACTIVE_BLUEPRINTS",
        |settings| toml(names(&settings.active_blueprints)),
        "Groups of routes to serve besides the API: stats_bp (/stats), admin_bp (/admin), root_bp (the pages) and\n\
         map_bp (/map). In the environment, separate them by commas or spaces.",
    ),
    doc(
        "CLIENT_REGISTRATION_OPEN",
        |settings| toml(settings.client_registration_open),
        "Let administrators create clients through the API.",
    ),
    doc(
        "TOKEN_STORAGE",
        |settings| toml(settings.token_storage.as_str()),
        "How new tokens of clients are stored: plain, which the Python service needs, or hashed, so that a stolen\n\
         backup does not reveal them. 'stats-admin client hash-tokens' converts those that are stored plain.",
    ),
    doc(
        "REMOTE_STATS_SERVER",
        |settings| toml(settings.remote_stats_server.as_str()),
        "Instance of this service to push stats to and to pull stats from.",
    ),
    secret(
        "REMOTE_STATS_TOKEN",
        |settings| hidden(&settings.remote_stats_token),
        "Token of this service on that instance.",
    ),
    doc(
        "MOSP_URL",
        |settings| toml(settings.mosp_url.as_str()),
        "MONARC Objects Sharing Platform on which to look up objects.",
    ),
    secret(
        "MOSP_TOKEN",
        |settings| hidden(&settings.mosp_token),
        "Token of this service on that platform.",
    ),
    doc(
        "LOG_PATH",
        |settings| path(&settings.log_path),
        "File to append the log to, such as \"/var/log/stats/stats.log\". SIGHUP reopens it, for logrotate. Without\n\
         it, the log goes to standard error. The environment variable RUST_LOG sets the level, such as \"debug\".",
    ),
    doc(
        "LOG_REQUESTS",
        |settings| toml(settings.log_requests),
        "Log every request at level info.",
    ),
    secret(
        "DATABASE_URL",
        |settings| toml(settings.database_url.to_string()),
        "Database: sqlite://<path>, or postgres://<user>:<password>@<host>:<port>/<name> with special characters\n\
         percent-encoded. If it is set, DB_HOSTNAME, DB_NAME, DB_USERNAME, DB_PASSWORD and DB_PORT have no effect.\n\
         Append ?pool_mode=transaction if a pooler in transaction mode, such as PgBouncer, is in between.",
    ),
    secret(
        "DATABASE_READ_URL",
        |settings| optional(&settings.database_read_url),
        "Hot standby of the PostgreSQL database: postgres://<user>:<password>@<host>:<port>/<name>. The server reads\n\
         lists, statistics and pages there, as long as the standby has all that the database has acknowledged;\n\
         otherwise it reads them from the database.",
    ),
    doc(
        "DATABASE_CONNECTIONS",
        |settings| toml(settings.database_connections),
        "Maximum number of connections of the server to a PostgreSQL database, 8 to 1000, and as many to its hot\n\
         standby. Two of them write. A SQLite database is one file, which takes as many file descriptors.",
    ),
    doc(
        "DB_HOSTNAME",
        |settings| optional(&settings.db_hostname),
        "Server of a PostgreSQL database: host name, IP address or directory of a Unix socket. PostgreSQL is used\n\
         if this setting or DB_NAME is set, and DATABASE_URL is not. With DB_NAME alone it is localhost.",
    ),
    doc(
        "DB_NAME",
        |settings| optional(&settings.db_name),
        "Name of the PostgreSQL database. With DB_HOSTNAME alone it is statsservice.",
    ),
    doc(
        "DB_USERNAME",
        |settings| optional(&settings.db_username),
        "User of the PostgreSQL database. Without it, the user of the operating system that runs the service.",
    ),
    secret(
        "DB_PASSWORD",
        |settings| hidden(&settings.db_password),
        "Password of that user as plain text, not percent-encoded.",
    ),
    doc(
        "DB_PORT",
        |settings| toml(settings.db_port),
        "Port of the PostgreSQL server, 1 to 65535.",
    ),
    doc(
        "DB_AUTO_MIGRATE",
        |settings| toml(settings.db_auto_migrate),
        "Migrate the database when the server starts. If this is off, the server does not start while a migration\n\
         is pending.",
    ),
    doc(
        "MAX_BODY_BYTES",
        |settings| toml(settings.max_body_bytes),
        "Largest request body in bytes, 1024 (1 KiB) to 1073741824 (1 GiB).",
    ),
    doc(
        "CACHE_BYTES",
        |settings| toml(settings.cache_bytes),
        "Memory for cached results of processors in bytes, up to 1099511627776 (1 TiB). 0 caches nothing.",
    ),
];

/// The `Debug` output of texts, numbers, booleans and lists is also TOML.
fn toml(value: impl Debug) -> String {
    format!("{value:?}")
}

fn names(groups: &BTreeSet<Blueprint>) -> Vec<&'static str> {
    groups.iter().map(|group| group.as_str()).collect()
}

/// A value that was not set is an empty text.
fn optional(value: &Option<impl Display>) -> String {
    toml(value.as_ref().map(ToString::to_string).unwrap_or_default())
}

fn path(path: &Option<PathBuf>) -> String {
    optional(&path.as_ref().map(|path| path.display()))
}

/// Shows only whether a secret is set.
fn hidden<T>(secret: &Option<T>) -> String {
    optional(&secret.as_ref().map(|_| "…"))
}

/// The keys of all settings, and those of files with secrets.
pub(crate) fn keys() -> impl Iterator<Item = String> {
    DOCS.iter()
        .flat_map(|doc| [Some(doc.key.to_owned()), doc.file_key()])
        .flatten()
}

/// The known key that `unknown` probably misspells.
pub(crate) fn similar_key(unknown: &str) -> Option<String> {
    const SIMILAR: f64 = 0.8;
    let unknown = unknown.to_uppercase();
    let similarities = keys().map(|key| (strsim::jaro(&unknown, &key), key));
    let most_similar = similarities.max_by(|(one, _), (other, _)| one.total_cmp(other));
    most_similar.and_then(|(similarity, key)| (similarity > SIMILAR).then_some(key))
}

/// The sample file.
pub(crate) fn sample(settings: &Settings) -> String {
    let mut sample = String::from(SAMPLE_HEAD);
    for doc in &DOCS {
        let (key, text) = (doc.key, doc.text.replace('\n', "\n# "));
        // Writing to a String cannot fail.
        let _ = write!(sample, "\n# {text}\n#{key} = {}\n", doc.value(settings));
        if let Some(key) = doc.file_key() {
            let _ = writeln!(sample, "#{key} = {}", toml(""));
        }
    }
    sample
}

const SAMPLE_HEAD: &str = "\
# The settings of the MONARC Stats Service with their defaults.
#
# Both programs read the file that the environment variable STATS_CONFIG names; without it
# /etc/stats-server/stats.toml, if that exists. Environment variables of the same names as the keys take
# precedence over the file. An empty value counts as not set. Booleans are true, 1, yes or on, and false, 0,
# no or off.
#
# A secret need not be in this file or in the environment. The setting <KEY>_FILE names a file that contains
# only the secret, and a credential of systemd may have the name of the key (in the unit:
# LoadCredential=ADMIN_TOKEN:/etc/stats-server/admin-token). The order of precedence is: environment, file
# that the environment names, credential, this file, file that this file names.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_keys_get_a_suggestion() {
        for (unknown, similar) in [
            ("port", Some("PORT")),
            ("POTR", Some("PORT")),
            ("DATABASE", Some("DATABASE_URL")),
            ("SQLALCHEMY_DATABASE_URI", None),
            ("MOSP_TOKN", Some("MOSP_TOKEN")),
            ("ADMIN_TOKEN_FIEL", Some("ADMIN_TOKEN_FILE")),
            ("HOSTNAME", Some("DB_HOSTNAME")),
            ("CLIENT_REGISTRATION", Some("CLIENT_REGISTRATION_OPEN")),
            ("MOSP", Some("MOSP_URL")),
            ("", None),
            ("ÄÖÜ日本", None),
        ] {
            assert_eq!(similar_key(unknown).as_deref(), similar, "{unknown}");
        }
    }
}
