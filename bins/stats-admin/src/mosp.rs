use std::error::Error;
use std::io::{BufRead, Write};

use clap::{Args, Subcommand};
use stats_remote::{Mosp, MospOptions};
use stats_settings::Settings;
use uuid::Uuid;

use crate::exit::failure;
use crate::terminal::Terminal;

/// The commands that ask the MONARC Objects Sharing Platform.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    IsObjectPublished(IsObjectPublished),
}

/// Tell whether an object is published there: True or False
///
/// Exits with 75 when the platform is away, and with 1 when it makes no sense.
#[derive(Debug, Args)]
pub(crate) struct IsObjectPublished {
    /// UUID of the object
    #[arg(long)]
    uuid: Uuid,
    /// Print the object too, as JSON
    #[arg(short, long)]
    verbose: bool,
}

impl Command {
    pub(crate) fn run(
        self,
        settings: &Settings,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let Self::IsObjectPublished(IsObjectPublished { uuid, verbose }) = self;
        let token = settings.mosp_token.clone();
        let mosp = Mosp::new(settings.mosp_url.as_str(), token, MospOptions::default())?;
        let object = mosp.object(uuid).map_err(|error| failure(&error, ""))?;
        if let Some(object) = object.as_ref().filter(|_| verbose) {
            terminal.say(serde_json::to_string_pretty(object)?)?;
        }
        Ok(terminal.say(if object.is_some() { "True" } else { "False" })?)
    }
}
