use std::io::{self, Write};

use anyhow::bail;
use clap::Args;
use stats_core::{ClientId, DateRange};
use stats_db::Db;
use stats_settings::Settings;
use stats_sync::{PushOptions, Request, preview, push};

use super::dates::DateArguments;
use super::remote::{RemoteToken, conclude, print_rejections};
use crate::client::{self, ClientKey};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::terminal::{Terminal, count};

/// Send the stats of clients with sharing enabled to the instance that REMOTE_STATS_SERVER names
///
/// The database records what the instance has confirmed. A push sends new stats and those that were rejected before. Before
/// that it tells the instance to delete what it got and a client deleted here, also of clients that share no stats any more,
/// and what clients withdraw ('client sharing-deactivate --withdraw'). Of a deletion it sends the id and the time. An instance
/// that does not delete single stats, as the Python service, is told to delete an analysis when none of its stats are left
/// here; the summary counts all other deletions as not told.
///
/// Exits with 0 if all stats were sent, 65 if stats were rejected, 75 if stats are left for the next push because the
/// instance is unavailable or the push was stopped, and 1 if the next push would fail likewise.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// Send only the stats of this client, by name or UUID
    #[arg(long, aliases = ["client-uuid", "local-client-uuid"], value_name = "CLIENT")]
    client: Option<ClientKey>,
    #[command(flatten)]
    token: RemoteToken,
    #[command(flatten)]
    dates: DateArguments,
    /// Also send the stats that the instance has confirmed before
    #[arg(long)]
    all: bool,
    /// Print the body of each request on a line of its own, and send nothing
    #[arg(long)]
    dry_run: bool,
}

impl Push {
    pub(super) fn run(
        self,
        db: &Db,
        settings: &Settings,
        terminal: &mut Terminal<'_>,
    ) -> anyhow::Result<()> {
        let options = PushOptions {
            client: sharing_client(db, self.client.as_ref())?,
            dates: self.dates.range_or(DateRange::default())?,
            resend: self.all,
            ..PushOptions::default()
        };
        if self.dry_run {
            return print_requests(db, self.token, settings, &options, terminal.output);
        }
        let remote = self.token.connect(settings)?;
        let mut progress = Progress::new("stats", Stop::on_signals()?);
        let report = push(db, &remote, &options, &mut progress);
        progress.finish();
        let report = report?;
        terminal.print(format_args!("Pushed to {}", remote.address()))?;
        terminal.print(format_args!("sent: {}", report.sent))?;
        terminal.print(format_args!("already there: {}", report.already_there))?;
        print_rejections(&report.rejected, terminal.output)?;
        terminal.print(format_args!("waiting: {}", report.waiting))?;
        terminal.print(format_args!("deletions told: {}", report.told))?;
        if report.untold > 0 {
            terminal.print(format_args!("deletions not told: {}", report.untold))?;
            terminal.print(
                "  it deletes whole analyses only, and stats of these analyses are left here",
            )?;
        }
        let mut unfinished = format!("{} left for the next push", count(report.waiting, "stat"));
        if report.untold_waiting > 0 {
            let deletions = count(report.untold_waiting, "deletion");
            unfinished = format!("{deletions} and {unfinished}");
        }
        let consequence = "the next push sends them again";
        conclude(report.outcome, unfinished, &report.rejected, consequence)
    }
}

fn print_requests(
    db: &Db,
    token: RemoteToken,
    settings: &Settings,
    options: &PushOptions,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let remote = token.connect_for_preview(settings)?;
    let (mut requests, mut stats, mut deletions) = (0, 0, 0);
    preview::<anyhow::Error>(db, &remote, options, |request| {
        requests += 1;
        let body = match request {
            Request::Stats(number, body) => {
                stats += number;
                body
            }
            Request::Deletions(number, body) => {
                deletions += number;
                body
            }
        };
        output.write_all(&body)?;
        Ok(writeln!(output)?)
    })?;
    let (mut what, requests) = (count(stats, "stat"), count(requests, "request"));
    if deletions > 0 {
        what += &format!(" and {}", count(deletions, "deletion"));
    }
    let address = remote.address();
    // Standard output holds the requests.
    Ok(writeln!(
        io::stderr(),
        "A push would send {what} to {address} in {requests}"
    )?)
}

/// The client to push for, if its stats may be pushed or are to be withdrawn.
fn sharing_client(db: &Db, key: Option<&ClientKey>) -> anyhow::Result<Option<ClientId>> {
    let Some(key) = key else { return Ok(None) };
    let client = key.find(db)?;
    if !client.is_sharing_enabled && !client.withdraws {
        bail!(
            "sharing is disabled for {}; 'stats-admin client sharing-activate {}' enables it",
            client::display_name(&client),
            client.uuid
        );
    }
    Ok(Some(client.id))
}
