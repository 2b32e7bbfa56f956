//! The commands for the database.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Subcommand;
use stats_db::{DatabaseUrl, Db};
use stats_partials::store_missing;
use stats_processors::Registry;
use stats_sync::Progress as _;

use crate::exit::Failure;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the database: the SQLite file, or the database on the PostgreSQL server
    Create,
    /// Create the tables, and the SQLite file if it does not exist
    Init,
    /// Migrate the tables to this version, and prepare intermediate results of the processors
    ///
    /// The server can run meanwhile. If the preparation is stopped, the next run continues it; the server computes
    /// missing results when they are needed.
    Upgrade,
    /// Copy a SQLite database to a new file, also while the server is running
    ///
    /// The file gets its name when the copy is complete, checked and on disk. For PostgreSQL use pg_dump.
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Delete all clients and stats
    Empty {
        /// Do not ask for confirmation
        #[arg(short, long)]
        yes: bool,
    },
}

impl Command {
    pub(crate) fn run(self, url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        match self {
            Self::Create => match Db::create(url)? {
                true => terminal.print(format_args!("{url}: created"))?,
                false => terminal.print(format_args!("{url}: exists already"))?,
            },
            Self::Init => {
                if let DatabaseUrl::Sqlite(_) = url {
                    Db::create(url)?;
                }
                migrate(url, terminal)?;
            }
            Self::Upgrade => {
                migrate(url, terminal)?;
                prepare_partials(&open(url)?)?;
            }
            Self::Backup { file } => {
                open(url)?.backup(&file)?;
                terminal.print(format_args!("{url}: copied to {}", file.display()))?;
            }
            Self::Empty { yes } => {
                let db = open(url)?;
                terminal.confirm(&format!("Delete all clients and stats in {url}?"), yes)?;
                db.empty()?;
                terminal.print(format_args!("{url}: emptied"))?;
            }
        }
        Ok(())
    }
}

fn migrate(url: &DatabaseUrl, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
    let migrations = Db::open(url)?.migrate()?;
    for migration in &migrations {
        terminal.print(format_args!("{url}: migrated to {migration}"))?;
    }
    if migrations.is_empty() {
        terminal.print(format_args!("{url}: up to date"))?;
    }
    Ok(())
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

/// Opens a database whose tables are up to date.
pub(crate) fn open(url: &DatabaseUrl) -> anyhow::Result<Db> {
    let db = Db::open(url)?;
    db.require_migrated()?;
    Ok(db)
}
