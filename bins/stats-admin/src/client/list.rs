use clap::Args;
use serde_json::json;
use stats_db::Db;

use super::print;
use crate::terminal::Terminal;

/// List all clients in the order of their creation
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print a JSON list with all properties of each client; times are UTC
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let clients = db.clients()?;
        if self.json {
            let clients = clients.iter().map(|client| {
                json!({
                    "uuid": client.uuid,
                    "name": client.name,
                    "role": client.role.number().to_string(),
                    "token": client.token,
                    "is_sharing_enabled": client.is_sharing_enabled,
                    "is_active": client.is_active,
                    "local": client.is_local,
                    "latitude": client.coordinates.map(|place| place.latitude()),
                    "longitude": client.coordinates.map(|place| place.longitude()),
                    "last_seen": client.last_seen,
                    "created_at": client.created_at,
                })
            });
            let list = serde_json::Value::from_iter(clients);
            return Ok(terminal.print(format_args!("{list:#}"))?);
        }
        for (position, client) in clients.iter().enumerate() {
            if position > 0 {
                writeln!(terminal.output)?;
            }
            print(client, terminal.output)?;
        }
        Ok(())
    }
}
