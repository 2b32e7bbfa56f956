use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::draw::{Anchor, Area, Moved};
use crate::image::{FONT, LINE, Sheet, image, text_lines};
use crate::ink::{Colour, HEAT_STEPS, Ink};
use crate::text::wrap;
use crate::{Caption, Chart, Export, Locale, NumberForm, Value};

/// A risk matrix: how many risks there are at each impact and likelihood. In a page it is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// What is said about the chart.
    pub caption: Caption,
    /// How values are written.
    pub form: NumberForm,
    /// The vertical axis, upwards.
    pub impact: Axis,
    /// The horizontal axis.
    pub likelihood: Axis,
    /// The values by impact and likelihood. Other cells are empty. Values beyond the axes are not shown.
    pub cells: BTreeMap<(u8, u8), Value>,
}

/// An axis of whole numbers from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Its title.
    pub title: String,
    /// Its last number.
    pub last: u8,
}

impl Axis {
    fn numbers(&self) -> impl DoubleEndedIterator<Item = u8> + use<> {
        0..=self.last
    }

    fn count(&self) -> u16 {
        u16::from(self.last) + 1
    }
}

impl Chart for Matrix {
    fn html(&self, locale: &dyn Locale) -> Markup {
        html! {
            figure.ch-chart.ch-matrix {
                (self.caption.figcaption())
                @if self.is_empty() {
                    (self.caption.empty_html())
                } @else {
                    // Wide matrices scroll, also by keyboard.
                    div.ch-scroll role="region" tabindex="0" aria-label=(self.caption.title) {
                        (self.table(locale))
                    }
                }
            }
        }
    }

    fn svg(&self, locale: &dyn Locale, export: Export) -> String {
        image(&self.caption, export, |sheet| {
            if self.is_empty() {
                sheet.empty(&self.caption);
            } else {
                self.draw(sheet, locale);
            }
        })
    }
}

impl Matrix {
    /// Returns the values that are not beyond the axes.
    fn shown(&self) -> impl Iterator<Item = Value> {
        let is_shown = |&(impact, likelihood): &(u8, u8)| {
            impact <= self.impact.last && likelihood <= self.likelihood.last
        };
        let cells = self.cells.iter().filter(move |(cell, _)| is_shown(cell));
        cells.map(|(_, value)| *value)
    }

    fn is_empty(&self) -> bool {
        self.shown().next().is_none()
    }

    /// Returns the step of heat of a value, 0 for a value of 0.
    fn heat(&self, value: Value) -> usize {
        let greatest = self.shown().max().unwrap_or_default();
        (value.part_of(greatest) * HEAT_STEPS as f64).ceil() as usize
    }

    fn table(&self, locale: &dyn Locale) -> Markup {
        let is_wide = self.likelihood.last > 8;
        html! {
            table.ch-wide[is_wide] {
                tbody {
                    @for impact in self.impact.numbers().rev() {
                        tr {
                            @if impact == self.impact.last {
                                th.ch-vertical scope="rowgroup" rowspan=(self.impact.count()) {
                                    span { (self.impact.title) }
                                }
                            }
                            th scope="row" { (impact) }
                            @for likelihood in self.likelihood.numbers() {
                                @match self.cells.get(&(impact, likelihood)) {
                                    None => { td {} }
                                    Some(&value) => {
                                        @let heat = self.heat(value);
                                        td class=[(heat > 0).then(|| format!("ch-heat-{heat}"))] {
                                            (locale.number(value, self.form))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                tfoot {
                    tr {
                        td colspan="2" {}
                        @for likelihood in self.likelihood.numbers() {
                            th scope="col" { (likelihood) }
                        }
                    }
                    tr {
                        td colspan="2" {}
                        th scope="colgroup" colspan=(self.likelihood.count()) { (self.likelihood.title) }
                    }
                }
            }
        }
    }

    fn draw(&self, sheet: &mut Sheet, locale: &dyn Locale) {
        const NUMBERS: f64 = 24.0;
        const GAP: f64 = 2.0;
        let columns = f64::from(self.likelihood.count());
        let small = Ink::Small(Colour::Muted);
        // Above its axis, because vertical text is hard to read.
        sheet.paragraph(small, 12.0, &self.impact.title);
        sheet.skip(4.0);
        let cell = ((sheet.width - NUMBERS) / columns).min(96.0);
        let row = cell.clamp(24.0, 44.0);
        let centre = |down| Moved {
            right: 0.0,
            down,
            anchor: Anchor::Middle,
        };
        for impact in self.impact.numbers().rev() {
            sheet.push(row, |area| html! {
                (area.part(NUMBERS / 2.0, row / 2.0, 0.0, 0.0).text(small, (0.0, 0.0), centre(4.0), &impact.to_string()))
                @for likelihood in self.likelihood.numbers() {
                    @let left = NUMBERS + cell * f64::from(likelihood);
                    (self.cell(area.part(left, 0.0, cell - GAP, row - GAP), (impact, likelihood), locale))
                }
            });
        }
        sheet.push(LINE, |area| {
            html! {
                @for likelihood in self.likelihood.numbers() {
                    @let place = area.part(NUMBERS + cell * f64::from(likelihood), 0.0, cell, 0.0);
                    (place.text(small, (0.5, 0.0), centre(14.0), &likelihood.to_string()))
                }
            }
        });
        let width = cell * columns;
        let lines = wrap(&self.likelihood.title, width / FONT);
        sheet.push(LINE * lines.len() as f64, |area| {
            let place = area.part(NUMBERS + width / 2.0, 0.0, 0.0, 0.0);
            text_lines(place, small, 12.0, &lines, Anchor::Middle)
        });
    }

    fn cell(&self, area: Area, place: (u8, u8), locale: &dyn Locale) -> Markup {
        let value = self.cells.get(&place);
        let heat = value.map_or(0, |&value| self.heat(value));
        let (ground, text) = match heat {
            0 => (Colour::Track, Colour::Muted),
            heat => (Colour::Heat(heat), Colour::HeatText(heat)),
        };
        let paint = area.paint(Ink::Fill(ground));
        let moved = Moved {
            right: 0.0,
            down: 4.0,
            anchor: Anchor::Middle,
        };
        html! {
            rect fill=[paint.fill] x=(area.x(0.0)) y=(area.y(0.0)) width=(area.width(1.0)) height=(area.height(1.0))
                rx="2" {}
            @if let Some(&value) = value {
                (area.text(Ink::Tiny(text), (0.5, 0.5), moved, &locale.number(value, self.form)))
            }
        }
    }
}
