use chrono::Months;
use clap::Args;
use stats_core::StatsType;
use stats_db::Db;

use super::delete_found;
use crate::terminal::{Terminal, count};

/// Delete repeated stats of one type
///
/// Of the stats of one client about one analysis and one day, the latest arrival is kept.
/// The next push deletes the others on the instance that REMOTE_STATS_SERVER names, too.
#[derive(Debug, Args)]
pub(crate) struct RemoveDuplicate {
    /// The type of the stats: risk, threat, vulnerability, cartography or compliance
    #[arg(long = "type", value_name = "TYPE")]
    stats_type: StatsType,
    /// Also delete a stat if a newer one that is kept has the same document and is less than this many months younger
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(u32).range(1..=1200))]
    nb_month: Option<u32>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl RemoveDuplicate {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let (stats_type, within) = (self.stats_type, self.nb_month.map(Months::new));
        let found = db.read(|snapshot| snapshot.find_duplicates(stats_type, within))?;
        let describe = |number| {
            let stats = count(number, "duplicate stat");
            format!("{stats} of type {stats_type}")
        };
        delete_found(db, &found, describe, self.yes, terminal)
    }
}
