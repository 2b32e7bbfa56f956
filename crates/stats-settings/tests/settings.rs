//! Settings from file and environment.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::env;
use std::fs;
use std::path::Path;

use stats_core::WithCauses;
use stats_db::DatabaseUrl;
use stats_settings::{Blueprint, HttpUrl, LoadedSettings, Settings};

/// Reads the settings, or returns the error with its causes.
fn read(file: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    load(file, environment).map(|loaded| loaded.settings)
}

fn load(file: &str, environment: &[(&str, &str)]) -> Result<LoadedSettings, String> {
    let environment = environment.iter();
    let read = LoadedSettings::from_sources(
        Some((Path::new("stats.toml"), file)),
        environment.map(|(key, value)| (key.into(), value.into())),
    );
    read.map_err(|error| {
        assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
        WithCauses(&error).to_string()
    })
}

/// The keys of the sample file with their defaults.
fn defaults() -> Vec<(String, String)> {
    let sample = Settings::sample();
    let lines = sample.lines().filter_map(|line| line.strip_prefix('#'));
    let keys = lines.filter_map(|line| line.split_once(" = "));
    keys.map(|(key, default)| (key.to_owned(), default.to_owned()))
        .collect()
}

#[test]
fn the_sample_file_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/stats.toml");
    if env::var_os("UPDATE_SAMPLE").is_some_and(|value| value == "1") {
        fs::write(path, Settings::sample()).unwrap();
    }
    assert!(
        fs::read_to_string(path).is_ok_and(|sample| sample == Settings::sample()),
        "examples/stats.toml is stale; run this test with UPDATE_SAMPLE=1 in the environment"
    );
    let is_short = |line: &str| line.len() <= 110;
    assert!(Settings::sample().lines().all(is_short));
}

#[test]
fn the_sample_file_has_the_defaults() {
    let lines = defaults()
        .into_iter()
        .map(|(key, value)| format!("{key} = {value}\n"));
    assert_eq!(
        read(&String::from_iter(lines), &[]),
        Ok(Settings::default())
    );
    assert_eq!(read(&Settings::sample(), &[]), Ok(Settings::default()));
}

