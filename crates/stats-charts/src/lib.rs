#![doc = include_str!("../README.md")]

mod bars;
mod draw;
mod image;
mod ink;
mod lines;
mod locale;
mod map;
mod matrix;
mod png;
mod scale;
mod spark;
mod text;
mod trace;
mod value;

use maud::Markup;

pub use self::bars::{Bar, Bars, Rows};
pub use self::image::{Export, Theme, Width};
pub use self::ink::{Level, State};
pub use self::lines::{Controls, Lines, Series};
pub use self::locale::{DateForm, Locale, NumberForm};
pub use self::map::{Coordinates, Map, Pin, View};
pub use self::matrix::{Axis, Matrix};
pub use self::png::{PngError, png};
pub use self::spark::Sparkline;
pub use self::text::{Caption, Label};
pub use self::value::Value;

/// The style sheet of charts in pages. It uses no properties of other style sheets and sets none outside charts.
pub const STYLE: &str = include_str!("chart.css");

/// The script of charts in pages, for an element `script` with `defer`. It adds tooltips, highlights and the controls that
/// work only with it.
pub const SCRIPT: &str = include_str!("chart.js");

/// A picture of data.
pub trait Chart {
    /// Returns the chart for a page that loads [`STYLE`], and [`SCRIPT`] if possible. It has no inline styles and scripts.
    fn html(&self, locale: &dyn Locale) -> Markup;

    /// Returns the chart as an SVG image that depends on nothing but fonts.
    fn svg(&self, locale: &dyn Locale, export: Export) -> String;
}
