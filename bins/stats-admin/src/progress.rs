use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::style::TemplateError;
use indicatif::{ProgressBar, ProgressStyle};
use stats_remote::RemoteError;
use stats_sync::{Refused, Watch};

use crate::stop::Stop;

/// Where there is no bar, a line tells this often how far it has come.
const LINES_EVERY: Duration = Duration::from_secs(10);

/// Shows on standard error how a push or a pull gets on: a bar on a terminal, otherwise a line now and then.
pub(crate) struct Progress {
    /// What is counted, in the plural.
    unit: &'static str,
    bar: ProgressBar,
    stop: Stop,
    last_line: Instant,
}

impl Progress {
    /// `unit` is what is counted, in the plural.
    pub(crate) fn new(unit: &'static str, stop: Stop) -> Self {
        Self {
            unit,
            bar: ProgressBar::hidden(),
            stop,
            last_line: Instant::now(),
        }
    }

    /// Takes the bar away, so that what is printed next stands alone.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn tell(&self, line: &str) {
        self.bar.suspend(|| {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{line}");
        });
    }
}

fn style(unit: &str) -> Result<ProgressStyle, TemplateError> {
    ProgressStyle::with_template(&format!(
        "{{bar:30}} {{human_pos}} of {{human_len}} {unit}, {{eta}} to go"
    ))
}

impl Watch for Progress {
    fn begins(&mut self, total: u64) {
        if total > 0 {
            self.bar = ProgressBar::new(total);
        }
        // A style that does not parse would only look worse; a test sees to it that it does.
        if let Ok(style) = style(self.unit) {
            self.bar.set_style(style);
        }
    }

    fn advances(&mut self, by: u64) {
        self.bar.inc(by);
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINES_EVERY {
            self.last_line = Instant::now();
            let (position, length) = (self.bar.position(), self.bar.length().unwrap_or(0));
            self.tell(&format!("{position} of {length} {}", self.unit));
        }
    }

    fn is_refused(&mut self, refused: &Refused<'_>) {
        let Refused {
            uuid,
            stats_type,
            date,
            reason,
        } = refused;
        self.tell(&format!("refused: {stats_type} {uuid} of {date}: {reason}"));
    }

    fn pauses(&mut self, error: &RemoteError, pause: Duration) -> ControlFlow<()> {
        self.tell(&format!("{error}; trying again in {} s", pause.as_secs()));
        self.stop.sleep(pause);
        match self.stop.is_wished() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn wants_to_stop(&self) -> bool {
        self.stop.is_wished()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_parses() {
        style("stats").unwrap();
    }
}
