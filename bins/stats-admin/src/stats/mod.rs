//! The commands for stats.

mod dates;
mod delete;
mod export;
mod pull;
mod purge;
mod push;
mod remote;

use std::error::Error;
use std::io::{BufRead, Write};

use clap::Subcommand;
use stats_db::DatabaseUrl;
use stats_settings::Settings;

use crate::db;
use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Push(push::Push),
    Pull(pull::Pull),
    Delete(delete::Delete),
    Purge(purge::Purge),
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
            Self::Export(export) => export.run(&db, terminal.out()),
        }
    }
}
