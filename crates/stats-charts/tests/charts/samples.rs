//! Charts to test, and how they are read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use roxmltree::{Document, Node};
use stats_charts::{
    Axis, Bar, Bars, Caption, Chart, Controls, Coordinates, DateForm, Export, Label, Level, Lines,
    Locale, Map, Matrix, NumberForm, Pin, Rows, Series, Sparkline, Theme, Value, View, Width,
};

/// Text that would break markup, attributes and the direction of the text around it.
pub(crate) const HOSTILE: &str = "<script>\"'&]]></title> أمن";

/// Writes numbers with a comma.
pub(crate) struct Comma;

impl Locale for Comma {
    fn number(&self, value: Value, form: NumberForm) -> String {
        match form {
            NumberForm::Decimals(decimals) => {
                format!("{:.*}", usize::from(decimals), value.get()).replace('.', ",")
            }
            NumberForm::Percent => format!("{:.0} %", value.get() * 100.0),
        }
    }

    fn date(&self, date: NaiveDate, form: DateForm) -> String {
        format!("{form:?} {date}")
    }
}

pub(crate) fn caption(title: &str) -> Caption {
    Caption {
        title: title.to_owned(),
        description: format!("About {title}"),
        source: format!("Source of {title}"),
        empty: "No data".to_owned(),
    }
}

pub(crate) fn value(value: f64) -> Value {
    Value::new(value).unwrap()
}

pub(crate) fn day(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 5, 1).unwrap() + Days::new(day)
}

pub(crate) fn single(bars: &[(&str, f64)]) -> Bars {
    let bars = bars.iter().map(|&(label, number)| Bar {
        label: label.into(),
        level: None,
        values: [value(number)],
    });
    Bars {
        caption: caption("bars"),
        heading: "Threat".to_owned(),
        form: NumberForm::Decimals(2),
        full: None,
        rows: Rows::Single("Count".to_owned(), bars.collect()),
    }
}

pub(crate) fn two_values() -> Vec<Bar<2>> {
    let bar = |name: &str, level, values: [f64; 2]| Bar {
        label: name.into(),
        level,
        values: values.map(value),
    };
    vec![
        bar("High", Some(Level::High), [0.5, 0.25]),
        bar("Low", Some(Level::Low), [0.0, 0.75]),
    ]
}

pub(crate) fn pairs() -> Bars {
    Bars {
        rows: Rows::Pairs(["Current".to_owned(), "Residual".to_owned()], two_values()),
        ..single(&[])
    }
}

pub(crate) fn targets() -> Bars {
    Bars {
        form: NumberForm::Percent,
        full: Some(Value::ONE),
        rows: Rows::Targets(["Current".to_owned(), "Target".to_owned()], two_values()),
        ..single(&[])
    }
}

/// Returns a chart of one series for each row of values, which are at successive days.
pub(crate) fn lines(rows: &[&[Option<f64>]]) -> Lines {
    let series = rows.iter().enumerate().map(|(index, row)| Series {
        name: format!("series {}", index + 1).into(),
        risks: None,
        values: (0..)
            .zip(*row)
            .filter_map(|(index, number)| Some((day(index), value((*number)?))))
            .collect(),
    });
    let days = rows.iter().map(|row| row.len()).max().unwrap_or_default() as u64;
    Lines {
        caption: caption("lines"),
        unit: "Risks".to_owned(),
        form: NumberForm::Decimals(1),
        dates: (0..days).map(day).collect(),
        series: series.collect(),
        notes: BTreeMap::new(),
        marks: BTreeSet::new(),
        controls: Controls {
            legend: "Show".to_owned(),
            invert: "Invert".to_owned(),
            date: "Date".to_owned(),
        },
    }
}

/// Returns 20 series of 180 days with up to four digits.
pub(crate) fn many_lines() -> Lines {
    let row = |series: u32| {
        let values = (0..180).map(move |day: u32| {
            let (series, day) = (f64::from(series), f64::from(day));
            Some(((10.0 + series + 5.0 * (day / (9.0 + series)).sin()) * 10.0).round() / 10.0)
        });
        values.collect::<Vec<_>>()
    };
    let rows: Vec<_> = (0..20).map(row).collect();
    let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
    lines(&rows)
}

pub(crate) fn matrix(cells: &[((u8, u8), f64)]) -> Matrix {
    let axis = |title: &str, last| Axis {
        title: title.to_owned(),
        last,
    };
    Matrix {
        caption: caption("matrix"),
        form: NumberForm::Decimals(1),
        impact: axis("Impact", 2),
        likelihood: axis("Likelihood", 3),
        cells: cells
            .iter()
            .map(|&(cell, number)| (cell, value(number)))
            .collect(),
    }
}

pub(crate) fn map(view: View, places: &[(f64, f64)]) -> Map {
    let pins = places
        .iter()
        .enumerate()
        .map(|(index, &(latitude, longitude))| Pin {
            at: Coordinates::new(latitude, longitude).unwrap(),
            title: format!("place {}", index + 1).into(),
            description: vec![Label::from("Top threat: fire")],
        });
    Map {
        caption: caption("map"),
        view,
        pins: pins.collect(),
    }
}

