//! The instance to push to and to pull from.

use std::time::Duration;

use stats_core::{Token, WithCauses};
use stats_remote::{HttpOptions, RemoteError, StatsClient};
use stats_settings::Settings;

use crate::check::{Check, Findings};

/// The limits of the request, below [`TIME_LIMIT`](crate::TIME_LIMIT).
const OPTIONS: HttpOptions = HttpOptions {
    connect_timeout: Duration::from_secs(4),
    timeout: Duration::from_secs(8),
    max_response_bytes: 64 << 10,
};

/// A client of the remote, with an invented token if none is set.
pub(super) fn client(settings: &Settings) -> Result<StatsClient, RemoteError> {
    let token = settings.remote_stats_token.clone();
    let token = token.unwrap_or_else(Token::generate);
    StatsClient::new(settings.remote_stats_server.as_str(), token, OPTIONS)
}

pub(crate) fn check(settings: &Settings, findings: &mut Findings) {
    const NAME: &str = "remote";
    if settings.remote_stats_token.is_none() {
        return;
    }
    let asked = {
        let settings = settings.clone();
        findings.bounded(NAME, move || client(&settings)?.me())
    };
    let address = settings.remote_stats_server.as_str();
    match asked {
        None => {}
        Some(Ok(account)) => {
            findings.add(Check::ok(
                NAME,
                format!("{address} knows this service as {}", account.name),
            ));
        }
        Some(Err(error)) => {
            let problem = format!("{address} does not answer well: {}", WithCauses(&error));
            findings.add(match error.is_temporary() {
                true => Check::warning(
                    NAME,
                    problem,
                    "look at the network and HTTPS_PROXY; pushes fail until it answers",
                ),
                false => Check::failure(
                    NAME,
                    problem,
                    "correct REMOTE_STATS_SERVER or REMOTE_STATS_TOKEN",
                ),
            });
        }
    }
}
