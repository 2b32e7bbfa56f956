//! Parsing and validation of a batch of 150 stats, by type, in bytes per second.
#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use stats_core::{MAX_DATE, MIN_DATE, NewStat, StatsType, parse_batch};
use stats_sample::{Sample, payload};

fn main() {
    divan::main();
}

#[divan::bench(args = StatsType::ALL)]
fn batch(bencher: Bencher, stats_type: StatsType) {
    let analyses = Sample::new(1).analyses(150, MIN_DATE);
    let stats = analyses.flat_map(|analysis| analysis.stats_on(MIN_DATE));
    let stats: Vec<NewStat> = stats.filter(|stat| stat.stats_type == stats_type).collect();
    let body = payload(&stats);
    bencher
        .counter(BytesCount::of_str(&body))
        .bench(|| parse_batch(black_box(body.as_bytes()), MAX_DATE).expect("a valid batch"));
}
