use std::collections::HashMap;
use std::io::Write;

use clap::Args;
use serde_json::json;
use stats_core::{Client, ClientId};
use stats_db::{Db, WaitingStat};
use stats_settings::Settings;

use super::continue_if_ok;
use super::remote::RemoteToken;
use crate::client;
use crate::listing::Listing;

/// List the stats that earlier pushes did not deliver, with the reasons
///
/// Each line has the date, the type and the UUID of a stat, its client, and why the instance that REMOTE_STATS_SERVER
/// names rejected it. The next push sends the stat again. Stats that arrived after the last push are not listed.
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
        output: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let remote = RemoteToken::default().connect_for_preview(settings)?;
        let mut list = Listing::new(output, self.json);
        db.read(|snapshot| -> anyhow::Result<()> {
            let clients = snapshot.clients()?.into_iter();
            let clients: HashMap<ClientId, Client> =
                clients.map(|client| (client.id, client)).collect();
            let mut written = Ok(());
            snapshot.for_each_waiting(remote.address(), |stat| {
                let client = clients.get(&stat.owner);
                written = list.add(|| line(client, &stat), || json(client, &stat));
                continue_if_ok(&written)
            })?;
            Ok(written?)
        })?;
        Ok(list.finish()?)
    }
}

fn line(client: Option<&Client>, stat: &WaitingStat) -> String {
    let WaitingStat {
        date,
        stats_type,
        uuid,
        ..
    } = stat;
    let name = client.map_or_else(|| "(no client)".to_owned(), client::display_name);
    let reason = stat.reason.as_deref();
    let reason = reason.unwrap_or("skipped by a push of other days");
    format!("{date}  {stats_type:<13}  {uuid}  {name}: {reason}")
}

fn json(client: Option<&Client>, stat: &WaitingStat) -> serde_json::Value {
    json!({
        "client": client.map(|client| client.uuid),
        "name": client.map(|client| &client.name),
        "uuid": stat.uuid,
        "type": stat.stats_type,
        "date": stat.date,
        "reason": stat.reason,
    })
}
