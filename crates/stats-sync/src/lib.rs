#![doc = include_str!("../README.md")]

mod pull;
mod push;
mod watch;

pub use pull::{Pulled, Pulling, pull};
pub use push::{Pushed, Pushing, preview, push};
pub use watch::{Ending, Silent, Watch};
