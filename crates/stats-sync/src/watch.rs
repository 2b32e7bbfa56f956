use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use chrono::NaiveDate;
use stats_core::{StatId, StatsType};
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

    /// A stat is not taken: by the remote, when it is pushed, or here, when it is pulled.
    fn is_refused(&mut self, refused: &Refused<'_>) {
        let _ = refused;
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

/// A stat that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused<'a> {
    /// Its id.
    pub uuid: StatId,
    /// What it is about.
    pub stats_type: StatsType,
    /// Its day.
    pub date: NaiveDate,
    /// Why it is not taken.
    pub reason: &'a str,
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
