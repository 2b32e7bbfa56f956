#![doc = include_str!("../README.md")]

mod pull;
mod push;
mod refusals;
mod watch;

pub use pull::{Pulled, Pulling, pull};
pub use push::{Pushed, Pushing, preview, push};
pub use refusals::Refusals;
pub use watch::{Ending, Refused, Silent, Watch};
