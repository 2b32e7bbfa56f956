use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use stats_db::DatabaseUrl;
use stats_settings::{Settings, init_logging};

use crate::terminal::Terminal;
use crate::{client, db, mosp, stats};

/// Takes care of the clients and the database of a MONARC Stats Service.
///
/// The settings come from the environment and from the TOML file that STATS_CONFIG names. The flat names of the Python
/// service work too: client_create is client create.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The database and its tables
    #[command(subcommand)]
    Db(db::Command),
    /// The clients, which are usually MONARC front offices
    #[command(subcommand)]
    Client(client::Command),
    /// The stats that front offices have sent
    #[command(subcommand)]
    Stats(stats::Command),
    /// The MONARC Objects Sharing Platform
    #[command(subcommand)]
    Mosp(mosp::Command),
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: Shell,
    },
    /// Print the manual page, or write one for each command to a folder
    Man {
        /// The folder, which must be there
        #[arg(value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
}

/// Carries out the command that the arguments of the program make.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse_from(expand_flat_name(arguments));
    let mut terminal = Terminal::new(io::stdin().lock(), io::stdout().lock());
    match arguments.command {
        Command::Db(command) => command.run(&database(&settings()?)?, &mut terminal),
        Command::Client(command) => command.run(&database(&settings()?)?, &mut terminal),
        Command::Stats(command) => {
            let settings = settings()?;
            command.run(&database(&settings)?, &settings, &mut terminal)
        }
        Command::Mosp(command) => command.run(&settings()?, &mut terminal),
        Command::Completions { shell } => print_completions(shell, terminal.out()),
        Command::Man { to } => print_man(to.as_deref(), terminal.out()),
    }
}

/// The settings; from here on there is a log.
fn settings() -> Result<Settings, Box<dyn Error>> {
    let settings = Settings::load()?;
    init_logging(settings.log_path.as_deref())?;
    Ok(settings)
}

/// Where the database is.
fn database(settings: &Settings) -> Result<DatabaseUrl, Box<dyn Error>> {
    Ok(settings.database_url.reveal().parse()?)
}

fn print_completions(shell: Shell, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut script);
    Ok(out.write_all(&script)?)
}

fn print_man(folder: Option<&Path>, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let command = Arguments::command().name(NAME);
    match folder {
        Some(folder) => clap_mangen::generate_to(command, folder)?,
        None => clap_mangen::Man::new(command).render(out)?,
    }
    Ok(())
}

/// The name of the program.
const NAME: &str = "stats-admin";

/// The groups of commands, which the flat names begin with.
const GROUPS: [&str; 4] = ["client", "db", "mosp", "stats"];

/// Makes `client coordinates-set` of the flat name `client_coordinates_set`.
fn expand_flat_name(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut expanded = Vec::new();
    for (position, argument) in arguments.into_iter().enumerate() {
        let flat = argument.to_str().and_then(|name| name.split_once('_'));
        match flat {
            Some((group, command)) if position == 1 && GROUPS.contains(&group) => {
                expanded.push(group.into());
                expanded.push(command.replace('_', "-").into());
            }
            _ => expanded.push(argument),
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_group_has_its_flat_names() {
        let command = Arguments::command();
        let groups: Vec<_> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        let is_known =
            |name: &&&str| GROUPS.contains(*name) || ["completions", "man"].contains(*name);
        assert_eq!(
            groups.iter().filter(is_known).count(),
            groups.len(),
            "{groups:?}"
        );
    }

    #[test]
    fn only_the_command_itself_has_a_flat_name() {
        let expand = |line: &str| {
            let expanded = expand_flat_name(line.split(' ').map(OsString::from));
            expanded.join(" ".as_ref()).into_string().unwrap()
        };
        for (flat, grouped) in [
            (
                "stats-admin client_create --name x_y",
                "stats-admin client create --name x_y",
            ),
            (
                "stats-admin client_coordinates_set",
                "stats-admin client coordinates-set",
            ),
            ("stats-admin db_init", "stats-admin db init"),
            (
                "stats-admin mosp_is_object_published --uuid x",
                "stats-admin mosp is-object-published --uuid x",
            ),
            ("stats-admin client list", "stats-admin client list"),
            ("client_create client_create", "client_create client create"),
            ("stats-admin other_thing", "stats-admin other_thing"),
            (
                "stats-admin client create client_list",
                "stats-admin client create client_list",
            ),
        ] {
            assert_eq!(expand(flat), grouped);
        }
    }
}
