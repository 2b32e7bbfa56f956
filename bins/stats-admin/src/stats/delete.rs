use clap::Args;
use stats_core::ClientUuid;
use stats_db::Db;

use super::delete_found;
use crate::client;
use crate::terminal::{Terminal, count};

/// Delete all stats of a client, but not the client
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// UUID of the client
    #[arg(long, value_name = "UUID")]
    client_uuid: ClientUuid,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Delete {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let client = client::find(db, self.client_uuid)?;
        let found = db.read(|snapshot| snapshot.find_stats_of(client.id))?;
        let name = client::display_name(&client);
        let describe = |number| format!("{} of {name}", count(number, "stat"));
        delete_found(db, &found, describe, self.yes, terminal)
    }
}
