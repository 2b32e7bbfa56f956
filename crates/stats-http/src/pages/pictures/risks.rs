//! Risks by level.

use std::collections::BTreeMap;

use stats_charts::{Bar, Bars, DateForm, Locale, NumberForm, Rows, Series, Value};
use stats_processors::{Kind, Level, RiskAverages, RiskHistory, RiskParameters, Selection, State};

use super::super::figure::{Entry, Figure, Table};
use super::super::source::Source;
use super::super::translation::{Texts, text};
use super::Sketch;
use super::reports::{Change, Reports};
use crate::errors::ApiError;

/// The decimals of mean numbers of risks.
const DECIMALS: u8 = 1;
const FORM: NumberForm = NumberForm::Decimals(DECIMALS);
/// From the highest level, as bars and legends list them.
const LEVELS: [Level; 3] = [Level::High, Level::Medium, Level::Low];
const STATES: [State; 2] = [State::Current, State::Residual];

/// The histories of one kind, by state.
struct Histories([Option<RiskHistory>; 2]);

impl Histories {
    fn read(sketch: &Sketch<'_>, source: &mut Source<'_, '_>) -> Result<(Kind, Self), ApiError> {
        let kind = sketch.options.kind.unwrap_or(Kind::Informational);
        let partial = source.partial::<RiskAverages>(sketch.days)?;
        let parameters = RiskParameters {
            risks_type: Selection(vec![kind]),
            ..RiskParameters::default()
        };
        let mut histories = partial.histories(&parameters, sketch.view());
        histories.retain(|history| !history.by_date.is_empty());
        let of = |state| {
            histories
                .iter()
                .find(|history| history.state == state)
                .cloned()
        };
        Ok((kind, Self(STATES.map(of))))
    }

    fn reports(&self) -> Reports {
        let mut reports = Reports::default();
        for history in self.0.iter().flatten() {
            for (date, levels) in &history.by_date {
                for level in LEVELS {
                    reports.add(*date, levels.get(level));
                }
            }
        }
        reports
    }

    /// Returns the means of a level in each state. A missing mean is 0 in a picture, and missing in its table.
    fn means(&self, level: Level) -> [Option<Value>; 2] {
        self.0
            .each_ref()
            .map(|history| Value::new(history.as_ref()?.overall.get(level).value()?))
    }
}

/// Draws current risks beside residual ones.
pub(super) fn levels(sketch: &Sketch<'_>, source: &mut Source<'_, '_>) -> Result<Figure, ApiError> {
    let texts = sketch.site.texts();
    let (kind, histories) = Histories::read(sketch, source)?;
    let reports = histories.reports();
    let rows: Vec<_> = LEVELS
        .into_iter()
        .map(|level| (level, histories.means(level)))
        .filter(|(_, means)| means.iter().any(Option::is_some))
        .collect();
    let title = rows.first().map(|(_, means)| {
        let [current, residual] =
            means.map(|mean| texts.decimal(mean.unwrap_or_default().get(), DECIMALS));
        text!(
            texts,
            "risks-title",
            kind = kind.as_str(),
            current = current,
            residual = residual
        )
    });
    let description = [text!(texts, "risks-meaning"), reports.sentence(texts)].join(" ");
    let caption = sketch.caption(title, description, source.edition);
    let names = STATES.map(|state| text!(texts, "state", state = state.as_str()));
    let heading = text!(texts, "level");
    let mut columns = vec![heading.clone()];
    columns.extend(names.clone());
    let table = Table {
        title: caption.title.clone(),
        columns,
        rows: rows
            .iter()
            .map(|(level, means)| {
                let numbers = means.map(|mean| Entry::Number(mean, FORM));
                [Entry::text(level_name(texts, *level))]
                    .into_iter()
                    .chain(numbers)
                    .collect()
            })
            .collect(),
    };
    let bars = rows.into_iter().map(|(level, means)| Bar {
        label: level_name(texts, level).into(),
        level: Some(drawn(level)),
        values: means.map(Option::unwrap_or_default),
    });
    let chart = Bars {
        caption,
        heading,
        form: FORM,
        full: None,
        rows: Rows::Pairs(names, bars.collect()),
    };
    Ok(sketch.figure(chart, table))
}

/// Draws current and residual risks by date.
pub(super) fn over_time(
    sketch: &Sketch<'_>,
    source: &mut Source<'_, '_>,
) -> Result<Figure, ApiError> {
    let texts = sketch.site.texts();
    let (kind, histories) = Histories::read(sketch, source)?;
    let reports = histories.reports();
    let Histories([current, _]) = &histories;
    let high: Option<Vec<_>> = current.as_ref().map(|history| {
        history
            .by_date
            .iter()
            .map(|(date, levels)| (*date, levels.high))
            .collect()
    });
    let title = high.and_then(|high| Change::of(&high)).map(|change| {
        text!(
            texts,
            "risks-trend",
            kind = kind.as_str(),
            direction = change.direction(DECIMALS),
            from = texts.decimal(change.from, DECIMALS),
            to = texts.decimal(change.to, DECIMALS),
            since = texts.date(change.since, DateForm::Full),
        )
    });
    let mut series = Vec::new();
    for level in LEVELS {
        for history in histories.0.iter().flatten() {
            let name = text!(
                texts,
                "level-and-state",
                level = level_name(texts, level),
                state = history.state.as_str(),
            );
            let values = history.by_date.iter().filter_map(|(date, levels)| {
                Some((*date, Value::new(levels.get(level).value()?)?))
            });
            series.push(Series {
                name: name.into(),
                risks: Some((drawn(level), drawn_state(history.state))),
                values: values.collect::<BTreeMap<_, _>>(),
            });
        }
    }
    Ok(sketch.lines(
        title,
        &reports,
        text!(texts, "risks-unit"),
        FORM,
        series,
        source.edition,
    ))
}

fn level_name(texts: &Texts, level: Level) -> String {
    let level = match level {
        Level::Low => "low",
        Level::Medium => "medium",
        _ => "high",
    };
    text!(texts, "level-name", level = level)
}

fn drawn(level: Level) -> stats_charts::Level {
    match level {
        Level::Low => stats_charts::Level::Low,
        Level::Medium => stats_charts::Level::Medium,
        _ => stats_charts::Level::High,
    }
}

fn drawn_state(state: State) -> stats_charts::State {
    match state {
        State::Residual => stats_charts::State::Residual,
        _ => stats_charts::State::Current,
    }
}
