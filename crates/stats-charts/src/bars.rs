use maud::{Markup, html};

use crate::draw::{Anchor, Area, Moved};
use crate::image::{FONT, LINE, Sheet, image, text_lines};
use crate::ink::{Colour, Ink, Level};
use crate::text::{width, wrap};
use crate::{Caption, Chart, Export, Label, Locale, NumberForm, Value};

/// Horizontal bars, which begin at 0. In a page they are a table, so that long labels wrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    /// What is said about the chart.
    pub caption: Caption,
    /// The heading of the labels, such as "Threat".
    pub heading: String,
    /// How values are written.
    pub form: NumberForm,
    /// The value of a bar of full length, if it is not the greatest value. Longer bars are cut.
    pub full: Option<Value>,
    /// The bars.
    pub rows: Rows,
}

/// The bars of [`Bars`], with the names of what they measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// A bar for each label.
    Single(String, Vec<Bar<1>>),
    /// Two bars for each label, such as current and residual risks.
    Pairs([String; 2], Vec<Bar<2>>),
    /// A bar for each label and a mark, such as current and target compliance.
    Targets([String; 2], Vec<Bar<2>>),
}

/// A label of [`Bars`] with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar<const VALUES: usize> {
    /// The label.
    pub label: Label,
    /// The level of risk, which has a colour.
    pub level: Option<Level>,
    /// The values, in the order of the names in [`Rows`].
    pub values: [Value; VALUES],
}

/// A bar with an optional mark.
struct Strip {
    ink: Ink,
    length: f64,
    target: Option<f64>,
}

/// A label in an image, with its bars and their numbers.
struct ImageRow<'a> {
    label: &'a str,
    strips: Vec<(Strip, String)>,
}

/// The height of a bar in an image, and the distance of the bars of a pair.
const BAR: f64 = 14.0;
const BAR_GAP: f64 = 4.0;

impl ImageRow<'_> {
    fn bars_height(&self) -> f64 {
        (BAR + BAR_GAP) * self.strips.len() as f64 - BAR_GAP
    }
}

fn colour(level: Option<Level>) -> Colour {
    level.map_or(Colour::Series(0), Colour::Level)
}

/// The inks of the two bars of a pair.
fn pair_inks(colour: Colour) -> [Ink; 2] {
    [Ink::Fill(colour), Ink::Outline(colour)]
}

impl Chart for Bars {
    fn html(&self, locale: &dyn Locale) -> Markup {
        let full = self.full();
        let number = |value: Value| locale.number(value, self.form);
        let table = match &self.rows {
            Rows::Single(name, bars) => html! {
                (self.head(html! { th scope="col" colspan="2" { (name) } }))
                tbody {
                    @for Bar { label, level, values: [value] } in bars {
                        tr {
                            th scope="row" { (label.html()) }
                            (strip(Ink::Fill(colour(*level)), value.part_of(full), None))
                            td.ch-number { (number(*value)) }
                        }
                    }
                }
            },
            Rows::Pairs(names, bars) => html! {
                (self.head(html! { td {} th scope="col" colspan="2" { (names.join(", ")) } }))
                @for Bar { label, level, values } in bars {
                    tbody {
                        @for (position, ink) in pair_inks(colour(*level)).into_iter().enumerate() {
                            tr {
                                @if position == 0 {
                                    th scope="rowgroup" rowspan="2" { (label.html()) }
                                }
                                th.ch-measure scope="row" { (names[position]) }
                                (strip(ink, values[position].part_of(full), None))
                                td.ch-number { (number(values[position])) }
                            }
                        }
                    }
                }
            },
            Rows::Targets([current, target], bars) => html! {
                (self.head(html! {
                    td {}
                    th.ch-number scope="col" { (current) }
                    th.ch-number scope="col" { (target) }
                }))
                tbody {
                    @for Bar { label, level, values: [value, goal] } in bars {
                        tr {
                            th scope="row" { (label.html()) }
                            (strip(Ink::Fill(colour(*level)), value.part_of(full), Some(goal.part_of(full))))
                            td.ch-number { (number(*value)) }
                            td.ch-number { (number(*goal)) }
                        }
                    }
                }
            },
        };
        let is_pairs = matches!(self.rows, Rows::Pairs(..));
        let is_targets = matches!(self.rows, Rows::Targets(..));
        html! {
            figure.ch-chart.ch-bars.ch-pairs[is_pairs].ch-targets[is_targets] {
                @if self.is_empty() {
                    (self.caption.figcaption())
                    (self.caption.empty_html())
                } @else {
                    table { caption { (self.caption.lines()) } (table) }
                }
            }
        }
    }

    fn svg(&self, locale: &dyn Locale, export: Export) -> String {
        image(&self.caption, export, |sheet| {
            if self.is_empty() {
                return sheet.empty(&self.caption);
            }
            match &self.rows {
                Rows::Single(..) => {}
                Rows::Pairs(names, _) => legend(sheet, names, pair_inks(Colour::Muted)),
                Rows::Targets(names, _) => {
                    legend(sheet, names, [Ink::Fill(colour(None)), Ink::Target]);
                }
            }
            draw(sheet, &self.image_rows(locale));
        })
    }
}

impl Bars {
    fn full(&self) -> Value {
        let greatest = match &self.rows {
            Rows::Single(_, bars) => bars.iter().flat_map(|bar| bar.values).max(),
            Rows::Pairs(_, bars) | Rows::Targets(_, bars) => {
                bars.iter().flat_map(|bar| bar.values).max()
            }
        };
        self.full.or(greatest).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        match &self.rows {
            Rows::Single(_, bars) => bars.is_empty(),
            Rows::Pairs(_, bars) | Rows::Targets(_, bars) => bars.is_empty(),
        }
    }

