use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use stats_core::Stat;
use stats_remote::RemoteError;

/// Who is told how a push or a pull gets on, and may end it.
pub trait Watch {
    /// It begins, and there is so much to do: stats to push, or answers to pull.
    fn begins(&mut self, total: u64) {
        let _ = total;
    }

    /// So much more of it is done.
    fn advances(&mut self, by: u64) {
        let _ = by;
    }

    /// The remote does not take a stat.
    fn is_refused(&mut self, stat: &Stat, reason: &str) {
        let _ = (stat, reason);
    }

    /// Something failed for now and is tried again after a pause, which this is to spend; or nothing is, if it breaks
    /// off.
    fn pauses(&mut self, error: &RemoteError, pause: Duration) -> ControlFlow<()> {
        let _ = error;
        thread::sleep(pause);
        ControlFlow::Continue(())
    }

    /// Whether it is to end before the next request.
    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Watch for Silent {}

/// How a push or a pull ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It came to its end.
    Complete,
    /// Whoever watched wanted it to stop.
    Stopped,
    /// The remote is away, or does not work with us: there was no point in going on.
    Failed(RemoteError),
}
