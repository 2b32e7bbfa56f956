//! Folds client-days on all cores and merges the partials.
//!
//! ```text
//! cargo run --release -p stats-processors --example all_cores
//! ```

use std::error::Error;
use std::io::Write;

use chrono::NaiveDate;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use stats_core::StatsType;
use stats_processors::{Language, ObjectPartial, Partial, View};
use stats_sample::Sample;

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}

pub(crate) fn run(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let client_days = client_days("2026-06-01".parse()?);

    let partial = client_days
        .par_iter()
        .fold(ObjectPartial::default, |mut partial, (date, documents)| {
            partial.fold(*date, documents);
            partial
        })
        .reduce(ObjectPartial::default, |mut partial, other| {
            partial.merge(&other);
            partial
        });

    let mut sequential = ObjectPartial::default();
    for (date, documents) in &client_days {
        sequential.fold(*date, documents);
    }
    assert_eq!(
        partial.averages(View::default()),
        sequential.averages(View::default())
    );
    for threat in partial.top(5, View::default()) {
        let label = threat.labels.get(Language::English);
        let count = threat.overall.count;
        let (mean, analyses, clients) = (count.value(), count.analyses(), count.clients());
        writeln!(
            out,
            "{label}: {:.2} risks, the mean of {analyses} analyses of {clients} clients",
            mean.unwrap_or_default()
        )?;
    }
    Ok(())
}

/// The threat stats of four sample clients with three analyses each, on 30 days.
fn client_days(start: NaiveDate) -> Vec<(NaiveDate, Vec<String>)> {
    let mut client_days = Vec::new();
    for client in 0..4 {
        let analyses: Vec<_> = Sample::new(client).analyses(3, start).collect();
        for date in start.iter_days().take(30) {
            let stats = analyses.iter().flat_map(|analysis| analysis.stats_on(date));
            let threats = stats.filter(|stat| stat.stats_type == StatsType::Threat);
            let documents = threats.map(|stat| stat.data.as_str().to_owned());
            client_days.push((date, documents.collect()));
        }
    }
    client_days
}
