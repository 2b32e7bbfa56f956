//! What `stats push` and `stats pull` have in common.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error};
use clap::Args;
use stats_core::Token;
use stats_remote::{HttpOptions, RemoteError, StatsClient};
use stats_settings::Settings;
use stats_sync::{Outcome, Rejections};

use crate::exit::Failure;
use crate::terminal::count;

#[derive(Debug, Default, Args)]
pub(super) struct RemoteToken {
    /// Token of the account on the remote. Other users of this machine can see it here, but not in the setting
    /// REMOTE_STATS_TOKEN
    #[arg(
        long = "remote-token",
        visible_alias = "token",
        value_name = "TOKEN",
        allow_hyphen_values = true
    )]
    token: Option<Token>,
    /// File with the token and nothing else
    #[arg(
        long = "remote-token-file",
        value_name = "FILE",
        conflicts_with = "token"
    )]
    token_file: Option<PathBuf>,
}

impl RemoteToken {
    /// A client of the remote that the settings name, with this token or that of the settings.
    pub(super) fn connect(self, settings: &Settings) -> anyhow::Result<StatsClient> {
        let token = match self.token_file {
            Some(path) => Some(read_token(&path)?),
            None => self.token.or_else(|| settings.remote_stats_token.clone()),
        };
        let token = token.with_context(|| {
            let address = &settings.remote_stats_server;
            format!(
                "no token for {}: set REMOTE_STATS_TOKEN or pass --remote-token-file",
                address.as_str()
            )
        })?;
        Ok(connect(settings, token)?)
    }

    /// A client that sends no requests, which needs no token.
    pub(super) fn connect_for_preview(
        self,
        settings: &Settings,
    ) -> Result<StatsClient, RemoteError> {
        connect(settings, self.token.unwrap_or_else(Token::generate))
    }
}

/// Reads a token from a file, without white space around it.
fn read_token(path: &Path) -> anyhow::Result<Token> {
    let read = || Ok::<Token, Error>(fs::read_to_string(path)?.trim().parse()?);
    read().with_context(|| format!("cannot read a token from {}", path.display()))
}

fn connect(settings: &Settings, token: Token) -> Result<StatsClient, RemoteError> {
    let address = settings.remote_stats_server.as_str();
    StatsClient::new(address, token, HttpOptions::default())
}

/// Turns the outcome of a push or a pull into the result of the command. `unfinished` describes what is left if it ended
/// early, and `consequence` what happens to the rejected stats.
pub(super) fn conclude(
    outcome: Outcome,
    unfinished: String,
    rejected: &Rejections,
    consequence: &str,
) -> anyhow::Result<()> {
    match outcome {
        Outcome::Complete if rejected.total() == 0 => Ok(()),
        Outcome::Complete => {
            let stats = count(rejected.total(), "stat");
            Err(Failure::Rejected(format!("{stats} rejected; {consequence}")).into())
        }
        Outcome::Failed(error) => Err(Error::new(error).context(unfinished)),
        _ => Err(Error::new(Failure::Stopped).context(unfinished)),
    }
}

/// Prints the number of rejected stats and the reasons.
pub(super) fn print_rejections(rejected: &Rejections, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "refused: {}", rejected.total())?;
    for (reason, count) in rejected.iter() {
        writeln!(output, "  {count}: {reason}")?;
    }
    Ok(())
}
