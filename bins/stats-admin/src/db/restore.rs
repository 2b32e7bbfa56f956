use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use stats_core::WithCauses;
use stats_db::{DatabaseUrl, DbError, Holdings, Restored};

use crate::terminal::Terminal;

/// Replace the database with a backup
///
/// The backup is a file of db backup, from either kind of database, or any other SQLite database of this service that no
/// program uses. It is checked before anything is changed; one of an older version is migrated. What the database holds
/// is replaced as a whole or, after an error, not at all.
///
/// Stop the server first if the database is a SQLite file: while a program has it open, the command refuses. The new file
/// keeps the owner and the permissions of the old one. A damaged file is kept under another name. A PostgreSQL database is
/// replaced in one transaction; a server can run, but what it would store meanwhile gets a 503.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    file: PathBuf,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Restore {
    pub(super) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let backup = stats_db::Backup::open(&self.file)?;
        let file = self.file.display();
        terminal.print(format_args!("{file}: {}", backup.holdings()?))?;
        let question = match holdings(url)? {
            Some(holdings) => {
                terminal.print(format_args!("{url}: {holdings}"))?;
                format!("Replace all that is in {url}?")
            }
            None => format!("Create {url}?"),
        };
        terminal.confirm(&question, self.yes)?;
        let Restored { set_aside, .. } = backup.restore(url)?;
        if let Some(old) = set_aside {
            let old = old.display();
            terminal.print(format_args!("the damaged database is kept as {old}"))?;
        }
        Ok(terminal.print(format_args!("{url}: restored from {file}"))?)
    }
}

/// What the database holds, or why that is unknown; `None` if it does not exist.
fn holdings(url: &DatabaseUrl) -> anyhow::Result<Option<String>> {
    if let DatabaseUrl::Sqlite(path) = url
        && is_empty(path)
    {
        return Ok(None);
    }
    match Holdings::of(url) {
        Ok(holdings) => Ok(Some(holdings.to_string())),
        Err(DbError::Missing(_)) => Ok(None),
        // That is what one restores over.
        Err(error) if matches!(url, DatabaseUrl::Sqlite(_)) => {
            Ok(Some(format!("unknown: {}", WithCauses(&error))))
        }
        Err(error) => Err(error.into()),
    }
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() == 0)
}
