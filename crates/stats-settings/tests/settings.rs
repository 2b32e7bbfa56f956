//! Layers, values and what must not be seen of them.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that the tests share are tests too"
)]

use std::collections::BTreeSet;
use std::path::Path;

use stats_settings::{Blueprint, Settings, SettingsError};

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let environment = environment.iter();
    Settings::from_sources(
        Some((Path::new("/etc/stats.toml"), file)),
        environment.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    )
}

fn from_file(file: &str) -> Settings {
    load(file, &[]).unwrap()
}

fn from_environment(environment: &[(&str, &str)]) -> Settings {
    load("", environment).unwrap()
}

fn error(file: &str, environment: &[(&str, &str)]) -> String {
    load(file, environment).unwrap_err().to_string()
}

#[test]
fn the_environment_comes_before_the_file_and_the_file_before_the_defaults() {
    let file = "PORT = 5001\nHOST = \"0.0.0.0\"";
    let settings = load(file, &[("PORT", "5002"), ("MOSP_TOKEN", "sesame")]).unwrap();
    assert_eq!(settings.port, 5002);
    assert_eq!(settings.host, "0.0.0.0");
    assert_eq!(settings.mosp_token.unwrap().reveal(), "sesame");
    assert_eq!(settings.max_body_bytes, 64 * 1024 * 1024);
}

#[test]
fn an_empty_value_counts_as_not_set() {
    assert_eq!(load("PORT = 5001", &[("PORT", "")]).unwrap().port, 5001);
    assert_eq!(
        from_file("HOST = \"\"\nADMIN_TOKEN = \"\""),
        Settings::default()
    );
    assert_eq!(
        from_environment(&[("DB_NAME", ""), ("ACTIVE_BLUEPRINTS", "")]),
        Settings::default()
    );
}

#[test]
fn other_variables_are_of_no_concern() {
    let environment = [
        ("PATH", "/bin"),
        ("port", "1"),
        ("STATS_PORT", "1"),
        ("STATS_CONFIG", "x.py"),
    ];
    assert_eq!(from_environment(&environment), Settings::default());
}

#[test]
fn unknown_keys_in_the_file_are_named() {
    for (file, key, nearest) in [
        ("PROT = 1", "PROT", "PORT"),
        ("port = 1", "port", "PORT"),
        (
            "SQLALCHEMY_DATABASE_URL = 1",
            "SQLALCHEMY_DATABASE_URL",
            "DATABASE_URL",
        ),
        ("'PORT[0]' = 1", "PORT[0]", "PORT"),
        ("'HOST.x' = 1", "HOST.x", "HOST"),
        ("[MOSP]\nURL = 1", "MOSP", "HOST"),
        ("'PORT\\n' = 1", "PORT\\\\n", "PORT"),
    ] {
        let expected = format!(
            "/etc/stats.toml has an unknown key '{key}': the nearest known one is {nearest}"
        );
        assert_eq!(error(file, &[]), expected);
    }
    // Even where the environment would win.
    assert!(error("B = 1\nA = 1", &[("PORT", "1")]).contains("'A'"));
}

#[test]
fn a_bad_value_is_told_with_key_origin_and_what_is_expected() {
    assert_eq!(
        error("PORT = 70000", &[]),
        "PORT in /etc/stats.toml: '70000' is not a number from 0 to 65535"
    );
    assert_eq!(
        error("PORT = 70000", &[("PORT", "x")]),
        "PORT in the environment: 'x' is not a number from 0 to 65535"
    );
}

