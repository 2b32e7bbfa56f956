use std::error::Error;
use std::io::{BufRead, Write};

use clap::Args;
use stats_db::Db;

use super::Whom;
use crate::terminal::{Terminal, count};

/// Delete a client and all its stats
#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    whom: Whom,
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
        let client = self.whom.find(db)?;
        terminal.confirm(
            &format!("Delete the client {} and all its stats?", client.name),
            self.yes,
        )?;
        let stats = db
            .delete_client(client.uuid)
            .map_err(|error| self.whom.explain(error))?;
        Ok(terminal.say(format_args!(
            "Deleted the client {} and its {}",
            client.name,
            count(stats, "stat")
        ))?)
    }
}
