use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use stats_settings::{LoadedSettings, SETTINGS_FILE, Settings, init_logging};

use crate::audit::Audit;
use crate::terminal::Terminal;
use crate::{client, db, doctor, mosp, stats};

/// Manage the clients, the stats and the database of a MONARC Stats Service
///
/// The settings are read from the environment and from the TOML file that STATS_CONFIG names; without it, from
/// /etc/stats-server/stats.toml, if that exists. The command names of the Python service are accepted too: client_create
/// is client create.
///
/// Exits with 0 on success, 2 if the arguments are wrong, 75 if the database or a remote is busy or away so that
/// a later run may succeed, and 1 on any other failure. stats push and stats pull exit with 65 if stats were rejected.
/// The exit codes of doctor are those of a Nagios plugin.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create, migrate, back up, restore, copy or empty the database
    #[command(subcommand)]
    Db(db::Command),
    /// Manage clients, which are usually MONARC front offices
    #[command(subcommand)]
    Client(client::Command),
    /// Share, list, export, import and delete stats
    #[command(subcommand)]
    Stats(stats::Command),
    /// Query the MONARC Objects Sharing Platform
    #[command(subcommand)]
    Mosp(mosp::Command),
    Doctor(doctor::Doctor),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write the manual pages of all commands to a folder
    Man {
        /// An existing folder
        folder: Option<PathBuf>,
    },
}

/// Runs the command that the arguments name.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<ExitCode> {
    let arguments = expand_flat_name(arguments);
    let audit = Audit::of(&arguments);
    let arguments = Arguments::parse_from(arguments);
    let terminal = &mut Terminal {
        input: &mut io::stdin().lock(),
        output: &mut io::stdout().lock(),
    };
    match arguments.command {
        Command::Db(command) => {
            let settings = settings()?;
            let result = command.run(&settings.database_url, terminal);
            audit.write(settings.log_path.as_deref(), result.is_ok());
            result?;
        }
        Command::Client(command) => {
            let settings = settings()?;
            let db = db::open(&settings.database_url)?;
            let changes = command.changes();
            let db = db.with_token_storage(settings.token_storage);
            let result = command.run(&db, settings.public_min_clients, terminal);
            if changes {
                audit.write(settings.log_path.as_deref(), result.is_ok());
            }
            result?;
        }
        Command::Stats(command) => {
            let settings = settings()?;
            let changes = command.changes();
            let result = command.run(&settings, terminal);
            if changes {
                audit.write(settings.log_path.as_deref(), result.is_ok());
            }
            result?;
        }
        Command::Mosp(command) => command.run(&settings()?, terminal)?,
        Command::Doctor(command) => return command.run(terminal),
        Command::Completions { shell } => print_completions(shell, terminal.output)?,
        Command::Man { folder } => print_man(folder.as_deref(), terminal.output)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Loads the settings and sets up the log.
fn settings() -> anyhow::Result<Settings> {
    let LoadedSettings { settings, .. } = LoadedSettings::load(Some(Path::new(SETTINGS_FILE)))?;
    init_logging(settings.log_path.as_deref())?;
    Ok(settings)
}

const PROGRAM: &str = "stats-admin";

fn print_completions(shell: Shell, output: &mut dyn Write) -> anyhow::Result<()> {
    // clap_complete panics if it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), PROGRAM, &mut script);
    Ok(output.write_all(&script)?)
}

fn print_man(folder: Option<&Path>, mut output: &mut dyn Write) -> anyhow::Result<()> {
    let command = Arguments::command().name(PROGRAM);
    match folder {
        Some(folder) => clap_mangen::generate_to(command, folder)
            .with_context(|| format!("cannot write manual pages to {}", folder.display())),
        None => Ok(clap_mangen::Man::new(command).render(&mut output)?),
    }
}

/// Expands the flat name `client_coordinates_set` to `client coordinates-set`.
fn expand_flat_name(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<_> = arguments.into_iter().collect();
    let flat_name = arguments.get(1).and_then(|name| name.to_str());
    if let Some((group, name)) = flat_name.and_then(|name| name.split_once('_'))
        && let Some(group) = Arguments::command().find_subcommand(group)
        && group.has_subcommands()
    {
        let words = [group.get_name().to_owned(), name.replace('_', "-")];
        arguments.splice(1..2, words.map(OsString::from));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_definition_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn docs_commands_md_is_up_to_date() {
        let section = stats_testing_http::commands(Arguments::command().name(PROGRAM));
        stats_testing::assert_generated("docs/commands.md", PROGRAM, &section);
    }

    #[test]
    fn flat_name_is_expanded_if_it_is_the_first_argument() {
        for (flat, expanded) in [
            ("client_create --name x_y", "client create --name x_y"),
            ("client_coordinates_set", "client coordinates-set"),
            ("db_init", "db init"),
            ("stats_push", "stats push"),
            ("mosp_is_object_published", "mosp is-object-published"),
            ("client list", "client list"),
            ("client create client_list", "client create client_list"),
            ("man_pages", "man_pages"),
            ("other_thing", "other_thing"),
        ] {
            let words = format!("client_list {flat}");
            let words = expand_flat_name(words.split(' ').map(OsString::from));
            let expected = format!("client_list {expanded}");
            assert_eq!(words.join(" ".as_ref()), *expected);
        }
    }
}
