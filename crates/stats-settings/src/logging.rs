use std::env;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use chrono::{Local, NaiveDateTime};
use env_logger::{Builder, Target};
use log::Record;
use log::kv::Key;

use crate::SettingsError;

/// What is logged where the environment variable `RUST_LOG` does not say.
const DEFAULT_FILTER: &str = "info";

/// Sends the log to a file, or to standard error.
///
/// The file is appended to, and made with its directory where there is none; others cannot read it. How much is logged is
/// up to the environment variable `RUST_LOG`, by default all from the level `info` up.
///
/// The function in a log line comes from the record's key `function`:
///
/// ```rust
/// log::error!(function = stats_core::function_name!(); "the database is locked");
/// ```
///
/// # Errors
///
/// The file cannot be opened, or the process has a logger already.
pub fn init_logging(log_path: Option<&Path>) -> Result<(), SettingsError> {
    let target = match log_path {
        Some(path) => {
            let file = open(path).map_err(|source| SettingsError::LogFile {
                path: path.to_owned(),
                source,
            })?;
            Target::Pipe(Box::new(file))
        }
        None => Target::Stderr,
    };
    let filter = env::var("RUST_LOG")
        .ok()
        .filter(|filter| !filter.is_empty());
    builder(filter.as_deref().unwrap_or(DEFAULT_FILTER), target)
        .try_init()
        .map_err(SettingsError::LoggingTwice)
}

fn builder(filter: &str, target: Target) -> Builder {
    let mut builder = Builder::new();
    builder
        .parse_filters(filter)
        .target(target)
        .format(|output, record| {
            output.write_all(line(Local::now().naive_local(), record).as_bytes())
        });
    builder
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

/// A record as one line, whatever is in it.
fn line(now: NaiveDateTime, record: &Record<'_>) -> String {
    let mut line = format!(
        "{} {} ",
        now.format("%Y-%m-%d %H:%M:%S,%3f"),
        record.level()
    );
    let function = record.key_values().get(Key::from_str("function"));
    let function = function.map_or_else(|| "-".to_owned(), |function| function.to_string());
    // Writing to a string fails only where a `Display` in the message does; what it had written by then is kept.
    let _ = write!(
        OneLine(&mut line),
        "{} {function} {}: {}",
        record.module_path().unwrap_or("-"),
        record.line().unwrap_or_default(),
        record.args()
    );
    line.push('\n');
    line
}

/// Writes all but the characters that a reader of the log, or a terminal, would take for more than text.
struct OneLine<'a>(&'a mut String);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\u{2028}' | '\u{2029}' => self.0.extend(c.escape_unicode()),
                c if c.is_control() => self.0.extend(c.escape_debug()),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;

    const FUNCTION: Option<(&str, &str)> = Some(("function", "post"));

    fn formatted(message: fmt::Arguments<'_>, key_value: Option<(&str, &str)>) -> String {
        let record = Record::builder()
            .level(Level::Error)
            .module_path(Some("stats_http::api::stats"))
            .line(Some(248))
            .args(message)
            .key_values(&key_value)
            .build();
        line("2020-09-02T11:19:43.894999".parse().unwrap(), &record)
    }

    #[test]
    fn a_line_tells_time_level_module_function_line_and_message() {
        assert_eq!(
            formatted(format_args!("Duplicate stats: {}", 5), FUNCTION),
            "2020-09-02 11:19:43,894 ERROR stats_http::api::stats post 248: Duplicate stats: 5\n"
        );
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(
            formatted(format_args!("x"), None),
            "2020-09-02 11:19:43,894 ERROR stats_http::api::stats - 248: x\n"
        );
        let empty = Record::builder()
            .level(Level::Warn)
            .args(format_args!("x"))
            .build();
        let now = "2020-01-02T00:00:00".parse().unwrap();
        assert_eq!(line(now, &empty), "2020-01-02 00:00:00,000 WARN - - 0: x\n");
    }

    #[test]
    fn a_message_cannot_forge_another_line() {
        let message = "é 日\n2020-09-02 INFO\r\t\0\u{1b}[31m\u{85}\u{2028}\u{2029}\u{7f}";
        let text = formatted(format_args!("{message}"), Some(("function", "a\nb")));
        assert_eq!(
            text.split_once("stats ").unwrap().1,
            "a\\nb 248: é 日\\n2020-09-02 INFO\\r\\t\\0\\u{1b}[31m\\u{85}\\u{2028}\\u{2029}\\u{7f}\n"
        );
    }
}
