//! The sample file says what the code does.

use std::path::Path;
use std::{env, fs};

use stats_settings::Settings;

/// The keys of the sample file with their defaults.
fn keys() -> Vec<(String, String)> {
    let sample = Settings::sample();
    let keys = sample
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once(" = "));
    let keys = keys.filter(|(key, _)| key.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    keys.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn from_file(text: &str) -> Result<Settings, String> {
    let file = Some((Path::new("stats.toml"), text));
    Settings::from_sources(file, []).map_err(|error| error.to_string())
}

fn from_environment(key: &str, value: &str) -> Result<Settings, String> {
    let environment = [(key.to_owned(), value.to_owned())];
    Settings::from_sources(None, environment).map_err(|error| error.to_string())
}

#[test]
fn the_sample_file_is_the_one_that_the_code_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/stats.toml");
    if env::var_os("UPDATE_SAMPLE").is_some_and(|value| value == "1") {
        fs::write(path, Settings::sample()).unwrap();
    }
    assert!(
        fs::read_to_string(path).is_ok_and(|sample| sample == Settings::sample()),
        "examples/stats.toml is stale; run this test with UPDATE_SAMPLE=1 in the environment"
    );
}

#[test]
fn the_sample_shows_the_defaults() {
    assert_eq!(keys().len(), 22);
    let lines: Vec<_> = keys()
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    assert_eq!(from_file(&lines.join("\n")).unwrap(), Settings::default());
    assert_eq!(
        from_file(&Settings::sample()).unwrap(),
        Settings::default(),
        "all commented out"
    );
    assert_eq!(
        Settings::from_sources(None, []).unwrap(),
        Settings::default()
    );
}

#[test]
fn every_key_is_read_from_both_the_file_and_the_environment() {
    for (key, _) in keys() {
        let error = from_file(&format!("{key} = {{}}")).unwrap_err();
        assert!(
            error.starts_with(&format!("{key} in stats.toml: must be ")),
            "{error}"
        );
        let error = from_environment(&key, "a\nb").unwrap_err();
        assert!(
            error.starts_with(&format!(
                "{key} in the environment: holds a control character"
            )),
            "{error}"
        );
    }
}

#[test]
fn every_key_makes_a_difference_in_both_the_file_and_the_environment() {
    for (key, _) in keys() {
        let value = match key.as_str() {
            "HOST" | "DB_HOSTNAME" => "db.example.org",
            "PORT" | "DB_PORT" | "MAX_BODY_BYTES" => "5433",
            "FIX_PROXY" => "on",
            "CLIENT_REGISTRATION_OPEN" | "DB_AUTO_MIGRATE" => "off",
            "ADMIN_EMAIL" => "admin@example.org",
            "ACTIVE_BLUEPRINTS" => "map_bp",
            "INSTANCE_URL" | "ADMIN_URL" | "REMOTE_STATS_SERVER" | "MOSP_URL" => {
                "https://example.org"
            }
            "DATABASE_URL" => "sqlite://other.db",
            _ => "sesame",
        };
        // What describes a part of the database alone needs another part.
        let (context, default) = match key.as_str() {
            "DB_USERNAME" | "DB_PASSWORD" | "DB_PORT" => {
                let context = "DB_NAME = 'x'\n";
                (context, from_file(context).unwrap())
            }
            _ => ("", Settings::default()),
        };
        let in_file = from_file(&format!("{context}{key} = '{value}'")).unwrap();
        assert_ne!(in_file, default, "{key}");
        let file = Some((Path::new("stats.toml"), context));
        let in_environment =
            Settings::from_sources(file, [(key.clone(), value.to_owned())]).unwrap();
        assert_eq!(in_environment, in_file, "{key}");
    }
}
