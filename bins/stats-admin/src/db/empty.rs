use clap::Args;
use stats_db::DatabaseUrl;

use super::open;
use crate::terminal::Terminal;

/// Delete all clients and stats
#[derive(Debug, Args)]
pub(crate) struct Empty {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Empty {
    pub(super) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let db = open(url)?;
        terminal.confirm(&format!("Delete all clients and stats in {url}?"), self.yes)?;
        db.empty()?;
        Ok(terminal.print(format_args!("{url}: emptied"))?)
    }
}
