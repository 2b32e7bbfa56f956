//! Threats and vulnerabilities.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use stats_charts::{Bar, Bars, DateForm, Label, Locale, NumberForm, Rows, Series, Value};
use stats_processors::{Average, ObjectAverages, ObjectMeans};

use super::super::figure::{Entry, Figure, Table};
use super::super::options::{Choice, Measure, Order, Top};
use super::super::source::{Objects, Source};
use super::super::translation::text;
use super::reports::{Change, Reports};
use super::{Sketch, isolated, label};
use crate::errors::ApiError;

impl Measure {
    pub(in super::super) fn of(self, means: &ObjectMeans) -> Average {
        match self {
            Self::Count => means.count,
            Self::Rate => means.average_rate,
            Self::MaxRisk => means.max_risk,
        }
    }

    fn decimals(self) -> u8 {
        match self {
            Self::Rate => 2,
            Self::Count | Self::MaxRisk => 1,
        }
    }

    pub(in super::super) fn form(self) -> NumberForm {
        NumberForm::Decimals(self.decimals())
    }

    fn by_date(self, object: &ObjectAverages) -> Vec<(NaiveDate, Average)> {
        let by_date = object.by_date.iter();
        by_date.map(|on| (on.date, self.of(&on.means))).collect()
    }
}

/// Returns the objects with the highest or lowest values, from the first place. Ties are ordered by id.
fn leaders(
    mut objects: Vec<ObjectAverages>,
    by: Measure,
    order: Order,
    Top(top): Top,
) -> Vec<ObjectAverages> {
    let value = |object: &ObjectAverages| by.of(&object.overall).value().unwrap_or_default();
    objects.sort_by(|a, b| match order {
        Order::Highest => value(b).total_cmp(&value(a)),
        Order::Lowest => value(a).total_cmp(&value(b)),
    });
    objects.truncate(top.into());
    objects
}

fn reports(objects: &[ObjectAverages]) -> Reports {
    let mut reports = Reports::default();
    for on in objects.iter().flat_map(|object| &object.by_date) {
        reports.add(on.date, on.means.count);
    }
    reports
}

/// Reads the objects that are shown, with their names, and how many analyses reported.
fn read(
    sketch: &Sketch<'_>,
    source: &mut Source<'_, '_>,
    kind: Objects,
    by: Measure,
    order: Order,
) -> Result<(Reports, Vec<ObjectAverages>, Vec<Label>), ApiError> {
    let objects = source.objects(kind, sketch.days)?;
    let objects = objects.averages(sketch.view());
    let reports = reports(&objects);
    let top = sketch.options.top.unwrap_or(Top::DEFAULT);
    let leaders = leaders(objects, by, order, top);
    let names = leaders
        .iter()
        .map(|object| label(sketch.site, source, object.object, &object.labels))
        .collect();
    Ok((reports, leaders, names))
}

/// Draws the objects by a measure.
pub(super) fn bars(
    sketch: &Sketch<'_>,
    source: &mut Source<'_, '_>,
    kind: Objects,
) -> Result<Figure, ApiError> {
    let texts = sketch.site.texts();
    let by = sketch.options.by.unwrap_or_default();
    let order = sketch.options.order.unwrap_or_default();
    let (reports, leaders, names) = read(sketch, source, kind, by, order)?;
    let title = leaders.first().zip(names.first()).map(|(first, name)| {
        let value = by.of(&first.overall).value().unwrap_or_default();
        text!(
            texts,
            "objects-title",
            objects = kind.as_str(),
            measure = by.as_str(),
            order = order.as_str(),
            name = isolated(name),
            value = texts.decimal(value, by.decimals()),
        )
    });
    let meaning = text!(
        texts,
        "measure-meaning",
        measure = by.as_str(),
        objects = kind.as_str()
    );
    let description = [meaning, reports.sentence(texts)].join(" ");
    let caption = sketch.caption(title, description, source.edition);
    let heading = text!(texts, "object", objects = kind.as_str());
    let measure_name = |measure: &Measure| text!(texts, "measure", measure = measure.as_str());
    let table = Table {
        title: caption.title.clone(),
        columns: [heading.clone()]
            .into_iter()
            .chain(Measure::ALL.iter().map(measure_name))
            .chain([text!(texts, "analyses"), text!(texts, "clients")])
            .collect(),
        rows: leaders
            .iter()
            .zip(&names)
            .map(|(object, name)| {
                let means = Measure::ALL.iter().map(|measure| {
                    let mean = measure.of(&object.overall).value();
                    Entry::Number(mean.and_then(Value::new), measure.form())
                });
                [Entry::Text(name.clone())]
                    .into_iter()
                    .chain(means)
                    .chain(Entry::counts(object.overall.count))
                    .collect()
            })
            .collect(),
    };
    let bars = leaders.iter().zip(names).filter_map(|(object, label)| {
        let value = Value::new(by.of(&object.overall).value()?)?;
        Some(Bar {
            label,
            level: None,
            values: [value],
        })
    });
    let chart = Bars {
        caption,
        heading,
        form: by.form(),
        full: None,
        rows: Rows::Single(measure_name(&by), bars.collect()),
    };
    Ok(sketch.figure(chart, table))
}

/// Draws the objects with the highest values by date.
pub(super) fn over_time(
    sketch: &Sketch<'_>,
    source: &mut Source<'_, '_>,
    kind: Objects,
) -> Result<Figure, ApiError> {
    let texts = sketch.site.texts();
    let by = sketch.options.by.unwrap_or_default();
    let (reports, leaders, names) = read(sketch, source, kind, by, Order::Highest)?;
    let changes = leaders.iter().zip(&names).filter_map(|(object, name)| {
        let change = Change::of(&by.by_date(object))?;
        Some((change, name))
    });
    let greatest = changes.max_by(|(a, _), (b, _)| a.size().total_cmp(&b.size()));
    let title = greatest.map(|(change, name)| {
        let (peak, date) = change.peak;
        text!(
            texts,
            "objects-trend",
            objects = kind.as_str(),
            measure = by.as_str(),
            direction = change.course(by.decimals()),
            name = isolated(name),
            from = texts.decimal(change.from, by.decimals()),
            to = texts.decimal(change.to, by.decimals()),
            since = texts.date(change.since, DateForm::Full),
            peak = texts.decimal(peak, by.decimals()),
            date = texts.date(date, DateForm::Full),
        )
    });
    let series = leaders.iter().zip(names).map(|(object, name)| {
        let values = by.by_date(object).into_iter();
        let values = values.filter_map(|(date, mean)| Some((date, Value::new(mean.value()?)?)));
        Series {
            name,
            risks: None,
            values: values.collect::<BTreeMap<_, _>>(),
        }
    });
    let unit = text!(texts, "measure", measure = by.as_str());
    Ok(sketch.lines(
        title,
        &reports,
        unit,
        by.form(),
        series.collect(),
        source.edition,
    ))
}
