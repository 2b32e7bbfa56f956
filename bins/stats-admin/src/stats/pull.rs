use std::error::Error;
use std::io::{BufRead, Write};

use chrono::Local;
use clap::Args;
use stats_core::{ClientUuid, DateRange, StatsType};
use stats_db::Db;
use stats_remote::Retry;
use stats_settings::Settings;
use stats_sync::{Pulling, pull};

use super::dates::Dates;
use super::remote::{Account, judge, print_refusals};
use crate::client;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::terminal::Terminal;

/// Fetch stats from the instance that REMOTE_STATS_SERVER names, day by day, for a client here
///
/// The default is the last three months. Stats that are here already are skipped.
///
/// Exits with 0 when all is here, 65 when stats cannot be stored here, 75 when the instance is away or somebody stopped
/// it, and tells from which day on to go on, and 1 when there is no point in trying again as it is.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// The client to whom the stats will belong
    #[arg(long, visible_alias = "local-client-uuid", value_name = "UUID")]
    client_uuid: ClientUuid,
    #[command(flatten)]
    account: Account,
    /// Fetch stats of this type alone: risk, threat, vulnerability, cartography or compliance
    #[arg(long, value_name = "TYPE")]
    stats_type: Option<StatsType>,
    #[command(flatten)]
    dates: Dates,
}

impl Pull {
    pub(super) fn run(
        self,
        db: &Db,
        settings: &Settings,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let client = client::find(db, self.client_uuid)?;
        let last_months = DateRange::three_months_to(Local::now().date_naive());
        let what = Pulling {
            owner: client.id,
            types: self
                .stats_type
                .map_or_else(|| StatsType::ALL.to_vec(), |stats_type| vec![stats_type]),
            dates: self.dates.range(last_months)?,
            retry: Retry::default(),
        };
        let remote = self.account.remote(settings)?;
        let mut progress = Progress::new("answers", Stop::on_signals()?);
        let pulled = pull(db, &remote, &what, &mut progress);
        progress.finish();
        let pulled = pulled?;
        terminal.say(format_args!("Pulled from {}", remote.address()))?;
        terminal.say(format_args!("new: {}", pulled.stored))?;
        terminal.say(format_args!("already here: {}", pulled.already_here))?;
        print_refusals(&pulled.refused, terminal.out())?;
        let rest = pulled.unfinished.map_or_else(String::new, |day| {
            format!("--date-from {day} goes on from there")
        });
        let again = "their documents cannot be stored here";
        Ok(judge(pulled.ending, &rest, &pulled.refused, again)?)
    }
}
