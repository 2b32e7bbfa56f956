//! The commands for clients.

mod change;
mod create;
mod delete;
mod hash_tokens;
mod key;
mod list;
mod rotate_token;
mod show;

use std::fmt::Display;
use std::io::{self, Write};

use chrono::NaiveDateTime;
use clap::Subcommand;
use stats_core::{Client, StoredToken};
use stats_db::Db;

use key::ClientArgument;
pub(crate) use key::ClientKey;

use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    Delete(delete::Delete),
    RotateToken(rotate_token::RotateToken),
    HashTokens(hash_tokens::HashTokens),
    #[command(flatten)]
    Change(change::Change),
    /// Print whether the stats of a client may be pushed to another instance: True or False
    IsSharingEnabled(ClientArgument),
}

impl Command {
    /// Whether it changes something.
    pub(crate) fn changes(&self) -> bool {
        !matches!(
            self,
            Self::List(_) | Self::Show(_) | Self::IsSharingEnabled(_)
        )
    }

    /// Runs the command. `min_clients` is how many clients have to be behind each public figure.
    pub(crate) fn run(
        self,
        db: &Db,
        min_clients: u64,
        terminal: &mut Terminal<'_>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run(db, terminal),
            Self::List(list) => list.run(db, terminal),
            Self::Show(show) => show.run(db, terminal),
            Self::Delete(delete) => delete.run(db, terminal),
            Self::RotateToken(rotate) => rotate.run(db, terminal),
            Self::HashTokens(hash) => hash.run(db, terminal),
            Self::Change(change) => change.run(db, min_clients, terminal),
            Self::IsSharingEnabled(client) => {
                let is_enabled = client.find(db)?.is_sharing_enabled;
                Ok(terminal.print(python_bool(is_enabled))?)
            }
        }
    }
}

/// The name of a client on one line, or else its UUID: the Python service stored any name.
pub(crate) fn display_name(client: &Client) -> String {
    match client.name.trim() {
        "" => client.uuid.to_string(),
        name => name.replace(char::is_control, " "),
    }
}

/// Prints a client in the form of the Python service, which scripts parse.
fn print(client: &Client, token: &str, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "UUID: {}", client.uuid)?;
    writeln!(output, "Name: {}", client.name)?;
    writeln!(output, "Role: {}", client.role.number())?;
    writeln!(output, "Token: {token}")?;
    let is_sharing_enabled = python_bool(client.is_sharing_enabled);
    writeln!(output, "Sharing Enabled: {is_sharing_enabled}")?;
    let created_at = client.created_at.map_or_else(
        || "unknown".to_owned(),
        |time| time.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
    );
    writeln!(output, "Created at: {created_at}")
}

/// The token of a client, or the fingerprint of its hash.
fn shown_token(client: &Client) -> Option<String> {
    client.token.as_ref().map(|token| match token {
        StoredToken::Plain(token) => token.reveal().replace(char::is_control, " "),
        StoredToken::Hashed(hash) => hash.fingerprint(),
    })
}

/// Whether a client is local, and where it is on the map.
fn place(client: &Client) -> String {
    let side = if client.is_local { "local" } else { "remote" };
    match client.coordinates {
        Some(place) => format!("{side}, {}, {}", place.latitude(), place.longitude()),
        None => side.to_owned(),
    }
}

/// A time to the second.
fn time(time: NaiveDateTime) -> impl Display {
    time.format("%Y-%m-%d %H:%M:%S")
}

/// The spelling of the Python service, which scripts parse.
pub(crate) fn python_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;
    use std::time::Duration;

    use stats_db::Timeouts;
    use stats_testing::{TestDatabase, client, on_each_database};

    use super::*;
    use crate::exit::exit_code;

    on_each_database!(writing_fails_with_75_while_the_write_lock_stays_held);
    fn writing_fails_with_75_while_the_write_lock_stays_held(database: &TestDatabase) {
        let db = database.migrated_with(Timeouts {
            lock: Duration::from_millis(50),
            ..Timeouts::default()
        });
        client(&db, "CASES");
        let _lock = database.hold_write_lock();
        let rotate = rotate_token::RotateToken {
            client: ClientArgument::named("CASES"),
            keep_old: None,
        };
        let mut terminal = Terminal {
            input: &mut io::empty(),
            output: &mut io::sink(),
        };
        let rotate = Command::RotateToken(rotate);
        let error = rotate.run(&db, 1, &mut terminal).unwrap_err();
        let message = format!("{error:#}");
        let expected = "the database is busy: a lock stayed in use: ";
        assert!(message.starts_with(expected), "{message}");
        assert_eq!(exit_code(Err(error)), ExitCode::from(75));
    }
}
