//! Reads the batch of a front office from a file, and prints the mean numbers of risks and the most frequent threats.
//!
//! ```text
//! cargo run -p stats-processors --example batch_means -- crates/stats-processors/examples/batch.json
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use stats_core::{MAX_DATE, StatsType, parse_batch};
use stats_processors::{
    Language, Level, ObjectPartial, Partial, Processor, RiskAverages, RiskParameters, RiskPartial,
    View,
};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os()
        .nth(1)
        .ok_or("the path of a batch is missing")?;
    run(&std::fs::read(path)?, &mut std::io::stdout())
}

pub(crate) fn run(payload: &[u8], out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // A batch belongs to one client: its documents of one type and date are a client-day.
    let mut client_days: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for stat in parse_batch(payload, MAX_DATE)? {
        let documents = client_days.entry((stat.stats_type, stat.date)).or_default();
        documents.push(stat.data.as_str().to_owned());
    }
    let mut risks = RiskPartial::default();
    let mut threats = ObjectPartial::default();
    for ((stats_type, date), documents) in &client_days {
        match stats_type {
            StatsType::Risk => risks.fold(*date, documents),
            StatsType::Threat => threats.fold(*date, documents),
            _ => {}
        }
    }

    let means = RiskAverages::finish(&risks, &RiskParameters::default(), View::default());
    for history in means.0 {
        write!(out, "{} {}:", history.state.as_str(), history.kind.as_str())?;
        for level in Level::ALL {
            let mean = history.overall.get(level);
            let value = mean.value().unwrap_or_default();
            write!(out, " {value:.1} {}", level.as_str().to_lowercase())?;
        }
        writeln!(out)?;
    }
    for threat in threats.top(3, View::default()) {
        let label = threat.labels.get(Language::English);
        let count = threat.overall.count;
        let value = count.value().unwrap_or_default();
        writeln!(
            out,
            "{label}: {value:.1} risks, the mean of {} analyses",
            count.analyses()
        )?;
    }
    Ok(())
}
