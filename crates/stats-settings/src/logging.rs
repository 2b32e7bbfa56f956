use std::env;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{Local, NaiveDateTime};
use env_logger::{Builder, Target};
use log::Record;
use log::kv::Key;

use crate::SettingsError;

/// The filter without the environment variable `RUST_LOG`.
const DEFAULT_FILTER: &str = "info";

/// Sends the log to a file, or to standard error.
///
/// Creates the file (with mode 0640) and its directory if they do not exist, and appends to an existing file. The
/// environment variable `RUST_LOG` is the filter; the default is level `info` and above.
///
/// The function in a log line comes from the record's key `function`:
///
/// ```rust
/// log::error!(function = "post"; "the database is locked");
/// ```
///
/// # Errors
///
/// The file cannot be opened, or the process has a logger already.
pub fn init_logging(log_path: Option<&Path>) -> Result<Option<LogFile>, SettingsError> {
    let log_file = log_path.map(LogFile::open).transpose()?;
    let target = match &log_file {
        Some(file) => Target::Pipe(Box::new(file.clone())),
        None => Target::Stderr,
    };
    let filter = env::var("RUST_LOG").unwrap_or_default();
    Builder::new()
        .parse_filters(if filter.is_empty() {
            DEFAULT_FILTER
        } else {
            &filter
        })
        .target(target)
        .format(|output, record| {
            output.write_all(line(Local::now().naive_local(), record).as_bytes())
        })
        .try_init()
        .map_err(SettingsError::LoggingTwice)?;
    Ok(log_file)
}

/// The log file of the process. Clones share it.
#[derive(Debug, Clone)]
pub struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, SettingsError> {
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(Mutex::new(open(path)?)),
        })
    }

    /// Reopens the path, which is a new file after logrotate has renamed the old one. After an error the old file stays
    /// in use.
    pub fn reopen(&self) -> Result<(), SettingsError> {
        let file = open(&self.path)?;
        *self.lock() = file;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}

fn open(path: &Path) -> Result<File, SettingsError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    let directory = path.parent().map_or(Ok(()), fs::create_dir_all);
    directory
        .and_then(|()| options.open(path))
        .map_err(|source| SettingsError::OpenLog {
            path: path.to_owned(),
            source,
        })
}

/// Formats a record as one line.
fn line(now: NaiveDateTime, record: &Record<'_>) -> String {
    let mut line = format!(
        "{} {} ",
        now.format("%Y-%m-%d %H:%M:%S,%3f"),
        record.level()
    );
    let function = record.key_values().get(Key::from_str("function"));
    let function = function.map_or_else(|| "-".to_owned(), |function| function.to_string());
    // Fails only if a `Display` in the message fails. The text written before is kept.
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

/// Escapes line breaks and the characters that control a terminal.
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
    fn a_line_has_all_parts_of_a_record() {
        assert_eq!(
            formatted(format_args!("Duplicate stats: {}", 5), FUNCTION),
            "2020-09-02 11:19:43,894 ERROR stats_http::api::stats post 248: Duplicate stats: 5\n"
        );
    }

    #[test]
    fn unknown_parts_are_dashes() {
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
    fn line_breaks_and_control_characters_are_escaped() {
        let message = "é 日\n2020-09-02 INFO\r\t\0\u{1b}[31m\u{85}\u{2028}\u{2029}\u{7f}";
        let text = formatted(format_args!("{message}"), Some(("function", "a\nb")));
        assert_eq!(
            text.split_once("stats ").unwrap().1,
            "a\\nb 248: é 日\\n2020-09-02 INFO\\r\\t\\0\\u{1b}[31m\\u{85}\\u{2028}\\u{2029}\\u{7f}\n"
        );
    }
}
