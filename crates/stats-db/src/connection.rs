//! One connection type for both databases.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, CacheSize, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::result::Error::DatabaseError;
use diesel::sql_types::{BigInt, Integer, Text};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::error::BoxedError;
use crate::monitor::file_id;
use crate::url::PostgresUrl;
use crate::wal::Wal;
use crate::{DatabaseUrl, DbError, PoolMode, Timeouts};

#[derive(diesel::MultiConnection)]
pub(crate) enum DbConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Compiles a Diesel expression once per database, for features that the derived enum lacks: `ON CONFLICT` and loading
/// row by row. The second form names the backend and the loading mode of the current database.
macro_rules! on_each_backend {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::connection::DbConnection::Postgres($c) => $body,
            $crate::connection::DbConnection::Sqlite($c) => $body,
        }
    };
    ($conn:expr, |$c:ident, $Backend:ident, $RowByRow:ident| $body:expr) => {
        match $conn {
            $crate::connection::DbConnection::Postgres($c) => {
                type $Backend = diesel::pg::Pg;
                type $RowByRow = diesel::pg::PgRowByRowLoadingMode;
                $body
            }
            $crate::connection::DbConnection::Sqlite($c) => {
                type $Backend = diesel::sqlite::Sqlite;
                type $RowByRow = diesel::connection::DefaultLoadingMode;
                $body
            }
        }
    };
}
pub(crate) use on_each_backend;

/// Pause between two attempts to switch a new SQLite file to WAL.
const WAL_PAUSE: Duration = Duration::from_millis(5);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Opens connections.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) url: DatabaseUrl,
    pub(crate) access: Access,
    pub(crate) timeouts: Timeouts,
}

/// A connection in a pool.
pub(crate) struct Pooled {
    pub(crate) conn: DbConnection,
    /// The PostgreSQL backend that it keeps, which cancels its statement. A pooler in transaction mode keeps none.
    pub(crate) backend: Option<Backend>,
    /// Whether the pool must replace it.
    pub(crate) is_broken: bool,
    pub(crate) wal: Wal,
}

/// A process of PostgreSQL that serves a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub(crate) struct Backend {
    #[diesel(sql_type = Integer)]
    pub(crate) pid: i32,
    /// When its server started, in microseconds since 1970. Another server has other processes.
    #[diesel(sql_type = BigInt)]
    pub(crate) server_start: i64,
}

/// [`Backend::server_start`] in SQL.
pub(crate) const SERVER_START: &str =
    "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";

impl Backend {
    /// The one that serves `conn`.
    pub(crate) fn of(conn: &mut DbConnection) -> QueryResult<Self> {
        diesel::sql_query(format!(
            "SELECT pg_backend_pid() AS pid, {SERVER_START} AS server_start"
        ))
        .get_result(conn)
    }
}

impl Connector {
    pub(crate) fn new(url: &DatabaseUrl, access: Access, timeouts: &Timeouts) -> Self {
        Self {
            url: url.clone(),
            access,
            timeouts: timeouts.clone(),
        }
    }

    pub(crate) fn open(&self) -> Result<Pooled, DbError> {
        let (conn, backend) = match &self.url {
            DatabaseUrl::Postgres(url) => {
                let conn = PgConnection::establish(&url.to_libpq());
                let mut conn = conn.map_err(|error| self.explain_server(url, &error))?;
                let encoding = configure_postgres(&mut conn, url.pool_mode(), &self.timeouts)
                    .map_err(|error| self.failed(error))?;
                if encoding != "UTF8" {
                    return Err(DbError::Encoding(encoding));
                }
                let mut conn = DbConnection::Postgres(conn);
                let backend = match url.pool_mode() {
                    PoolMode::Session => Some(Backend::of(&mut conn)?),
                    PoolMode::Transaction => None,
                };
                (conn, backend)
            }
            DatabaseUrl::Sqlite(path) => {
                sqlite_deadline::install();
                let conn = loop {
                    let file = file_id(path);
                    let conn = self.open_sqlite(path);
                    // While it waited for a lock, a backup may have replaced the file.
                    if file_id(path) == file {
                        break conn;
                    }
                };
                let conn = conn.map_err(|error| self.explain_file(path, error))?;
                (DbConnection::Sqlite(conn), None)
            }
        };
        Ok(Pooled {
            conn,
            backend,
            is_broken: false,
            wal: Wal::default(),
        })
    }

