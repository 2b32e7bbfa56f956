use std::error::Error;
use std::io::{BufRead, Write};

use chrono::NaiveDateTime;
use clap::Args;
use serde::Serialize;
use stats_core::{Client, ClientUuid};
use stats_db::Db;

use super::print;
use crate::terminal::Terminal;

/// List all clients in the order of their creation
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print a JSON list with all that is known about each
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(
        self,
        db: &Db,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let clients = db.clients()?;
        if self.json {
            let clients: Vec<_> = clients.iter().map(ClientJson::from).collect();
            terminal.say(serde_json::to_string_pretty(&clients)?)?;
            return Ok(());
        }
        for (position, client) in clients.iter().enumerate() {
            if position > 0 {
                writeln!(terminal.out())?;
            }
            print(terminal.out(), client)?;
        }
        Ok(())
    }
}

/// All that is known about a client. Times are UTC.
#[derive(Serialize)]
struct ClientJson<'a> {
    uuid: ClientUuid,
    name: &'a str,
    role: String,
    token: &'a str,
    is_sharing_enabled: bool,
    is_active: bool,
    local: bool,
    latitude: Option<f64>,
    longitude: Option<f64>,
    last_seen: Option<NaiveDateTime>,
    created_at: Option<NaiveDateTime>,
}

impl<'a> From<&'a Client> for ClientJson<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            uuid: client.uuid,
            name: &client.name,
            role: client.role.number().to_string(),
            token: client.token.reveal(),
            is_sharing_enabled: client.is_sharing_enabled,
            is_active: client.is_active,
            local: client.is_local,
            latitude: client.coordinates.map(|place| place.latitude()),
            longitude: client.coordinates.map(|place| place.longitude()),
            last_seen: client.last_seen,
            created_at: client.created_at,
        }
    }
}
