//! The commands for clients.

mod change;
mod create;
mod delete;
mod list;

use std::io::{self, Write};

use anyhow::Context;
use clap::{Args, Subcommand};
use stats_core::{Client, ClientUuid};
use stats_db::Db;

use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Create),
    List(list::List),
    Delete(delete::Delete),
    #[command(flatten)]
    Change(change::Change),
    /// Print whether the stats of a client may be pushed to another instance: True or False
    IsSharingEnabled(ClientArgument),
}

impl Command {
    pub(crate) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run(db, terminal),
            Self::List(list) => list.run(db, terminal),
            Self::Delete(delete) => delete.run(db, terminal),
            Self::Change(change) => change.run(db, terminal),
            Self::IsSharingEnabled(client) => {
                let is_enabled = client.find(db)?.is_sharing_enabled;
                Ok(terminal.print(python_bool(is_enabled))?)
            }
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ClientArgument {
    /// UUID of the client
    #[arg(long)]
    uuid: ClientUuid,
}

impl ClientArgument {
    fn find(&self, db: &Db) -> anyhow::Result<Client> {
        find(db, self.uuid)
    }
}

/// The client with this public id, or an error that names the id.
pub(crate) fn find(db: &Db, uuid: ClientUuid) -> anyhow::Result<Client> {
    db.client(uuid)?.with_context(|| {
        format!("there is no client {uuid}; 'stats-admin client list' lists all clients")
    })
}

/// The name of a client on one line, or else its UUID: the Python service stored any name.
pub(crate) fn display_name(client: &Client) -> String {
    match client.name.trim() {
        "" => client.uuid.to_string(),
        name => name.replace(char::is_control, " "),
    }
}

/// Prints a client in the form of the Python service, which scripts parse.
fn print(client: &Client, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "UUID: {}", client.uuid)?;
    writeln!(output, "Name: {}", client.name)?;
    writeln!(output, "Role: {}", client.role.number())?;
    writeln!(output, "Token: {}", client.token.reveal())?;
    let is_sharing_enabled = python_bool(client.is_sharing_enabled);
    writeln!(output, "Sharing Enabled: {is_sharing_enabled}")?;
    let created_at = client.created_at.map_or_else(
        || "unknown".to_owned(),
        |time| time.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
    );
    writeln!(output, "Created at: {created_at}")
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
        let uuid = client(&db, "CASES").uuid;
        let _lock = database.hold_write_lock();
        let rotate = change::Change::RotateToken(ClientArgument { uuid });
        let mut terminal = Terminal {
            input: &mut io::empty(),
            output: &mut io::sink(),
        };
        let error = Command::Change(rotate).run(&db, &mut terminal).unwrap_err();
        let message = format!("{error:#}");
        let expected = "the database is busy: a lock stayed in use: ";
        assert!(message.starts_with(expected), "{message}");
        assert_eq!(exit_code(Err(error)), ExitCode::from(75));
    }
}