#[test]
fn every_value_is_checked() {
    for (key, value, problem) in [
        (
            "HOST",
            "a b",
            "'a b' is not an IP address (IPv6 without brackets) or a host name",
        ),
        ("PORT", "-1", "'-1' is not a number from 0 to 65535"),
        ("PORT", "5000 ", "'5000 ' is not a number"),
        (
            "INSTANCE_URL",
            "stats.example.org",
            "is not an address such as https://",
        ),
        (
            "INSTANCE_URL",
            "https://x.org/?a",
            "must be an address without '?' and '#'",
        ),
        (
            "FIX_PROXY",
            "maybe",
            "'maybe' is not a boolean (true, false, 1, 0, yes, no, on or off)",
        ),
        ("FIX_PROXY", "2", "'2' is not a boolean"),
        ("ADMIN_EMAIL", "admin", "'admin' is not an e-mail address"),
        ("ADMIN_EMAIL", "@example.org", "is not an e-mail address"),
        ("ADMIN_EMAIL", "a@b@c", "is not an e-mail address"),
        ("ADMIN_EMAIL", "a b@example.org", "is not an e-mail address"),
        (
            "ADMIN_URL",
            "javascript:alert(1)",
            "is not an address such as https://",
        ),
        (
            "ADMIN_TOKEN",
            "two words",
            "a token has 1 to 100 visible ASCII characters",
        ),
        (
            "ACTIVE_BLUEPRINTS",
            "stats_bp,pages",
            "'pages' is not one of stats_bp, admin_bp, root_bp, map_bp",
        ),
        (
            "CLIENT_REGISTRATION_OPEN",
            "open",
            "'open' is not a boolean",
        ),
        (
            "REMOTE_STATS_SERVER",
            "ftp://x.org",
            "is not an address such as https://",
        ),
        ("REMOTE_STATS_TOKEN", "é", "a token has"),
        ("MOSP_URL", "https://", "is not an address such as https://"),
        ("MOSP_TOKEN", "two words", "a token has"),
        (
            "LOG_PATH",
            "/var/log/",
            "'/var/log/' is not the path of a file",
        ),
        (
            "DATABASE_URL",
            "mysql://x",
            "must be sqlite://<path> or postgres://",
        ),
        (
            "DATABASE_URL",
            "sqlite://",
            "must be sqlite://<path> or postgres://",
        ),
        (
            "DATABASE_URL",
            "stats.db",
            "must be sqlite://<path> or postgres://",
        ),
        (
            "DB_HOSTNAME",
            "db:5432",
            "is not a host name, an IP address or the directory of a socket",
        ),
        ("DB_NAME", "a\0", "holds a control character"),
        ("DB_USERNAME", "a\n", "holds a control character"),
        ("DB_PASSWORD", "a\n", "holds a control character"),
        ("DB_PORT", "0", "'0' is not a number from 1 to 65535"),
        ("DB_AUTO_MIGRATE", "never", "'never' is not a boolean"),
        (
            "MAX_BODY_BYTES",
            "1023",
            "'1023' is not a number from 1024 to 1073741824",
        ),
        (
            "MAX_BODY_BYTES",
            "1073741825",
            "'1073741825' is not a number from 1024 to 1073741824",
        ),
        ("MAX_BODY_BYTES", "64 MiB", "'64 MiB' is not a number"),
    ] {
        let text = error("", &[(key, value)]);
        assert!(
            text.starts_with(&format!("{key} in the environment: ")) && text.contains(problem),
            "{text}"
        );
    }
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    for (file, problem) in [
        (
            "HOST = 5",
            "HOST in /etc/stats.toml: must be text in quotes, not a number",
        ),
        (
            "ADMIN_TOKEN = true",
            "ADMIN_TOKEN in /etc/stats.toml: must be text in quotes, not a boolean",
        ),
        (
            "PORT = [1]",
            "PORT in /etc/stats.toml: must be a number, true or false, not a list",
        ),
        (
            "FIX_PROXY = 1.0",
            "FIX_PROXY in /etc/stats.toml: must be a number, true or false, not a number",
        ),
        (
            "PORT = true",
            "PORT in /etc/stats.toml: 'true' is not a number from 0 to 65535",
        ),
        (
            "FIX_PROXY = 2",
            "FIX_PROXY in /etc/stats.toml: '2' is not a boolean",
        ),
        (
            "ACTIVE_BLUEPRINTS = 1",
            "ACTIVE_BLUEPRINTS in /etc/stats.toml: must be a list, not a number",
        ),
        (
            "ACTIVE_BLUEPRINTS = [1]",
            "must be a list of texts in quotes, not a number",
        ),
        ("ACTIVE_BLUEPRINTS = ['']", "'' is not one of stats_bp"),
        (
            "[HOST]\nx = 1",
            "HOST in /etc/stats.toml: must be text in quotes, not a table",
        ),
    ] {
        let text = error(file, &[]);
        assert!(text.contains(problem), "{text}");
    }
}

