use std::collections::HashMap;
use std::error::Error;
use std::io::Write;

use chrono::NaiveDate;
use clap::Args;
use serde::Serialize;
use stats_core::{Client, ClientId, ClientUuid, StatId, StatsType};
use stats_db::{Db, WaitingStat};
use stats_settings::Settings;

use super::go_on;
use super::remote::Account;
use crate::client;
use crate::listing::Listing;

/// List the stats that past pushes have left waiting, and why
///
/// A line tells the date of the stat, its type, its UUID, its client, and what the instance that REMOTE_STATS_SERVER names
/// said to it. The next push tries them again; what is new does not wait, and is not listed.
#[derive(Debug, Args)]
pub(crate) struct ListWaiting {
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

impl ListWaiting {
    pub(super) fn run(
        self,
        db: &Db,
        settings: &Settings,
        out: &mut impl Write,
    ) -> Result<(), Box<dyn Error>> {
        let remote = Account::default().remote_unasked(settings)?;
        let mut list = Listing::new(out, self.json);
        db.read(|snapshot| -> Result<(), Box<dyn Error>> {
            let clients = snapshot.clients()?.into_iter();
            let clients: HashMap<ClientId, Client> =
                clients.map(|client| (client.id, client)).collect();
            let mut written = Ok(());
            snapshot.for_each_waiting(remote.address(), |stat| {
                let client = clients.get(&stat.owner);
                written = list.add(line(client, &stat), &WaitingJson::new(client, &stat));
                go_on(&written)
            })?;
            Ok(written?)
        })?;
        Ok(list.finish()?)
    }
}

fn line(client: Option<&Client>, stat: &WaitingStat) -> String {
    format!(
        "{}  {:<13}  {}  {}: {}",
        stat.date,
        stat.stats_type,
        stat.uuid,
        client::name(client),
        stat.reason
            .as_deref()
            .unwrap_or("passed over, since other days were pushed"),
    )
}

/// All that is known about a stat that waits. Without a reason it was passed over.
#[derive(Serialize)]
struct WaitingJson<'a> {
    client: Option<ClientUuid>,
    name: Option<&'a str>,
    uuid: StatId,
    #[serde(rename = "type")]
    stats_type: StatsType,
    date: NaiveDate,
    reason: Option<&'a str>,
}

impl<'a> WaitingJson<'a> {
    fn new(client: Option<&'a Client>, stat: &'a WaitingStat) -> Self {
        Self {
            client: client.map(|client| client.uuid),
            name: client.map(|client| client.name.as_str()),
            uuid: stat.uuid,
            stats_type: stat.stats_type,
            date: stat.date,
            reason: stat.reason.as_deref(),
        }
    }
}
