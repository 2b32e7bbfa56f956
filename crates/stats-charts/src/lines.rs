use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use maud::{Markup, html};

use crate::draw::{Anchor, Area, Frame, Moved};
use crate::image::{FONT, LINE, Sheet, description, image, text_lines};
use crate::ink::{COLOURED_SERIES, Colour, Dash, Ink, Level, State};
use crate::scale::{DateTick, ValueScale, date_ticks};
use crate::text::{width, wrap};
use crate::trace::{Trace, path};
use crate::{Caption, Chart, DateForm, Export, Label, Locale, NumberForm, Value};

/// Lines over dates.
///
/// Five series have colours. If there are more, the others are grey until the reader chooses fewer in the legend, which
/// needs `chart.js`; to hide and show a series does not. Each line ends with the number of its series in the legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// What is said about the chart.
    pub caption: Caption,
    /// What the values are, and their unit.
    pub unit: String,
    /// How values are written.
    pub form: NumberForm,
    /// The dates of the data. A series without a value at one of them has a gap.
    pub dates: BTreeSet<NaiveDate>,
    /// The series, of which the first 20 are drawn: they differ in colour or dashes.
    pub series: Vec<Series>,
    /// What is said about single dates, such as how many analyses reported.
    pub notes: BTreeMap<NaiveDate, String>,
    /// The dates that a dotted line marks, such as those on which fewer analyses reported.
    pub marks: BTreeSet<NaiveDate>,
    /// The texts of the controls.
    pub controls: Controls,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its name.
    pub name: Label,
    /// The level and state of the risks that it is about, which decide its colour and dashes.
    pub risks: Option<(Level, State)>,
    /// Its values. Those of other dates than the chart's are not drawn.
    pub values: BTreeMap<NaiveDate, Value>,
}

/// The texts of the controls of [`Lines`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controls {
    /// The name of the legend, whose boxes show and hide series.
    pub legend: String,
    /// The button that shows what is hidden and hides what is shown.
    pub invert: String,
    /// The name of the slider that chooses the date whose values are read.
    pub date: String,
}

/// The size of the coordinates of lines in a page, which the browser stretches.
const PAGE: Frame = Frame {
    left: 0.0,
    top: 0.0,
    width: 2000.0,
    height: 1000.0,
};
/// As many series differ in colour or dashes, and have a rule in `chart.css`.
const MAX_SERIES: usize = 20;
/// The most steps of the axis of values.
const STEPS: u32 = 5;
/// The radius of a dot in pixels.
const DOT: f64 = 3.5;
/// The least distance of the numbers of series, as a fraction of the height.
const NUMBER_DISTANCE: f64 = 0.038;

/// What is common to the page and the image of a chart with data.
struct Plot<'a> {
    lines: &'a Lines,
    series: &'a [Series],
    locale: &'a dyn Locale,
    scale: ValueScale,
    first: NaiveDate,
    last: NaiveDate,
    dates: Vec<NaiveDate>,
}

impl Chart for Lines {
    fn html(&self, locale: &dyn Locale) -> Markup {
        html! {
            figure.ch-chart.ch-lines {
                (self.caption.figcaption())
                @match Plot::new(self, locale) {
                    None => (self.caption.empty_html()),
                    Some(plot) => (plot.page()),
                }
            }
        }
    }

    fn svg(&self, locale: &dyn Locale, export: Export) -> String {
        image(&self.caption, export, |sheet| {
            match Plot::new(self, locale) {
                None => sheet.empty(&self.caption),
                Some(plot) => plot.image(sheet),
            }
        })
    }
}

impl<'a> Plot<'a> {
    /// Returns `None` without values.
    fn new(lines: &'a Lines, locale: &'a dyn Locale) -> Option<Self> {
        let series = lines.series.get(..MAX_SERIES).unwrap_or(&lines.series);
        let values = series.iter().flat_map(|series| &series.values);
        let drawn = values.filter(|(date, _)| lines.dates.contains(date));
        let greatest = drawn.map(|(_, value)| *value).max()?;
        Some(Self {
            lines,
            series,
            locale,
            scale: ValueScale::new(greatest, STEPS),
            first: *lines.dates.first()?,
            last: *lines.dates.last()?,
            dates: lines.dates.iter().copied().collect(),
        })
    }

