use clap::Args;
use stats_db::Db;

use super::delete_found;
use crate::client::{self, ClientKey};
use crate::terminal::{Terminal, count};

/// Delete all stats of a client, but not the client
///
/// The next push deletes them on the instance that REMOTE_STATS_SERVER names, too. They cannot be stored again.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Name or UUID of the client
    #[arg(long, aliases = ["client-uuid", "local-client-uuid"], value_name = "CLIENT")]
    client: ClientKey,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Delete {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let client = self.client.find(db)?;
        let found = db.read(|snapshot| snapshot.find_stats_of(client.id))?;
        let name = client::display_name(&client);
        let describe = |number| format!("{} of {name}", count(number, "stat"));
        delete_found(db, &found, describe, self.yes, terminal)
    }
}