pub(crate) fn sparkline(values: &[Option<f64>]) -> Sparkline {
    Sparkline {
        caption: caption("sparkline"),
        values: values.iter().map(|number| number.map(value)).collect(),
    }
}

/// Returns a chart of each kind.
pub(crate) fn every_chart() -> Vec<Box<dyn Chart>> {
    vec![
        Box::new(single(&[("Fire", 1.0)])),
        Box::new(pairs()),
        Box::new(targets()),
        Box::new(lines(&[&[Some(1.0), None, Some(2.0), Some(3.0)], &[]])),
        Box::new(lines(&[&[Some(1.0)]])),
        Box::new(matrix(&[((0, 0), 1.5)])),
        Box::new(map(View::Europe, &[(49.6, 6.1)])),
        Box::new(sparkline(&[Some(1.0), None, Some(2.0)])),
    ]
}

/// Returns a chart of each kind without data.
pub(crate) fn empty_charts() -> Vec<Box<dyn Chart>> {
    let pairs = |_| Rows::Pairs(["a".to_owned(), "b".to_owned()], Vec::new());
    let targets = |_| Rows::Targets(["a".to_owned(), "b".to_owned()], Vec::new());
    vec![
        Box::new(single(&[])),
        Box::new(Bars {
            rows: pairs(()),
            ..single(&[])
        }),
        Box::new(Bars {
            rows: targets(()),
            ..single(&[])
        }),
        Box::new(lines(&[])),
        Box::new(lines(&[&[], &[None, None]])),
        Box::new(matrix(&[])),
        Box::new(map(View::World, &[])),
    ]
}

/// Returns a chart of each kind whose texts are all hostile.
pub(crate) fn hostile_charts() -> Vec<Box<dyn Chart>> {
    let hostile = caption(HOSTILE);
    let text = || HOSTILE.to_owned();
    let mut bars = [single(&[(HOSTILE, 1.0)]), pairs(), targets()];
    for bars in &mut bars {
        bars.caption = hostile.clone();
        bars.heading = text();
        match &mut bars.rows {
            Rows::Single(name, _) => *name = text(),
            Rows::Pairs(names, bars) | Rows::Targets(names, bars) => {
                *names = [text(), text()];
                for bar in bars {
                    bar.label = HOSTILE.into();
                }
            }
        }
    }
    let mut lines = lines(&[&[Some(1.0), Some(2.0)]]);
    lines.caption = hostile.clone();
    lines.unit = text();
    lines.series[0].name = HOSTILE.into();
    lines.notes.insert(day(0), text());
    lines.controls = Controls {
        legend: text(),
        invert: text(),
        date: text(),
    };
    let mut matrix = matrix(&[((0, 0), 1.0)]);
    matrix.caption = hostile.clone();
    matrix.impact.title = text();
    matrix.likelihood.title = text();
    let mut map = map(View::Europe, &[(49.6, 6.1)]);
    map.caption = hostile.clone();
    map.pins[0].title = HOSTILE.into();
    map.pins[0].description = vec![HOSTILE.into()];
    let mut sparkline = sparkline(&[Some(1.0)]);
    sparkline.caption = hostile;
    let mut charts: Vec<Box<dyn Chart>> = Vec::new();
    charts.extend(bars.map(|bars| Box::new(bars) as Box<dyn Chart>));
    charts.extend([
        Box::new(lines) as Box<dyn Chart>,
        Box::new(matrix),
        Box::new(map),
        Box::new(sparkline),
    ]);
    charts
}

/// Returns the HTML of a chart as XML: elements without end are ended.
pub(crate) fn html(chart: &dyn Chart) -> String {
    let html = chart.html(&Comma).into_string();
    let mut parts = html.split("<input");
    let mut xml = parts.next().unwrap().to_owned();
    for part in parts {
        let (attributes, rest) = part.split_once('>').unwrap();
        xml += &format!("<input{attributes}/>{rest}");
    }
    xml
}

pub(crate) fn svg(chart: &dyn Chart, theme: Theme) -> String {
    let export = Export {
        theme,
        width: Width::DEFAULT,
    };
    chart.svg(&Comma, export)
}

pub(crate) fn parse(xml: &str) -> Document<'_> {
    Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {xml}"))
}

/// Returns the elements that have a class.
pub(crate) fn by_class<'a>(document: &'a Document<'_>, class: &str) -> Vec<Node<'a, 'a>> {
    let has_class = |node: &Node<'_, '_>| {
        let classes = node.attribute("class").unwrap_or_default();
        classes.split(' ').any(|other| other == class)
    };
    document.root().descendants().filter(has_class).collect()
}

pub(crate) fn by_name<'a>(document: &'a Document<'_>, name: &str) -> Vec<Node<'a, 'a>> {
    let has_name = |node: &Node<'_, '_>| node.tag_name().name() == name;
    document.root().descendants().filter(has_name).collect()
}

/// Returns all text of an element.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter_map(|node| node.text().filter(|_| node.is_text()))
        .collect()
}

/// Returns the attribute of each node.
pub(crate) fn attributes<'a>(nodes: &[Node<'a, 'a>], name: &str) -> Vec<&'a str> {
    nodes
        .iter()
        .map(|node| node.attribute(name).unwrap_or_default())
        .collect()
}
