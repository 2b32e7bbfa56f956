use std::error::Error;
use std::io::{self, BufRead, Write};

use clap::Args;
use stats_core::{ClientId, ClientUuid, DateRange};
use stats_db::Db;
use stats_settings::Settings;
use stats_sync::{Pushed, Pushing, preview, push};

use super::dates::Dates;
use super::remote::{Account, judge, print_refusals};
use crate::client;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::terminal::{Terminal, count};

/// Send the stats of clients with sharing enabled to the instance that REMOTE_STATS_SERVER names
///
/// What that instance has confirmed is remembered, so that the next push sends what is new and what it refused.
///
/// Exits with 0 when nothing is left to send, 65 when stats were refused, 75 when stats wait for the next push because
/// the instance is away or somebody stopped it, and 1 when there is no point in trying again as it is.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// Send the stats of this client alone
    #[arg(long, value_name = "UUID")]
    local_client_uuid: Option<ClientUuid>,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    dates: Dates,
    /// Send what is there already, too
    #[arg(long)]
    all: bool,
    /// Print the requests that would be sent, byte for byte and each on a line of its own, and send nothing
    #[arg(long)]
    dry_run: bool,
}

impl Push {
    pub(super) fn run(
        self,
        db: &Db,
        settings: &Settings,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let what = Pushing {
            owner: sharing_client(db, self.local_client_uuid)?,
            dates: self.dates.range(DateRange::default())?,
            again: self.all,
            ..Pushing::default()
        };
        if self.dry_run {
            let remote = self.account.remote_unasked(settings)?;
            let (mut requests, mut sent) = (0, 0);
            preview::<Box<dyn Error>>(db, &remote, &what, |stats, body| {
                requests += 1;
                sent += stats.len();
                terminal.out().write_all(&body)?;
                Ok(writeln!(terminal.out())?)
            })?;
            let to = remote.address();
            writeln!(
                io::stderr(),
                "{} would go to {to} in {}",
                count(sent, "stat"),
                count(requests, "request")
            )?;
            return Ok(());
        }
        let remote = self.account.remote(settings)?;
        let mut progress = Progress::new("stats", Stop::on_signals()?);
        let pushed = push(db, &remote, &what, &mut progress);
        progress.finish();
        let pushed = pushed?;
        report(&pushed, remote.address(), terminal.out())?;
        let rest = format!("{} left for the next push", count(pushed.waiting, "stat"));
        let again = "the next push tries again";
        Ok(judge(pushed.ending, &rest, &pushed.refused, again)?)
    }
}

/// The client with this id, if it is one whose stats may be pushed.
fn sharing_client(db: &Db, uuid: Option<ClientUuid>) -> Result<Option<ClientId>, Box<dyn Error>> {
    let Some(uuid) = uuid else { return Ok(None) };
    let client = client::find(db, uuid)?;
    if client.is_sharing_enabled {
        return Ok(Some(client.id));
    }
    Err(format!(
        "{} does not share its stats; 'stats-admin client sharing-activate --uuid {uuid}' lets it",
        client.name
    )
    .into())
}

fn report(pushed: &Pushed, to: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Pushed to {to}")?;
    writeln!(out, "sent: {}", pushed.sent)?;
    writeln!(out, "already there: {}", pushed.already_there)?;
    print_refusals(&pushed.refused, out)?;
    writeln!(out, "waiting: {}", pushed.waiting)
}
