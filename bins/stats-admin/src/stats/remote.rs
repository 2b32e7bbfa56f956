//! What pushing and pulling have in common.

use std::error::Error;
use std::io::{self, Write};

use clap::Args;
use stats_core::Token;
use stats_remote::{Options, RemoteError, StatsClient};
use stats_settings::{Failure, Settings};
use stats_sync::{Ending, Refusals};

use crate::exit::{REFUSED, TRY_LATER, failure};
use crate::terminal::count;

/// The account on the remote.
#[derive(Debug, Default, Args)]
pub(super) struct Account {
    /// The token on the remote. Other users of this machine can see it here, and not in the setting REMOTE_STATS_TOKEN
    #[arg(long = "remote-token", visible_alias = "token", value_name = "TOKEN")]
    token: Option<Token>,
}

impl Account {
    /// The remote that the settings name, if there is a token for it.
    pub(super) fn remote(self, settings: &Settings) -> Result<StatsClient, Box<dyn Error>> {
        let address = settings.remote_stats_server.as_str();
        let token = self
            .token
            .or_else(|| settings.remote_stats_token.clone())
            .ok_or_else(|| {
                format!("there is no token for {address}: set REMOTE_STATS_TOKEN, or give --remote-token")
            })?;
        Ok(connect(address, token)?)
    }

    /// The same for what asks the remote nothing, and needs no token.
    pub(super) fn remote_unasked(self, settings: &Settings) -> Result<StatsClient, RemoteError> {
        let token = self.token.unwrap_or_else(Token::generate);
        connect(settings.remote_stats_server.as_str(), token)
    }
}

fn connect(address: &str, token: Token) -> Result<StatsClient, RemoteError> {
    StatsClient::new(address, token, Options::default())
}

/// What it means for who called that it ended so. `rest` tells what is left to do then, and `again` what becomes of what
/// was refused.
pub(super) fn judge(
    ending: Ending,
    rest: &str,
    refused: &Refusals,
    again: &str,
) -> Result<(), Failure> {
    let (code, message) = match ending {
        Ending::Complete => match refused.total() {
            0 => return Ok(()),
            total => (
                REFUSED,
                format!("{} refused; {again}", count(total, "stat")),
            ),
        },
        Ending::Stopped => (TRY_LATER, format!("stopped; {rest}")),
        Ending::Failed(error) => return Err(failure(&error, &format!("; {rest}"))),
    };
    Err(Failure { code, message })
}

/// Prints how many stats were refused, and why.
pub(super) fn print_refusals(refused: &Refusals, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "refused: {}", refused.total())?;
    for (reason, count) in refused.iter() {
        writeln!(out, "  {count}: {reason}")?;
    }
    Ok(())
}
