use std::error::Error;
use std::io::{BufRead, Write};

use chrono::Months;
use clap::Args;
use stats_core::StatsType;
use stats_db::Db;

use super::delete_found;
use crate::terminal::Terminal;

/// Delete the stats that tell nothing new
///
/// Of the stats of one client about one analysis and one day, the one that arrived last is kept.
#[derive(Debug, Args)]
pub(crate) struct RemoveDuplicate {
    /// The type of the stats: risk, threat, vulnerability, cartography or compliance
    #[arg(long = "type", value_name = "TYPE")]
    stats_type: StatsType,
    /// Of stats that did not change, keep only one within so many months, beginning with the newest
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(u32).range(1..=1200))]
    nb_month: Option<u32>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl RemoveDuplicate {
    pub(super) fn run(
        self,
        db: &Db,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let within = self.nb_month.map(Months::new);
        let found = db.read(|snapshot| snapshot.find_duplicates(self.stats_type, within));
        let of_type = format!("of type {}", self.stats_type);
        delete_found(db, terminal, &found?, "duplicate stat", &of_type, self.yes)
    }
}
