//! Prints the stats of sample analyses, day by day, as batches to POST: each line is a JSON list of up to 150 stats.
//!
//! ```text
//! cargo run --release -p stats-sample --example batches -- SEED ANALYSES FIRST_DAY DAYS
//! ```

use std::env;
use std::error::Error;
use std::io::{self, BufWriter, Write};

use chrono::NaiveDate;
use stats_sample::{Sample, payload};

const BATCH: usize = 150;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [seed, analyses, first_day, days] = arguments.as_slice() else {
        return Err("usage: batches SEED ANALYSES FIRST_DAY DAYS".into());
    };
    let first_day: NaiveDate = first_day.parse()?;
    let analyses = Sample::new(seed.parse()?).analyses(analyses.parse()?, first_day);
    let analyses: Vec<_> = analyses.collect();

    let mut out = BufWriter::new(io::stdout());
    let mut batch = Vec::new();
    for date in first_day.iter_days().take(days.parse()?) {
        for analysis in &analyses {
            batch.extend(analysis.stats_on(date));
            if batch.len() >= BATCH {
                writeln!(out, "{}", payload(&batch))?;
                batch.clear();
            }
        }
    }
    if !batch.is_empty() {
        writeln!(out, "{}", payload(&batch))?;
    }
    out.flush()?;
    Ok(())
}
