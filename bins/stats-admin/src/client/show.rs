use clap::Args;
use stats_db::Db;

use super::{ClientArgument, place, print, python_bool, shown_token, time};
use crate::terminal::{Terminal, count};

/// Print all properties of a client; times are UTC
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    client: ClientArgument,
}

impl Show {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let client = self.client.find(db)?;
        let old_token = db.old_token_expiry(client.id)?;
        let totals = db.read(|snapshot| snapshot.client_totals(Some(client.id)))?;
        let stats = totals.get(&client.id).map_or_else(
            || "none".to_owned(),
            |totals| {
                let stats = count(totals.stats, "stat");
                format!(
                    "{stats}, dated {} to {}",
                    totals.first_date, totals.last_date
                )
            },
        );
        let token = shown_token(&client).unwrap_or_else(|| "none".to_owned());
        print(&client, &token, terminal.output)?;
        if let Some(until) = old_token {
            terminal.print(format_args!("Old token valid until: {}", time(until)))?;
        }
        terminal.print(format_args!(
            "Withdraws while sharing is off: {}",
            python_bool(client.withdraws)
        ))?;
        terminal.print(format_args!("Active: {}", python_bool(client.is_active)))?;
        let is_excluded = python_bool(client.is_excluded);
        terminal.print(format_args!("Excluded: {is_excluded}"))?;
        match client.last_seen {
            Some(last) => terminal.print(format_args!("Last seen: {}", time(last)))?,
            None => terminal.print("Last seen: never")?,
        }
        terminal.print(format_args!("Place: {}", place(&client)))?;
        Ok(terminal.print(format_args!("Stats: {stats}"))?)
    }
}