    fn image_rows(&self, locale: &dyn Locale) -> Vec<ImageRow<'_>> {
        let full = self.full();
        let number = |value: Value| locale.number(value, self.form);
        let strip = |ink, value: Value, target: Option<Value>| Strip {
            ink,
            length: value.part_of(full),
            target: target.map(|target| target.part_of(full)),
        };
        match &self.rows {
            Rows::Single(_, bars) => {
                let rows = bars.iter().map(|bar| {
                    let [value] = bar.values;
                    let strip = strip(Ink::Fill(colour(bar.level)), value, None);
                    ImageRow {
                        label: &bar.label.text,
                        strips: vec![(strip, number(value))],
                    }
                });
                rows.collect()
            }
            Rows::Pairs(_, bars) => {
                let rows = bars.iter().map(|bar| {
                    let inks = pair_inks(colour(bar.level)).into_iter();
                    let strips = inks.zip(bar.values);
                    let strips =
                        strips.map(|(ink, value)| (strip(ink, value, None), number(value)));
                    ImageRow {
                        label: &bar.label.text,
                        strips: strips.collect(),
                    }
                });
                rows.collect()
            }
            Rows::Targets(_, bars) => {
                let rows = bars.iter().map(|bar| {
                    let [value, target] = bar.values;
                    let strip = strip(Ink::Fill(colour(bar.level)), value, Some(target));
                    let numbers = format!("{} / {}", number(value), number(target));
                    ImageRow {
                        label: &bar.label.text,
                        strips: vec![(strip, numbers)],
                    }
                });
                rows.collect()
            }
        }
    }

    /// Returns the head of the table, which ends with the headings of the values.
    fn head(&self, values: Markup) -> Markup {
        html! {
            thead { tr { th scope="col" { (self.heading) } (values) } }
        }
    }
}

/// Returns the cell with a bar, whose numbers are in the cells after it.
fn strip(ink: Ink, length: f64, target: Option<f64>) -> Markup {
    html! {
        td.ch-strip {
            svg aria-hidden="true" { (shapes(Area::Page, &Strip { ink, length, target })) }
        }
    }
}

fn shapes(area: Area, strip: &Strip) -> Markup {
    let bar = |ink: Ink, length: f64| {
        let paint = area.paint(ink);
        html! {
            rect class=[paint.class] fill=[paint.fill] fill-opacity=[paint.fill_opacity] stroke=[paint.stroke]
                stroke-width=[paint.stroke_width] x=(area.x(0.0)) y=(area.y(0.0)) width=(area.width(length))
                height=(area.height(1.0)) {}
        }
    };
    html! {
        (bar(Ink::Fill(Colour::Track), 1.0))
        @if strip.length > 0.0 { (bar(strip.ink, strip.length)) }
        @if let Some(target) = strip.target {
            (area.line(Ink::Target, (target, -0.15), (target, 1.15)))
        }
    }
}

/// Draws labels and their bars in an image.
fn draw(sheet: &mut Sheet, rows: &[ImageRow<'_>]) {
    const GAP: f64 = 8.0;
    let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max) * FONT;
    let label_width = widest(&mut rows.iter().map(|row| width(row.label)));
    let label_width = label_width.min(sheet.width * 0.4);
    let numbers = rows.iter().flat_map(|row| &row.strips);
    let number_width = widest(&mut numbers.map(|(_, number)| width(number)));
    // All rows have the same scale.
    let bar_width = (sheet.width - label_width - number_width - 2.0 * GAP).max(GAP);
    let body = Ink::Body(Colour::Text);
    for row in rows {
        let lines = wrap(row.label, label_width / FONT);
        let (bars, text) = (row.bars_height(), LINE * lines.len() as f64);
        let middle = bars.max(text) / 2.0;
        sheet.push(2.0 * middle + 10.0, |area| {
            let labels = area.part(label_width, middle - text / 2.0, 0.0, 0.0);
            html! {
                (text_lines(labels, body, FONT, &lines, Anchor::End))
                @for (position, (strip, number)) in row.strips.iter().enumerate() {
                    @let top = middle - bars / 2.0 + (BAR + BAR_GAP) * position as f64;
                    @let bar = area.part(label_width + GAP, top, bar_width, BAR);
                    (shapes(bar, strip))
                    (bar.text(body, (1.0, 0.5), Moved { right: GAP, down: 4.5, anchor: Anchor::Start }, number))
                }
            }
        });
    }
}

/// Explains the two inks of an image.
fn legend(sheet: &mut Sheet, names: &[String; 2], inks: [Ink; 2]) {
    for (name, ink) in names.iter().zip(inks) {
        let lines = wrap(name, (sheet.width - 32.0) / FONT);
        sheet.push(LINE * lines.len() as f64 + 3.0, |area| {
            let sample = area.part(0.0, 2.0, 24.0, 12.0);
            html! {
                @if ink == Ink::Target {
                    (sample.line(ink, (0.5, 0.0), (0.5, 1.0)))
                } @else {
                    (shapes(sample, &Strip { ink, length: 1.0, target: None }))
                }
                (text_lines(area.part(32.0, 0.0, 0.0, 0.0), Ink::Body(Colour::Text), FONT, &lines, Anchor::Start))
            }
        });
    }
    sheet.skip(8.0);
}
