use chrono::{Local, Months};
use clap::Args;
use stats_core::MIN_DATE;
use stats_db::Db;

use crate::terminal::{Terminal, count};

/// Delete the old stats of all clients
///
/// Other instances are not told: each keeps stats as long as it wants. The records of stats that clients deleted are deleted
/// when they are as old.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// Delete stats that are older than this many months
    #[arg(
        long,
        value_name = "MONTHS",
        default_value_t = 36,
        value_parser = clap::value_parser!(u32).range(1..=1200)
    )]
    nb_month: u32,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Purge {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let today = Local::now().date_naive();
        let first_kept = today.checked_sub_months(Months::new(self.nb_month));
        let first_kept = first_kept.unwrap_or(MIN_DATE);
        let found = db.read(|snapshot| snapshot.find_stats_before(first_kept))?;
        let describe = |number| format!("{} dated before {first_kept}", count(number, "stat"));
        let stats = describe(found.len());
        let tombstones = db.count_tombstones_before(first_kept)?;
        if found.is_empty() && tombstones == 0 {
            return Ok(terminal.print(format_args!("Nothing to delete: {stats}"))?);
        }
        if !found.is_empty() {
            terminal.confirm(&format!("Delete {stats}?"), self.yes)?;
        }
        let deleted = describe(db.purge_found(&found)?);
        db.purge_tombstones(first_kept)?;
        Ok(terminal.print(format_args!("Deleted {deleted}"))?)
    }
}
