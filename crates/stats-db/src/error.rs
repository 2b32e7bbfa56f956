use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use diesel::result::DatabaseErrorKind;
use diesel::result::Error as DieselError;

/// The unique value that a new client shares with an existing one.
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

/// The cause of a [`DbError`].
pub type BoxedError = Box<dyn Error + Send + Sync>;

/// Why the storage failed. `Display` leaves out the cause, which is the error's source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// The URL of the database cannot be used.
    #[error("{0}")]
    Url(String),
    /// The database does not exist.
    #[error("the database {0} does not exist; create it with 'stats-admin db create'")]
    Missing(String),
    /// The database file was removed or replaced while it was in use.
    #[error(
        "the database file {0} was removed or replaced while it was in use; restart the program to use the new one"
    )]
    Replaced(String),
    /// The user has no permission to read the database file.
    #[error("the database {database} may not be read by this user")]
    Unreadable {
        /// The database.
        database: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A connection to the database cannot be opened.
    #[error("cannot connect to the database {database}")]
    Connect {
        /// The database, without its password.
        database: String,
        /// The error of the driver.
        source: BoxedError,
    },
    /// The database does not answer. Calls fail immediately until it does.
    #[error("the database {database} is away: {reason}")]
    Away {
        /// The database, without its password.
        database: String,
        /// The error of the last attempt to connect.
        reason: String,
    },
    /// The connection broke while it was in use.
    #[error("the connection to the database was lost")]
    Disconnected(#[source] BoxedError),
    /// A connection, a lock or a statement took longer than [`Timeouts`](crate::Timeouts) allow.
    #[error("the database is busy: {0}")]
    Busy(Wait, #[source] Option<BoxedError>),
    /// The disk of the database is full or fails.
    #[error("the disk of the database is full or fails")]
    Disk(#[source] BoxedError),
    /// The database is read only: its file or folder is write-protected, or its server is a standby.
    #[error("the database is write-protected")]
    WriteProtected(#[source] BoxedError),
    /// The user of the database lacks a right.
    #[error("the user of the database lacks a right")]
    Denied(#[source] BoxedError),
    /// A table is missing, because somebody dropped it or replaced the database.
    #[error("the database lacks a table; restore it, or run 'stats-admin db upgrade'")]
    NoTable(#[source] BoxedError),
    /// The database file is damaged. All writes are refused.
    #[error(
        "the database file is damaged: {0}; nothing is written to it until it is restored from a backup and the \
         program is restarted"
    )]
    Damaged(String),
    /// The work was cancelled through a [`Cancel`](crate::Cancel).
    #[error("cancelled")]
    Cancelled,
    /// A pooler gives each transaction another connection to PostgreSQL, which the URL does not say.
    #[error(
        "there is a pooler in transaction mode in front of the database: add the parameter pool_mode=transaction to its \
         URL (DATABASE_URL), or set the pooler to session mode"
    )]
    TransactionPooling(#[source] Option<BoxedError>),
    /// The encoding of the database is not UTF-8.
    #[error("the database stores text as {0}; it must be UTF8 (create it with ENCODING 'UTF8')")]
    Encoding(String),
    /// The tables are older than this program.
    #[error("the database needs {0} migration(s) first; run 'stats-admin db upgrade'")]
    PendingMigrations(usize),
    /// A migration failed.
    #[error("the database cannot be migrated")]
    Migration(#[source] BoxedError),
    /// No backup can be written.
    #[error("cannot write a backup to {}", .to.display())]
    Backup {
        /// The file.
        to: PathBuf,
        /// Why.
        source: BoxedError,
    },
    /// A backup cannot be restored. The database is unchanged.
    #[error("cannot restore {}", .from.display())]
    Restore {
        /// The backup.
        from: PathBuf,
        /// Why.
        source: BoxedError,
    },
    /// Another program uses a SQLite database that is to be replaced.
    #[error("the database {database} is in use{}; stop the server and other programs that use it first",
        .process.map_or_else(String::new, |process| format!(" by process {process}")))]
    InUse {
        /// The database.
        database: String,
        /// One of the processes that use it, if known.
        process: Option<i32>,
    },
    /// The target of a copy holds what its source does not.
    #[error(
        "{target} holds more than a copy of {of}: {reason}; copy to a new or an emptied database"
    )]
    NotACopy {
        /// The target.
        target: String,
        /// The source.
        of: String,
        /// What it holds.
        reason: String,
    },
    /// The tables are newer than this program.
    #[error(
        "the tables were made by a newer version of this program ({0} unknown migration(s)); use that version"
    )]
    NewerTables(usize),
    /// A client with the same name, token or public id exists.
    #[error("a client with this {0} exists already")]
    ClientExists(ClientConflict),
    /// There is no such client.
    #[error("there is no such client")]
    NoSuchClient,
    /// Any other error of the database.
    #[error("the database failed")]
    Query(#[source] BoxedError),
}