    fn open_sqlite(&self, path: &Path) -> ConnectionResult<SqliteConnection> {
        let open = |parameters| {
            let mut conn = SqliteConnection::establish(&sqlite_uri(path, parameters))?;
            configure_sqlite(&mut conn, self.access, self.timeouts.lock)
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(conn)
        };
        // `rw` does not create a file, and opens a write-protected one for reading.
        let opened = open("mode=rw");
        // In WAL mode readers need the -wal and -shm files. A user without permission to create them can read a
        // database that no program has open: it has no -wal file.
        if opened.is_err() && self.access == Access::Read && !with_suffix(path, "-wal").exists() {
            return open("mode=ro&immutable=1").or(opened);
        }
        opened
    }

    /// Why a SQLite file could not be opened. SQLite always reports "unable to open database file".
    fn explain_file(&self, path: &Path, error: ConnectionError) -> DbError {
        let database = self.url.to_string();
        // Opening the file and closing it again would end the locks that SQLite holds for other connections.
        match is_readable(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => DbError::Missing(database),
            Err(source) => DbError::Unreadable { database, source },
            Ok(()) => self.failed(match (error, write_protection(path)) {
                (_, Some(source)) if self.access == Access::Write => {
                    DbError::WriteProtected(source.into()).into()
                }
                (ConnectionError::CouldntSetupConfiguration(error), _) => {
                    BoxedError::from(DbError::from(error))
                }
                (error, _) => error.into(),
            }),
        }
    }

    /// Converts a message of libpq, which has several lines and may name the user.
    fn explain_server(&self, url: &PostgresUrl, error: &ConnectionError) -> DbError {
        let message = error.to_string();
        let words: Vec<_> = message.split_whitespace().collect();
        let message = url.hide_user(&words.join(" "));
        match message.contains("FATAL: database ") && message.ends_with(" does not exist") {
            true => DbError::Missing(self.url.to_string()),
            false => self.failed(message),
        }
    }

    fn failed(&self, error: impl Into<BoxedError>) -> DbError {
        DbError::Connect {
            database: self.url.to_string(),
            source: error.into(),
        }
    }
}

/// Why a file cannot be written to, or no file can be created beside it, which WAL mode needs.
fn write_protection(path: &Path) -> Option<io::Error> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let created = || tempfile::tempfile_in(folder.unwrap_or(Path::new(".")));
    let writable = is_writable(path);
    writable.and_then(|()| created()).err()
}

#[cfg(unix)]
fn is_readable(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::READ_OK)?)
}

#[cfg(unix)]
fn is_writable(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(not(unix))]
fn is_readable(path: &Path) -> io::Result<()> {
    std::fs::metadata(path).map(drop)
}

#[cfg(not(unix))]
fn is_writable(path: &Path) -> io::Result<()> {
    std::fs::metadata(path).map(drop)
}

/// The `file:` URI of a path, which may contain any characters.
pub(crate) fn sqlite_uri(path: &Path, parameters: &str) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = path.to_string_lossy();
    let path = utf8_percent_encode(&path, SPECIAL_IN_URI);
    format!("file:{path}?{parameters}")
}

