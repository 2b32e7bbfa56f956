use std::fmt;

use diesel::result::DatabaseErrorKind;

/// What a new client has in common with one that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientConflict {
    /// The name.
    Name,
    /// The token.
    Token,
    /// The public id.
    Uuid,
}

impl fmt::Display for ClientConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Token => "token",
            Self::Uuid => "UUID",
        })
    }
}

/// Why the storage did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL of the database cannot be used.
    #[error("{0}")]
    Url(String),
    /// The database is not there yet.
    #[error("the database {0} does not exist; create it with 'stats-admin db create'")]
    Missing(String),
    /// The database cannot be reached.
    #[error("cannot connect to the database {database}: {reason}")]
    Connect {
        /// The database, without its password.
        database: String,
        /// What the driver said.
        reason: String,
    },
    /// All connections are in use, or the database has gone away.
    #[error("no connection to the database: {0}")]
    Unavailable(String),
    /// The database stores text in an encoding that cannot hold all characters.
    #[error("the database stores text as {0}; it must be UTF8 (create it with ENCODING 'UTF8')")]
    Encoding(String),
    /// The tables are older than this program.
    #[error("the database needs {0} migration(s) first; run 'stats-admin db upgrade'")]
    PendingMigrations(usize),
    /// A migration failed.
    #[error("the database cannot be migrated: {0}")]
    Migration(String),
    /// A copy of the database cannot be written: where to, and why.
    #[error("no backup to {0}: {1}")]
    Backup(String, String),
    /// A client with the same name, token or public id exists.
    #[error("a client with this {0} exists already")]
    ClientExists(ClientConflict),
    /// There is no such client.
    #[error("there is no such client")]
    NoSuchClient,
    /// Anything else that the database said.
    #[error("the database failed: {0}")]
    Query(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl DbError {
    /// Whether the same request may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<diesel::result::Error> for DbError {
    fn from(error: diesel::result::Error) -> Self {
        match error {
            diesel::result::Error::DatabaseError(DatabaseErrorKind::ClosedConnection, info) => {
                Self::Unavailable(info.message().to_owned())
            }
            error => Self::Query(Box::new(error)),
        }
    }
}
