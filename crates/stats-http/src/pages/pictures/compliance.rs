//! Compliance with referentials.

use stats_charts::{Bar, Bars, Label, Locale, NumberForm, Rows, Value};
use stats_processors::{Average, CategoryMeans, ComplianceAverages, ReferentialAverages, View};
use uuid::Uuid;

use super::super::figure::{Entry, Figure, Table};
use super::super::source::Source;
use super::super::translation::text;
use super::reports::Reports;
use super::{Sketch, category_label, isolated, label};
use crate::errors::ApiError;
use crate::period::Days;

const FORM: NumberForm = NumberForm::Percent;

/// Returns the ids of the referentials, from that with most analyses.
pub(in super::super) fn referentials(
    source: &mut Source<'_, '_>,
    days: Days,
) -> Result<Vec<Uuid>, ApiError> {
    let averages = source.partial::<ComplianceAverages>(days)?;
    let mut averages = averages.averages(View::default());
    let analyses = |averages: &ReferentialAverages| {
        let categories = averages.categories.iter();
        categories
            .map(|category| category.overall.current.analyses())
            .max()
    };
    averages.sort_by_key(|averages| std::cmp::Reverse(analyses(averages)));
    Ok(averages
        .into_iter()
        .map(|averages| averages.referential)
        .collect())
}

/// The current and the target value of a category.
fn values(means: &CategoryMeans) -> Option<[Value; 2]> {
    let value = |mean: Average| Value::new(mean.value()?);
    Some([value(means.current)?, value(means.target)?])
}

/// Draws the categories of a referential, from that which is farthest from its target.
pub(super) fn categories(
    sketch: &Sketch<'_>,
    source: &mut Source<'_, '_>,
) -> Result<Figure, ApiError> {
    let texts = sketch.site.texts();
    let averages = source
        .partial::<ComplianceAverages>(sketch.days)?
        .averages(sketch.view());
    let wanted = match sketch.options.referential {
        Some(referential) => Some(referential),
        None => referentials(source, sketch.days)?.first().copied(),
    };
    let referential = averages
        .into_iter()
        .find(|averages| Some(averages.referential) == wanted);
    let mut reports = Reports::default();
    let mut rows: Vec<(Label, [Value; 2], Average)> = Vec::new();
    for category in referential
        .iter()
        .flat_map(|referential| &referential.categories)
    {
        for on in &category.by_date {
            reports.add(on.date, on.means.current);
        }
        if let Some(values) = values(&category.overall) {
            let label = category_label(sketch.site, category.category, &category.labels);
            rows.push((label, values, category.overall.current));
        }
    }
    let gap = |[current, target]: [Value; 2]| target.get() - current.get();
    rows.sort_by(|(_, a, _), (_, b, _)| gap(*b).total_cmp(&gap(*a)));
    let title = referential
        .as_ref()
        .zip(rows.first())
        .map(|(referential, (widest, ..))| {
            let label = label(
                sketch.site,
                source,
                referential.referential,
                &referential.labels,
            );
            let mean = |position: usize| {
                let values = rows.iter().map(|(_, values, _)| values[position].get());
                let mean = values.sum::<f64>() / rows.len() as f64;
                texts.number(Value::new(mean).unwrap_or_default(), FORM)
            };
            text!(
                texts,
                "compliance-title",
                referential = isolated(&label),
                current = mean(0),
                target = mean(1),
                category = isolated(widest),
            )
        });
    let caption = sketch.caption(title, reports.sentence(texts), source.edition);
    let heading = text!(texts, "category");
    let names =
        ["current", "target"].map(|measure| text!(texts, "compliance-measure", measure = measure));
    let [current, target] = names.clone();
    let table = Table {
        title: caption.title.clone(),
        columns: vec![
            heading.clone(),
            current,
            target,
            text!(texts, "analyses"),
            text!(texts, "clients"),
        ],
        rows: rows
            .iter()
            .map(|(label, [current, target], reported)| {
                let number = |value: &Value| Entry::Number(Some(*value), FORM);
                [Entry::Text(label.clone()), number(current), number(target)]
                    .into_iter()
                    .chain(Entry::counts(*reported))
                    .collect()
            })
            .collect(),
    };
    let bars = rows.into_iter().map(|(label, values, _)| Bar {
        label,
        level: None,
        values,
    });
    let chart = Bars {
        caption,
        heading,
        form: FORM,
        full: Some(Value::ONE),
        rows: Rows::Targets(names, bars.collect()),
    };
    Ok(sketch.figure(chart, table))
}
