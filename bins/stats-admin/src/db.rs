use std::error::Error;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use clap::Subcommand;
use stats_db::{DatabaseUrl, Db};

use crate::terminal::Terminal;

/// The commands for the database and its tables.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the database: the file, or the database on its PostgreSQL server
    Create,
    /// Create the tables; a SQLite file is created too if it is not there
    Init,
    /// Bring the tables up to date with this version
    Upgrade,
    /// Copy a SQLite database to a new file, whether or not the server runs
    Backup {
        /// The new file
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
    /// Delete all clients and stats
    Empty {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

impl Command {
    pub(crate) fn run(
        self,
        url: &DatabaseUrl,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Create => {
                let is_new = Db::create(url)?;
                terminal.say(format_args!(
                    "{url}: {}",
                    if is_new {
                        "created"
                    } else {
                        "was there already"
                    }
                ))?;
            }
            Self::Init => {
                if let DatabaseUrl::Sqlite(_) = url {
                    Db::create(url)?;
                }
                migrate(url, terminal)?;
            }
            Self::Upgrade => migrate(url, terminal)?,
            Self::Backup { to } => {
                open(url)?.backup(&to)?;
                terminal.say(format_args!("{url}: copied to {}", to.display()))?;
            }
            Self::Empty { yes } => {
                let db = open(url)?;
                terminal.confirm(&format!("Delete all clients and stats in {url}?"), yes)?;
                db.empty()?;
                terminal.say(format_args!("{url}: emptied"))?;
            }
        }
        Ok(())
    }
}

fn migrate(
    url: &DatabaseUrl,
    terminal: &mut Terminal<impl BufRead, impl Write>,
) -> Result<(), Box<dyn Error>> {
    let migrations = Db::open(url)?.migrate()?;
    for migration in &migrations {
        terminal.say(format_args!("{url}: migrated to {migration}"))?;
    }
    if migrations.is_empty() {
        terminal.say(format_args!("{url}: up to date"))?;
    }
    Ok(())
}

/// Opens a database whose tables are up to date.
pub(crate) fn open(url: &DatabaseUrl) -> Result<Db, Box<dyn Error>> {
    let db = Db::open(url)?;
    db.require_migrated()?;
    Ok(db)
}
