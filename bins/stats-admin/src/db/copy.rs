use std::env;
use std::io::{self, Write};
use std::ops::ControlFlow;

use anyhow::{Context, bail};
use clap::Args;
use stats_db::{DatabaseUrl, Db, DbError};
use stats_sync::Progress as _;

use super::open;
use crate::exit::Failure;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::terminal::{Terminal, count};

/// The variable that names the target without showing its password to other users of the machine.
const TO_VARIABLE: &str = "COPY_TO_URL";

/// Copy everything to another database: clients, stats, and what has been pushed where
///
/// The target is created if it does not exist. It must be empty, or hold what an earlier run has copied: running the command
/// again continues a copy that was stopped, and takes what has arrived since. A target that holds anything else is refused,
/// also after a server has used it. The server can run on the database meanwhile.
///
/// At the end everything is compared, stats by type and day, by the values of their documents. The command exits with 1
/// if anything differs, and names it.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// URL of the other database, such as postgres://user@localhost/stats. Other users of this machine can see it here,
    /// with its password, but not in the variable COPY_TO_URL
    #[arg(long, value_name = "URL")]
    to: Option<DatabaseUrl>,
}

impl Copy {
    pub(super) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let to = match (self.to, env::var(TO_VARIABLE)) {
            (Some(to), _) => to,
            (None, Ok(to)) => to.parse().context(TO_VARIABLE)?,
            (None, Err(_)) => bail!("no database to copy to: pass --to URL or set {TO_VARIABLE}"),
        };
        if to == *url {
            bail!("{to} is the database to copy from; --to names another one");
        }
        let from = open(url)?;
        let target = open_target(&to)?;
        let mut progress = Progress::new("stats", Stop::on_signals()?);
        let mut last = None;
        let copied = from.copy_to(&target, |done, total| {
            match last.replace(done) {
                None => progress.start(total),
                Some(last) => progress.advance(done - last),
            }
            match progress.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        progress.finish();
        let copied = match copied {
            Err(DbError::Cancelled) => {
                let rest = "the copy is incomplete; the same command continues it";
                return Err(anyhow::Error::new(Failure::Stopped).context(rest));
            }
            copied => copied?,
        };
        let (stats, already_there) = (count(copied.stats, "stat"), copied.already_there);
        terminal.print(format_args!(
            "{to}: {stats} copied, {already_there} already there"
        ))?;
        if copied.differences.is_empty() {
            return Ok(terminal.print(format_args!("{to}: holds the same as {url}"))?);
        }
        for difference in &copied.differences {
            writeln!(io::stderr(), "{difference}")?;
        }
        bail!(
            "{to} differs from {url} in {}",
            count(copied.differences.len(), "part")
        );
    }
}

/// Opens the target, and creates it with its tables if it does not exist.
fn open_target(to: &DatabaseUrl) -> anyhow::Result<Db> {
    Db::create(to)?;
    let target = Db::open(to)?;
    if target.has_tables()? {
        target
            .require_migrated()
            .context(format!("the target {to}"))?;
    } else {
        target.migrate()?;
    }
    Ok(target)
}
