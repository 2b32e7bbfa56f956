//! The commands for the database.

mod backup;
mod copy;
mod create;
mod empty;
mod init;
mod restore;
mod upgrade;

use clap::Subcommand;
use stats_db::{DatabaseUrl, Db};

use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Create),
    Init(init::Init),
    Upgrade(upgrade::Upgrade),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Copy(copy::Copy),
    Empty(empty::Empty),
}

impl Command {
    pub(crate) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run(url, terminal),
            Self::Init(init) => init.run(url, terminal),
            Self::Upgrade(upgrade) => upgrade.run(url, terminal),
            Self::Backup(backup) => backup.run(url, terminal),
            Self::Restore(restore) => restore.run(url, terminal),
            Self::Copy(copy) => copy.run(url, terminal),
            Self::Empty(empty) => empty.run(url, terminal),
        }
    }
}

/// Migrates the tables to this version.
fn migrate(url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
    let migrations = Db::open(url)?.migrate()?;
    for migration in &migrations {
        terminal.print(format_args!("{url}: migrated to {migration}"))?;
    }
    if migrations.is_empty() {
        terminal.print(format_args!("{url}: up to date"))?;
    }
    Ok(())
}

/// Opens a database whose tables are up to date.
pub(crate) fn open(url: &DatabaseUrl) -> anyhow::Result<Db> {
    let db = Db::open(url)?;
    db.require_migrated()?;
    Ok(db)
}