#[test]
fn booleans_are_written_in_many_ways() {
    for value in ["true", "True", "TRUE", "1", "yes", "on", "On"] {
        assert!(
            from_environment(&[("FIX_PROXY", value)]).fix_proxy,
            "{value}"
        );
        assert!(
            from_file(&format!("FIX_PROXY = '{value}'")).fix_proxy,
            "{value}"
        );
    }
    for value in ["false", "False", "0", "no", "NO", "off"] {
        assert!(
            !from_environment(&[("DB_AUTO_MIGRATE", value)]).db_auto_migrate,
            "{value}"
        );
    }
    assert!(from_file("FIX_PROXY = true").fix_proxy);
    assert!(from_file("FIX_PROXY = 1").fix_proxy);
    assert!(!from_file("DB_AUTO_MIGRATE = 0").db_auto_migrate);
}

#[test]
fn limits_are_part_of_what_is_allowed() {
    let size = |value| from_environment(&[("MAX_BODY_BYTES", value)]).max_body_bytes;
    assert_eq!((size("1024"), size("1073741824")), (1 << 10, 1 << 30));
    assert_eq!(from_environment(&[("PORT", "0")]).port, 0);
    assert_eq!(from_file("PORT = 65535").port, u16::MAX);
}

#[test]
fn blueprints_are_lists_or_text() {
    let some: BTreeSet<_> = [Blueprint::Stats, Blueprint::Map].into();
    for value in [
        "stats_bp,map_bp",
        "map_bp stats_bp",
        " stats_bp , map_bp,",
        "map_bp,,stats_bp map_bp",
    ] {
        let settings = from_environment(&[("ACTIVE_BLUEPRINTS", value)]);
        assert_eq!(settings.active_blueprints, some, "{value}");
    }
    assert_eq!(
        from_file("ACTIVE_BLUEPRINTS = ['map_bp', 'stats_bp']").active_blueprints,
        some
    );
    assert_eq!(
        from_file("ACTIVE_BLUEPRINTS = 'map_bp, stats_bp'").active_blueprints,
        some
    );
    assert!(
        from_file("ACTIVE_BLUEPRINTS = []")
            .active_blueprints
            .is_empty(),
        "only the API"
    );
    assert_eq!(Settings::default().active_blueprints, Blueprint::ALL.into());
}

#[test]
fn addresses_that_others_are_made_from_have_no_slash_at_the_end() {
    let settings = from_environment(&[
        ("INSTANCE_URL", "https://example.org/dashboardBO/"),
        ("ADMIN_URL", "https://example.org/contact/?from=stats#form"),
        ("ADMIN_EMAIL", "admin@example.org"),
    ]);
    assert_eq!(
        settings.instance_url.unwrap().as_str(),
        "https://example.org/dashboardBO"
    );
    assert_eq!(
        settings.admin_url.unwrap().as_str(),
        "https://example.org/contact/?from=stats#form"
    );
    assert_eq!(
        settings.remote_stats_server.to_string(),
        "https://dashboard.monarc.lu"
    );
    assert_eq!(settings.admin_email.as_deref(), Some("admin@example.org"));
}

