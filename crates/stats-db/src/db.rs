use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::r2d2::Pool;
use stats_core::{TokenStorage, WithCauses};

use crate::cancel::Cancel;
use crate::connection::{
    Access, Backend, Connector, DbConnection, begin_write, begin_write_unlocked,
};
use crate::error::Wait;
use crate::monitor::Monitor;
use crate::replica::{Replica, ReplicaUse};
use crate::session::Session;
use crate::{DatabaseUrl, DbError, Options, PoolMode, Snapshot, Timeouts};

/// The storage: clients and their stats in SQLite or PostgreSQL.
///
/// Cheap to clone; all clones share their connections. Every method blocks: asynchronous code calls them on a thread
/// for blocking work. Every wait is bounded, see [`Timeouts`].
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    token_storage: TokenStorage,
    statement: Option<Duration>,
    cancel: Option<Cancel>,
}

struct Shared {
    url: DatabaseUrl,
    timeouts: Timeouts,
    readers: Pool<Connector>,
    writers: Pool<Connector>,
    monitor: Monitor,
    replica: Option<Replica>,
}

/// The connections to the database at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// In use by a request.
    pub in_use: u32,
    /// Free.
    pub idle: u32,
}

/// The monitor's own connection.
const MONITORS: u32 = 1;
/// Connections for writing; all others are for reading. SQLite allows one writer; on PostgreSQL the second one sends its
/// statements while the first one commits.
const SQLITE_WRITERS: u32 = 1;
const POSTGRES_WRITERS: u32 = 2;
/// How often a request that waits for a connection checks for cancellation and for an unreachable database.
const POLL: Duration = Duration::from_millis(50);
/// The wait for a probe after a request got no connection.
pub(crate) const PROBE: Duration = Duration::from_secs(1);
/// The wait of a migration for another one.
pub(crate) const MIGRATION_LOCK: Duration = Duration::from_secs(3600);

impl Db {
    /// Opens an existing database with the default timeouts.
    pub fn open(url: &DatabaseUrl) -> Result<Self, DbError> {
        Self::open_with(url, Timeouts::default())
    }

    /// Opens an existing database.
    pub fn open_with(url: &DatabaseUrl, options: impl Into<Options>) -> Result<Self, DbError> {
        let mut options = options.into();
        let replica = options.replica.take();
        if let Some(replica) = &replica
            && let (DatabaseUrl::Sqlite(_), _) | (_, DatabaseUrl::Sqlite(_)) = (url, replica)
        {
            return Err(DbError::Url(format!(
                "{replica} cannot be a replica of {url}: only PostgreSQL has replicas"
            )));
        }
        // Fail here rather than in a pool, which would retry.
        Connector::new(url, Access::Read, &options.timeouts).open()?;
        let replica = replica.map(|url| Replica::new(Self::pooled(&url, &options, None)));
        Ok(Self::pooled(url, &options, replica))
    }

    /// The storage at `url`, which need not be reachable.
    fn pooled(url: &DatabaseUrl, options: &Options, replica: Option<Replica>) -> Self {
        let Options {
            timeouts,
            connections,
            ..
        } = options;
        let monitor = Monitor::start(url);
        let pool = |access, size, idle| {
            Pool::builder()
                .max_size(size)
                .min_idle(Some(idle))
                .test_on_check_out(false)
                .connection_timeout(timeouts.connection)
                .error_handler(Box::new(monitor.clone()))
                .build_unchecked(Connector::new(url, access, timeouts))
        };
        let writers = match url {
            DatabaseUrl::Sqlite(_) => SQLITE_WRITERS,
            DatabaseUrl::Postgres(_) => POSTGRES_WRITERS,
        };
        let readers = (*connections).max(Options::MIN_CONNECTIONS) - writers - MONITORS;
        let shared = Shared {
            url: url.clone(),
            readers: pool(Access::Read, readers, 1),
            // Opened by the first write, so that a user without write permission can still read.
            writers: pool(Access::Write, writers, 0),
            monitor,
            timeouts: timeouts.clone(),
            replica,
        };
        Self {
            shared: Arc::new(shared),
            token_storage: TokenStorage::default(),
            statement: timeouts.statement,
            cancel: None,
        }
    }

