use std::env;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{Local, NaiveDateTime};
use env_logger::{Builder, Target};
use log::kv::Key;
use log::{Level, Record};

use crate::SettingsError;

/// The filter without the environment variable `RUST_LOG`. actix-server logs how it starts its threads.
const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// Sends the log to a file, or to standard error.
///
/// Creates the file (with mode 0640) and its directory if they do not exist, and appends to an existing file. The
/// environment variable `RUST_LOG` is the filter; the default is level `info` and above. If standard error is the journal
/// of systemd, lines have its priorities and no time.
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
    let to_journal = log_file.is_none() && stderr_is_journal();
    let filter = env::var("RUST_LOG").unwrap_or_default();
    Builder::new()
        .parse_filters(if filter.is_empty() {
            DEFAULT_FILTER
        } else {
            &filter
        })
        .target(target)
        .format(move |output, record| {
            let line = match to_journal {
                true => journal_line(record),
                false => line(Local::now().naive_local(), record),
            };
            output.write_all(line.as_bytes())
        })
        .try_init()
        .map_err(SettingsError::LoggingTwice)?;
    Ok(log_file)
}

/// Whether standard error is the stream to the journal that `JOURNAL_STREAM` describes as `<device>:<inode>`. A program
/// that systemd starts passes the variable on to its children, whose standard error may be another file.
#[cfg(unix)]
fn stderr_is_journal() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    let stderr = io::stderr().as_fd().try_clone_to_owned();
    let metadata = stderr.and_then(|stderr| File::from(stderr).metadata());
    metadata.is_ok_and(|metadata| {
        let stream = format!("{}:{}", metadata.dev(), metadata.ino());
        env::var_os("JOURNAL_STREAM").is_some_and(|journal| journal == *stream)
    })
}

#[cfg(not(unix))]
fn stderr_is_journal() -> bool {
    false
}

/// The log file of the process. Clones share it. While it cannot be written, because the disk is full for example, the log
/// goes to standard error.
#[derive(Debug, Clone)]
pub struct LogFile {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Whether the last line went to standard error. The file may end with a part of a line.
    is_failing: bool,
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, SettingsError> {
        Ok(Self {
            path: path.to_owned(),
            state: Arc::new(Mutex::new(State {
                file: open(path)?,
                is_failing: false,
            })),
        })
    }

    /// Reopens the path, which is a new file after logrotate has renamed the old one. After an error the old file stays
    /// in use.
    pub fn reopen(&self) -> Result<(), SettingsError> {
        let file = open(&self.path)?;
        self.lock().file = file;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Formats a record about the file itself, which cannot use the logger.
    fn note(&self, level: Level, message: fmt::Arguments<'_>) -> String {
        let message = format!("The log file {} {message}", self.path.display());
        line(
            Local::now().naive_local(),
            &Record::builder()
                .level(level)
                .module_path(Some(module_path!()))
                .line(Some(line!()))
                .args(format_args!("{message}"))
                .build(),
        )
    }
}

impl Write for LogFile {
    /// Appends a line. Errors would be lost: the logger ignores them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        let written = if state.is_failing {
            let note = self.note(
                Level::Warn,
                format_args!("can be written again; the lines before are on standard error"),
            );
            let lines = [b"\n", note.as_bytes(), bytes].concat();
            state.file.write_all(&lines)
        } else {
            state.file.write_all(bytes)
        };
        if let Err(error) = &written {
            if !state.is_failing {
                let note = self.note(
                    Level::Error,
                    format_args!(
                        "cannot be written: {error}; the log goes to standard error until it can"
                    ),
                );
                let _ = io::stderr().write_all(note.as_bytes());
            }
            let _ = io::stderr().write_all(bytes);
        }
        state.is_failing = written.is_err();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    let time = now.format("%Y-%m-%d %H:%M:%S,%3f");
    with_message(format!("{time} {} ", record.level()), record)
}

/// Formats a record as one line for the journal, which adds the time: with the priority of its level, see sd-daemon(3).
fn journal_line(record: &Record<'_>) -> String {
    let priority = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    with_message(format!("<{priority}>"), record)
}

/// Appends module, function, line and message of a record.
fn with_message(mut line: String, record: &Record<'_>) -> String {
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
    fn a_line_for_the_journal_has_a_priority_and_no_time() {
        for (level, priority) in [
            (Level::Error, "<3>"),
            (Level::Warn, "<4>"),
            (Level::Info, "<6>"),
            (Level::Debug, "<7>"),
        ] {
            let record = Record::builder()
                .level(level)
                .module_path(Some("stats_http::api::stats"))
                .line(Some(248))
                .args(format_args!("a\nb"))
                .build();
            assert_eq!(
                journal_line(&record),
                format!("{priority}stats_http::api::stats - 248: a\\nb\n")
            );
        }
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
