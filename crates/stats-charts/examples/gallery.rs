//! Writes a page with all charts, in light and in dark, as HTML and as images. Usage:
//! `cargo run -p stats-charts --example gallery -- [DIRECTORY]`, which gets `gallery.html` and PNGs.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use chrono::{Datelike, Days, NaiveDate};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use stats_charts::{
    Axis, Bar, Bars, Caption, Chart, Controls, Coordinates, DateForm, Export, Label, Level, Lines,
    Locale, Map, Matrix, NumberForm, Pin, Rows, SCRIPT, STYLE, Series, Sparkline, State, Theme,
    Value, View, Width, png,
};

/// English.
struct English;

impl Locale for English {
    fn number(&self, value: Value, form: NumberForm) -> String {
        match form {
            NumberForm::Decimals(decimals) => format!("{:.*}", usize::from(decimals), value.get()),
            NumberForm::Percent => format!("{:.0} %", value.get() * 100.0),
        }
    }

    fn date(&self, date: NaiveDate, form: DateForm) -> String {
        let format = match form {
            DateForm::Full => "%-d %B %Y",
            DateForm::Day => "%-d %b",
            DateForm::Month => "%b",
            DateForm::MonthOfYear => "%b %Y",
            DateForm::Year => "%Y",
        };
        date.format(format).to_string()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    let charts = charts().ok_or("a chart has a value that is out of range")?;
    fs::write(directory.join("gallery.html"), page(&charts).into_string())?;
    for (name, chart) in &charts {
        for (theme, suffix) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            let export = Export {
                theme,
                width: Width::DEFAULT,
            };
            let path = directory.join(format!("{name}-{suffix}.png"));
            fs::write(path, png(&chart.svg(&English, export), 1.0)?)?;
        }
    }
    Ok(())
}

