//! The commands for the MONARC Objects Sharing Platform.

use clap::{Args, Subcommand};
use stats_remote::{HttpOptions, Mosp};
use stats_settings::Settings;
use uuid::Uuid;

use crate::client::python_bool;
use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    IsObjectPublished(IsObjectPublished),
}

/// Print whether an object is published: True or False
///
/// Exits with 75 if the platform is unavailable, and with 1 if its response is invalid.
#[derive(Debug, Args)]
pub(crate) struct IsObjectPublished {
    /// UUID of the object
    #[arg(long)]
    uuid: Uuid,
    /// Print the object as JSON first
    #[arg(short, long)]
    verbose: bool,
}

impl Command {
    pub(crate) fn run(
        self,
        settings: &Settings,
        terminal: &mut Terminal<'_>,
    ) -> anyhow::Result<()> {
        let Self::IsObjectPublished(arguments) = self;
        let token = settings.mosp_token.clone();
        let mosp = Mosp::new(settings.mosp_url.as_str(), token, HttpOptions::default())?;
        let object = mosp.object(arguments.uuid)?;
        if let Some(object) = object.as_ref().filter(|_| arguments.verbose) {
            terminal.print(format_args!("{object:#}"))?;
        }
        Ok(terminal.print(python_bool(object.is_some()))?)
    }
}
