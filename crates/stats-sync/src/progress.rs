use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use chrono::NaiveDate;
use stats_core::{StatId, StatsType};
use stats_remote::RemoteError;

/// Observes a push or a pull and may cancel it. The default methods only wait.
pub trait Progress {
    /// Called once with the total: the number of stats to push, or of days to pull times the number of types.
    fn start(&mut self, total: u64) {
        let _ = total;
    }

    /// Another `steps` of the total are done.
    fn advance(&mut self, steps: u64) {
        let _ = steps;
    }

    /// The remote rejected a stat, or a pulled stat cannot be stored here.
    fn reject(&mut self, stat: &RejectedStat<'_>) {
        let _ = stat;
    }

    /// Waits before a failed request is retried. A break ends the retries.
    fn wait(&mut self, error: &RemoteError, delay: Duration) -> ControlFlow<()> {
        let _ = error;
        thread::sleep(delay);
        ControlFlow::Continue(())
    }

    /// Checked before each request; `true` ends the run.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// A stat that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectedStat<'a> {
    /// Its id.
    pub uuid: StatId,
    /// Its type.
    pub stats_type: StatsType,
    /// Its day.
    pub date: NaiveDate,
    /// The reason.
    pub reason: &'a str,
}

/// A [`Progress`] that ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