    fn page(&self) -> Markup {
        let Lines {
            caption,
            unit,
            controls,
            ..
        } = self.lines;
        let xs = self
            .dates
            .iter()
            .map(|&date| (self.x(date) * PAGE.width).round().to_string());
        let dates = self
            .dates
            .iter()
            .map(|&date| self.locale.date(date, DateForm::Full));
        let notes = self.dates.iter().map(|date| self.note(*date));
        let view_box = format!("0 0 {} {}", PAGE.width, PAGE.height);
        let traces = self.traces(PAGE, 1.0);
        // A longer legend would be higher than the plot.
        let is_beside = self.series.len() <= 8;
        html! {
            div.ch-body.ch-beside[is_beside] {
                div.ch-plot data-x=(join(xs)) data-dates=(join(dates))
                    data-notes=[(!self.lines.notes.is_empty()).then(|| join(notes))] {
                    p.ch-unit { (unit) }
                    svg.ch-canvas role="img" {
                        (description(caption))
                        (self.axes(Area::Page))
                        svg width="100%" height="100%" viewBox=(view_box) preserveAspectRatio="none" {
                            @for (index, trace) in traces.iter().enumerate().rev() {
                                (self.page_line(index, trace))
                            }
                        }
                        (self.points(Area::Page, &traces))
                        line.ch-cursor y1="0" y2="100%" visibility="hidden" {}
                    }
                    @if self.dates.len() > 1 {
                        @let last = self.dates.len() - 1;
                        input.ch-slider type="range" min="0" max=(last) value=(last) aria-label=(controls.date)
                            hidden="";
                    }
                }
                fieldset.ch-legend {
                    legend { (controls.legend) }
                    ol {
                        @for (index, series) in self.series.iter().enumerate() {
                            li class=(self.class(index)) { label {
                                input type="checkbox" checked="" autocomplete="off";
                                span.ch-index { (index + 1) }
                                svg.ch-sample aria-hidden="true" { (self.sample(Area::Page, index)) }
                                (series.name.html())
                            } }
                        }
                    }
                    button.ch-invert type="button" hidden="" { (controls.invert) }
                }
            }
        }
    }

    /// Returns the line of a series in a page, with the texts of its values.
    fn page_line(&self, index: usize, trace: &Trace) -> Markup {
        let series = &self.series[index];
        let values = self.dates.iter().map(|date| match series.values.get(date) {
            Some(&value) => self.locale.number(value, self.lines.form),
            None => String::new(),
        });
        html! {
            g class=(self.class(index)) data-values=(join(values)) {
                (path(self.ink(Area::Page, index).paint(None), &trace.path))
            }
        }
    }

    fn image(&self, sheet: &mut Sheet) {
        /// Around the plot: numbers of the axes, and of the series.
        const RIGHT: f64 = 40.0;
        const BOTTOM: f64 = 26.0;
        let form = self.scale.form(self.lines.form);
        let ticks = self.scale.ticks();
        let texts = ticks.map(|tick| width(&self.locale.number(tick, form)) * 12.0);
        let left = texts.fold(0.0, f64::max) + 10.0;
        let (width, height) = (
            sheet.width - left - RIGHT,
            (sheet.width * 0.5).clamp(200.0, 420.0),
        );
        sheet.paragraph(Ink::Small(Colour::Muted), 12.0, &self.lines.unit);
        sheet.skip(10.0);
        sheet.push(height + BOTTOM, |area| {
            let area = area.part(left, 0.0, width, height);
            let Area::Image(frame, _) = area else {
                return Markup::default();
            };
            let traces = self.traces(frame, 0.1);
            html! {
                (self.axes(area))
                @for (index, trace) in traces.iter().enumerate().rev() {
                    (path(area.paint(self.ink(area, index)), &trace.path))
                }
                (self.points(area, &traces))
            }
        });
        sheet.skip(8.0);
        self.image_legend(sheet);
    }

