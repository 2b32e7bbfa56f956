//! The commands for stats.

mod dates;
mod delete;
mod export;
mod list_last;
mod list_waiting;
mod pull;
mod purge;
mod push;
mod remote;
mod remove_duplicate;

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;

use clap::Subcommand;
use stats_db::{DatabaseUrl, Db, FoundStats};
use stats_settings::Settings;

use crate::db;
use crate::terminal::{Terminal, count};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Push(push::Push),
    Pull(pull::Pull),
    Delete(delete::Delete),
    Purge(purge::Purge),
    RemoveDuplicate(remove_duplicate::RemoveDuplicate),
    ListLast(list_last::ListLast),
    ListWaiting(list_waiting::ListWaiting),
    Export(export::Export),
}

impl Command {
    pub(crate) fn run(
        self,
        url: &DatabaseUrl,
        settings: &Settings,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let db = db::open(url)?;
        match self {
            Self::Push(push) => push.run(&db, settings, terminal),
            Self::Pull(pull) => pull.run(&db, settings, terminal),
            Self::Delete(delete) => delete.run(&db, terminal),
            Self::Purge(purge) => purge.run(&db, terminal),
            Self::RemoveDuplicate(remove) => remove.run(&db, terminal),
            Self::ListLast(list) => list.run(&db, terminal.out()),
            Self::ListWaiting(list) => list.run(&db, settings, terminal.out()),
            Self::Export(export) => export.run(&db, terminal.out()),
        }
    }
}

/// Asks for permission to delete what was found, if anything was, and does so. `noun` and `which` are what is said
/// about it: "stat", "of CASES".
fn delete_found(
    db: &Db,
    terminal: &mut Terminal<impl BufRead, impl Write>,
    found: &FoundStats,
    noun: &str,
    which: &str,
    is_confirmed: bool,
) -> Result<(), Box<dyn Error>> {
    if found.is_empty() {
        return Ok(terminal.say(format_args!(
            "Nothing to delete: there are no {noun}s {which}"
        ))?);
    }
    let question = format!("Delete {} {which}?", count(found.len(), noun));
    terminal.confirm(&question, is_confirmed)?;
    let deleted = db.delete_found(found)?;
    Ok(terminal.say(format_args!("Deleted {} {which}", count(deleted, noun)))?)
}

/// Goes on to the next stat if this one could be written.
fn go_on(written: &io::Result<()>) -> ControlFlow<()> {
    match written {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}
