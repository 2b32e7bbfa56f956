use chrono::{Local, Utc};
use clap::Args;
use stats_core::{Client, DateRange, StatsType, last_acceptable_date};
use stats_db::{ClientChange, Db};
use stats_remote::RetryPolicy;
use stats_settings::Settings;
use stats_sync::{PullOptions, pull};

use super::dates::DateArguments;
use super::remote::{RemoteToken, conclude, print_rejections};
use crate::client::{self, ClientKey};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::terminal::Terminal;

/// Fetch stats from the instance that REMOTE_STATS_SERVER names and store them for a client of this instance
///
/// Without dates, the stats of the last three months are fetched. Stats that are stored already are skipped. A client
/// that has never authenticated here is marked as remote, so that the filter local_stats_only leaves it out.
///
/// Exits with 0 if all stats are stored, 65 if stats cannot be stored, 75 if the instance is unavailable or the pull was
/// stopped (the message names the day to resume from), and 1 if the next pull would fail likewise.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// The client that will own the stats, by name or UUID
    #[arg(long, aliases = ["client-uuid", "local-client-uuid"], value_name = "CLIENT")]
    client: ClientKey,
    #[command(flatten)]
    token: RemoteToken,
    /// Fetch only stats of this type: risk, threat, vulnerability, cartography or compliance
    #[arg(long, value_name = "TYPE")]
    stats_type: Option<StatsType>,
    #[command(flatten)]
    dates: DateArguments,
}

impl Pull {
    pub(super) fn run(
        self,
        db: &Db,
        settings: &Settings,
        terminal: &mut Terminal<'_>,
    ) -> anyhow::Result<()> {
        let client = self.client.find(db)?;
        let last_months = DateRange::three_months_to(Local::now().date_naive());
        let options = PullOptions {
            client: client.id,
            types: self
                .stats_type
                .map_or_else(|| StatsType::ALL.to_vec(), |stats_type| vec![stats_type]),
            dates: self.dates.range_or(last_months)?,
            last_date: last_acceptable_date(Utc::now()),
            retry: RetryPolicy::default(),
        };
        let remote = self.token.connect(settings)?;
        mark_remote(db, &client, terminal)?;
        let mut progress = Progress::new("requests", Stop::on_signals()?);
        let report = pull(db, &remote, &options, &mut progress);
        progress.finish();
        let report = report?;
        terminal.print(format_args!("Pulled from {}", remote.address()))?;
        terminal.print(format_args!("new: {}", report.stored))?;
        terminal.print(format_args!("already here: {}", report.already_here))?;
        print_rejections(&report.unusable, terminal.output)?;
        let unfinished = report.resume_from.map_or_else(String::new, |day| {
            format!("the pull is incomplete; --date-from {day} resumes it")
        });
        let consequence = "they cannot be stored here";
        conclude(report.outcome, unfinished, &report.unusable, consequence)
    }
}

/// Marks a client whose stats are pulled as remote, unless its MONARC reports to this instance too.
fn mark_remote(db: &Db, client: &Client, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
    let (name, uuid) = (client::display_name(client), client.uuid);
    if !client.is_local {
        return Ok(());
    }
    if client.last_seen.is_some() {
        return Ok(terminal.print(format_args!(
            "{name}: still local, since it has authenticated here; if all its stats are pulled, run \
             'stats-admin client mark-remote {uuid}'"
        ))?);
    }
    db.change_client(uuid, &ClientChange::Local(false))?;
    Ok(terminal.print(format_args!("{name}: marked as remote"))?)
}
