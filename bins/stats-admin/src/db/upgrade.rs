use std::ops::ControlFlow;

use clap::Args;
use stats_db::{DatabaseUrl, Db};
use stats_partials::store_missing;
use stats_processors::Registry;
use stats_sync::Progress as _;

use super::{migrate, open};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::terminal::Terminal;

/// Migrate the tables to this version, and prepare intermediate results of the processors
///
/// The server can run meanwhile. If the preparation is stopped, the next run continues it; the server computes missing
/// results when they are needed.
#[derive(Debug, Args)]
pub(crate) struct Upgrade {}

impl Upgrade {
    pub(super) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        migrate(url, terminal)?;
        prepare_partials(&open(url)?)
    }
}

/// Stores the intermediate results of processors that the server would otherwise compute at the first requests.
fn prepare_partials(db: &Db) -> anyhow::Result<()> {
    let mut progress = Progress::new("days", Stop::on_signals()?);
    let result = store_missing(db, &Registry::default(), |done, total| {
        if done == 1 {
            progress.start(total as u64);
        }
        progress.advance(1);
        match progress.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    let is_stopped = progress.is_cancelled();
    progress.finish();
    result?;
    if is_stopped {
        let rest =
            "the database is usable; 'stats-admin db upgrade' prepares the remaining results";
        return Err(anyhow::Error::new(Failure::Stopped).context(rest));
    }
    Ok(())
}