#[test]
fn the_database_is_set_in_one_piece_or_in_parts() {
    let url = |environment: &[(&str, &str)]| {
        from_environment(environment)
            .database_url
            .reveal()
            .to_owned()
    };
    assert_eq!(url(&[]), "sqlite://var/stats.db");
    assert_eq!(
        url(&[("DB_HOSTNAME", "db")]),
        "postgres://db:5432/statsservice"
    );
    assert_eq!(
        url(&[("DB_NAME", "stats")]),
        "postgres://localhost:5432/stats"
    );
    let parts = [
        ("DB_HOSTNAME", "db"),
        ("DB_NAME", "stats"),
        ("DB_USERNAME", "me"),
        ("DB_PASSWORD", "p@ss:w/rd"),
        ("DB_PORT", "5433"),
    ];
    assert_eq!(url(&parts), "postgres://me:p%40ss%3Aw%2Frd@db:5433/stats");
    let whole = ("DATABASE_URL", "postgresql://localhost/x");
    assert_eq!(
        url(&[&parts[..], &[whole]].concat()),
        "postgresql://localhost/x"
    );
    assert_eq!(
        url(&[("DB_USERNAME", "me"), ("DB_PORT", "5433")]),
        "sqlite://var/stats.db"
    );
    let mixed = load(
        "DB_NAME = 'stats'\nDB_PORT = 5433",
        &[("DB_HOSTNAME", "::1")],
    )
    .unwrap();
    assert_eq!(mixed.database_url.reveal(), "postgres://[::1]:5433/stats");
}

#[test]
fn debug_shows_no_secret() {
    let tokens = [
        ("ADMIN_TOKEN", "sesame1"),
        ("REMOTE_STATS_TOKEN", "sesame2"),
        ("MOSP_TOKEN", "sesame3"),
    ];
    for database in [
        &[("DATABASE_URL", "postgres://me:sesame@db/x")][..],
        &[("DATABASE_URL", "postgresql:///x?password=sesame")],
        &[("DB_HOSTNAME", "db"), ("DB_PASSWORD", "sesame")],
    ] {
        let settings = from_environment(&[&tokens, database].concat());
        assert!(settings.database_url.reveal().contains("sesame"));
        let debug = format!("{settings:?} {settings:#?}");
        assert!(!debug.contains("sesame"), "{debug}");
        assert!(debug.contains("postgres://…"));
    }
    assert!(format!("{:?}", Settings::default()).contains("DatabaseUrl(sqlite://var/stats.db)"));
}

#[test]
fn errors_show_no_secret() {
    for (key, value) in [
        ("ADMIN_TOKEN", "sesame sesame"),
        ("REMOTE_STATS_TOKEN", "sesame é"),
        ("MOSP_TOKEN", "sesame\n"),
        ("DATABASE_URL", "postgre://me:sesame@db/x"),
        ("DATABASE_URL", "me:sesame@db/x"),
        ("DB_PASSWORD", "sesame\n"),
        ("REMOTE_STATS_SERVER", "https://me:sesame@example.org"),
    ] {
        let error = load("", &[(key, value)]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(key) && !shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn what_is_not_toml_is_told_by_its_place_without_the_line() {
    for (file, problem) in [
        ("PORT = 1\nADMIN_TOKEN = \"sesame", "line 2, column"),
        ("ADMIN_TOKEN = sesame", "line 1, column"),
        ("ADMIN_TOKEN \"sesame\"", "line 1, column"),
        ("ADMIN_TOKEN = \"sesame\" | \"sesame\"", "line 1, column"),
        ("ADMIN_TOKEN = \"sesame\\q|\"", "line 1, column"),
        ("ADMIN_TOKEN = '''\nsesame | x", "line"),
        (
            "ADMIN_TOKEN = \"x\"\nADMIN_TOKEN = \"sesame\"",
            "line 2, column 1: duplicate key",
        ),
        ("PORT = 99999999999999999999", "number too large"),
    ] {
        let error = load(file, &[]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            shown.starts_with("/etc/stats.toml cannot be read: "),
            "{shown}"
        );
        assert!(
            shown.contains(problem) && !shown.contains("sesame"),
            "{shown}"
        );
    }
}
