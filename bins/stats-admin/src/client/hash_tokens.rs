use clap::Args;
use stats_core::TokenStorage;
use stats_db::Db;

use crate::terminal::{Terminal, count};

/// Replace all tokens in the database by their hashes
///
/// A copy of the database then reveals no token. It cannot be undone, and no command shows the tokens afterwards. The
/// clients go on using their tokens, also while the command runs, but the Python service no longer authenticates them.
/// The setting TOKEN_STORAGE decides how new tokens are stored.
///
/// A SQLite file is rewritten, since free parts of it have copies of the tokens. Meanwhile the server refuses new stats
/// with 503, and the disk needs room for a second copy.
#[derive(Debug, Args)]
pub(crate) struct HashTokens {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl HashTokens {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let question = "This cannot be undone, and the Python service no longer authenticates the clients. Replace all \
                        tokens by their hashes?";
        terminal.confirm(question, self.yes)?;
        let tokens = count(db.hash_tokens()?, "token");
        terminal.print(format_args!("Replaced {tokens} by hashes"))?;
        if db.token_storage() == TokenStorage::Plain {
            terminal.print("New tokens are stored plain: set TOKEN_STORAGE to hashed")?;
        }
        Ok(())
    }
}
