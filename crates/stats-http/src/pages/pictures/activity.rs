//! What came in lately.

use stats_charts::{DateForm, Locale, NumberForm, Series, Value};
use stats_processors::{RiskAverages, RiskParameters, View};

use super::super::figure::Figure;
use super::super::source::Source;
use super::super::translation::text;
use super::Sketch;
use super::reports::{Report, Reports};
use crate::errors::ApiError;

/// Draws how many analyses and clients reported on each date.
pub(super) fn reports(
    sketch: &Sketch<'_>,
    source: &mut Source<'_, '_>,
) -> Result<Figure, ApiError> {
    let texts = sketch.site.texts();
    let mut reports = Reports::default();
    let histories = source
        .partial::<RiskAverages>(sketch.days)?
        .histories(&RiskParameters::default(), View::default());
    for (date, levels) in histories.iter().flat_map(|history| &history.by_date) {
        for mean in [levels.low, levels.medium, levels.high] {
            reports.add(*date, mean);
        }
    }
    let title = reports.iter().next_back().map(|(date, report)| {
        text!(
            texts,
            "activity-title",
            reports = report.text(texts),
            date = texts.date(date, DateForm::Full),
        )
    });
    let count = |number: fn(&Report) -> u64| {
        let days = reports.iter();
        days.filter_map(|(date, report)| Some((date, Value::new(number(&report) as f64)?)))
            .collect()
    };
    let series = vec![
        Series {
            name: text!(texts, "analyses").into(),
            risks: None,
            values: count(|report| report.analyses),
        },
        Series {
            name: text!(texts, "clients").into(),
            risks: None,
            values: count(|report| report.clients),
        },
    ];
    let unit = text!(texts, "activity-unit");
    Ok(sketch.lines(
        title,
        &reports,
        unit,
        NumberForm::Decimals(0),
        series,
        source.edition,
    ))
}
