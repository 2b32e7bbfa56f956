#![doc = include_str!("../README.md")]

mod outcome;
mod progress;
mod pull;
mod push;
mod reconcile;
mod rejections;

pub use outcome::Outcome;
pub use progress::{NoProgress, Progress, RejectedStat};
pub use pull::{PullOptions, PullReport, pull};
pub use push::{PushOptions, PushReport, Request, preview, push};
pub use reconcile::{Difference, DifferenceKind, ReconcileOptions, ReconcileReport, reconcile};
pub use rejections::Rejections;
