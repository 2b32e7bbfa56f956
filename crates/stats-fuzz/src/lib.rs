#![doc = include_str!("../README.md")]

mod arguments;
mod csv;
mod database_url;
mod documents;
mod headers;
mod mask;
mod partials;
mod payload;
mod settings;

pub use arguments::arguments;
pub use csv::csv;
pub use database_url::database_url;
pub use documents::documents;
pub use headers::headers;
pub use mask::mask;
pub use partials::partials;
pub use payload::payload;
pub use settings::settings;

/// A check of one kind of input. It panics if a rule is broken.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 9] = [
    ("arguments", arguments),
    ("csv", csv),
    ("database_url", database_url),
    ("documents", documents),
    ("headers", headers),
    ("mask", mask),
    ("partials", partials),
    ("payload", payload),
    ("settings", settings),
];

/// Stands for a secret in inputs, and must not be in messages.
const SECRET: &str = "Qx7Zj9";

/// Messages reach logs and answers, whatever the length of the input.
#[track_caller]
fn assert_short(message: &str, limit: usize) {
    let start: String = message.chars().take(200).collect();
    assert!(
        message.len() <= limit,
        "a message of {} bytes: {start}…",
        message.len()
    );
}
