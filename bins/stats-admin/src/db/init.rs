use clap::Args;
use stats_db::{DatabaseUrl, Db};

use super::migrate;
use crate::terminal::Terminal;

/// Create the tables, and the SQLite file if it does not exist
#[derive(Debug, Args)]
pub(crate) struct Init {}

impl Init {
    pub(super) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        if let DatabaseUrl::Sqlite(_) = url {
            Db::create(url)?;
        }
        migrate(url, terminal)
    }
}
