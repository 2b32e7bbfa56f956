use std::error::Error;
use std::io::Write;

use chrono::{NaiveDate, NaiveDateTime};
use clap::Args;
use serde::Serialize;
use stats_core::{AnalysisId, Client, ClientUuid, StatId, StatsType};
use stats_db::{Db, LastStat};

use super::go_on;
use crate::client;
use crate::listing::Listing;

/// List the newest stat of each client, analysis and type, sorted by these
///
/// A line tells the date of the stat, when it arrived (UTC), its type, its analysis and its client: '| sort' shows
/// first who has not reported for the longest time.
#[derive(Debug, Args)]
pub(crate) struct ListLast {
    /// Only the stats of this client
    #[arg(long, value_name = "UUID")]
    client_uuid: Option<ClientUuid>,
    /// Only the stats of this type: risk, threat, vulnerability, cartography or compliance
    #[arg(long = "type", value_name = "TYPE")]
    stats_type: Option<StatsType>,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

impl ListLast {
    pub(super) fn run(self, db: &Db, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
        if let Some(uuid) = self.client_uuid {
            client::find(db, uuid)?;
        }
        let mut list = Listing::new(out, self.json);
        db.read(|snapshot| -> Result<(), Box<dyn Error>> {
            let mut clients = snapshot.clients()?;
            clients.retain(|client| self.client_uuid.is_none_or(|uuid| uuid == client.uuid));
            clients.sort_by(|one, other| one.name.cmp(&other.name));
            let mut clients: Vec<_> = clients.iter().map(Some).collect();
            if self.client_uuid.is_none() {
                clients.push(None);
            }
            for client in clients {
                let owner = client.map(|client| client.id);
                let mut written = Ok(());
                snapshot.for_each_last_stat(owner, self.stats_type, |stat| {
                    written = list.add(line(client, &stat), &LastJson::new(client, &stat));
                    go_on(&written)
                })?;
                written?;
            }
            Ok(())
        })?;
        Ok(list.finish()?)
    }
}

fn line(client: Option<&Client>, stat: &LastStat) -> String {
    let arrived = match stat.created_at {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        None => "unknown".to_owned(),
    };
    // All but the last column are of one width, and free of spaces.
    format!(
        "{}  {arrived:<20}  {:<13}  {}  {}",
        stat.date,
        stat.stats_type,
        stat.analysis,
        client::name(client)
    )
}

/// All that is known about the newest stat but its document. Times are UTC.
#[derive(Serialize)]
struct LastJson<'a> {
    client: Option<ClientUuid>,
    name: Option<&'a str>,
    uuid: StatId,
    anr: AnalysisId,
    #[serde(rename = "type")]
    stats_type: StatsType,
    date: NaiveDate,
    created_at: Option<NaiveDateTime>,
}

impl<'a> LastJson<'a> {
    fn new(client: Option<&'a Client>, stat: &LastStat) -> Self {
        Self {
            client: client.map(|client| client.uuid),
            name: client.map(|client| client.name.as_str()),
            uuid: stat.uuid,
            anr: stat.analysis,
            stats_type: stat.stats_type,
            date: stat.date,
            created_at: stat.created_at,
        }
    }
}
