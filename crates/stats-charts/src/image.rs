//! Images: SVG that depends on no style sheet.

use maud::{Markup, html};

use crate::Caption;
use crate::draw::{Anchor, Area, Frame, Moved, Short};
use crate::ink::{Colour, Ink};
use crate::text::wrap;

/// The colours of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The width of an image, from 320 to 2400 pixels. Its height follows from its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width(u16);

impl Width {
    /// 800 pixels.
    pub const DEFAULT: Self = Self(800);

    /// Returns `None` for a width that is out of range.
    pub fn new(pixels: u16) -> Option<Self> {
        (320..=2400).contains(&pixels).then_some(Self(pixels))
    }
}

/// How an image is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// Its colours.
    pub theme: Theme,
    /// Its width.
    pub width: Width,
}

/// The distance of the content from the edges of an image.
pub(crate) const MARGIN: f64 = 16.0;
/// The height of a line of [`Ink::Body`], and the size of its font.
pub(crate) const LINE: f64 = FONT * LEADING;
pub(crate) const FONT: f64 = 13.0;
/// The distance of lines in units of the font size.
const LEADING: f64 = 1.35;

/// The content of an image, which is drawn from its top down.
pub(crate) struct Sheet {
    pub(crate) theme: Theme,
    /// The width of the content.
    pub(crate) width: f64,
    /// Where the next part begins.
    pub(crate) top: f64,
    parts: Vec<Markup>,
}

impl Sheet {
    /// Adds a part of the given height.
    pub(crate) fn push(&mut self, height: f64, part: impl FnOnce(Area) -> Markup) {
        let frame = Frame {
            left: MARGIN,
            top: self.top,
            width: self.width,
            height,
        };
        self.parts.push(part(Area::Image(frame, self.theme)));
        self.top += height;
    }

    /// Adds empty space.
    pub(crate) fn skip(&mut self, height: f64) {
        self.top += height;
    }

    /// Adds text, in lines of the full width.
    pub(crate) fn paragraph(&mut self, ink: Ink, size: f64, text: &str) {
        let lines = wrap(text, self.width / size);
        self.push(LEADING * size * lines.len() as f64, |area| {
            text_lines(area, ink, size, &lines, Anchor::Start)
        });
    }
}

/// Returns lines of text with a font of the given size, from the corner of an area down.
pub(crate) fn text_lines(
    area: Area,
    ink: Ink,
    size: f64,
    lines: &[String],
    anchor: Anchor,
) -> Markup {
    let moved = |position: usize| Moved {
        right: 0.0,
        down: size * (1.05 + LEADING * position as f64),
        anchor,
    };
    html! {
        @for (position, line) in lines.iter().enumerate() {
            (area.text(ink, (0.0, 0.0), moved(position), line))
        }
    }
}

impl Sheet {
    /// Adds what is said in the place of a chart without data.
    pub(crate) fn empty(&mut self, caption: &Caption) {
        self.paragraph(Ink::Body(Colour::Text), FONT, &caption.empty);
    }
}

/// Draws an image with its caption.
pub(crate) fn image(caption: &Caption, export: Export, content: impl FnOnce(&mut Sheet)) -> String {
    let width = f64::from(export.width.0);
    let mut sheet = Sheet {
        theme: export.theme,
        width: width - 2.0 * MARGIN,
        top: MARGIN,
        parts: Vec::new(),
    };
    sheet.paragraph(Ink::Title(Colour::Text), 18.0, &caption.title);
    sheet.paragraph(Ink::Body(Colour::Muted), FONT, &caption.description);
    sheet.skip(MARGIN);
    content(&mut sheet);
    sheet.skip(MARGIN / 2.0);
    sheet.paragraph(Ink::Tiny(Colour::Muted), 11.0, &caption.source);
    let height = (sheet.top + MARGIN).ceil();
    let paper = Ink::Fill(Colour::Paper).paint(Some(export.theme));
    root(
        caption,
        width,
        height,
        html! {
            rect fill=[paper.fill] width="100%" height="100%" {}
            @for part in &sheet.parts { (part) }
        },
    )
}

/// Returns the root of an image of the given size in pixels.
pub(crate) fn root(caption: &Caption, width: f64, height: f64, content: Markup) -> String {
    let (width, height) = (Short(width), Short(height));
    let root = html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" width=(width) height=(height)
            viewBox={ "0 0 " (width) " " (height) } font-family="Noto Sans, sans-serif" {
            (description(caption))
            (content)
        }
    };
    // XML has no way to write these characters, which labels may contain.
    root.into_string().replace(is_not_xml, "\u{fffd}")
}

fn is_not_xml(char: char) -> bool {
    matches!(char, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
}

/// Returns the title and the description of an element `svg`, for screen readers.
pub(crate) fn description(caption: &Caption) -> Markup {
    html! {
        title { (caption.title) }
        desc { (caption.description) }
    }
}
