use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, NaiveDateTime, Utc};
use clap::Args;
use stats_db::DatabaseUrl;

use super::open;
use crate::terminal::Terminal;

/// Copy the database to a new SQLite file, also while the server is running
///
/// The file holds all clients, stats and the ledger of pushes, of a SQLite database as of a PostgreSQL database. It can
/// be served from, and db restore restores it into either. It gets its name when the copy is complete, checked and on
/// disk. It contains the tokens of the clients; only its owner and group can read it.
///
/// With --keep the time is added to its name: /var/backups/stats.db becomes /var/backups/stats-20261130T040500Z.db. Of
/// the files of that name, whatever their time, the newest ones are kept and the others are deleted, after the new file
/// is complete. No other file is deleted.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The new file
    file: PathBuf,
    /// Add the time to the name, and keep this number of files
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    keep: Option<u32>,
}

impl Backup {
    pub(super) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let db = open(url)?;
        let Some(keep) = self.keep else {
            db.backup(&self.file)?;
            return Ok(terminal.print(format_args!("{url}: copied to {}", self.file.display()))?);
        };
        let series = Series::new(&self.file).context("the backup has no file name")?;
        let file = series.file(Utc::now());
        db.backup(&file)?;
        terminal.print(format_args!("{url}: copied to {}", file.display()))?;
        for old in series.all_but(keep as usize)? {
            fs::remove_file(&old).with_context(|| format!("cannot delete {}", old.display()))?;
            terminal.print(format_args!("deleted {}", old.display()))?;
        }
        Ok(())
    }
}

/// Files in a folder whose names differ in the time only.
struct Series {
    folder: PathBuf,
    /// What precedes the time.
    start: OsString,
    /// What follows the time.
    end: OsString,
}

/// The time in UTC. The order of names is that of time.
const TIME: &str = "%Y%m%dT%H%M%SZ";

impl Series {
    fn new(file: &Path) -> Option<Self> {
        let mut start = file.file_stem()?.to_owned();
        start.push("-");
        let mut end = OsString::new();
        if let Some(extension) = file.extension() {
            end.push(".");
            end.push(extension);
        }
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        Some(Self {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            start,
            end,
        })
    }

    fn file(&self, time: DateTime<Utc>) -> PathBuf {
        let mut name = self.start.clone();
        name.push(time.format(TIME).to_string());
        name.push(&self.end);
        self.folder.join(name)
    }

    /// Whether a file of the series has this name.
    fn has(&self, name: &OsStr) -> bool {
        let name = name.as_encoded_bytes();
        let time = name.strip_prefix(self.start.as_encoded_bytes());
        let time = time.and_then(|rest| rest.strip_suffix(self.end.as_encoded_bytes()));
        let time = time.and_then(|time| str::from_utf8(time).ok());
        // Parsing also accepts shorter numbers.
        time.is_some_and(|time| {
            NaiveDateTime::parse_from_str(time, TIME)
                .is_ok_and(|parsed| parsed.format(TIME).to_string() == time)
        })
    }

    /// All files of the series but the newest ones.
    fn all_but(&self, newest: usize) -> io::Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if self.has(&entry.file_name()) && entry.file_type()?.is_file() {
                names.push(entry.file_name());
            }
        }
        names.sort_unstable();
        names.truncate(names.len().saturating_sub(newest));
        Ok(names.iter().map(|name| self.folder.join(name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_has_only_files_with_a_time() {
        let series = Series::new(Path::new("/backups/stats.db")).unwrap();
        let time = DateTime::from_timestamp(1_796_011_500, 0).unwrap();
        assert_eq!(
            series.file(time),
            Path::new("/backups/stats-20261130T040500Z.db")
        );
        for (name, expected) in [
            ("stats-20261130T040500Z.db", true),
            ("stats-19991231T235959Z.db", true),
            ("stats.db", false),
            ("stats-.db", false),
            ("stats-20261130.db", false),
            ("stats-20261130T040500Z", false),
            ("stats-20261130T040500Z.db.gz", false),
            ("stats-20261130T040500Z.db-wal", false),
            ("stats-20261330T040500Z.db", false),
            ("stats-2026113T040500Z.db", false),
            ("stats-+20261130T040500Z.db", false),
            ("stats-monthly-20261130T040500Z.db", false),
            ("other-20261130T040500Z.db", false),
        ] {
            assert_eq!(series.has(name.as_ref()), expected, "{name}");
        }
        let series = Series::new(Path::new("stats")).unwrap();
        assert_eq!(series.file(time), Path::new("./stats-20261130T040500Z"));
        assert!(Series::new(Path::new("/")).is_none());
    }

    #[test]
    fn all_but_the_newest_are_the_oldest_regular_files() {
        let folder = tempfile::tempdir().unwrap();
        let name = |day: u32| format!("stats-202611{day:02}T000000Z.db");
        for day in [3, 1, 2] {
            fs::write(folder.path().join(name(day)), "").unwrap();
        }
        fs::create_dir(folder.path().join(name(4))).unwrap();
        fs::write(folder.path().join("stats.db"), "").unwrap();
        let series = Series::new(&folder.path().join("stats.db")).unwrap();
        for (newest, expected) in [
            (0, vec![1, 2, 3]),
            (1, vec![1, 2]),
            (2, vec![1]),
            (3, vec![]),
            (9, vec![]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|day| folder.path().join(name(day)))
                .collect();
            assert_eq!(series.all_but(newest).unwrap(), expected);
        }
    }
}
