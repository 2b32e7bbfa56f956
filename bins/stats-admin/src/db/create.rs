use clap::Args;
use stats_db::{DatabaseUrl, Db};

use crate::terminal::Terminal;

/// Create the database: the SQLite file, or the database on the PostgreSQL server
#[derive(Debug, Args)]
pub(crate) struct Create {}

impl Create {
    pub(super) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        match Db::create(url)? {
            true => terminal.print(format_args!("{url}: created"))?,
            false => terminal.print(format_args!("{url}: exists already"))?,
        }
        Ok(())
    }
}
