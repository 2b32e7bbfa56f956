use std::error::Error;
use std::io::{BufRead, Write};

use clap::Args;
use stats_core::ClientUuid;
use stats_db::Db;

use super::delete_found;
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
        let found = db.read(|snapshot| snapshot.find_stats_of(client.id))?;
        delete_found(
            db,
            terminal,
            &found,
            "stat",
            &format!("of {}", client.name),
            self.yes,
        )
    }
}