/// Returns a page whose upper half is light and whose lower half is dark.
fn page(charts: &[(&str, Box<dyn Chart>)]) -> Markup {
    let style = STYLE.replace("@media (prefers-color-scheme: dark)", ".dark");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Gallery" }
                style { (PreEscaped(style)) (PreEscaped(PAGE_STYLE)) }
            }
            body {
                @for class in ["light", "dark"] {
                    section class=(class) {
                        @for (_, chart) in charts { (chart.html(&English)) }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

const PAGE_STYLE: &str = "
    body { margin: 0; font: 100%/1.6 system-ui, sans-serif; }
    section { padding: 2rem 1.25rem; background: #fbfbfa; color: #1c2420; }
    section.dark { background: #121614; color: #e7ece9; color-scheme: dark; }
    section > * { max-width: 66rem; margin-inline: auto; }
";

const LONG: &str = "Unbefugter Zugriff auf die Datenverarbeitungsanlagen und Telekommunikationseinrichtungen der Verwaltung";

fn caption(title: &str) -> Caption {
    Caption {
        title: title.to_owned(),
        description: "Mean of 84 analyses of 12 clients, 3 May to 30 October 2026.".to_owned(),
        source: "Source: MONARC Stats Service, stats.example.org, 30 October 2026".to_owned(),
        empty: "No data was collected in this period.".to_owned(),
    }
}

fn names() -> [&'static str; 20] {
    [
        "Phishing",
        "Theft of media or documents",
        LONG,
        "<b>Fire</b> & \"water\"",
        "التصيد الاحتيالي (12) عبر البريد",
        "Malware infection 🦠",
        "Erreur d'utilisation",
        "Failure of telecommunication equipment",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsgeheimnisverratsverdacht",
        "Abuse of rights",
        "Breach of personnel availability",
        "Corruption of data",
        "Data from untrustworthy sources",
        "Denial of actions",
        "Disclosure",
        "Eavesdropping",
        "Equipment failure",
        "Loss of power supply",
        "Remote spying",
        "Saturation of the information system",
    ]
}

/// A wave that differs by series, with up to two decimals.
fn wave(series: u32, day: u32) -> Option<Value> {
    let (series, day) = (f64::from(series), f64::from(day));
    let wave = (day / (9.0 + series) + series).sin() * (0.6 + series / 40.0);
    Value::new(((8.0 - series * 0.35 + wave - day / 120.0) * 100.0).round() / 100.0)
}

fn lines(title: &str, count: u32, days: u32) -> Option<Lines> {
    let first = NaiveDate::from_ymd_opt(2026, 5, 3)?;
    let date = |day: u32| first + Days::new(day.into());
    let series = names()
        .into_iter()
        .zip(0..count)
        .map(|(name, series)| Series {
            name: name.into(),
            risks: None,
            values: (0..days)
                // A gap, and the days of a client that went silent.
                .filter(|day| series != 1 || !(60..75).contains(day))
                .filter(|day| series != 3 || *day < 120 || *day == 130)
                .filter_map(|day| Some((date(day), wave(series, day)?)))
                .collect(),
        });
    Some(Lines {
        caption: caption(title),
        unit: "Risks in an analysis".to_owned(),
        form: NumberForm::Decimals(2),
        dates: (0..days).map(date).collect(),
        series: series.collect(),
        notes: BTreeMap::from([(date(40), "Only 3 of 12 clients reported".to_owned())]),
        marks: BTreeSet::from([date(40)]),
        controls: Controls {
            legend: "Show".to_owned(),
            invert: "Invert selection".to_owned(),
            date: "Date".to_owned(),
        },
    })
}

fn levels_over_time() -> Option<Lines> {
    let mut lines = lines(
        "High risks fell from 6.8 to 6.1 an analysis since May",
        6,
        180,
    )?;
    let levels = [
        (Level::High, "High"),
        (Level::Medium, "Medium"),
        (Level::Low, "Low"),
    ];
    let states = [(State::Current, "current"), (State::Residual, "residual")];
    let kinds = levels
        .into_iter()
        .flat_map(|level| states.map(|state| (level, state)));
    for (series, ((level, name), (state, state_name))) in lines.series.iter_mut().zip(kinds) {
        series.risks = Some((level, state));
        series.name = format!("{name}, {state_name}").into();
    }
    Some(lines)
}

fn bars() -> Vec<(&'static str, Box<dyn Chart>)> {
    let values = [9.41, 8.2, 7.9, 7.77, 5.0, 3.2, 2.0, 1.1, 0.4, 0.0];
    let single = names().into_iter().zip(values).filter_map(|(name, value)| {
        Some(Bar {
            label: name.into(),
            level: None,
            values: [Value::new(value)?],
        })
    });
    let single = Bars {
        caption: caption("Phishing is in most risks"),
        heading: "Threat".to_owned(),
        form: NumberForm::Decimals(2),
        full: None,
        rows: Rows::Single("Mean count".to_owned(), single.collect()),
    };
    let levels = [
        ("High", Level::High, [24, 3]),
        ("Medium", Level::Medium, [61, 48]),
        ("Low", Level::Low, [112, 146]),
    ];
    let pairs = levels.map(|(name, level, values)| Bar {
        label: name.into(),
        level: Some(level),
        values: values.map(Value::from),
    });
    let pairs = Bars {
        caption: caption("Treatment leaves 3 of 24 high risks"),
        heading: "Level".to_owned(),
        form: NumberForm::Decimals(0),
        full: None,
        rows: Rows::Pairs(["Current".to_owned(), "Residual".to_owned()], pairs.into()),
    };
    let categories = [
        ("Information security policies", 0.62, 1.0),
        (LONG, 0.35, 0.9),
        ("Access control", 0.8, 0.8),
        ("Cryptography", 0.0, 1.0),
    ];
    let targets = categories
        .into_iter()
        .filter_map(|(name, current, target)| {
            Some(Bar {
                label: Label {
                    text: name.to_owned(),
                    language: Some("en"),
                },
                level: None,
                values: [Value::new(current)?, Value::new(target)?],
            })
        });
    let targets = Bars {
        caption: caption("ISO 27002: 62 % of the target"),
        heading: "Category".to_owned(),
        form: NumberForm::Percent,
        full: Some(Value::ONE),
        rows: Rows::Targets(
            ["Current".to_owned(), "Target".to_owned()],
            targets.collect(),
        ),
    };
    vec![
        ("bars", Box::new(single)),
        ("pairs", Box::new(pairs)),
        ("targets", Box::new(targets)),
    ]
}

fn matrix(title: &str, last: u8) -> Option<Matrix> {
    let mut cells = BTreeMap::new();
    for impact in 0..5_u8 {
        for likelihood in 0..=last {
            let middle = f64::from(last) / 3.0;
            let distance = (f64::from(likelihood) - middle) / middle;
            let value = 12.4 * (-distance * distance).exp() / (1.0 + f64::from(impact));
            if value >= 0.1 || likelihood == 0 {
                cells.insert(
                    (impact, likelihood),
                    Value::new((value * 10.0).round() / 10.0)?,
                );
            }
        }
    }
    Some(Matrix {
        caption: caption(title),
        form: NumberForm::Decimals(1),
        impact: Axis {
            title: "Impact".to_owned(),
            last: 4,
        },
        likelihood: Axis {
            title: "Likelihood (threat × vulnerability)".to_owned(),
            last,
        },
        cells,
    })
}

fn map(title: &str, view: Option<View>) -> Option<Map> {
    let places = [
        ("CASES", 49.61, 6.13),
        ("Municipality of Esch", 49.5, 5.98),
        ("Ministry of <Health>", 49.62, 6.12),
        ("CCB", 50.85, 4.35),
        ("BSI", 50.73, 7.1),
        ("OFCS", 46.95, 7.45),
        ("بلدية تونس", 36.8, 10.18),
        ("Tallinn", 59.44, 24.75),
        ("Wellington", -41.29, 174.78),
        ("São Paulo", -23.55, -46.63),
    ];
    let pins: Option<Vec<_>> = places
        .into_iter()
        .map(|(name, latitude, longitude)| {
            Some(Pin {
                at: Coordinates::new(latitude, longitude)?,
                title: name.into(),
                description: vec![
                    "Top threat: Phishing".into(),
                    format!("Top vulnerability: {LONG}").into(),
                ],
            })
        })
        .collect();
    let pins = pins?;
    let near = pins.iter().take(3).map(|pin| pin.at).collect();
    Some(Map {
        caption: caption(title),
        view: view.unwrap_or(View::Around(near)),
        pins,
    })
}

fn charts() -> Option<Vec<(&'static str, Box<dyn Chart>)>> {
    let mut charts = bars();
    let spark = Sparkline {
        caption: caption("Phishing"),
        values: (0..60)
            .map(|day| wave(2, day).filter(|_| !(20..30).contains(&day)))
            .collect(),
    };
    let mut weekly = lines("A year, by week", 3, 366)?;
    weekly
        .dates
        .retain(|date| date.weekday().num_days_from_monday() == 0);
    let mut empty = lines("Nothing yet", 2, 10)?;
    empty.series.clear();
    charts.extend::<Vec<(_, Box<dyn Chart>)>>(vec![
        (
            "lines-5",
            Box::new(lines("Five threats over half a year", 5, 180)?),
        ),
        (
            "lines-20",
            Box::new(lines("Twenty threats over half a year", 20, 180)?),
        ),
        ("lines-levels", Box::new(levels_over_time()?)),
        ("lines-1-date", Box::new(lines("One date", 4, 1)?)),
        ("lines-weekly", Box::new(weekly)),
        ("lines-empty", Box::new(empty)),
        ("sparkline", Box::new(spark)),
        ("matrix-21", Box::new(matrix("Informational risks", 20)?)),
        ("matrix-5", Box::new(matrix("Operational risks", 4)?)),
        ("map-near", Box::new(map("Around Luxembourg", None)?)),
        ("map-europe", Box::new(map("Europe", Some(View::Europe))?)),
        ("map-world", Box::new(map("The world", Some(View::World))?)),
    ]);
    Some(charts)
}
