use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::style::TemplateError;
use indicatif::{ProgressBar, ProgressStyle};
use stats_core::WithCauses;
use stats_remote::RemoteError;
use stats_sync::RejectedStat;

use crate::stop::Stop;

/// Time between two lines if standard error is not a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows the progress of a long command on standard error: a bar on a terminal, otherwise a line every ten seconds.
pub(crate) struct Progress {
    unit: &'static str,
    bar: ProgressBar,
    stop: Stop,
    last_line: Instant,
}

impl Progress {
    /// `unit` is the plural of what is counted.
    pub(crate) fn new(unit: &'static str, stop: Stop) -> Self {
        Self {
            unit,
            bar: ProgressBar::hidden(),
            stop,
            last_line: Instant::now(),
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn print(&self, line: &str) {
        self.bar.suspend(|| {
            // Nothing can be done if standard error is closed.
            let _ = writeln!(io::stderr(), "{line}");
        });
    }
}

fn style(unit: &str) -> Result<ProgressStyle, TemplateError> {
    ProgressStyle::with_template(&format!(
        "{{bar:30}} {{human_pos}} of {{human_len}} {unit}, {{eta}} left"
    ))
}

impl stats_sync::Progress for Progress {
    fn start(&mut self, total: u64) {
        if total > 0 {
            self.bar = ProgressBar::new(total);
        }
        // The default style will do; a test checks that this one parses.
        if let Ok(style) = style(self.unit) {
            self.bar.set_style(style);
        }
    }

    fn advance(&mut self, steps: u64) {
        self.bar.inc(steps);
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let (position, length) = (self.bar.position(), self.bar.length().unwrap_or(0));
            self.print(&format!("{position} of {length} {}", self.unit));
        }
    }

    fn reject(&mut self, stat: &RejectedStat<'_>) {
        let RejectedStat {
            uuid,
            stats_type,
            date,
            reason,
        } = stat;
        self.print(&format!("rejected {stats_type} {uuid} of {date}: {reason}"));
    }

    fn wait(&mut self, error: &RemoteError, delay: Duration) -> ControlFlow<()> {
        let (error, seconds) = (WithCauses(error), delay.as_secs());
        self.print(&format!("{error}; retrying in {seconds} s"));
        self.stop.sleep(delay);
        match self.stop.is_requested() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.stop.is_requested()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_parses() {
        style("stats").unwrap();
    }
}
