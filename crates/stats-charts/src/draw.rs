//! Shapes, in pages and in images.

use std::fmt::Write;

use maud::{Markup, Render, html};

use crate::Theme;
use crate::ink::{Ink, Paint};

/// A number with at most two decimals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short(pub(crate) f64);

impl Render for Short {
    fn render_to(&self, buffer: &mut String) {
        let hundredths = (self.0 * 100.0).round() as i64;
        let (sign, rest) = (if hundredths < 0 { "-" } else { "" }, hundredths.abs());
        let (whole, fraction) = (rest / 100, rest % 100);
        // Writing to a string cannot fail.
        let _ = match (fraction, fraction % 10) {
            (0, _) => write!(buffer, "{sign}{whole}"),
            (_, 0) => write!(buffer, "{sign}{whole}.{}", fraction / 10),
            _ => write!(buffer, "{sign}{whole}.{fraction:02}"),
        };
    }
}

/// A coordinate or a size.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    Pixels(f64),
    /// Of the element in which it is drawn, whose size the browser decides.
    Percent(f64),
}

impl Render for Length {
    fn render_to(&self, buffer: &mut String) {
        match *self {
            Self::Pixels(pixels) => Short(pixels).render_to(buffer),
            Self::Percent(percent) => {
                Short(percent).render_to(buffer);
                buffer.push('%');
            }
        }
    }
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Where a chart is drawn. Coordinates are fractions of the area, from its upper left corner.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Area {
    /// An element of a page, whose size the browser decides.
    Page,
    /// A part of an image.
    Image(Frame, Theme),
}

impl Area {
    /// Returns a part of an image, in pixels from the corner of the area. A page has no parts.
    pub(crate) fn part(self, left: f64, top: f64, width: f64, height: f64) -> Self {
        match self {
            Self::Page => Self::Page,
            Self::Image(frame, theme) => {
                let frame = Frame {
                    left: frame.left + left,
                    top: frame.top + top,
                    width,
                    height,
                };
                Self::Image(frame, theme)
            }
        }
    }

    pub(crate) fn x(self, fraction: f64) -> Length {
        match self {
            Self::Page => Length::Percent(fraction * 100.0),
            Self::Image(frame, _) => Length::Pixels(frame.left + fraction * frame.width),
        }
    }

    pub(crate) fn y(self, fraction: f64) -> Length {
        match self {
            Self::Page => Length::Percent(fraction * 100.0),
            Self::Image(frame, _) => Length::Pixels(frame.top + fraction * frame.height),
        }
    }

    pub(crate) fn width(self, fraction: f64) -> Length {
        match self {
            Self::Page => Length::Percent(fraction * 100.0),
            Self::Image(frame, _) => Length::Pixels(fraction * frame.width),
        }
    }

    pub(crate) fn height(self, fraction: f64) -> Length {
        match self {
            Self::Page => Length::Percent(fraction * 100.0),
            Self::Image(frame, _) => Length::Pixels(fraction * frame.height),
        }
    }

    pub(crate) fn paint(self, ink: Ink) -> Paint {
        match self {
            Self::Page => ink.paint(None),
            Self::Image(_, theme) => ink.paint(Some(theme)),
        }
    }

    /// Returns a line between two points.
    pub(crate) fn line(self, ink: Ink, from: (f64, f64), to: (f64, f64)) -> Markup {
        let paint = self.paint(ink);
        html! {
            line class=[paint.class] stroke=[paint.stroke] stroke-width=[paint.stroke_width]
                stroke-dasharray=[paint.dash]
                x1=(self.x(from.0)) y1=(self.y(from.1)) x2=(self.x(to.0)) y2=(self.y(to.1)) {}
        }
    }

    /// Returns a disc with a radius in pixels.
    pub(crate) fn disc(self, ink: Ink, at: (f64, f64), radius: f64) -> Markup {
        let paint = self.paint(ink);
        html! {
            circle class=[paint.class] fill=[paint.fill] stroke=[paint.stroke] stroke-width=[paint.stroke_width]
                cx=(self.x(at.0)) cy=(self.y(at.1)) r=(Short(radius)) {}
        }
    }

    /// Returns text at a point, moved by a number of pixels.
    pub(crate) fn text(self, ink: Ink, at: (f64, f64), moved: Moved, text: &str) -> Markup {
        let paint = self.paint(ink);
        html! {
            text class=[paint.class] fill=[paint.fill] font-size=[paint.font_size] unicode-bidi="plaintext"
                text-anchor=[moved.anchor.attribute()]
                x=(self.x(at.0)) y=(self.y(at.1)) dx=(Short(moved.right)) dy=(Short(moved.down)) { (text) }
        }
    }
}

/// The place of a text beside a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    pub(crate) right: f64,
    pub(crate) down: f64,
    pub(crate) anchor: Anchor,
}

/// The part of a text that is at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Start => None,
            Self::Middle => Some("middle"),
            Self::End => Some("end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_markup_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (-0.001, "0"),
            (1.5, "1.5"),
            (1.05, "1.05"),
            (-0.5, "-0.5"),
            (2.0 / 3.0, "0.67"),
            (-12.999, "-13"),
        ] {
            assert_eq!(Short(number).render().into_string(), text);
        }
        assert_eq!(
            Length::Percent(100.0 / 3.0).render().into_string(),
            "33.33%"
        );
    }
}
