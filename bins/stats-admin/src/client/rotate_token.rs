use chrono::{TimeDelta, Utc};
use clap::Args;
use stats_db::Db;

use super::{ClientArgument, time};
use crate::terminal::Terminal;

/// Give a client a new random token and print it
///
/// The old token is rejected from now on. With --keep-old it is accepted too for some days, so that the client can be
/// configured meanwhile. Only the last old token is kept.
#[derive(Debug, Args)]
pub(crate) struct RotateToken {
    #[command(flatten)]
    pub(super) client: ClientArgument,
    /// Accept the old token for this number of days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=365))]
    pub(super) keep_old: Option<u16>,
}

impl RotateToken {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let client = self.client.find(db)?;
        let keep_old = self.keep_old.map(|days| TimeDelta::days(days.into()));
        let until = keep_old.map(|time| Utc::now().naive_utc() + time);
        let token = db.rotate_token(client.uuid, until)?;
        terminal.print(format_args!("Token: {}", token.reveal()))?;
        if let Some(until) = db.old_token_expiry(client.id)? {
            terminal.print(format_args!("Old token valid until: {}", time(until)))?;
        }
        Ok(())
    }
}
