use clap::Args;
use stats_core::{ClientName, ClientUuid, NewClient, Role, Token};
use stats_db::Db;

use super::print;
use crate::terminal::Terminal;

/// Create a client and print it with its token
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the client, which no other client has
    #[arg(long)]
    name: ClientName,
    /// UUID of the client [default: a random one]
    #[arg(long)]
    uuid: Option<ClientUuid>,
    /// Token of the client, at least 32 characters that nobody can guess [default: a random one]
    #[arg(long, allow_hyphen_values = true)]
    token: Option<Token>,
    /// Role of the client: user or admin
    #[arg(long, default_value = "user")]
    role: Role,
    /// Mark the client as remote: its stats are pulled from another instance, and local_stats_only leaves them out
    #[arg(long)]
    remote: bool,
}

impl Create {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let random = NewClient::user(self.name);
        let new = NewClient {
            uuid: self.uuid.unwrap_or(random.uuid),
            token: self.token.unwrap_or(random.token),
            role: self.role,
            is_local: !self.remote,
            ..random
        };
        let client = db.create_client(&new)?;
        Ok(print(&client, new.token.reveal(), terminal.output)?)
    }
}
