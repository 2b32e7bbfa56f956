use std::error::Error;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;

use clap::Args;
use stats_core::{DateRange, Stat, StatsFilter};
use stats_db::{Db, DbError};

use super::dates::Dates;

/// Print stats, one JSON object a line
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    dates: Dates,
}

impl Export {
    pub(super) fn run(self, db: &Db, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
        let filter = StatsFilter {
            dates: self.dates.range(DateRange::default())?,
            ..StatsFilter::default()
        };
        let mut out = BufWriter::new(out);
        let mut written = Ok(());
        db.read(|snapshot| {
            snapshot.for_each_stat(&filter, |stat| {
                written = write_line(&mut out, &stat);
                if written.is_ok() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })
        })
        .map_err(|error: DbError| error)?;
        written?;
        Ok(out.flush()?)
    }
}

/// Raw line breaks are nothing but white space between the tokens of a document, so that a space does as well.
fn write_line(out: &mut impl Write, stat: &Stat) -> std::io::Result<()> {
    let mut line = Vec::new();
    stat.write_json(&mut line)?;
    for byte in &mut line {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    line.push(b'\n');
    out.write_all(&line)
}