/// The wait that exceeded its timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// A free connection.
    Connection,
    /// A lock that another program or transaction holds.
    Lock,
    /// A statement.
    Statement,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection => "all connections stayed in use",
            Self::Lock => "a lock stayed in use",
            Self::Statement => "a statement took too long",
        })
    }
}

impl DbError {
    /// Whether the same request may succeed later: the database is unreachable, busy, write-protected or damaged, or its
    /// disk is full.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Missing(_)
                | Self::Replaced(_)
                | Self::Unreadable { .. }
                | Self::Connect { .. }
                | Self::Away { .. }
                | Self::Disconnected(_)
                | Self::Busy(..)
                | Self::Disk(_)
                | Self::WriteProtected(_)
                | Self::Denied(_)
                | Self::NoTable(_)
                | Self::Damaged(_)
                | Self::TransactionPooling(_)
        )
    }
}

impl DbError {
    /// Whether the same command may succeed later without anybody's help: the database is busy, restarts, or fails over.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Busy(..) | Self::Away { .. } | Self::Disconnected(_) => true,
            Self::Connect { database, source } => {
                let message = source.to_string();
                // A server that answers refuses for good, unless it starts, stops or serves enough others.
                let is_refused = message.contains("FATAL:")
                    && !message.contains("the database system is ")
                    && !message.contains("connection slots")
                    && !message.contains("too many ");
                database.starts_with("postgres://") && !is_refused
            }
            _ => false,
        }
    }
}

impl From<DieselError> for DbError {
    /// Classifies the errors of both drivers by their message, because Diesel exposes few of SQLite's result codes and
    /// PostgreSQL's SQLSTATEs. SQLite's messages are constants. PostgreSQL's are English unless the server translates
    /// them and the role may not set `lc_messages`; a timeout is then recognised by the elapsed time.
    fn from(error: DieselError) -> Self {
        let DieselError::DatabaseError(kind, info) = &error else {
            return Self::Query(error.into());
        };
        match (kind, info.message()) {
            (DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _) => {
                Self::Disconnected(error.into())
            }
            (DatabaseErrorKind::ReadOnlyTransaction, _)
            | (_, "attempt to write a readonly database") => Self::WriteProtected(error.into()),
            (_, "database is locked" | "database table is locked") => {
                Self::Busy(Wait::Lock, Some(error.into()))
            }
            (_, "canceling statement due to lock timeout") => {
                Self::Busy(Wait::Lock, Some(error.into()))
            }
            (_, "interrupted" | "canceling statement due to statement timeout") => {
                Self::Busy(Wait::Statement, Some(error.into()))
            }
            (_, "canceling statement due to user request") => Self::Cancelled,
            (_, message @ ("database disk image is malformed" | "file is not a database")) => {
                Self::Damaged(message.to_owned())
            }
            (_, "database or disk is full" | "disk I/O error") => Self::Disk(error.into()),
            // Diesel's names of prepared statements.
            (_, message) if message.contains("\"__diesel_stmt_") => {
                Self::TransactionPooling(Some(error.into()))
            }
            (_, message) if message.starts_with("permission denied for ") => {
                Self::Denied(error.into())
            }
            (_, message)
                if message.starts_with("no such table: ")
                    || message.starts_with("relation ") && message.ends_with(" does not exist") =>
            {
                Self::NoTable(error.into())
            }
            (_, message) if message.contains("No space left on device") => Self::Disk(error.into()),
            _ => Self::Query(error.into()),
        }
    }
}
