use std::io::Write;

use clap::Args;
use serde_json::json;
use stats_core::{Client, StatsType};
use stats_db::{Db, LastStat};

use super::continue_if_ok;
use crate::client::{self, ClientKey};
use crate::listing::Listing;

/// List the newest stat of each client, analysis and type
///
/// Each line has the date of the stat, the time of its arrival (UTC), its type, its analysis and its client. The lines
/// are ordered by client, analysis and type; '| sort' orders them by date.
#[derive(Debug, Args)]
pub(crate) struct ListLast {
    /// List only the stats of this client, by name or UUID
    #[arg(long, aliases = ["client-uuid", "local-client-uuid"], value_name = "CLIENT")]
    client: Option<ClientKey>,
    /// List only stats of this type: risk, threat, vulnerability, cartography or compliance
    #[arg(long = "type", value_name = "TYPE")]
    stats_type: Option<StatsType>,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

impl ListLast {
    pub(super) fn run(self, db: &Db, output: &mut dyn Write) -> anyhow::Result<()> {
        let only = match &self.client {
            Some(client) => Some(client.find(db)?.id),
            None => None,
        };
        let mut list = Listing::new(output, self.json);
        db.read(|snapshot| -> anyhow::Result<()> {
            let mut clients = snapshot.clients()?;
            clients.retain(|client| only.is_none_or(|id| id == client.id));
            clients.sort_by(|one, other| one.name.cmp(&other.name));
            // Adopted databases have stats without a client.
            let no_client = only.is_none().then_some(None);
            for client in clients.iter().map(Some).chain(no_client) {
                let owner = client.map(|client| client.id);
                let mut written = Ok(());
                snapshot.for_each_last_stat(owner, self.stats_type, |stat| {
                    written = list.add(|| line(client, &stat), || json(client, &stat));
                    continue_if_ok(&written)
                })?;
                written?;
            }
            Ok(())
        })?;
        Ok(list.finish()?)
    }
}

/// The columns have fixed widths and no spaces, except for the last one.
fn line(client: Option<&Client>, stat: &LastStat) -> String {
    let arrival = stat.created_at.map_or_else(
        || "unknown".to_owned(),
        |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    );
    let LastStat {
        analysis,
        date,
        stats_type,
        ..
    } = stat;
    let name = client.map_or_else(|| "(no client)".to_owned(), client::display_name);
    format!("{date}  {arrival:<20}  {stats_type:<13}  {analysis}  {name}")
}

fn json(client: Option<&Client>, stat: &LastStat) -> serde_json::Value {
    json!({
        "client": client.map(|client| client.uuid),
        "name": client.map(|client| &client.name),
        "uuid": stat.uuid,
        "anr": stat.analysis,
        "type": stat.stats_type,
        "date": stat.date,
        "created_at": stat.created_at,
    })
}
