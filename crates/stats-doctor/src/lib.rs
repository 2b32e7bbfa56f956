#![doc = include_str!("../README.md")]

mod check;
mod checks;
mod report;

use std::path::Path;
use std::thread;

use stats_settings::{LoadedSettings, SETTINGS_FILE};

pub use check::{Check, Level, TIME_LIMIT};
pub use report::Report;

use crate::check::Findings;

/// What to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// After how many days without a request a client is reported.
    pub silent_days: u32,
    /// Whether the server should be running.
    pub is_running: bool,
}

impl Default for Options {
    /// Before the server starts.
    fn default() -> Self {
        Self {
            silent_days: 7,
            is_running: false,
        }
    }
}

/// Reads the settings of this process, and checks the service that they describe.
pub fn examine(options: &Options) -> Report {
    match LoadedSettings::load(Some(Path::new(SETTINGS_FILE))) {
        Ok(loaded) => examine_settings(&loaded, options),
        Err(error) => Report::unknown(&error),
    }
}

/// Checks the service that these settings describe.
pub fn examine_settings(loaded: &LoadedSettings, options: &Options) -> Report {
    let settings = &loaded.settings;
    // At the same time: each topic may wait for something that hangs.
    let topics: [&(dyn Fn(&mut Findings) + Sync); 4] = [
        &|findings| checks::files::check(loaded, findings),
        &|findings| checks::database::check(loaded, options, findings),
        &|findings| checks::remote::check(settings, findings),
        &|findings| match options.is_running {
            true => checks::server::check(settings, findings),
            false => checks::server::check_address(settings, findings),
        },
    ];
    let mut findings = topics.map(|_| Findings::default());
    thread::scope(|scope| {
        for (topic, findings) in topics.into_iter().zip(&mut findings) {
            scope.spawn(move || topic(findings));
        }
    });
    Report::new(loaded, findings)
}
