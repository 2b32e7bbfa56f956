use std::fs::{DirBuilder, OpenOptions};
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{Pool, PooledConnection};
use diesel::sql_types::Text;

use crate::connection::{Access, Connector, DbConnection, read_transaction, write_transaction};
use crate::{DatabaseUrl, DbError, Snapshot};

/// The storage: clients and their stats in SQLite or PostgreSQL.
///
/// Cheap to clone; all clones share their connections. Every method blocks, so that asynchronous code calls them from
/// a thread where it may.
#[derive(Clone)]
pub struct Db {
    url: DatabaseUrl,
    readers: Pool<Connector>,
    writers: Pool<Connector>,
}

/// The connections to the database at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Those that a request works with.
    pub in_use: u32,
    /// Those that wait for one.
    pub idle: u32,
}

/// Connections that read at the same time; on PostgreSQL those that write are among them.
const READERS: u32 = 10;
/// How long a request waits for its turn before it is told that the service is busy.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

impl Db {
    /// Creates the database if it is not there: the file and its folder, or the database on its server. Tells whether
    /// it did. The tables are made by [`Db::migrate`].
    pub fn create(url: &DatabaseUrl) -> Result<bool, DbError> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                create_file(path).map_err(|error| cannot_connect(url, &error))
            }
            DatabaseUrl::Postgres(server) => {
                let Some(name) = server.database_name() else {
                    return Err(DbError::Url(format!("{server} names no database")));
                };
                let maintenance = DatabaseUrl::Postgres(server.with_database("postgres"));
                let mut conn = connect(&maintenance)?;
                let found = diesel::sql_query(
                    "SELECT datname::text AS text FROM pg_database WHERE datname = $1",
                )
                .bind::<Text, _>(&name)
                .load::<TextRow>(&mut conn)?;
                if !found.is_empty() {
                    return Ok(false);
                }
                let quoted = name.replace('"', "\"\"");
                let create =
                    format!("CREATE DATABASE \"{quoted}\" ENCODING 'UTF8' TEMPLATE template0");
                conn.batch_execute(&create)?;
                Ok(true)
            }
        }
    }

    /// Opens a database that is there.
    pub fn open(url: &DatabaseUrl) -> Result<Self, DbError> {
        if let DatabaseUrl::Sqlite(path) = url
            && !path.exists()
        {
            return Err(DbError::Missing(url.to_string()));
        }
        let mut conn = connect(url)?;
        if let DbConnection::Postgres(_) = conn {
            let encoding: TextRow =
                diesel::sql_query("SELECT current_setting('server_encoding') AS text")
                    .get_result(&mut conn)?;
            if encoding.text != "UTF8" {
                return Err(DbError::Encoding(encoding.text));
            }
        }
        drop(conn);
        let is_postgres = matches!(url, DatabaseUrl::Postgres(_));
        let pool = |access, size| {
            Pool::builder()
                .max_size(size)
                .min_idle(Some(1))
                // A file does not go away; a server does, and a request must not find out by failing.
                .test_on_check_out(is_postgres)
                .connection_timeout(TURN_TIMEOUT)
                .build_unchecked(Connector {
                    url: url.clone(),
                    access,
                })
        };
        let readers = pool(Access::Read, READERS);
        let writers = if is_postgres {
            readers.clone()
        } else {
            pool(Access::Write, 1)
        };
        Ok(Self {
            url: url.clone(),
            readers,
            writers,
        })
    }

    /// Where the database is.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Whether the database answers.
    pub fn ping(&self) -> Result<(), DbError> {
        Ok(self.reader()?.batch_execute("SELECT 1")?)
    }

    /// How many connections there are to the database, and what they do.
    pub fn connections(&self) -> Connections {
        let mut states = vec![self.readers.state()];
        if let DatabaseUrl::Sqlite(_) = self.url {
            states.push(self.writers.state());
        }
        let all: u32 = states.iter().map(|state| state.connections).sum();
        let idle = states.iter().map(|state| state.idle_connections).sum();
        Connections {
            in_use: all.saturating_sub(idle),
            idle,
        }
    }

    /// Deletes all clients and stats.
    pub fn empty(&self) -> Result<(), DbError> {
        self.write(|conn| {
            diesel::delete(crate::schema::stats::table).execute(conn)?;
            diesel::delete(crate::schema::client::table).execute(conn)?;
            Ok(())
        })
    }

    /// Writes a consistent copy to a new file while others read and write. Only for SQLite: PostgreSQL has `pg_dump`.
    pub fn backup(&self, to: &Path) -> Result<(), DbError> {
        let refused = |reason: &str| DbError::Backup(to.display().to_string(), reason.to_owned());
        match &*self.writer()? {
            DbConnection::Postgres(_) => {
                return Err(refused("use pg_dump for a PostgreSQL database"));
            }
            DbConnection::Sqlite(_) => {}
        }
        // An absolute path cannot be taken for one of SQLite's own URIs.
        let absolute = std::path::absolute(to).map_err(|error| refused(&error.to_string()))?;
        let path = absolute
            .to_str()
            .ok_or_else(|| refused("its path is not UTF-8"))?;
        // The file is made first, so that it is ours and nobody else may read it: it holds the clients' tokens.
        match create_file(&absolute) {
            Ok(true) => {}
            Ok(false) => return Err(refused("there is a file of this name")),
            Err(error) => return Err(refused(&error.to_string())),
        }
        let copied = diesel::sql_query("VACUUM INTO $1")
            .bind::<Text, _>(path)
            .execute(&mut *self.writer()?);
        if copied.is_err() {
            // Half a copy is none; if it cannot be removed, the error below says enough.
            let _ = std::fs::remove_file(&absolute);
        }
        copied?;
        Ok(())
    }

    /// Runs `work` on the database as it is at one moment, whatever is written meanwhile.
    pub fn read<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = self.reader()?;
        read_transaction(&mut conn, |conn| work(&mut Snapshot::new(conn)))
    }

    pub(crate) fn reader(&self) -> Result<PooledConnection<Connector>, DbError> {
        self.readers
            .get()
            .map_err(|error| DbError::Unavailable(error.to_string()))
    }

    pub(crate) fn writer(&self) -> Result<PooledConnection<Connector>, DbError> {
        self.writers
            .get()
            .map_err(|error| DbError::Unavailable(error.to_string()))
    }

    /// The connection that writes, if it is free right now.
    pub(crate) fn idle_writer(&self) -> Option<PooledConnection<Connector>> {
        self.writers.try_get()
    }

    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        write_transaction(&mut *self.writer()?, work)
    }
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

fn connect(url: &DatabaseUrl) -> Result<DbConnection, DbError> {
    let connector = Connector {
        url: url.clone(),
        access: Access::Write,
    };
    connector
        .open()
        .map_err(|error| cannot_connect(url, &error))
}

/// The drivers explain themselves in several lines; an error is one.
fn cannot_connect(url: &DatabaseUrl, error: &dyn std::error::Error) -> DbError {
    let reason = error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    DbError::Connect {
        database: url.to_string(),
        reason,
    }
}

/// Creates an empty file, and its folder, which nobody else may read: it will hold the clients' tokens.
fn create_file(path: &Path) -> std::io::Result<bool> {
    let mut folder = DirBuilder::new();
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folder.mode(0o750);
        file.mode(0o640);
    }
    if let Some(parent) = path.parent() {
        folder.recursive(true).create(parent)?;
    }
    match file.write(true).create_new(true).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_file() => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
