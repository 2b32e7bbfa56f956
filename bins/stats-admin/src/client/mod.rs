//! The commands for clients.

mod change;
mod create;
mod delete;
mod list;

use std::error::Error;
use std::io::{self, BufRead, Write};

use clap::{Args, Subcommand};
use stats_core::{Client, ClientUuid};
use stats_db::{DatabaseUrl, Db, DbError};

use crate::db;
use crate::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Create),
    List(list::List),
    Delete(delete::Delete),
    #[command(flatten)]
    Change(change::Change),
}

impl Command {
    pub(crate) fn run(
        self,
        url: &DatabaseUrl,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let db = db::open(url)?;
        match self {
            Self::Create(create) => create.run(&db, terminal),
            Self::List(list) => list.run(&db, terminal),
            Self::Delete(delete) => delete.run(&db, terminal),
            Self::Change(change) => change.run(&db, terminal),
        }
    }
}

/// The client that a command is about.
#[derive(Debug, Args)]
pub(crate) struct Whom {
    /// UUID of the client
    #[arg(long)]
    uuid: ClientUuid,
}

impl Whom {
    /// The client, or an error that names it.
    fn find(&self, db: &Db) -> Result<Client, Box<dyn Error>> {
        find(db, self.uuid)
    }

    /// Names the client in an error that does not.
    fn explain(&self, error: DbError) -> Box<dyn Error> {
        match error {
            DbError::NoSuchClient => nobody(self.uuid),
            error => error.into(),
        }
    }
}

/// The client with this public id, or an error that names it.
pub(crate) fn find(db: &Db, uuid: ClientUuid) -> Result<Client, Box<dyn Error>> {
    db.client(uuid)?.ok_or_else(|| nobody(uuid))
}

/// What a client is called in a line.
pub(crate) fn name(client: Option<&Client>) -> String {
    match client {
        // An older service checked no names.
        Some(client) if client.name.trim().is_empty() => client.uuid.to_string(),
        Some(client) => client.name.replace(char::is_control, " "),
        None => "(nobody)".to_owned(),
    }
}

fn nobody(uuid: ClientUuid) -> Box<dyn Error> {
    format!("there is no client {uuid}; 'stats-admin client list' shows those there are").into()
}

/// Prints a client line by line, as the Python service does.
fn print(out: &mut impl Write, client: &Client) -> io::Result<()> {
    writeln!(out, "UUID: {}", client.uuid)?;
    writeln!(out, "Name: {}", client.name)?;
    writeln!(out, "Role: {}", client.role.number())?;
    writeln!(out, "Token: {}", client.token.reveal())?;
    writeln!(
        out,
        "Sharing Enabled: {}",
        capitalised(client.is_sharing_enabled)
    )?;
    match client.created_at {
        Some(created_at) => writeln!(
            out,
            "Created at: {}",
            created_at.format("%Y-%m-%d %H:%M:%S%.6f")
        ),
        None => writeln!(out, "Created at: unknown"),
    }
}

/// `True` or `False`, which is what scripts for the Python service look for.
fn capitalised(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}
