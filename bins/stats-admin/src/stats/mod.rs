//! The commands for stats.

mod dates;
mod delete;
mod export;
mod import;
mod list_last;
mod list_waiting;
pub(crate) mod publish;
mod pull;
mod purge;
mod push;
mod reconcile;
mod remote;
mod remove_duplicate;

use std::io;
use std::ops::ControlFlow;

use clap::Subcommand;
use stats_db::{Db, FoundStats};
use stats_settings::Settings;

use crate::db;
use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Push(push::Push),
    Pull(pull::Pull),
    Reconcile(reconcile::Reconcile),
    ListWaiting(list_waiting::ListWaiting),
    ListLast(list_last::ListLast),
    Export(export::Export),
    Import(import::Import),
    Delete(delete::Delete),
    Purge(purge::Purge),
    RemoveDuplicate(remove_duplicate::RemoveDuplicate),
    Publish(publish::Publish),
}

impl Command {
    /// Whether it changes something.
    pub(crate) fn changes(&self) -> bool {
        !matches!(
            self,
            Self::ListWaiting(_)
                | Self::ListLast(_)
                | Self::Export(_)
                | Self::Reconcile(reconcile::Reconcile { repair: false, .. })
        )
    }

    pub(crate) fn run(
        self,
        settings: &Settings,
        terminal: &mut Terminal<'_>,
    ) -> anyhow::Result<()> {
        let db = &db::open(&settings.database_url)?;
        match self {
            Self::Push(push) => push.run(db, settings, terminal),
            Self::Pull(pull) => pull.run(db, settings, terminal),
            Self::Reconcile(reconcile) => reconcile.run(db, settings, terminal),
            Self::ListWaiting(list) => list.run(db, settings, terminal.output),
            Self::ListLast(list) => list.run(db, terminal.output),
            Self::Export(export) => export.run(db, terminal.output),
            Self::Import(import) => import.run(db, terminal),
            Self::Delete(delete) => delete.run(db, terminal),
            Self::Purge(purge) => purge.run(db, terminal),
            Self::RemoveDuplicate(remove) => remove.run(db, terminal),
            Self::Publish(publish) => publish.run(db, settings, terminal),
        }
    }
}

/// Deletes what was found after a confirmation. `describe` names a number of these stats, such as "3 stats of CASES".
fn delete_found(
    db: &Db,
    found: &FoundStats,
    describe: impl Fn(usize) -> String,
    yes: bool,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<()> {
    let stats = describe(found.len());
    if found.is_empty() {
        return Ok(terminal.print(format_args!("Nothing to delete: {stats}"))?);
    }
    terminal.confirm(&format!("Delete {stats}?"), yes)?;
    let deleted = describe(db.delete_found(found)?);
    Ok(terminal.print(format_args!("Deleted {deleted}"))?)
}

/// Ends a query early if writing its rows failed.
fn continue_if_ok(written: &io::Result<()>) -> ControlFlow<()> {
    match written {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}
