use std::process::ExitCode;

use clap::Args;
use stats_doctor::{Options, examine};

use crate::terminal::Terminal;

/// Check the settings, the database, the server, and what clients and pushes did
///
/// Prints the settings in force with their origins, without secrets, and a line for each check. Changes nothing. Each
/// check takes ten seconds at most.
///
/// The output and the exit code are those of a Nagios plugin: 0 if all is well, 1 for a warning, 2 for a failure, 3 if
/// the settings cannot be read. Run it as the user of the server.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Warn about clients that have not sent a request for this number of days
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3650))]
    silent_days: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) fn run(self, terminal: &mut Terminal<'_>) -> anyhow::Result<ExitCode> {
        let report = examine(&Options {
            silent_days: self.silent_days,
            is_running: true,
        });
        report.print(terminal.output, self.json)?;
        Ok(ExitCode::from(report.exit_code()))
    }
}
