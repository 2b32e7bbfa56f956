//! Tests of the pages in Chromium. `STATS_TEST_BROWSER=none` skips them where ChromeDriver is not installed.
//!
//! All tests share one server with the stats of the demo, and one driver; each test has a browser of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod browser;
mod controls;
mod every_page;
mod labels;
mod links;
mod pages;
mod shared;
