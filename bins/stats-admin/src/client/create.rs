use std::error::Error;
use std::io::{BufRead, Write};

use clap::Args;
use stats_core::{ClientName, ClientUuid, NewClient, Role, Token};
use stats_db::Db;

use super::print;
use crate::terminal::Terminal;

/// Create a local client, and print it with its token
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the client, which no other client has
    #[arg(long)]
    name: ClientName,
    /// UUID of the client [default: a random one]
    #[arg(long)]
    uuid: Option<ClientUuid>,
    /// Token of the client [default: a random one]
    #[arg(long)]
    token: Option<Token>,
    /// What the client may do: user or admin
    #[arg(long, default_value = "user")]
    role: Role,
}

impl Create {
    pub(super) fn run(
        self,
        db: &Db,
        terminal: &mut Terminal<impl BufRead, impl Write>,
    ) -> Result<(), Box<dyn Error>> {
        let random = NewClient::user(self.name);
        let client = db.create_client(&NewClient {
            uuid: self.uuid.unwrap_or(random.uuid),
            token: self.token.unwrap_or(random.token),
            role: self.role,
            ..random
        })?;
        Ok(print(terminal.out(), &client)?)
    }
}
