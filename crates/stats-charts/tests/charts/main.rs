//! The markup of charts, in pages and in images.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod bars;
mod every_chart;
mod images;
mod lines;
mod map;
mod matrix;
mod samples;