/// The characters with a special meaning in SQLite's URIs.
const SPECIAL_IN_URI: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn configure_sqlite(
    conn: &mut SqliteConnection,
    access: Access,
    lock_timeout: Duration,
) -> QueryResult<()> {
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = {}; PRAGMA foreign_keys = ON;",
        lock_timeout.as_millis()
    ))?;
    match access {
        // Reading the schema fails if the file is unreadable or not a database.
        Access::Read => conn.batch_execute("PRAGMA query_only = ON; SELECT 1 FROM sqlite_schema"),
        // FULL: committed data must survive a power cut. A checkpoint syncs the file, so it waits for 16 MB.
        Access::Write => {
            switch_to_wal(conn, lock_timeout)?;
            conn.batch_execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000")
        }
    }
}

/// Switching a new file to WAL needs an exclusive lock, and SQLite does not apply the busy timeout to it.
fn switch_to_wal(conn: &mut SqliteConnection, timeout: Duration) -> QueryResult<()> {
    let begun = Instant::now();
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            Err(DatabaseError(_, info))
                if info.message() == "database is locked" && begun.elapsed() < timeout =>
            {
                thread::sleep(WAL_PAUSE);
            }
            result => return result,
        }
    }
}

/// Prepares a new connection, and returns the encoding of the database.
fn configure_postgres(
    conn: &mut PgConnection,
    pool_mode: PoolMode,
    timeouts: &Timeouts,
) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Text)]
        encoding: String,
    }

    const ENCODING: &str = "current_setting('server_encoding') AS encoding";
    let found: Found = match pool_mode {
        PoolMode::Session => {
            // Errors are classified by their English text. Some roles may not choose the language.
            let _ = conn.batch_execute("SET lc_messages = 'C'");
            diesel::sql_query(format!(
                "SELECT {ENCODING}, \
                 set_config('lock_timeout', $1, false), set_config('statement_timeout', $2, false)",
            ))
            .bind::<Text, _>(milliseconds(Some(timeouts.lock)))
            .bind::<Text, _>(milliseconds(timeouts.statement))
            .get_result(conn)?
        }
        PoolMode::Transaction => {
            conn.set_prepared_statement_cache_size(CacheSize::Disabled);
            conn.transaction(|conn| {
                diesel::sql_query(format!("SELECT {ENCODING}")).get_result(conn)
            })?
        }
    };
    Ok(found.encoding)
}

/// A timeout in PostgreSQL's format; 0 means no timeout.
fn milliseconds(timeout: Option<Duration>) -> String {
    timeout.unwrap_or_default().as_millis().to_string()
}

impl ManageConnection for Connector {
    type Connection = Pooled;
    type Error = DbError;

    fn connect(&self) -> Result<Pooled, DbError> {
        self.open()
    }

    /// Never called: a failure marks a connection as broken, which saves a round trip before each use.
    fn is_valid(&self, _: &mut Pooled) -> Result<(), DbError> {
        Ok(())
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        thread::panicking() || pooled.is_broken || pooled.conn.is_broken()
    }
}

/// The key of the advisory lock that allows one writing transaction at a time on PostgreSQL ("stats" in ASCII).
pub(crate) const WRITE_LOCK: i64 = 0x73_74_61_74_73;

/// Begins a read transaction on a snapshot of the database.
pub(crate) fn begin_read(
    conn: &mut DbConnection,
    lock: Duration,
    statement: Option<Duration>,
) -> QueryResult<()> {
    match conn {
        DbConnection::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(
            conn,
            &format!(
                "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                 SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}",
                milliseconds(Some(lock)),
                milliseconds(statement)
            ),
        ),
        DbConnection::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
    }
}

/// Begins a write transaction, one at a time on either database. SQLite allows only one. On PostgreSQL this makes `seq`
/// the order in which stats become visible, and prevents deadlocks between batches.
///
/// On SQLite it takes the lock before any read: a transaction that reads first fails with "database is locked" when
/// another writer commits, regardless of the busy timeout.
pub(crate) fn begin_write(
    conn: &mut DbConnection,
    lock: Duration,
    statement: Option<Duration>,
) -> QueryResult<()> {
    begin_write_unlocked(conn, lock, statement)?;
    let DbConnection::Postgres(conn) = conn else {
        return Ok(());
    };
    let locked = conn.batch_execute(&format!("SELECT pg_advisory_xact_lock({WRITE_LOCK})"));
    if locked.is_err() {
        let _ = AnsiTransactionManager::rollback_transaction(conn);
    }
    locked
}

