//! Risk matrices.

use std::collections::BTreeMap;

use stats_charts::{Axis, Matrix, NumberForm, Value};
use stats_processors::{
    CartographyAverages, Kind, MAX_IMPACT, MAX_LIKELIHOOD, MAX_PROBABILITY, RiskParameters,
    Selection, State,
};

use super::super::figure::{Entry, Figure, Table};
use super::super::source::Source;
use super::super::translation::text;
use super::Sketch;
use super::reports::Reports;
use crate::errors::ApiError;

const DECIMALS: u8 = 1;
const FORM: NumberForm = NumberForm::Decimals(DECIMALS);

/// Draws the mean number of risks at each impact and likelihood or probability.
pub(super) fn matrix(sketch: &Sketch<'_>, source: &mut Source<'_, '_>) -> Result<Figure, ApiError> {
    let texts = sketch.site.texts();
    let kind = sketch.options.kind.unwrap_or(Kind::Informational);
    let state = sketch.options.state.unwrap_or(State::Current);
    let parameters = RiskParameters {
        risks_state: Selection(vec![state]),
        risks_type: Selection(vec![kind]),
    };
    let partial = source.partial::<CartographyAverages>(sketch.days)?;
    let history = partial.histories(&parameters, sketch.view());
    let history = history.into_iter().next();
    let history = history.filter(|history| history.overall.is_some());
    let mut reports = Reports::default();
    let mut cells = BTreeMap::new();
    if let Some(history) = &history {
        for (date, matrix) in &history.by_date {
            reports.add(*date, matrix.reported());
        }
        let rows = history
            .overall
            .iter()
            .flat_map(|matrix| matrix.rows().enumerate());
        for (impact, row) in rows {
            for (column, mean) in row.iter().enumerate() {
                if let Some(value) = mean.value().and_then(Value::new) {
                    cells.insert((impact, column), value);
                }
            }
        }
    }
    let total: f64 = cells.values().map(|value| value.get()).sum();
    let fullest = cells.iter().max_by_key(|(_, value)| **value);
    let title = fullest
        .filter(|_| total > 0.0)
        .map(|((impact, column), value)| {
            text!(
                texts,
                "matrix-title",
                kind = kind.as_str(),
                state = state.as_str(),
                impact = impact.to_string(),
                column = column.to_string(),
                value = texts.decimal(value.get(), DECIMALS),
                total = texts.decimal(total, DECIMALS),
            )
        });
    let caption = sketch.caption(title, reports.sentence(texts), source.edition);
    let impact = text!(texts, "impact");
    let (likelihood, last) = match kind {
        Kind::Operational => (text!(texts, "probability"), MAX_PROBABILITY),
        _ => (text!(texts, "likelihood"), MAX_LIKELIHOOD),
    };
    let table = Table {
        title: caption.title.clone(),
        columns: vec![
            impact.clone(),
            likelihood.clone(),
            text!(texts, "risks-unit"),
        ],
        rows: cells
            .iter()
            .map(|((impact, column), value)| {
                vec![
                    Entry::Count(*impact as u64),
                    Entry::Count(*column as u64),
                    Entry::Number(Some(*value), NumberForm::Decimals(2)),
                ]
            })
            .collect(),
    };
    let shown =
        |value: &Value| texts.decimal(value.get(), DECIMALS) != texts.decimal(0.0, DECIMALS);
    let cells = cells
        .into_iter()
        .filter(|(_, value)| shown(value))
        .map(|((impact, column), value)| ((impact as u8, column as u8), value));
    let chart = Matrix {
        caption,
        form: FORM,
        impact: Axis {
            title: impact,
            last: MAX_IMPACT as u8,
        },
        likelihood: Axis {
            title: likelihood,
            last: last as u8,
        },
        cells: cells.collect(),
    };
    Ok(sketch.figure(chart, table))
}
