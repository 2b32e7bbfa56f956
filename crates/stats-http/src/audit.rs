use std::fmt::Display;

use stats_core::Client;

/// Logs what an admin did, one line each.
pub(crate) fn audit(admin: &Client, action: impl Display) {
    log::info!("{}: {action}", named(admin));
}

/// The name of a client, which may be any text of an older service, and its UUID.
pub(crate) fn named(client: &Client) -> String {
    format!("{} ({})", client.name.escape_debug(), client.uuid)
}
