use std::io::{self, Write};

use anyhow::bail;
use chrono::{Local, Utc};
use clap::Args;
use serde_json::json;
use stats_core::{DateRange, last_acceptable_date};
use stats_db::Db;
use stats_settings::Settings;
use stats_sync::{Difference, DifferenceKind, ReconcileOptions, reconcile};

use super::dates::DateArguments;
use super::remote::{RemoteToken, conclude};
use crate::listing::Listing;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::terminal::{Terminal, count};

/// Compare what was pushed with what the instance that REMOTE_STATS_SERVER names has
///
/// Each line has the date, the type and the UUID of a stat: missing there, too much there, or with other content there. Stats
/// that wait for the next push are not compared. Withdrawn ones are too much there, and so are stats that purge deleted here,
/// and what others push with the same token. By default all days are compared, from the first stat on that is here. An
/// instance of the Python service is compared by the UUIDs alone, day by day.
///
/// Exits with 0 if nothing differs, or after everything was repaired; 75 if the instance is unavailable; else with 1.
#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    #[command(flatten)]
    token: RemoteToken,
    #[command(flatten)]
    dates: DateArguments,
    /// Send what is missing there, and delete what is too much there. The instance keeps stats with other content
    #[arg(long)]
    pub(super) repair: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

impl Reconcile {
    pub(super) fn run(
        self,
        db: &Db,
        settings: &Settings,
        terminal: &mut Terminal<'_>,
    ) -> anyhow::Result<()> {
        let remote = self.token.connect(settings)?;
        let address = remote.address();
        let last = last_acceptable_date(Utc::now());
        let days = db.pushed_days(address, DateRange::default())?;
        let default = match (days.first(), days.last()) {
            (Some((first, _)), Some((newest, _))) => DateRange::new(*first, last.max(*newest))?,
            _ => DateRange::three_months_to(Local::now().date_naive()),
        };
        let options = ReconcileOptions {
            repair: self.repair,
            ..ReconcileOptions::new(self.dates.range_or(default)?)
        };
        if self.repair {
            let (from, to) = (options.dates.from(), options.dates.to());
            terminal.confirm(
                &format!(
                    "Delete at {address} the stats of {from} to {to} that are not here, and send those that are missing?"
                ),
                self.yes,
            )?;
        }
        let mut progress = Progress::new("days", Stop::on_signals()?);
        let mut list = Listing::new(terminal.output, self.json);
        let mut written = Ok(());
        let report = reconcile(db, &remote, &options, &mut progress, |difference| {
            if written.is_ok() {
                written = list.add(|| line(&difference), || json(&difference));
            }
        });
        progress.finish();
        let report = report?;
        written?;
        list.finish()?;
        if report.is_by_id {
            // Standard output holds the list.
            writeln!(
                io::stderr(),
                "stats-admin: {address} gives no digests; the UUIDs were compared, and not the content"
            )?;
        }
        let unfinished = "the comparison is incomplete".to_owned();
        conclude(report.outcome, unfinished, &Default::default(), "")?;
        match report.differences - report.healed {
            0 => Ok(()),
            left => bail!("{} of {address} and of here differ", count(left, "stat")),
        }
    }
}

fn line(difference: &Difference) -> String {
    let Difference {
        uuid,
        stats_type,
        date,
        kind,
        is_healed,
    } = difference;
    let what = match (kind, is_healed) {
        (DifferenceKind::Missing, false) => "missing there",
        (DifferenceKind::Missing, true) => "was missing there, sent",
        (DifferenceKind::Surplus, false) => "too much there",
        (DifferenceKind::Surplus, true) => "was too much there, deleted",
        (DifferenceKind::Different, _) => "other content there",
    };
    format!("{date}  {stats_type:<13}  {uuid}  {what}")
}

fn json(difference: &Difference) -> serde_json::Value {
    json!({
        "date": difference.date,
        "type": difference.stats_type,
        "uuid": difference.uuid,
        "difference": match difference.kind {
            DifferenceKind::Missing => "missing",
            DifferenceKind::Surplus => "too much",
            DifferenceKind::Different => "content",
        },
        "repaired": difference.is_healed,
    })
}
