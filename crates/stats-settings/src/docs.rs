use std::collections::BTreeSet;
use std::fmt::{Debug, Write};
use std::num::NonZeroU32;

use crate::{Blueprint, Settings};

/// The documentation of a setting.
struct Doc {
    key: &'static str,
    /// The value in `Settings::default()`, as TOML.
    default: fn(&Settings) -> String,
    text: &'static str,
}

const fn doc(key: &'static str, default: fn(&Settings) -> String, text: &'static str) -> Doc {
    Doc { key, default, text }
}

/// All settings, in the order of the sample file.
static DOCS: [Doc; 30] = [
    doc(
        "HOST",
        |default| toml(&default.host),
        "IP address or host name to listen on. 0.0.0.0 listens on all IPv4 addresses of the machine.",
    ),
    doc(
        "PORT",
        |default| toml(default.port),
        "Port to listen on, 0 to 65535. With 0 the operating system chooses a free one.",
    ),
    doc(
        "INSTANCE_NAME",
        |default| toml(&default.instance_name),
        "Name of this instance, shown to visitors, 1 to 80 characters.",
    ),
    doc(
        "INSTANCE_LOGO",
        unset,
        "File with the logo of this instance, SVG or PNG, at most 256 KiB. The server reads it at start.",
    ),
    doc(
        "INSTANCE_TEXT",
        unset,
        "File with a text about this instance, shown to visitors: plain text in UTF-8, at most 16 KiB. Empty lines\n\
         separate its paragraphs. The server reads it at start.",
    ),
    doc(
        "INSTANCE_URL",
        unset,
        "Public address of this service, such as \"https://dashboard.example.org\". Without it, links lead to the\n\
         address that the request was sent to.",
    ),
    doc(
        "FIX_PROXY",
        |default| toml(default.fix_proxy),
        "Trust the headers X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Prefix and X-Forwarded-For. Enable it\n\
         only behind a proxy that sets all four.",
    ),
    doc(
        "VISITOR_REQUESTS_PER_MINUTE",
        |default| {
            toml(
                default
                    .visitor_requests_per_minute
                    .map_or(0, NonZeroU32::get),
            )
        },
        "Maximum number of requests of an IPv4 address or an IPv6 network (/64) in a minute without a token, 0 to\n\
         1000000. Further ones get 429; /health and /metrics do not count. 0 does not limit. Behind a proxy it\n\
         needs FIX_PROXY: otherwise all visitors have the address of the proxy.",
    ),
    doc(
        "ADMIN_EMAIL",
        unset,
        "E-mail address of the operator of this service, shown to visitors.",
    ),
    doc(
        "ADMIN_URL",
        unset,
        "Web page about the operator of this service, shown to visitors.",
    ),
    doc(
        "SOURCE_URL",
        |default| toml(default.source_url.as_str()),
        "Where visitors find the source code of this service. The licence (AGPL) asks for that of a modified version.",
    ),
    doc(
        "ADMIN_TOKEN",
        unset,
        "Token of the administrator, 1 to 100 visible ASCII characters. At start the server creates an\n\
         administrator with this token if there is none. If there is one, this setting has no effect.",
    ),
    doc(
        "ACTIVE_BLUEPRINTS",
        |default| toml(names(&default.active_blueprints)),
        "Groups of routes to serve besides the API: stats_bp (/stats), admin_bp (/admin), root_bp (the pages) and\n\
         map_bp (/map). In the environment, separate them by commas or spaces.",
    ),
    doc(
        "CLIENT_REGISTRATION_OPEN",
        |default| toml(default.client_registration_open),
        "Let administrators create clients through the API.",
    ),
    doc(
        "TOKEN_STORAGE",
        |default| toml(default.token_storage.as_str()),
        "How new tokens of clients are stored: plain, which the Python service needs, or hashed, so that a stolen\n\
         backup does not reveal them. 'stats-admin client hash-tokens' converts those that are stored plain.",
    ),
    doc(
        "REMOTE_STATS_SERVER",
        |default| toml(default.remote_stats_server.as_str()),
        "Instance of this service to push stats to and to pull stats from.",
    ),
    doc(
        "REMOTE_STATS_TOKEN",
        unset,
        "Token of this service on that instance.",
    ),
    doc(
        "MOSP_URL",
        |default| toml(default.mosp_url.as_str()),
        "MONARC Objects Sharing Platform on which to look up objects.",
    ),
    doc(
        "MOSP_TOKEN",
        unset,
        "Token of this service on that platform.",
    ),
    doc(
        "LOG_PATH",
        unset,
        "File to append the log to, such as \"/var/log/stats/stats.log\". SIGHUP reopens it, for logrotate. Without\n\
         it, the log goes to standard error. The environment variable RUST_LOG sets the level, such as \"debug\".",
    ),
    doc(
        "LOG_REQUESTS",
        |default| toml(default.log_requests),
        "Log every request at level info.",
    ),
    doc(
        "DATABASE_URL",
        |default| toml(default.database_url.to_string()),
        "Database: sqlite://<path>, or postgres://<user>:<password>@<host>:<port>/<name> with special characters\n\
         percent-encoded. If it is set, DB_HOSTNAME, DB_NAME, DB_USERNAME, DB_PASSWORD and DB_PORT have no effect.",
    ),
    doc(
        "DB_HOSTNAME",
        unset,
        "Server of a PostgreSQL database: host name, IP address or directory of a Unix socket. PostgreSQL is used\n\
         if this setting or DB_NAME is set, and DATABASE_URL is not. With DB_NAME alone it is localhost.",
    ),
    doc(
        "DB_NAME",
        unset,
        "Name of the PostgreSQL database. With DB_HOSTNAME alone it is statsservice.",
    ),
    doc(
        "DB_USERNAME",
        unset,
        "User of the PostgreSQL database. Without it, the user of the operating system that runs the service.",
    ),
    doc(
        "DB_PASSWORD",
        unset,
        "Password of that user as plain text, not percent-encoded.",
    ),
    doc(
        "DB_PORT",
        |default| toml(default.db_port),
        "Port of the PostgreSQL server, 1 to 65535.",
    ),
    doc(
        "DB_AUTO_MIGRATE",
        |default| toml(default.db_auto_migrate),
        "Migrate the database when the server starts. If this is off, the server does not start while a migration\n\
         is pending.",
    ),
    doc(
        "MAX_BODY_BYTES",
        |default| toml(default.max_body_bytes),
        "Largest request body in bytes, 1024 (1 KiB) to 1073741824 (1 GiB).",
    ),
    doc(
        "CACHE_BYTES",
        |default| toml(default.cache_bytes),
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

fn unset(_: &Settings) -> String {
    toml("")
}

/// The keys of all settings.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    DOCS.iter().map(|doc| doc.key)
}

/// The known key that `unknown` probably misspells.
pub(crate) fn similar_key(unknown: &str) -> Option<&'static str> {
    const SIMILAR: f64 = 0.8;
    let unknown = unknown.to_uppercase();
    let similarities = keys().map(|key| (strsim::jaro(&unknown, key), key));
    let most_similar = similarities.max_by(|(one, _), (other, _)| one.total_cmp(other));
    most_similar.and_then(|(similarity, key)| (similarity > SIMILAR).then_some(key))
}

/// The sample file.
pub(crate) fn sample(settings: &Settings) -> String {
    let mut sample = String::from(
        "# The settings of the MONARC Stats Service with their defaults.\n\
         #\n\
         # The environment variable STATS_CONFIG names the settings file. Environment variables of the same names as\n\
         # the keys take precedence over it. An empty value counts as not set. Booleans are true, 1, yes or on, and\n\
         # false, 0, no or off.\n",
    );
    for Doc { key, default, text } in &DOCS {
        let (text, default) = (text.replace('\n', "\n# "), default(settings));
        // Writing to a String cannot fail.
        let _ = write!(sample, "\n# {text}\n#{key} = {default}\n");
    }
    sample
}

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
            ("HOSTNAME", Some("DB_HOSTNAME")),
            ("CLIENT_REGISTRATION", Some("CLIENT_REGISTRATION_OPEN")),
            ("MOSP", Some("MOSP_URL")),
            ("", None),
            ("ÄÖÜ日本", None),
        ] {
            assert_eq!(similar_key(unknown), similar, "{unknown}");
        }
    }
}
