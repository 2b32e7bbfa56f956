//! A list of 250 stats of all types over HTTP, by mask. The difference from no mask is what the mask costs or saves.
#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use divan::Bencher;
use divan::counter::BytesCount;
use reqwest::blocking::Client;
use stats_core::{MIN_DATE, Stat};
use stats_http::HttpConfig;
use stats_sample::Sample;
use stats_testing::{TestDatabase, client};
use stats_testing_http::Service;

const MASKS: [&str; 4] = [
    "*",
    "data{uuid,date}",
    "data{data{label2,count}}",
    "data{data{*{current}},type},*",
];

fn main() {
    divan::main();
}

#[divan::bench(args = MASKS)]
fn list(bencher: Bencher, mask: &str) {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let client = client(&db, "office");
    let analyses = Sample::new(1).analyses(50, MIN_DATE);
    let stats = analyses.flat_map(|analysis| analysis.stats_on(MIN_DATE));
    let stats: Vec<Stat> = stats.map(Stat::from).collect();
    db.insert_stats(client.id, &stats).expect("new stats");
    let service = Service::start(db, HttpConfig::default());
    let url = format!(
        "{}/api/v1/stats/?date_from={MIN_DATE}&date_to={MIN_DATE}",
        service.url()
    );

    let http = Client::builder()
        .no_proxy()
        .build()
        .expect("an HTTP client");
    let request = http
        .get(&url)
        .header("X-API-KEY", stats_testing::token(&client).reveal());
    let read = || {
        let request = request.try_clone().expect("a request without a body");
        let answer = request.header("X-Fields", mask).send().expect("an answer");
        let answer = answer.error_for_status().expect("a list");
        answer.bytes().expect("a whole list")
    };
    let unmasked: usize = stats.iter().map(|stat| stat.data.as_str().len()).sum();
    bencher.counter(BytesCount::new(unmasked)).bench_local(read);
}
