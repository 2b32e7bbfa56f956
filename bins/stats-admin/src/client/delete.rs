use clap::Args;
use stats_db::Db;

use super::{ClientArgument, display_name};
use crate::terminal::{Terminal, count};

/// Delete a client and all its stats
///
/// Other instances are not told. To withdraw its stats there first, run stats delete --client and stats push.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    client: ClientArgument,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Delete {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let client = self.client.find(db)?;
        let name = display_name(&client);
        let question = format!("Delete the client {name} and all its stats?");
        terminal.confirm(&question, self.yes)?;
        let stats = count(db.delete_client(client.uuid)?, "stat");
        Ok(terminal.print(format_args!("Deleted the client {name} and its {stats}"))?)
    }
}