    /// Draws the legend of an image in as many columns as there is room for.
    fn image_legend(&self, sheet: &mut Sheet) {
        const SAMPLE: f64 = 58.0;
        const GAP: f64 = 16.0;
        let indexes: Vec<_> = (0..self.series.len()).collect();
        let columns = (sheet.width / 340.0).floor().clamp(1.0, 3.0);
        let column = (sheet.width + GAP) / columns;
        let per_column = indexes.len().div_ceil(columns as usize).max(1);
        let mut height: f64 = 0.0;
        let mut parts = Vec::new();
        for (position, indexes) in indexes.chunks(per_column).enumerate() {
            let mut top = 0.0;
            for &index in indexes {
                let lines = wrap(
                    &self.series[index].name.text,
                    (column - GAP - SAMPLE) / FONT,
                );
                let place = (position as f64 * column, top);
                top += LINE * lines.len().max(1) as f64 + 4.0;
                parts.push((index, place, lines));
            }
            height = height.max(top);
        }
        let body = Ink::Body(Colour::Text);
        sheet.push(height, |area| html! {
            @for (index, (left, top), lines) in &parts {
                @let entry = area.part(*left, *top, 0.0, 0.0);
                (text_lines(entry.part(20.0, 0.0, 0.0, 0.0), body, FONT, &[(index + 1).to_string()], Anchor::End))
                (self.sample(entry.part(26.0, 4.0, 24.0, 10.0), *index))
                (text_lines(entry.part(SAMPLE, 0.0, 0.0, 0.0), body, FONT, lines, Anchor::Start))
            }
        });
    }

    /// Returns the line of a series in the legend.
    fn sample(&self, area: Area, index: usize) -> Markup {
        area.line(self.ink(area, index), (0.0, 0.5), (1.0, 0.5))
    }

    fn traces(&self, frame: Frame, unit: f64) -> Vec<Trace> {
        let top = self.scale.top();
        let xs: Vec<_> = self
            .dates
            .iter()
            .map(|&date| (date, self.x(date)))
            .collect();
        let trace = |series: &Series| {
            let points = xs.iter().map(|&(date, x)| {
                let value = series.values.get(&date);
                (x, value.map(|value| 1.0 - value.part_of(top)))
            });
            Trace::new(&points.collect::<Vec<_>>(), frame, unit)
        };
        self.series.iter().map(trace).collect()
    }

    /// Returns the place of a date from left to right. A single date is in the middle.
    fn x(&self, date: NaiveDate) -> f64 {
        let days = |from: NaiveDate, to: NaiveDate| (to - from).num_days() as f64;
        if self.first == self.last {
            0.5
        } else {
            days(self.first, date) / days(self.first, self.last)
        }
    }

    fn axes(&self, area: Area) -> Markup {
        let form = self.scale.form(self.lines.form);
        let (rule, small) = (Ink::Hairline(Colour::Rule), Ink::Small(Colour::Muted));
        let left = Moved {
            right: -8.0,
            down: 4.0,
            anchor: Anchor::End,
        };
        let below = Moved {
            right: 0.0,
            down: 20.0,
            anchor: Anchor::Middle,
        };
        let is_second = |position: usize| matches!(area, Area::Page) && position % 2 == 1;
        html! {
            @for tick in self.scale.ticks() {
                @let y = 1.0 - tick.part_of(self.scale.top());
                @let ink = if tick == Value::ZERO { Ink::Hairline(Colour::Muted) } else { rule };
                (area.line(ink, (0.0, y), (1.0, y)))
                (area.text(small, (0.0, y), left, &self.locale.number(tick, form)))
            }
            @for (position, DateTick { date, form }) in date_ticks(self.first, self.last).into_iter().enumerate() {
                @let x = self.x(date);
                // Narrow pages show every second tick.
                g class=[is_second(position).then_some("ch-second")] {
                    (area.line(rule, (x, 0.0), (x, 1.0)))
                    (area.text(small, (x, 1.0), below, &self.locale.date(date, form)))
                }
            }
            @for &date in self.lines.marks.intersection(&self.lines.dates) {
                (area.line(Ink::Mark, (self.x(date), 0.0), (self.x(date), 1.0)))
            }
        }
    }