#[test]
fn every_documented_key_is_read_from_file_and_environment() {
    for (key, default) in defaults() {
        if key.ends_with("_FILE") {
            continue; // See below.
        }
        let value = match key.as_str() {
            "HOST" | "DB_HOSTNAME" => "::1",
            "SHUTDOWN_DELAY" => "5",
            "ADMIN_EMAIL" => "admin@example.org",
            "ACTIVE_BLUEPRINTS" => "map_bp",
            "TOKEN_STORAGE" => "hashed",
            "DATABASE_URL" => "sqlite://other.db",
            "DATABASE_READ_URL" => "postgres://localhost/stats",
            "DATABASE_CONNECTIONS" => "20",
            key if key.ends_with("_URL") || key.ends_with("_SERVER") => "https://example.org",
            _ if default == "true" => "no",
            _ if default == "false" => "yes",
            _ if default.starts_with('"') => "sesame",
            _ => "5433",
        };
        let from_file = read(&format!("{key} = '{value}'"), &[]).unwrap();
        assert_ne!(from_file, Settings::default(), "{key}");
        assert_eq!(read("", &[(&key, value)]), Ok(from_file), "{key}");

        let error = read(&format!("{key} = {{}}"), &[]).unwrap_err();
        let expected = format!("invalid {key} in stats.toml: it must be ");
        assert!(error.starts_with(&expected), "{error}");
        let error = read("", &[(&key, "x\n")]).unwrap_err();
        let expected = format!("invalid {key} in the environment: ");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn the_environment_overrides_and_empty_values_are_unset() {
    let file = "PORT = 5001\nHOST = '0.0.0.0'\nADMIN_TOKEN = ''";
    let environment = [
        ("PORT", "5002"),
        ("HOST", ""),
        ("port", "1"),
        ("PATH", "\n"),
    ];
    let settings = read(file, &environment).unwrap();
    assert_eq!((settings.host.as_str(), settings.port), ("0.0.0.0", 5002));
    assert_eq!(settings.admin_token, None);
}

#[cfg(unix)]
#[test]
fn only_settings_must_be_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let value = OsStr::from_bytes(b"\xff");
    let read = |key: &str| LoadedSettings::from_sources(None, [(key.into(), value.into())]);
    assert_eq!(read("OTHER").unwrap().settings, Settings::default());
    let error = read("DB_PASSWORD").unwrap_err();
    assert_eq!(error.to_string(), "invalid DB_PASSWORD in the environment");
}

#[test]
fn values_have_several_forms() {
    for form in ["true", "1", "'true'", "'True'", "'1'", "'yes'", "'On'"] {
        let settings = read(&format!("FIX_PROXY = {form}"), &[]).unwrap();
        assert!(settings.fix_proxy, "{form}");
    }
    for form in ["false", "0", "'FALSE'", "'0'", "'no'", "'off'"] {
        let settings = read(&format!("DB_AUTO_MIGRATE = {form}"), &[]).unwrap();
        assert!(!settings.db_auto_migrate, "{form}");
    }
    for (form, blueprints) in [
        ("'stats_bp,map_bp'", &[Blueprint::Stats, Blueprint::Map][..]),
        (
            "' map_bp , stats_bp,, map_bp '",
            &[Blueprint::Stats, Blueprint::Map],
        ),
        (
            "['map_bp', 'stats_bp']",
            &[Blueprint::Stats, Blueprint::Map],
        ),
        ("[]", &[]),
    ] {
        let settings = read(&format!("ACTIVE_BLUEPRINTS = {form}"), &[]).unwrap();
        assert!(settings.active_blueprints.iter().eq(blueprints), "{form}");
    }
    for (form, url) in [
        ("https://example.org", "https://example.org"),
        (
            "HTTP://Example.org:8080/dashboardBO//",
            "http://example.org:8080/dashboardBO",
        ),
        ("http://[::1]:5000/", "http://[::1]:5000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ] {
        let settings = read("", &[("MOSP_URL", form)]).unwrap();
        assert_eq!(settings.mosp_url.as_str(), url);
    }
    let page = "https://example.org/contact/?from=stats#form";
    let settings = read("", &[("ADMIN_URL", page)]).unwrap();
    assert_eq!(settings.admin_url.unwrap().as_str(), page);
}

#[test]
fn errors_name_key_origin_and_expected_form() {
    for (key, value, problem) in [
        ("HOST", "'a b'", "'a b' is not an IP address (IPv6 without"),
        ("HOST", "'*'", "'*' is not an IP address"),
        ("HOST", "'127.1'", "is not an IP address"),
        ("HOST", "'[::1]'", "is not an IP address"),
        ("HOST", "'/run'", "is not an IP address"),
        ("HOST", "5", "it must be text in quotes"),
        ("PORT", "70000", "'70000' is not a number from 0 to 65535"),
        ("PORT", "'-1'", "'-1' is not a number from 0"),
        ("PORT", "'5000 '", "'5000 ' is not a number"),
        ("PORT", "true", "'true' is not a number"),
        ("PORT", "1.0", "it must be a whole number, true or false"),
        (
            "INSTANCE_NAME",
            "' x'",
            "' x' is not a name of 1 to 80 characters without",
        ),
        ("INSTANCE_NAME", "5", "it must be text in quotes"),
        (
            "SOURCE_URL",
            "'git@x.org:x'",
            "it must be a URL such as https://",
        ),
        ("SOURCE_URL", "'ftp://x.org'", "it must be a URL such as"),
        ("INSTANCE_URL", "'https://x.org/?sesame'", "without '?' and"),
        ("FIX_PROXY", "'maybe'", "'maybe' is not a boolean (true, fa"),
        ("FIX_PROXY", "2", "'2' is not a boolean"),
        ("SHUTDOWN_DELAY", "601", "'601' is not a number from 0 to"),
        (
            "VISITOR_REQUESTS_PER_MINUTE",
            "-1",
            "'-1' is not a number from 0 to 1000000",
        ),
        (
            "PUBLIC_MIN_CLIENTS",
            "0",
            "'0' is not a number from 1 to 1000000",
        ),
        ("ADMIN_EMAIL", "'admin'", "'admin' is not an e-mail address"),
        ("ADMIN_EMAIL", "'@x.org'", "is not an e-mail address"),
        ("ADMIN_EMAIL", "'a@b@c'", "is not an e-mail address"),
        ("ADMIN_EMAIL", "'a b@x.org'", "is not an e-mail address"),
        ("ADMIN_TOKEN", "'ses ame'", "a token has 1 to 100 visible"),
        ("ADMIN_TOKEN", "true", "it must be text in quotes"),
        ("ACTIVE_BLUEPRINTS", "'x'", "'x' is not one of stats_bp, ad"),
        ("ACTIVE_BLUEPRINTS", "['']", "'' is not one of stats_bp, ad"),
        ("ACTIVE_BLUEPRINTS", "[1]", "it must be text in quotes"),
        ("ACTIVE_BLUEPRINTS", "1", "it must be a list of texts in qu"),
        ("DATABASE_URL", "'mysql://x'", "a database URL has the form"),
        ("DB_HOSTNAME", "'db:5432'", "is not an IP address"),
        (
            "DATABASE_CONNECTIONS",
            "7",
            "'7' is not a number from 8 to 1000",
        ),
        ("DB_PORT", "0", "'0' is not a number from 1 to 65535"),
        ("MAX_BODY_BYTES", "1023", "is not a number from 1024 to 107"),
        ("MAX_BODY_BYTES", "1073741825", "is not a number from 1024 "),
    ] {
        let error = read(&format!("{key} = {value}"), &[]).unwrap_err();
        let (place, cause) = error.split_once(": ").unwrap();
        assert_eq!(place, format!("invalid {key} in stats.toml"));
        assert!(cause.contains(problem), "{error}");
    }
    for limit in ["PORT = 0", "PORT = 65535", "DB_PORT = 1"] {
        read(limit, &[]).unwrap();
    }
    assert_eq!(read("CACHE_BYTES = 0", &[]).unwrap().cache_bytes, 0);
    let name = |length| read("", &[("INSTANCE_NAME", &"é".repeat(length))]);
    assert_eq!(name(80).unwrap().instance_name, "é".repeat(80));
    let error = name(81).unwrap_err();
    assert!(error.contains("is not a name of 1 to 80"), "{error}");
    for (rate, expected) in [(0, None), (1, Some(1)), (1_000_000, Some(1_000_000))] {
        let settings = read(&format!("VISITOR_REQUESTS_PER_MINUTE = {rate}"), &[]).unwrap();
        let rate = settings.visitor_requests_per_minute.map(u32::from);
        assert_eq!(rate, expected);
    }
    for limit in [1 << 10, 1 << 30] {
        let settings = read(&format!("MAX_BODY_BYTES = {limit}"), &[]).unwrap();
        assert_eq!(settings.max_body_bytes, limit);
    }
}

#[test]
fn errors_in_the_file_do_not_quote_the_line() {
    for (file, problem) in [
        ("PORT = 1\nADMIN_TOKEN = \"sesame", "line 2, column"),
        ("ADMIN_TOKEN = sesame", "line 1, column"),
        ("ADMIN_TOKEN \"sesame\"", "line 1, column"),
        ("ADMIN_TOKEN = \"sesame\" | \"sesame\"", "line 1, column"),
        ("ADMIN_TOKEN = \"sesame\\q|\"", "line 1, column"),
        ("ADMIN_TOKEN = '''\nsesame | x", "line"),
        ("HOST = 'x'\nHOST = 'sesame'", "line 2, column 1: duplicate"),
        ("PORT = 99999999999999999999", "number too large"),
        ("POTR = 'sesame'", "unknown key 'POTR'; did you mean PORT?"),
        ("[CACHE]\nBYTES = 'sesame'", "has the unknown key 'CACHE'"),
        ("'PORT\\n' = 'sesame'", "has the unknown key 'PORT\\\\n'"),
        ("'HOST.x' = 'sesame'", "has the unknown key 'HOST.x'"),
    ] {
        let error = read(file, &[("PORT", "1")]).unwrap_err();
        assert!(
            error.starts_with("the settings file stats.toml "),
            "{error}"
        );
        assert!(
            error.contains(problem) && !error.contains("sesame"),
            "{error}"
        );
    }
}

#[test]
fn database_url_overrides_the_parts() {
    let url =
        |file: &str, environment: &[(&str, &str)]| read(file, environment).unwrap().database_url;
    let parts = [
        ("DB_HOSTNAME", "localhost"),
        ("DB_NAME", "stats"),
        ("DB_USERNAME", "me"),
        ("DB_PASSWORD", "p@ss:w/rd"),
        ("DB_PORT", "5433"),
    ];
    for (file, environment, expected) in [
        ("", &[][..], "sqlite://var/stats.db"),
        ("", &parts[2..], "sqlite://var/stats.db"),
        ("", &parts[..1], "postgres://localhost:5432/statsservice"),
        ("", &parts[1..2], "postgres://localhost:5432/stats"),
        (
            "",
            &parts,
            "postgres://me:p%40ss%3Aw%2Frd@localhost:5433/stats",
        ),
        (
            "DB_NAME = 'stats'\nDB_PORT = 5433",
            &[("DB_HOSTNAME", "::1")],
            "postgres://[::1]:5433/stats",
        ),
        ("DATABASE_URL = 'postgresql:///x'", &parts, "postgres:///x"),
        (
            "DATABASE_URL = 'sqlite://var/stats.db'",
            &parts,
            "sqlite://var/stats.db",
        ),
    ] {
        assert_eq!(url(file, environment), expected.parse().unwrap());
    }
    // A build without TLS refuses other machines.
    let refused = "postgres://x.org:5432/statsservice".parse::<DatabaseUrl>();
    assert_eq!(
        read("DB_HOSTNAME = 'x.org'", &[]).err(),
        refused
            .err()
            .map(|error| format!("invalid DB_HOSTNAME in stats.toml: {error}"))
    );
}

#[test]
fn secrets_are_never_printed() {
    for environment in [
        [
            ("ADMIN_TOKEN", "sesame"),
            ("REMOTE_STATS_TOKEN", "sesame"),
            ("MOSP_TOKEN", "sesame"),
        ],
        [
            ("DATABASE_URL", "postgres://sesame:sesame@localhost/x"),
            ("DB_PASSWORD", "sesame"),
            ("DB_NAME", "x"),
        ],
        [
            ("DB_HOSTNAME", "localhost"),
            ("DB_PASSWORD", "sesame"),
            ("DB_USERNAME", "me"),
        ],
    ] {
        let debug = format!("{:?}", read("", &environment).unwrap());
        assert!(!debug.contains("sesame"), "{debug}");
    }
    for (key, value) in [
        ("ADMIN_TOKEN", "sesame sesame"),
        ("REMOTE_STATS_TOKEN", "sesame é"),
        ("MOSP_TOKEN", "sesame\n"),
        ("DB_PASSWORD", "sesame\n"),
        ("DATABASE_URL", "postgre://me:sesame@db/x"),
        ("DATABASE_URL", "me:sesame@db/x"),
        ("DATABASE_URL", "postgres://me:se#sesame@localhost/x"),
    ] {
        let error = read("", &[(key, value)]).unwrap_err();
        assert!(error.contains(key) && !error.contains("sesame"), "{error}");
    }
}

#[test]
fn http_urls_with_user_information_are_rejected_unquoted() {
    for special in ["", "@", "/", "/@", "#", "?", ":", "%", "[", "\\", " ", "é"] {
        for password in [
            format!("{special}7Xq"),
            format!("7{special}Xq"),
            format!("7Xq{special}"),
            format!("12{special}"),
        ] {
            for url in [
                format!("https://Kd4:{password}@x.org"),
                format!("https://{password}@x.org/"),
                format!("Kd4:{password}@x.org"),
            ] {
                let error = url.parse::<HttpUrl>().unwrap_err().to_string();
                assert!(error.contains("without user name and password"), "{error}");
                for part in ["Kd4", "7X", "Xq", "12", "x.org"] {
                    assert!(!error.contains(part), "{url}: {error}");
                }
            }
        }
    }
    for url in [
        "stats.example.org",
        "//stats.example.org",
        "ftp://stats.example.org",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https:stats.example.org",
        "https:\\\\stats.example.org",
        "https://stats example.org",
        " https://stats.example.org",
        "https://stats.example.org:99999",
    ] {
        assert!(url.parse::<HttpUrl>().is_err(), "{url}");
    }
}

/// The keys of the secrets, each with a valid value.
const SECRETS: [(&str, &str); 6] = [
    ("ADMIN_TOKEN", "sesame"),
    ("REMOTE_STATS_TOKEN", "sesame"),
    ("MOSP_TOKEN", "sesame"),
    ("DATABASE_URL", "postgres://me:sesame@localhost/x"),
    ("DATABASE_READ_URL", "postgres://me:sesame@localhost/x"),
    ("DB_PASSWORD", "sesame"),
];

/// A folder of files with secrets, which is also one of credentials.
struct Secrets(tempfile::TempDir);

impl Secrets {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn folder(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

#[test]
fn each_secret_is_read_from_a_file_or_a_credential() {
    for (key, value) in SECRETS {
        let secrets = Secrets::new();
        let expected = read("", &[(key, value)]).unwrap();
        let key_file = format!("{key}_FILE");
        for line_end in ["", "\n", "\r\n"] {
            let path = secrets.write(key, format!("{value}{line_end}"));
            let in_environment = [(key_file.as_str(), path.as_str())];
            let credentials = [("CREDENTIALS_DIRECTORY", secrets.folder())];
            let in_file = format!("{key_file} = '{path}'");
            for (loaded, origin) in [
                (load("", &in_environment), format!("the file {path}")),
                (load(&in_file, &[]), format!("the file {path}")),
                (load("", &credentials), format!("the credential {path}")),
            ] {
                let loaded = loaded.unwrap();
                assert_eq!(loaded.settings, expected);
                assert_eq!(loaded.origin(key).to_string(), origin);
            }
        }
        // Only one line break at the end is not a part of it.
        let path = secrets.write(key, format!("{value}\n\n"));
        let error = read("", &[(&key_file, &path)]).unwrap_err();
        let expected = format!("invalid {key} in the file {path}: ");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn environment_file_credential_and_settings_file_take_precedence_in_this_order() {
    let secrets = Secrets::new();
    let [named_here, named_there] = ["2", "5"].map(|secret| secrets.write(secret, secret));
    secrets.write("ADMIN_TOKEN", "3");
    let environment = [
        ("ADMIN_TOKEN", "1"),
        ("ADMIN_TOKEN_FILE", named_here.as_str()),
        ("CREDENTIALS_DIRECTORY", secrets.folder()),
    ];
    let name_file = format!("ADMIN_TOKEN_FILE = '{named_there}'");
    let token = |file: &str, environment: &[(&str, &str)]| {
        let settings = read(file, environment).unwrap();
        settings.admin_token.unwrap().reveal().to_owned()
    };
    let without_second = [environment[0], environment[2]];
    assert_eq!(token("ADMIN_TOKEN = '4'", &without_second), "1");
    assert_eq!(token("ADMIN_TOKEN = '4'", &environment[1..]), "2");
    assert_eq!(token("ADMIN_TOKEN = '4'", &environment[2..]), "3");
    assert_eq!(token(&name_file, &environment[2..]), "3");
    assert_eq!(token("ADMIN_TOKEN = '4'", &[]), "4");
    assert_eq!(token(&name_file, &[]), "5");
    // An empty value counts as not set.
    let empty = [("ADMIN_TOKEN", ""), environment[1]];
    assert_eq!(token("", &empty), "2");
    secrets.write("ADMIN_TOKEN", "");
    assert_eq!(token("ADMIN_TOKEN = '4'", &environment[2..]), "4");
    // A file that is not needed may be missing: a cron job may not be allowed to read it.
    assert_eq!(token("ADMIN_TOKEN_FILE = '/none'", &environment[..1]), "1");
}

#[test]
fn errors_of_secrets_name_key_and_file() {
    let secrets = Secrets::new();
    let folder = secrets.folder();
    let [empty, binary, long] = [&b""[..], b"\xff", &[b'x'; 5000]].map(|content| {
        let name = content.len().to_string();
        secrets.write(&name, content)
    });
    for (path, problem) in [
        ("/none/x", "No such file or directory"),
        (folder, "it is not a regular file"),
        ("/dev/zero", "it is not a regular file"),
        (&empty, "it is empty"),
        (&binary, "it is not UTF-8"),
        (&long, "it is larger than 4 KiB"),
    ] {
        for (file, environment) in [
            (String::new(), &[("ADMIN_TOKEN_FILE", path)][..]),
            (format!("ADMIN_TOKEN_FILE = '{path}'"), &[]),
        ] {
            let error = read(&file, environment).unwrap_err();
            let expected = format!("cannot use the file {path} (ADMIN_TOKEN_FILE): {problem}");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
    let spaced = secrets.write("MOSP_TOKEN", "ses ame");
    let error = read("", &[("CREDENTIALS_DIRECTORY", folder)]).unwrap_err();
    let expected = format!("invalid MOSP_TOKEN in the credential {spaced}: a token has");
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(
        read("MOSP_TOKEN_FILE = 5", &[]),
        Err("invalid MOSP_TOKEN_FILE in stats.toml: it must be text in quotes".to_owned())
    );
    // A setting that is not a secret has no file.
    let error = read("HOST_FILE = 'x'", &[]).unwrap_err();
    assert!(error.contains("unknown key 'HOST_FILE'"), "{error}");
    assert_eq!(read("", &[("HOST_FILE", "x")]), Ok(Settings::default()));
}

#[test]
fn a_secret_and_its_file_in_one_place_are_refused() {
    for (key, value) in SECRETS {
        let file = format!("{key} = '{value}'\n{key}_FILE = 'x'");
        let key_file = format!("{key}_FILE");
        let environment = [(key, value), (&key_file, "x")];
        for (error, origin) in [
            (read(&file, &[]), "stats.toml"),
            (read("", &environment), "the environment"),
        ] {
            let expected =
                format!("{key} and {key}_FILE are both set in {origin}: remove one of them");
            assert_eq!(error, Err(expected));
        }
    }
}

#[test]
fn entries_have_values_and_origins_without_secrets() {
    for (key, value) in SECRETS {
        let loaded = load("PORT = 5001\nHOST = '::1'", &[(key, value), ("PORT", "1")]).unwrap();
        let entries: Vec<_> = loaded.entries().collect();
        let find = |key: &str| {
            let entry = entries.iter().find(|entry| entry.key == key).unwrap();
            (entry.value.as_str(), entry.origin.to_string())
        };
        assert_eq!(find("PORT"), ("1", "the environment".to_owned()));
        assert_eq!(find("HOST"), (r#""::1""#, "stats.toml".to_owned()));
        assert_eq!(find("FIX_PROXY"), ("false", "default".to_owned()));
        let shown = match key {
            "DATABASE_URL" | "DATABASE_READ_URL" => r#""postgres://localhost/x""#,
            _ => r#""…""#,
        };
        assert_eq!(find(key), (shown, "the environment".to_owned()));
        let secrets = entries.iter().filter(|entry| entry.is_secret);
        let mut secrets: Vec<_> = secrets.map(|entry| entry.key).collect();
        secrets.sort_unstable();
        let mut expected = SECRETS.map(|(key, _)| key);
        expected.sort_unstable();
        assert_eq!(secrets, expected);
        assert!(!format!("{entries:?}").contains("sesame"), "{entries:?}");
    }
    let documented = defaults();
    let documented = documented.iter().filter(|(key, _)| !key.ends_with("_FILE"));
    let entries = load("", &[]).unwrap();
    let entries = entries.entries().map(|entry| (entry.key, entry.value));
    assert!(
        documented
            .map(|(key, value)| (key.as_str(), value.clone()))
            .eq(entries)
    );
    let parts = load("DB_NAME = 'x'", &[("DB_PASSWORD", "sesame")]).unwrap();
    let url = parts.entries().find(|entry| entry.key == "DATABASE_URL");
    let url = url.unwrap();
    assert_eq!(url.value, r#""postgres://localhost:5432/x""#);
    assert_eq!(url.origin.to_string(), "DB_HOSTNAME to DB_PORT");
}

#[test]
fn the_environments_of_heroku_and_of_the_python_container_are_read() {
    let heroku = [
        ("DYNO", "web.1"),
        ("PORT", "33507"),
        ("HOST", "0.0.0.0"),
        (
            "DATABASE_URL",
            "postgres://abc:p%40ss@localhost:5432/d1?sslmode=disable",
        ),
    ];
    let settings = read("", &heroku).unwrap();
    assert_eq!((settings.host.as_str(), settings.port), ("0.0.0.0", 33507));
    assert_eq!(
        settings.database_url.to_string(),
        "postgres://localhost:5432/d1"
    );
    let container = [
        ("ENVIRONMENT", "production"),
        ("HOST", "0.0.0.0"),
        ("PORT", "5005"),
        ("FIX_PROXY", "1"),
        ("INSTANCE_URL", "https://dashboard.example.org"),
        ("ADMIN_EMAIL", "info@example.org"),
        ("ADMIN_URL", "https://www.example.org"),
        ("ADMIN_TOKEN", "sesame"),
        ("REMOTE_STATS_SERVER", "https://dashboard.monarc.lu"),
        ("REMOTE_STATS_TOKEN", "sesame"),
        ("DB_HOSTNAME", "localhost"),
        ("DB_NAME", "statsservice"),
        ("DB_USERNAME", "sarah"),
        ("DB_PASSWORD", "Connor"),
        ("DB_PORT", "5432"),
    ];
    let settings = read("", &container).unwrap();
    assert!(settings.fix_proxy && settings.remote_stats_token.is_some());
    assert_eq!(
        settings.database_url,
        "postgres://sarah:Connor@localhost:5432/statsservice"
            .parse()
            .unwrap()
    );
}
