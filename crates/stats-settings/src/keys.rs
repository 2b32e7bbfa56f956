use std::fmt::Write;

/// A setting, as the sample file shows it.
pub(crate) struct Key {
    /// Its name in the file and in the environment.
    pub(crate) name: &'static str,
    /// Its default, as TOML.
    default: &'static str,
    /// What it is, in lines that fit the sample file.
    doc: &'static str,
}

const fn key(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, default, doc }
}

/// All settings, in the order of the sample file.
pub(crate) static KEYS: [Key; 22] = [
    key(
        "HOST",
        r#""127.0.0.1""#,
        "The address on which the server listens: an IP address or a host name. 0.0.0.0 stands for all IPv4\n\
         addresses of the machine.",
    ),
    key(
        "PORT",
        "5000",
        "The port on which the server listens, 0 to 65535. 0 lets the system choose a free one.",
    ),
    key(
        "INSTANCE_URL",
        r#""""#,
        "The address under which others reach this service, such as \"https://dashboard.example.org\". Without\n\
         it, links lead to where the request was sent.",
    ),
    key(
        "FIX_PROXY",
        "false",
        "Whether to trust the headers X-Forwarded-Host, X-Forwarded-Proto and X-Forwarded-Prefix. Switch it on\n\
         only behind a proxy that sets all three.",
    ),
    key(
        "ADMIN_EMAIL",
        r#""""#,
        "The e-mail address of those who run this service, shown to visitors.",
    ),
    key(
        "ADMIN_URL",
        r#""""#,
        "A web page about those who run this service, shown to visitors.",
    ),
    key(
        "ADMIN_TOKEN",
        r#""""#,
        "The token of the administrator. When it is set and no client is an administrator, the server creates\n\
         one at start. 1 to 100 visible ASCII characters.",
    ),
    key(
        "ACTIVE_BLUEPRINTS",
        r#"["stats_bp", "admin_bp", "root_bp", "map_bp"]"#,
        "The groups of routes that are there besides the API: stats_bp (/stats), admin_bp (/admin),\n\
         root_bp (the pages) and map_bp (/map). In the environment separated by commas or spaces.",
    ),
    key(
        "CLIENT_REGISTRATION_OPEN",
        "true",
        "Whether an administrator may create clients through the API.",
    ),
    key(
        "REMOTE_STATS_SERVER",
        r#""https://dashboard.monarc.lu""#,
        "The instance to which stats are pushed, and from which they are pulled.",
    ),
    key(
        "REMOTE_STATS_TOKEN",
        r#""""#,
        "The token of this service at that instance.",
    ),
    key(
        "MOSP_URL",
        r#""https://objects.monarc.lu""#,
        "The MONARC Objects Sharing Platform that is asked about objects.",
    ),
    key(
        "MOSP_TOKEN",
        r#""""#,
        "The token of this service at that platform.",
    ),
    key(
        "LOG_PATH",
        r#""""#,
        "The file to which the log is appended, such as \"/var/log/stats/stats.log\". Without it, the log goes to\n\
         standard error. How much is logged is up to the environment variable RUST_LOG, such as \"debug\".",
    ),
    key(
        "DATABASE_URL",
        r#""sqlite://var/stats.db""#,
        "The database: sqlite://<path>, or postgres://<user>:<password>@<host>:<port>/<name> in which special\n\
         characters are percent-encoded. When it is set, the settings DB_HOSTNAME to DB_PORT are of no effect.",
    ),
    key(
        "DB_HOSTNAME",
        r#""""#,
        "The server of a PostgreSQL database: a host name, an IP address or the directory of a socket. When it\n\
         or DB_NAME is set, and DATABASE_URL is not, PostgreSQL is used. If only DB_NAME is set, localhost.",
    ),
    key(
        "DB_NAME",
        r#""""#,
        "The name of the PostgreSQL database. If only DB_HOSTNAME is set, statsservice.",
    ),
    key(
        "DB_USERNAME",
        r#""""#,
        "The user of the PostgreSQL database. Without it, the system's user that runs the service.",
    ),
    key(
        "DB_PASSWORD",
        r#""""#,
        "The password of that user, as it is, not percent-encoded.",
    ),
    key(
        "DB_PORT",
        "5432",
        "The port of the PostgreSQL server, 1 to 65535.",
    ),
    key(
        "DB_AUTO_MIGRATE",
        "true",
        "Whether the server brings the tables of the database up to date at start. If it is off and they are\n\
         not, the server does not start.",
    ),
    key(
        "MAX_BODY_BYTES",
        "67108864",
        "How large the body of a request may be, in bytes: 1024 (1 KiB) to 1073741824 (1 GiB).",
    ),
];

/// The settings file with every key commented out.
pub(crate) fn sample() -> String {
    let mut sample = String::from(
        "# The settings of the MONARC Stats Service, each with its default.\n\
         #\n\
         # Set the environment variable STATS_CONFIG to the path of this file. An environment variable of the same\n\
         # name as a key comes before the file; an empty value counts as not set. Where true or false is expected,\n\
         # 1, 0, yes, no, on and off do as well.\n",
    );
    for Key { name, default, doc } in &KEYS {
        let doc = doc.replace('\n', "\n# ");
        // Writing to a string does not fail.
        let _ = write!(sample, "\n# {doc}\n#{name} = {default}\n");
    }
    sample
}

/// The key that is most like an unknown one.
pub(crate) fn nearest(unknown: &str) -> &'static str {
    let unknown = unknown.to_uppercase();
    let names = KEYS.iter().map(|key| key.name);
    names
        .min_by_key(|name| distance(&unknown, name))
        .unwrap_or_default()
}

/// How many characters have to be added, removed or replaced to make one text of another (Levenshtein), row by row.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != char::from(b));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        for (unknown, meant) in [
            ("port", "PORT"),
            ("DATABASE", "DATABASE_URL"),
            ("MOSP_TOKN", "MOSP_TOKEN"),
            ("HOSTNAME", "DB_HOSTNAME"),
            ("CLIENT_REGISTRATION", "CLIENT_REGISTRATION_OPEN"),
        ] {
            assert_eq!(nearest(unknown), meant, "{unknown}");
        }
        nearest("");
        nearest("ÄÖÜ日本");
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn the_sample_has_short_lines() {
        assert!(sample().lines().all(|line| line.chars().count() <= 110));
    }
}