    /// Returns the dots of dates without neighbours, and the numbers at the ends of the lines.
    fn points(&self, area: Area, traces: &[Trace]) -> Markup {
        // Lines that end earlier have room for their numbers.
        let end = self.x(self.last);
        let ends = traces
            .iter()
            .map(|trace| trace.last.filter(|&(x, _)| x == end));
        let ends: Vec<_> = ends.map(|end| end.map(|(_, y)| y)).collect();
        let ys = spread(&ends);
        let beside = Moved {
            right: 7.0,
            down: 4.0,
            anchor: Anchor::Start,
        };
        let is_page = matches!(area, Area::Page);
        html! {
            @for (index, trace) in traces.iter().enumerate().rev() {
                @let colour = self.colour(area, index);
                g class=[is_page.then(|| self.class(index))] {
                    @for &dot in &trace.dots { (area.disc(Ink::Disc(colour), dot, DOT)) }
                    @if let Some((x, y)) = trace.last && traces.len() > 1 {
                        @let at = (x, ys[index].unwrap_or(y));
                        (area.text(Ink::Tiny(Colour::Muted), at, beside, &(index + 1).to_string()))
                    }
                }
            }
        }
    }

    fn note(&self, date: NaiveDate) -> String {
        self.lines.notes.get(&date).cloned().unwrap_or_default()
    }

    /// Whether a series is grey until the reader chooses fewer.
    fn is_grey(&self, index: usize) -> bool {
        index >= COLOURED_SERIES && self.series[index].risks.is_none()
    }

    /// Returns the classes by which the legend hides a series, and by which it is grey.
    fn class(&self, index: usize) -> String {
        let rest = if self.is_grey(index) { " ch-rest" } else { "" };
        format!("ch-v{index}{rest}")
    }

    fn colour(&self, area: Area, index: usize) -> Colour {
        match self.series[index].risks {
            Some((level, _)) => Colour::Level(level),
            None if matches!(area, Area::Image(..)) && self.is_grey(index) => Colour::Grey,
            None => Colour::Series(index),
        }
    }

    fn ink(&self, area: Area, index: usize) -> Ink {
        let colour = self.colour(area, index);
        let dash = match self.series[index].risks {
            Some((_, State::Residual)) => Dash::Dashed,
            None if colour != Colour::Grey => Dash::of_series(index),
            _ => Dash::Solid,
        };
        Ink::Line(colour, dash)
    }
}

/// Joins texts for an attribute.
fn join(texts: impl Iterator<Item = String>) -> String {
    let mut joined = String::new();
    for (position, text) in texts.enumerate() {
        if position > 0 {
            joined.push('|');
        }
        joined.push_str(&text);
    }
    joined
}

/// Moves fractions of a height apart, so that numbers do not overlap.
fn spread(ys: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<_> = ys
        .iter()
        .enumerate()
        .filter_map(|(index, y)| Some((index, (*y)?)))
        .collect();
    order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let distance = NUMBER_DISTANCE.min(1.0 / order.len().max(1) as f64);
    let mut least = f64::NEG_INFINITY;
    for (_, y) in &mut order {
        *y = y.max(least);
        least = *y + distance;
    }
    let mut most = 1.0;
    for (_, y) in order.iter_mut().rev() {
        *y = y.min(most);
        most = *y - distance;
    }
    let mut spread = vec![None; ys.len()];
    for (index, y) in order {
        spread[index] = Some(y);
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_ends_of_lines_do_not_overlap() {
        let mut ys: Vec<_> = (0..20)
            .map(|index| Some(0.97 + f64::from(index) / 1000.0))
            .collect();
        ys.push(None);
        ys.push(Some(0.1));
        let spread = spread(&ys);
        assert_eq!((spread[20], spread[21]), (None, Some(0.1)));
        let mut spread: Vec<_> = spread.into_iter().flatten().collect();
        spread.sort_by(f64::total_cmp);
        assert!(
            spread.windows(2).all(|pair| pair[1] - pair[0] > 0.037),
            "{spread:?}"
        );
        assert!(spread.iter().all(|y| (0.0..=1.0).contains(y)), "{spread:?}");
    }
}
