//! What packages install besides the program: its manual page and completions for shells.

use std::io;

use clap::{Args, Command};
use clap_complete::Shell;

const PROGRAM: &str = "stats-server";

/// Options that print documentation.
#[derive(Debug, Args)]
pub(crate) struct Manual {
    /// Print the manual page
    #[arg(long)]
    man: bool,
    /// Print a completion script for a shell
    #[arg(long, value_name = "SHELL")]
    completions: Option<Shell>,
}

impl Manual {
    /// Returns the text that the options ask for, if any.
    pub(crate) fn text(&self, command: Command) -> io::Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        if self.man {
            clap_mangen::Man::new(command.name(PROGRAM)).render(&mut text)?;
        } else if let Some(shell) = self.completions {
            clap_complete::generate(shell, &mut command.name(PROGRAM), PROGRAM, &mut text);
        } else {
            return Ok(None);
        }
        Ok(Some(text))
    }
}
