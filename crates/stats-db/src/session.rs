use std::path::Path;
use std::time::Instant;

use diesel::SqliteConnection;
use diesel::r2d2::PooledConnection;
use sqlite_deadline::{Limit, LimitGuard};

use crate::connection::{Backend, Connector, DbConnection, Pooled, begin_read, finish};
use crate::error::Wait;
use crate::wal::Wal;
use crate::{DatabaseUrl, Db, DbError, PoolMode};

/// A pooled connection in use by one thread.
pub(crate) struct Session<'a> {
    db: &'a Db,
    pooled: PooledConnection<Connector>,
    begun: Instant,
    /// Whether the database failed, and not because of this program.
    has_failed: bool,
    _limit: LimitGuard,
}

impl<'a> Session<'a> {
    /// Makes the cancellation of `db` cancel what runs on this connection.
    pub(crate) fn enter(db: &'a Db, pooled: PooledConnection<Connector>) -> Result<Self, DbError> {
        if let Some(backend) = pooled.backend {
            db.watch(backend);
        }
        db.check_cancelled()?;
        let begun = Instant::now();
        let limit = Limit {
            deadline: db.statement_timeout().map(|timeout| begun + timeout),
            cancelled: db.cancel().map(|cancel| cancel.flag()),
        };
        Ok(Self {
            db,
            pooled,
            begun,
            has_failed: false,
            _limit: limit.enter(),
        })
    }

    pub(crate) fn db(&self) -> &'a Db {
        self.db
    }

    pub(crate) fn conn(&mut self) -> &mut DbConnection {
        &mut self.pooled.conn
    }

    /// Whether the database failed, and not because a caller cancelled the work or a statement took too long.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The state of the `-wal` file of a SQLite database, its connection and its path.
    fn wal(&mut self) -> Option<(&mut Wal, &mut SqliteConnection, &Path)> {
        let Pooled { conn, wal, .. } = &mut *self.pooled;
        match (conn, self.db.url()) {
            (DbConnection::Sqlite(conn), DatabaseUrl::Sqlite(path)) => Some((wal, conn, path)),
            _ => None,
        }
    }

    /// Begins a transaction, which [`Session::finish`] ends.
    pub(crate) fn begin(
        &mut self,
        begin: impl FnOnce(&mut DbConnection) -> diesel::QueryResult<()>,
    ) -> Result<(), DbError> {
        self.run(|conn| Ok(begin(conn)?))?;
        // A pooler in transaction mode gives each transaction another backend.
        if self.db.pool_mode() == PoolMode::Transaction && self.db.cancel().is_some() {
            let backend = self.run(|conn| Ok(Backend::of(conn)?))?;
            self.db.watch(backend);
            self.db.check_cancelled()?;
        }
        Ok(())
    }

    /// Runs `work`. Refines its error, and records damage and broken connections.
    pub(crate) fn run<T>(
        &mut self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        work(self.conn()).map_err(|error| {
            let db = self.db;
            db.note(&error);
            let is_postgres = matches!(self.pooled.conn, DbConnection::Postgres(_));
            self.pooled.is_broken |= match error {
                DbError::Disconnected(_) => true,
                // The server has become a standby. A new connection finds the one that is not.
                DbError::WriteProtected(_) => is_postgres,
                _ => false,
            };
            self.has_failed |= !matches!(
                error,
                DbError::Cancelled | DbError::Busy(Wait::Statement, _)
            );
            match error {
                // PostgreSQL may have reported a timeout in another language.
                DbError::Query(source)
                    if is_postgres && self.begun.elapsed() >= db.lock_timeout() =>
                {
                    DbError::Busy(Wait::Statement, Some(source))
                }
                DbError::Busy(..) if db.check_cancelled().is_err() => DbError::Cancelled,
                error => error,
            }
        })
    }

    /// Runs a query of one statement, outside a transaction.
    pub(crate) fn query<T>(
        &mut self,
        work: impl FnOnce(&mut DbConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, DbError> {
        if self.db.pool_mode() == PoolMode::Session {
            return self.run(|conn| Ok(work(conn)?));
        }
        // Preparing and executing a statement are two steps, which a pooler may send to two backends.
        let (lock, statement) = (self.db.lock_timeout(), self.db.statement_timeout());
        self.run(|conn| {
            begin_read(conn, lock, statement)?;
            let result = work(conn).map_err(DbError::from);
            finish(conn, result)
        })
    }

    /// Commits the transaction if `result` is `Ok`, otherwise rolls it back.
    pub(crate) fn finish<T, E: From<DbError>>(&mut self, result: Result<T, E>) -> Result<T, E> {
        if self.leave() {
            // The pool closes the connection, which ends the transaction.
            return Err(DbError::Cancelled.into());
        }
        finish(self.conn(), result)
    }

    /// Runs `work` and finishes the open transaction.
    pub(crate) fn transact<T>(
        mut self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let result = self.run(work);
        let result = match self.leave() {
            true => Err(DbError::Cancelled),
            false => self.run(|conn| finish(conn, result)),
        };
        if result.is_ok()
            && let Some((wal, conn, path)) = self.wal()
        {
            wal.settle(conn, path);
        }
        result
    }

    /// Ends the effect of a cancellation on this connection. Returns whether one was sent. It may arrive late, so the
    /// connection is not used again.
    fn leave(&mut self) -> bool {
        let was_cancelled = self.db.cancel().is_some_and(|cancel| cancel.leave());
        self.pooled.is_broken |= was_cancelled;
        was_cancelled
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