/// Like [`begin_write`], but on PostgreSQL the transaction has to take [`WRITE_LOCK`] before it writes.
pub(crate) fn begin_write_unlocked(
    conn: &mut DbConnection,
    lock: Duration,
    statement: Option<Duration>,
) -> QueryResult<()> {
    match conn {
        DbConnection::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(
            conn,
            &format!(
                "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}",
                milliseconds(Some(lock)),
                milliseconds(statement)
            ),
        ),
        DbConnection::Sqlite(conn) => {
            conn.batch_execute(&format!("PRAGMA busy_timeout = {}", lock.as_millis()))?;
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
        }
    }
}

/// Commits the transaction if `result` is `Ok`, otherwise rolls it back.
pub(crate) fn finish<T, E: From<DbError>>(
    conn: &mut DbConnection,
    result: Result<T, E>,
) -> Result<T, E> {
    type Manager = <DbConnection as Connection>::TransactionManager;
    match result {
        Ok(value) => {
            Manager::commit_transaction(conn).map_err(DbError::from)?;
            Ok(value)
        }
        Err(error) => {
            // The rollback fails on a lost connection. Return the first error.
            let _ = Manager::rollback_transaction(conn);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[derive(QueryableByName)]
    struct Pragmas {
        #[diesel(sql_type = Text)]
        journal_mode: String,
        #[diesel(sql_type = Integer)]
        synchronous: i32,
        #[diesel(sql_type = Integer)]
        foreign_keys: i32,
        #[diesel(sql_type = Integer)]
        query_only: i32,
    }

    #[test]
    fn sqlite_pragmas_are_durable() {
        const FULL: i32 = 2;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("special %3f?#'name.db");
        File::create(&path).unwrap();
        for (access, query_only) in [(Access::Write, 0), (Access::Read, 1)] {
            let connector = Connector {
                url: DatabaseUrl::sqlite(&path),
                access,
                timeouts: Timeouts::default(),
            };
            let pragmas: Pragmas = diesel::sql_query(
                "SELECT * FROM pragma_journal_mode, pragma_synchronous, pragma_foreign_keys, pragma_query_only",
            )
            .get_result(&mut connector.open().unwrap().conn)
            .unwrap();
            assert_eq!(pragmas.journal_mode, "wal");
            assert_eq!((pragmas.synchronous, pragmas.foreign_keys), (FULL, 1));
            assert_eq!(pragmas.query_only, query_only);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_replaced_while_its_lock_is_held_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stats.db");
        let create = |path: &Path, table: &str| {
            File::create(path).unwrap();
            let conn = SqliteConnection::establish(&sqlite_uri(path, "mode=rw"));
            let mut conn = conn.unwrap();
            let create = format!("CREATE TABLE {table} (id INTEGER)");
            conn.batch_execute(&create).unwrap();
            conn
        };
        let mut holder = create(&path, "old");
        holder.batch_execute("BEGIN EXCLUSIVE").unwrap();
        let times_open = || {
            let open = std::fs::read_dir("/proc/self/fd").unwrap();
            let open = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
            open.filter(|open| *open == path).count()
        };
        let held = times_open();
        thread::scope(|scope| {
            let opening = scope.spawn(|| {
                let url = DatabaseUrl::sqlite(&path);
                let connector = Connector::new(&url, Access::Write, &Timeouts::default());
                connector.open().unwrap().conn
            });
            while times_open() == held {
                thread::yield_now();
            }
            let new = folder.path().join("new.db");
            drop(create(&new, "new"));
            std::fs::rename(new, &path).unwrap();
            drop(holder);
            let mut conn = opening.join().unwrap();
            conn.batch_execute("SELECT * FROM new").unwrap();
        });
    }
}