    /// The same storage with another way to store the tokens of clients. By default they are plain.
    #[must_use]
    pub fn with_token_storage(&self, token_storage: TokenStorage) -> Self {
        Self {
            token_storage,
            ..self.clone()
        }
    }

    /// The same storage with another statement timeout.
    #[must_use]
    pub fn with_statement_timeout(&self, timeout: Option<Duration>) -> Self {
        Self {
            statement: timeout,
            ..self.clone()
        }
    }

    /// The same storage for work that `cancel` cancels. It runs one transaction at a time.
    #[must_use]
    pub fn cancelled_by(&self, cancel: &Cancel) -> Self {
        Self {
            cancel: Some(cancel.clone()),
            ..self.clone()
        }
    }

    /// How the tokens of clients are stored.
    pub fn token_storage(&self) -> TokenStorage {
        self.token_storage
    }

    /// The URL of the database.
    pub fn url(&self) -> &DatabaseUrl {
        &self.shared.url
    }

    /// Probes the database: reads a row of a real table. Fails unless that succeeds within `timeout`.
    ///
    /// Simultaneous checks share one probe. While the database is unreachable, all other calls fail immediately with
    /// [`DbError::Away`] and a probe runs every half second. One line is logged when the database becomes unreachable
    /// and one when it answers again.
    pub fn check(&self, timeout: Duration) -> Result<(), DbError> {
        self.shared.monitor.check(timeout)
    }

