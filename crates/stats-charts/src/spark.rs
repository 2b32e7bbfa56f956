use maud::{Markup, html};

use crate::draw::{Frame, Short};
use crate::image::{Theme, description, root};
use crate::ink::{Colour, Dash, Ink};
use crate::trace::{Trace, path};
use crate::{Caption, Chart, Export, Locale, Value};

/// A small line without axes, for the cell of a table. Its scale begins at 0. Its image has the same size as in a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sparkline {
    /// What is said about the line. Only screen readers and programs read it.
    pub caption: Caption,
    /// Values at equal distances. A missing value is a gap.
    pub values: Vec<Option<Value>>,
}

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;
/// The radius of a point, and the distance of the line from the edges.
const RADIUS: f64 = 3.0;

impl Chart for Sparkline {
    fn html(&self, _: &dyn Locale) -> Markup {
        html! {
            svg.ch-spark role="img" width=(Short(WIDTH)) height=(Short(HEIGHT))
                viewBox={ "0 0 " (Short(WIDTH)) " " (Short(HEIGHT)) } {
                (description(&self.caption))
                (self.shapes(None))
            }
        }
    }

    fn svg(&self, _: &dyn Locale, export: Export) -> String {
        let theme = Some(export.theme);
        let paper = Ink::Fill(Colour::Paper).paint(theme);
        let content = html! {
            rect fill=[paper.fill] width="100%" height="100%" {}
            (self.shapes(theme))
        };
        root(&self.caption, WIDTH, HEIGHT, content)
    }
}

impl Sparkline {
    fn shapes(&self, theme: Option<Theme>) -> Markup {
        let frame = Frame {
            left: RADIUS,
            top: RADIUS,
            width: WIDTH - 2.0 * RADIUS,
            height: HEIGHT - 2.0 * RADIUS,
        };
        let top = self
            .values
            .iter()
            .flatten()
            .max()
            .copied()
            .unwrap_or_default();
        let steps = self.values.len().saturating_sub(1);
        let points = self.values.iter().enumerate().map(|(index, value)| {
            let x = if steps == 0 {
                0.5
            } else {
                index as f64 / steps as f64
            };
            (x, value.map(|value| 1.0 - value.part_of(top)))
        });
        let trace = Trace::new(&points.collect::<Vec<_>>(), frame, 0.1);
        let colour = Colour::Series(0);
        html! {
            (path(Ink::Line(colour, Dash::Solid).paint(theme), &trace.path))
            @for &(x, y) in trace.dots.iter().chain(&trace.last) {
                @let paint = Ink::Fill(colour).paint(theme);
                circle class=[paint.class] fill=[paint.fill] cx=(Short(frame.left + x * frame.width))
                    cy=(Short(frame.top + y * frame.height)) r=(Short(RADIUS)) {}
            }
        }
    }
}
