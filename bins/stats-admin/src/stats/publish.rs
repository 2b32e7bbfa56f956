use anyhow::{Context, bail};
use chrono::Local;
use clap::Args;
use stats_db::{Db, Release};
use stats_partials::{Partials, Publisher};
use stats_processors::Registry;
use stats_settings::Settings;

use crate::table::{Column, Table};
use crate::terminal::{Terminal, count, group_digits};

/// Make a release now: what the public statistics show until the next one
///
/// If PUBLIC_MIN_CLIENTS is above 1, the public statistics are a release, which the server makes when it starts and after
/// midnight. This command makes one of the stats as they are now, for example after stats were deleted. It prints how
/// many figures of each type are published, and how many are withheld because too few clients are behind them. A figure
/// is a number of a day: of a level of risk, a threat, a vulnerability, a cell of a risk matrix or a category.
#[derive(Debug, Args)]
pub(crate) struct Publish {}

impl Publish {
    pub(super) fn run(
        self,
        db: &Db,
        settings: &Settings,
        terminal: &mut Terminal<'_>,
    ) -> anyhow::Result<()> {
        let min_clients = settings.public_min_clients;
        if min_clients <= 1 {
            bail!(
                "there are no releases, because PUBLIC_MIN_CLIENTS is 1: the public statistics show all stats at once. \
                 Set it to 3 or more, for this command and for the server"
            );
        }
        print(db, &publish(db, min_clients)?, terminal)
    }
}

/// Makes a release with this many clients behind each figure.
pub(crate) fn publish(db: &Db, min_clients: u64) -> anyhow::Result<Release> {
    let publisher = Publisher {
        processors: &Registry::default(),
        min_clients,
    };
    // Each day is read once.
    let partials = Partials::new(db.clone(), 0);
    publisher.publish(db, &partials, Local::now().date_naive())?;
    db.release()?.context("the release was deleted")
}

fn print(db: &Db, release: &Release, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
    terminal.print(format_args!(
        "Release {}: stats before {}, each figure of at least {}",
        release.sequence,
        release.day,
        count(release.min_clients, "client"),
    ))?;
    let mut table = Table::new(vec![
        Column::text("TYPE"),
        Column::number("PUBLISHED"),
        Column::number("WITHHELD"),
    ]);
    for of_type in db.disclosed()? {
        table.add(vec![
            of_type.stats_type.to_string(),
            group_digits(of_type.published),
            group_digits(of_type.withheld),
        ]);
    }
    Ok(table.print(terminal.output)?)
}
