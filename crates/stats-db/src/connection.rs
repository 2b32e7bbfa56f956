//! One connection type for both databases.

use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::{self, ManageConnection, R2D2Connection};
use diesel::result::Error::DatabaseError;

use crate::{DatabaseUrl, DbError};

#[derive(diesel::MultiConnection)]
pub(crate) enum DbConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Runs the same Diesel expression once per database, for what the derived enum cannot express: `ON CONFLICT`, and
/// loading row by row. The second form names the backend and the loading mode of the database at hand.
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

/// How long SQLite waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long we wait where SQLite does not.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// SQLite's own text for its code of this name, which Diesel does not pass on.
const SQLITE_BUSY: &str = "database is locked";

/// What a connection is for. On PostgreSQL all are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Opens connections for a pool.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) url: DatabaseUrl,
    pub(crate) access: Access,
}

impl Connector {
    pub(crate) fn open(&self) -> ConnectionResult<DbConnection> {
        match &self.url {
            DatabaseUrl::Postgres(url) => {
                PgConnection::establish(&url.to_libpq()).map(DbConnection::Postgres)
            }
            DatabaseUrl::Sqlite(path) => {
                // An absolute or dotted path cannot be taken for one of SQLite's own URIs.
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
                // What was acknowledged must survive a power cut, hence FULL.
                let pragmas = format!(
                    "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA query_only = {};",
                    BUSY_TIMEOUT.as_millis(),
                    self.access == Access::Read,
                );
                configure(&mut conn, &pragmas)
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(DbConnection::Sqlite(conn))
            }
        }
    }
}

/// Whoever opens a new file first turns it to WAL, for which SQLite takes it whole, and the one thing for which it lets
/// nobody wait: two that would wait for each other are told that the file is locked.
fn configure(conn: &mut SqliteConnection, pragmas: &str) -> QueryResult<()> {
    let begun = Instant::now();
    loop {
        match conn.batch_execute(pragmas) {
            Err(DatabaseError(_, info))
                if info.message() == SQLITE_BUSY && begun.elapsed() < BUSY_TIMEOUT =>
            {
                thread::sleep(BUSY_PAUSE);
            }
            result => return result,
        }
    }
}

impl ManageConnection for Connector {
    type Connection = DbConnection;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<DbConnection, r2d2::Error> {
        Ok(self.open()?)
    }

    fn is_valid(&self, conn: &mut DbConnection) -> Result<(), r2d2::Error> {
        Ok(conn.ping()?)
    }

    fn has_broken(&self, conn: &mut DbConnection) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}

/// The key of the lock that lets one transaction write at a time on PostgreSQL ("stats" in ASCII).
const WRITE_LOCK: i64 = 0x73_74_61_74_73;

/// Runs `work` in a transaction that writes, one at a time on either database. SQLite can do no other; on PostgreSQL
/// it makes the order of `seq` the order in which stats become visible, and rules out deadlocks between batches.
///
/// On SQLite the lock is taken before anything is read: a transaction that reads first fails with "database is locked"
/// as soon as another writer got in between, whatever the timeout.
pub(crate) fn write_transaction<T, E>(
    conn: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<DbError>,
{
    let begun = match conn {
        DbConnection::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn),
        DbConnection::Sqlite(conn) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
        }
    };
    begun.map_err(DbError::from)?;
    finish_transaction(conn, |conn| {
        if let DbConnection::Postgres(conn) = conn {
            let lock = format!("SELECT pg_advisory_xact_lock({WRITE_LOCK})");
            conn.batch_execute(&lock).map_err(DbError::from)?;
        }
        work(conn)
    })
}

/// Runs `work` in a transaction that sees the database as it is at one moment.
pub(crate) fn read_transaction<T, E>(
    conn: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<DbError>,
{
    let begun = match conn {
        DbConnection::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(
            conn,
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        ),
        DbConnection::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
    };
    begun.map_err(DbError::from)?;
    finish_transaction(conn, work)
}

fn finish_transaction<T, E>(
    conn: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<DbError>,
{
    type Manager = <DbConnection as Connection>::TransactionManager;
    match work(conn) {
        Ok(value) => {
            Manager::commit_transaction(conn).map_err(DbError::from)?;
            Ok(value)
        }
        Err(error) => {
            // Where the connection is lost, so is the transaction; the first error is the one that matters.
            let _ = Manager::rollback_transaction(conn);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::{Integer, Text};

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

    /// What a power cut would tell, and nothing less than that can.
    #[test]
    fn sqlite_is_told_to_lose_nothing() {
        const FULL: i32 = 2;
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("stats.db"));
        for (access, query_only) in [(Access::Write, 0), (Access::Read, 1)] {
            let mut conn = Connector {
                url: url.clone(),
                access,
            }
            .open()
            .unwrap();
            let pragmas: Pragmas = diesel::sql_query(
                "SELECT * FROM pragma_journal_mode, pragma_synchronous, pragma_foreign_keys, pragma_query_only",
            )
            .get_result(&mut conn)
            .unwrap();
            assert_eq!(pragmas.journal_mode, "wal");
            assert_eq!((pragmas.synchronous, pragmas.foreign_keys), (FULL, 1));
            assert_eq!(pragmas.query_only, query_only);
        }
    }
}
