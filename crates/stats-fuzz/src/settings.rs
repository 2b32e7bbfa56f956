use std::ffi::OsString;
use std::path::Path;

use stats_core::WithCauses;
use stats_settings::{LoadedSettings, Settings, SettingsError};

use crate::database_url::has_hidden_secret;
use crate::{SECRET, assert_short};

/// Settings whose values are not printed.
const SECRETS: [&str; 4] = [
    "ADMIN_TOKEN",
    "REMOTE_STATS_TOKEN",
    "MOSP_TOKEN",
    "DB_PASSWORD",
];
const DATABASE_URL: &str = "DATABASE_URL";

/// A settings file, and after a line `---` the environment: `NAME=value` in each line.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (file, environment) = text.split_once("---\n").unwrap_or((&text, ""));
    let environment: Vec<_> = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let read = LoadedSettings::from_sources(
        Some((Path::new("stats.toml"), file)),
        environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    );
    let printed = match &read {
        Ok(loaded) => {
            check_values(&loaded.settings);
            let entries = loaded.entries().map(|entry| entry.value);
            format!("{:?} {}", loaded.settings, entries.collect::<String>())
        }
        Err(error) => {
            check_error(error, data.len());
            format!("{} {error:?}", WithCauses(error))
        }
    };
    // Text in several lines may look like other settings.
    let is_hidden = !file.contains("\"\"\"")
        && !file.contains("'''")
        && file.lines().all(is_hidden_in_file)
        && environment
            .iter()
            .all(|(name, value)| is_hidden_in_environment(name, value));
    assert!(!is_hidden || !printed.contains(SECRET), "{printed}");
}

fn check_values(settings: &Settings) {
    assert!(!settings.host.is_empty());
    assert!((1..=80).contains(&settings.instance_name.chars().count()));
    assert!((1 << 10..=1 << 30).contains(&settings.max_body_bytes));
    for url in [&settings.remote_stats_server, &settings.mosp_url] {
        let url = url.as_str();
        assert!(url.starts_with("http://") || url.starts_with("https://"));
        assert!(
            !url.contains(['@', '?', '#']) && !url.ends_with('/'),
            "{url}"
        );
    }
}

fn check_error(error: &SettingsError, length: usize) {
    let text = WithCauses(error).to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    // The name of a database is quoted, percent-encoded.
    assert_short(&text, 9 * length + 600);
    if let SettingsError::Value { key, .. } = error {
        let sample = Settings::sample();
        assert!(sample.contains(&format!("\n#{key} = ")), "{error:?}");
    }
}

/// Whether the line has no secret, or is the setting of one.
fn is_hidden_in_file(line: &str) -> bool {
    if !line.contains(SECRET) {
        return true;
    }
    let Some((name, value)) = line.split_once('=') else {
        return false;
    };
    let (name, value) = (name.trim(), value.trim());
    let url = value
        .strip_prefix('"')
        .and_then(|url| url.strip_suffix('"'));
    let is_url = |url: &str| !url.contains(['\\', '"']) && has_hidden_secret(url);
    SECRETS.contains(&name) && value.contains(SECRET) && !name.contains(SECRET)
        || name == DATABASE_URL && url.is_some_and(is_url)
}

fn is_hidden_in_environment(name: &str, value: &str) -> bool {
    !value.contains(SECRET)
        || SECRETS.contains(&name)
        || name == DATABASE_URL && has_hidden_secret(value)
}
