use std::error::Error;
use std::io::{BufRead, Write};

use chrono::{Local, Months};
use clap::Args;
use stats_core::MIN_DATE;
use stats_db::Db;

use super::delete_found;
use crate::terminal::Terminal;

/// Delete the stats of all clients that are older than some months
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// How old the stats are that are kept at most, in months
    #[arg(long, default_value_t = 36, value_parser = clap::value_parser!(u32).range(1..=1200))]
    nb_month: u32,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Purge {
    pub(super) fn run(
        self,
        db: &Db,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let today = Local::now().date_naive();
        let first_kept = today
            .checked_sub_months(Months::new(self.nb_month))
            .unwrap_or(MIN_DATE);
        let found = db.read(|snapshot| snapshot.find_stats_before(first_kept))?;
        let of_days = format!("of days before {first_kept}");
        delete_found(db, terminal, &found, "stat", &of_days, self.yes)
    }
}
