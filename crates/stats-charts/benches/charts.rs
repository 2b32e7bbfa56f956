//! How long it takes to draw charts.
#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use stats_charts::{
    Caption, Chart, Controls, Coordinates, DateForm, Export, Lines, Locale, Map, NumberForm, Pin,
    Series, Theme, Value, View, Width, png,
};

struct English;

impl Locale for English {
    fn number(&self, value: Value, form: NumberForm) -> String {
        match form {
            NumberForm::Decimals(decimals) => format!("{:.*}", usize::from(decimals), value.get()),
            NumberForm::Percent => format!("{:.0} %", value.get() * 100.0),
        }
    }

    fn date(&self, date: NaiveDate, _: DateForm) -> String {
        date.to_string()
    }
}

const EXPORT: Export = Export {
    theme: Theme::Light,
    width: Width::DEFAULT,
};

fn main() {
    divan::main();
}

fn caption() -> Caption {
    Caption {
        title: "Title".to_owned(),
        description: "Description".to_owned(),
        source: "Source".to_owned(),
        empty: "No data".to_owned(),
    }
}

/// 20 series of 180 dates.
fn lines() -> Lines {
    let first = NaiveDate::from_ymd_opt(2026, 5, 3).expect("a date");
    let dates = (0..180).map(|day| first + Days::new(day));
    let series = (0..20_u32).map(|index| {
        let values = dates.clone().enumerate().filter_map(move |(day, date)| {
            let wave = (day as f64 / (9.0 + f64::from(index))).sin();
            Some((date, Value::new(10.0 + f64::from(index) + 5.0 * wave)?))
        });
        Series {
            name: format!("Series {index}").into(),
            risks: None,
            values: values.collect(),
        }
    });
    Lines {
        caption: caption(),
        unit: "Unit".to_owned(),
        form: NumberForm::Decimals(1),
        series: series.collect(),
        dates: dates.collect(),
        notes: BTreeMap::new(),
        marks: BTreeSet::new(),
        controls: Controls {
            legend: "Show".to_owned(),
            invert: "Invert".to_owned(),
            date: "Date".to_owned(),
        },
    }
}

fn map(view: View) -> Map {
    let pins = (0..50).filter_map(|index| {
        let index = f64::from(index);
        Some(Pin {
            at: Coordinates::new(40.0 + index / 3.0, index * 7.0 % 25.0)?,
            title: "Place".into(),
            description: Vec::new(),
        })
    });
    Map {
        caption: caption(),
        view,
        pins: pins.collect(),
    }
}

fn html(bencher: Bencher, chart: &dyn Chart) {
    let size = chart.html(&English).into_string().len();
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| black_box(chart).html(&English));
}

#[divan::bench]
fn lines_html(bencher: Bencher) {
    html(bencher, &lines());
}

#[divan::bench]
fn lines_svg(bencher: Bencher) {
    let lines = lines();
    bencher.bench_local(|| black_box(&lines).svg(&English, EXPORT));
}

#[divan::bench]
fn lines_png(bencher: Bencher) {
    let svg = lines().svg(&English, EXPORT);
    bencher.bench_local(|| png(black_box(&svg), 1.0).expect("a PNG"));
}

#[divan::bench]
fn map_of_the_world(bencher: Bencher) {
    html(bencher, &map(View::World));
}

#[divan::bench]
fn map_of_europe(bencher: Bencher) {
    html(bencher, &map(View::Europe));
}

#[divan::bench]
fn map_of_surroundings(bencher: Bencher) {
    let places = [(49.6, 6.1), (50.8, 4.3)];
    let places = places.map(|(latitude, longitude)| Coordinates::new(latitude, longitude));
    html(
        bencher,
        &map(View::Around(places.into_iter().flatten().collect())),
    );
}