    /// The wait for a lock.
    pub(crate) fn lock_timeout(&self) -> Duration {
        self.shared.timeouts.lock
    }

    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        self.statement
    }

    pub(crate) fn cancel(&self) -> Option<&Cancel> {
        self.cancel.as_ref()
    }

    pub(crate) fn pool_mode(&self) -> PoolMode {
        match self.url() {
            DatabaseUrl::Postgres(url) => url.pool_mode(),
            DatabaseUrl::Sqlite(_) => PoolMode::Session,
        }
    }

    /// Makes the cancellation of the work cancel the statements of this backend.
    pub(crate) fn watch(&self, backend: Backend) {
        if let Some(cancel) = &self.cancel {
            cancel.enter(backend, self.shared.monitor.commands());
        }
    }

    /// Records damage.
    pub(crate) fn note(&self, error: &DbError) {
        self.shared.monitor.note(error);
    }

    /// See [`Monitor::suspect`].
    pub(crate) fn suspect(&self, timeout: Duration) {
        self.shared.monitor.suspect(timeout);
    }

    /// Why the replica cannot be read from at the moment, if there is one and it cannot.
    pub fn find_replica_fault(&self) -> Option<String> {
        let replica = self.shared.replica.as_ref()?;
        let fault = replica.check(self).err()?;
        Some(WithCauses(&fault).to_string())
    }

    /// How many reads the replica answered, if there is one.
    pub fn replica_use(&self) -> Option<ReplicaUse> {
        self.shared.replica.as_ref().map(Replica::usage)
    }

    /// The number of open connections, also to the replica.
    pub fn connections(&self) -> Connections {
        let Shared {
            readers,
            writers,
            replica,
            ..
        } = &*self.shared;
        let states = [readers.state(), writers.state()];
        let all: u32 = states.iter().map(|state| state.connections).sum();
        let idle = states.iter().map(|state| state.idle_connections).sum();
        let Connections {
            in_use: in_use_there,
            idle: idle_there,
        } = replica
            .as_ref()
            .map(Replica::connections)
            .unwrap_or_default();
        Connections {
            in_use: all.saturating_sub(idle) + in_use_there,
            idle: idle + idle_there,
        }
    }

    /// Runs `work` on a snapshot of the database: it does not see later writes.
    pub fn read<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut snapshot = self.retry_disconnected(|| {
            let session = self.session(Access::Read)?;
            Snapshot::begin(session, None)
        })?;
        let result = work(&mut snapshot);
        snapshot.session.finish(result)
    }

    /// Like [`Db::read`], on the replica if it has all that the database has acknowledged, which takes three short queries to
    /// find out. Otherwise, or if the replica fails meanwhile, `work` runs on the database, maybe a second time.
    pub fn read_replica<T, E: From<DbError>>(
        &self,
        mut work: impl FnMut(&mut Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let replica = self.shared.replica.as_ref();
        match replica.and_then(|replica| replica.read(self, &mut work)) {
            Some(result) => result,
            None => self.read(work),
        }
    }

    /// Runs a query of one statement.
    pub(crate) fn query<T>(
        &self,
        work: impl Fn(&mut DbConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, DbError> {
        self.retry_disconnected(|| self.session(Access::Read)?.query(&work))
    }

    /// Runs `work` in a transaction that writes.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.write_after(self.shared.timeouts.lock, work)
    }

    /// Like [`Db::write`], but on PostgreSQL `work` has to take [`WRITE_LOCK`](crate::connection::WRITE_LOCK) before it
    /// writes.
    pub(crate) fn write_unlocked<T>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.shared.monitor.require_undamaged()?;
        let lock = self.shared.timeouts.lock;
        let begin = |conn: &mut DbConnection| begin_write_unlocked(conn, lock, self.statement);
        self.begin(Access::Write, begin)?.transact(work)
    }

    /// Like [`Db::write`], with the long lock timeout of migrations and without a statement timeout.
    pub(crate) fn write_migrations<T>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let unlimited = self.with_statement_timeout(None);
        unlimited.write_after(MIGRATION_LOCK, work)
    }

    fn write_after<T>(
        &self,
        lock: Duration,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.shared.monitor.require_undamaged()?;
        let begin = |conn: &mut DbConnection| begin_write(conn, lock, self.statement);
        self.begin(Access::Write, begin)?.transact(work)
    }

    /// Like [`Db::write`], for optional work: waits at most `lock` for a connection and as long for locks. Returns
    /// `None` if no connection becomes free.
    pub(crate) fn try_write<T>(
        &self,
        lock: Duration,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError>,
    ) -> Result<Option<T>, DbError> {
        self.shared.monitor.require_undamaged()?;
        let Some(mut session) = self.session_within(Access::Write, lock)? else {
            return Ok(None);
        };
        session.begin(|conn| begin_write(conn, lock, self.statement))?;
        session.transact(work).map(Some)
    }

    /// Takes a connection and runs `begin` on it.
    fn begin(
        &self,
        access: Access,
        begin: impl Fn(&mut DbConnection) -> diesel::QueryResult<()>,
    ) -> Result<Session<'_>, DbError> {
        self.retry_disconnected(|| {
            let mut session = self.session(access)?;
            session.begin(&begin)?;
            Ok(session)
        })
    }

    /// Retries `work` while it fails on a broken connection: a restart of the server breaks all connections of a pool.
    fn retry_disconnected<T>(&self, work: impl Fn() -> Result<T, DbError>) -> Result<T, DbError> {
        let mut retries = self.shared.readers.max_size();
        loop {
            match work() {
                Err(DbError::Disconnected(_)) if retries > 0 => retries -= 1,
                result => return result,
            }
        }
    }

    pub(crate) fn session(&self, access: Access) -> Result<Session<'_>, DbError> {
        let Shared {
            url,
            timeouts,
            monitor,
            ..
        } = &*self.shared;
        let deadline = Instant::now() + timeouts.connection;
        loop {
            if let Some(session) = self.session_within(access, POLL)? {
                return Ok(session);
            }
            let is_late = Instant::now() >= deadline;
            if is_late {
                // All connections may be in use because the database answers none of their requests.
                monitor.check(PROBE)?;
            }
            // A pool does not return the reason why it cannot connect. Opening a file is fast.
            let is_file = matches!(url, DatabaseUrl::Sqlite(_));
            if self.pool(access).state().connections == 0 && (is_file || is_late) {
                Connector::new(url, access, timeouts).open()?;
            }
            if is_late {
                return Err(DbError::Busy(Wait::Connection, None));
            }
        }
    }

    /// Fails if the work was cancelled.
    pub(crate) fn check_cancelled(&self) -> Result<(), DbError> {
        self.cancel.as_ref().map_or(Ok(()), Cancel::check)
    }

    /// A connection that is free within `wait`.
    pub(crate) fn session_within(
        &self,
        access: Access,
        wait: Duration,
    ) -> Result<Option<Session<'_>>, DbError> {
        self.shared.monitor.require_up()?;
        self.check_cancelled()?;
        let pooled = self.pool(access).get_timeout(wait).ok();
        pooled
            .map(|pooled| Session::enter(self, pooled))
            .transpose()
    }

    fn pool(&self, access: Access) -> &Pool<Connector> {
        match access {
            Access::Read => &self.shared.readers,
            Access::Write => &self.shared.writers,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use diesel::connection::SimpleConnection;
    use stats_testing::{TestDatabase, on_each_database};

    use super::*;

    /// Queries that run for hours: in one step of the database, or over many rows.
    const ENDLESS: [&str; 2] = [
        "SELECT max(i) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) \
         SELECT i FROM n) AS numbers",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT i FROM n",
    ];

    fn run(db: &Db, sql: &str) -> Result<(), DbError> {
        db.read(|snapshot| snapshot.run(|conn| Ok(conn.batch_execute(sql)?)))
    }

    /// `TestDatabase::migrated` returns the `Db` of the crate's other build, a different type.
    fn open(database: &TestDatabase, timeouts: Timeouts) -> Db {
        let url = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let db = Db::open_with(&url, timeouts).unwrap();
        db.migrate().unwrap();
        db
    }

    on_each_database!(a_statement_ends_at_its_deadline);
    fn a_statement_ends_at_its_deadline(database: &TestDatabase) {
        let timeouts = Timeouts {
            statement: Some(Duration::from_millis(50)),
            ..Timeouts::default()
        };
        let db = open(database, timeouts);
        for sql in ENDLESS {
            let error = run(&db, sql).unwrap_err();
            assert!(
                matches!(error, DbError::Busy(Wait::Statement, _)),
                "{error:?}"
            );
            // The connection can still be used.
            assert_eq!(db.clients().unwrap(), []);
            let error = run(
                &db.with_statement_timeout(Some(Duration::from_millis(1))),
                sql,
            );
            assert!(error.is_err());
        }
        let long = db.with_statement_timeout(Some(Duration::from_secs(60)));
        let sleep = if database.is_postgres() {
            "SELECT pg_sleep(0.2)"
        } else {
            "SELECT max(i) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) \
             SELECT i FROM n)"
        };
        run(&long, sleep).unwrap();
    }

    on_each_database!(cancelled_work_releases_its_connection);
    fn cancelled_work_releases_its_connection(database: &TestDatabase) {
        let db = open(database, Timeouts::default());
        for sql in ENDLESS {
            let cancel = Cancel::default();
            let (send_begun, begun) = channel();
            thread::scope(|scope| {
                let cancellable = db.cancelled_by(&cancel);
                let work = scope.spawn(move || {
                    cancellable.read(|snapshot| {
                        send_begun.send(()).unwrap();
                        snapshot.run(|conn| Ok(conn.batch_execute(sql)?))
                    })
                });
                begun.recv().unwrap();
                cancel.cancel();
                let error = work.join().unwrap().unwrap_err();
                assert!(matches!(error, DbError::Cancelled), "{error:?}");
            });
            // Between two statements, PostgreSQL ignores a cancellation. The check follows it to the monitor.
            let early = Cancel::default();
            let result = db.cancelled_by(&early).read(|snapshot| {
                early.cancel();
                db.check(Duration::from_secs(20))?;
                snapshot.run(|conn| Ok(conn.batch_execute(sql)?))
            });
            assert!(matches!(result, Err(DbError::Cancelled)), "{result:?}");
            assert_eq!(db.connections().in_use, 0);
            assert_eq!(db.clients().unwrap(), [], "other work continues");
            let error = run(&db.cancelled_by(&cancel), "SELECT 1").unwrap_err();
            assert!(matches!(error, DbError::Cancelled), "{error:?}");
        }
    }

    on_each_database!(cancelled_work_does_not_wait_for_a_connection);
    fn cancelled_work_does_not_wait_for_a_connection(database: &TestDatabase) {
        let timeouts = Timeouts {
            connection: Duration::from_secs(3600),
            ..Timeouts::default()
        };
        let db = open(database, timeouts);
        let all_connections: Vec<_> = (0..db.shared.readers.max_size())
            .map(|_| db.session(Access::Read).unwrap())
            .collect();
        let cancel = Cancel::default();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| run(&db.cancelled_by(&cancel), "SELECT 1"));
            cancel.cancel();
            assert!(matches!(waiting.join().unwrap(), Err(DbError::Cancelled)));
        });
        drop(all_connections);
        run(&db, "SELECT 1").unwrap();
    }
}
