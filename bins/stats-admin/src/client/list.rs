use std::collections::HashMap;

use clap::Args;
use serde_json::{Value, json};
use stats_core::{Client, ClientId};
use stats_db::{ClientTotals, Db, DbError};

use super::{display_name, place, shown_token};
use crate::table::{Column, Table};
use crate::terminal::{Terminal, group_digits};

/// List all clients in the order of their creation; times are UTC
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Add the tokens, or the beginning of the hash where only that is stored
    #[arg(long)]
    tokens: bool,
    /// Print a JSON list with all properties of each client
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let (clients, totals) = db.read(|snapshot| {
            Ok::<_, DbError>((snapshot.clients()?, snapshot.client_totals(None)?))
        })?;
        if self.json {
            let list: Value = clients
                .iter()
                .map(|client| self.json(client, totals.get(&client.id)))
                .collect();
            return Ok(terminal.print(format_args!("{list:#}"))?);
        }
        Ok(self.table(&clients, &totals).print(terminal.output)?)
    }

    fn table(&self, clients: &[Client], totals: &HashMap<ClientId, ClientTotals>) -> Table {
        let yes_or_no = |value| if value { "yes" } else { "no" }.to_owned();
        let mut columns = vec![
            Column::text("NAME"),
            Column::text("ROLE"),
            Column::text("ACTIVE"),
            Column::text("SHARING"),
            Column::text("COUNTED"),
            Column::text("LAST SEEN"),
            Column::number("STATS"),
            Column::text("PLACE"),
        ];
        if self.tokens {
            columns.push(Column::text("TOKEN"));
        }
        let mut table = Table::new(columns);
        for client in clients {
            let last_seen = client.last_seen.map_or_else(
                || "never".to_owned(),
                |time| time.format("%Y-%m-%d %H:%M").to_string(),
            );
            let stats = totals.get(&client.id).map_or(0, |totals| totals.stats);
            let mut row = vec![
                display_name(client),
                client.role.to_string(),
                yes_or_no(client.is_active),
                sharing(client).to_owned(),
                yes_or_no(!client.is_excluded),
                last_seen,
                group_digits(stats),
                place(client),
            ];
            if self.tokens {
                row.push(shown_token(client).unwrap_or_else(|| "none".to_owned()));
            }
            table.add(row);
        }
        table
    }

    fn json(&self, client: &Client, totals: Option<&ClientTotals>) -> Value {
        let mut properties = json!({
            "uuid": client.uuid,
            "name": client.name,
            "role": client.role.number().to_string(),
            "is_sharing_enabled": client.is_sharing_enabled,
            "withdraws": client.withdraws,
            "is_active": client.is_active,
            "is_excluded": client.is_excluded,
            "local": client.is_local,
            "latitude": client.coordinates.map(|place| place.latitude()),
            "longitude": client.coordinates.map(|place| place.longitude()),
            "last_seen": client.last_seen,
            "created_at": client.created_at,
            "stats": totals.map_or(0, |totals| totals.stats),
            "last_stat": totals.map(|totals| totals.last_date),
        });
        if self.tokens {
            properties["token"] = json!(shown_token(client));
        }
        properties
    }
}

/// Whether a client shares stats, and if not, whether it withdraws them.
fn sharing(client: &Client) -> &'static str {
    match (client.is_sharing_enabled, client.withdraws) {
        (true, _) => "yes",
        (false, true) => "withdrawn",
        (false, false) => "no",
    }
}
