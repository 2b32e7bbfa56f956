use std::error::Error;
use std::io::{BufRead, Write};

use clap::Args;
use stats_core::ClientUuid;
use stats_db::Db;

use crate::client;
use crate::terminal::Terminal;

/// Delete all stats of a client, and keep the client
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// UUID of the client
    #[arg(long)]
    client_uuid: ClientUuid,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Delete {
    pub(super) fn run(
        self,
        db: &Db,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let client = client::find(db, self.client_uuid)?;
        terminal.confirm(&format!("Delete all stats of {}?", client.name), self.yes)?;
        let deleted = db.delete_stats_of(client.id)?;
        Ok(terminal.say(format_args!("Deleted {deleted} stats of {}", client.name))?)
    }
}
