//! Probes whether the database answers, and cancels statements. It has its own thread and connection, so that it does
//! not wait for requests.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::HandleError;
use stats_core::WithCauses;

use crate::cancel::Cancel;
use crate::connection::{
    Access, Backend, Connector, DbConnection, Pooled, SERVER_START, with_suffix,
};
use crate::{DatabaseUrl, DbError, Timeouts};

/// A request to the monitor.
#[derive(Debug)]
pub(crate) enum Command {
    /// Check whether the database answers.
    Probe,
    /// Cancel the statements of this work until it has ended.
    Cancel(Cancel),
}

/// The lock and statement timeout of the monitor's own connection.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between two cancellations of work that has not ended.
const REPEAT_CANCEL: Duration = Duration::from_millis(100);
/// Pause between two attempts to reach an unreachable database.
const RETRY: Duration = Duration::from_millis(500);

/// A handle to the monitor thread, which ends when all clones are dropped.
#[derive(Clone, Debug)]
pub(crate) struct Monitor {
    commands: Sender<Command>,
    health: Arc<Health>,
}

/// The last known state of the database.
#[derive(Debug)]
struct Health {
    database: String,
    state: Mutex<State>,
    changed: Condvar,
    /// The damage that was found, after which nothing is written.
    damage: OnceLock<String>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the last probe requested.
    requested: u64,
    /// The number of the last probe completed.
    completed: u64,
    /// Why the last probe failed.
    failure: Option<String>,
    /// When the database became unreachable.
    away_since: Option<Instant>,
    /// When it was suspected of not answering; `None` after the next probe.
    suspected_at: Option<Instant>,
}

impl Monitor {
    pub(crate) fn start(url: &DatabaseUrl) -> Self {
        let health = Arc::new(Health {
            database: url.to_string(),
            state: Mutex::default(),
            changed: Condvar::new(),
            damage: OnceLock::new(),
        });
        let (commands, received) = channel();
        let mut prober = Prober::new(url);
        let watched = health.clone();
        thread::spawn(move || prober.run(&received, &watched));
        Self { commands, health }
    }

    /// A sender of commands.
    pub(crate) fn commands(&self) -> Sender<Command> {
        self.commands.clone()
    }

    /// Fails while the database is unreachable.
    pub(crate) fn require_up(&self) -> Result<(), DbError> {
        let state = self.health.state();
        match state.away_since {
            Some(_) => self.health.require_answer(&state),
            None => Ok(()),
        }
    }

    /// Fails if the database file is known to be damaged.
    pub(crate) fn require_undamaged(&self) -> Result<(), DbError> {
        match self.health.damage.get() {
            Some(damage) => Err(DbError::Damaged(damage.clone())),
            None => Ok(()),
        }
    }

    /// Records damage.
    pub(crate) fn note(&self, error: &DbError) {
        if let DbError::Damaged(damage) = error {
            self.health.note_damage(damage);
        }
    }

    /// Requests a probe without waiting for it. The database is away if it does not answer within `timeout`, which the
    /// next call finds out.
    pub(crate) fn suspect(&self, timeout: Duration) {
        let mut state = self.health.state();
        match state.suspected_at {
            Some(at) if at.elapsed() >= timeout => {
                let reason = format!("no answer within {timeout:?}");
                self.health.went_away(&mut state, reason);
            }
            Some(_) => {}
            None => {
                state.suspected_at = Some(Instant::now());
                state.requested += 1;
                let _ = self.commands.send(Command::Probe);
            }
        }
    }

    /// Fails unless the database answers a new probe within `timeout`.
    pub(crate) fn check(&self, timeout: Duration) -> Result<(), DbError> {
        self.require_undamaged()?;
        let health = &*self.health;
        let mut state = health.state();
        state.requested += 1;
        let mine = state.requested;
        let _ = self.commands.send(Command::Probe);
        let (mut state, result) = health
            .changed
            .wait_timeout_while(state, timeout, |state| state.completed < mine)
            .unwrap_or_else(PoisonError::into_inner);
        if result.timed_out() {
            health.went_away(&mut state, format!("no answer within {timeout:?}"));
        }
        self.require_undamaged()?;
        health.require_answer(&state)
    }
}

/// A pool that cannot connect requests a probe. The monitor logs the failure.
impl HandleError<DbError> for Monitor {
    fn handle_error(&self, _: DbError) {
        self.health.state().requested += 1;
        let _ = self.commands.send(Command::Probe);
    }
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn require_answer(&self, state: &State) -> Result<(), DbError> {
        match &state.failure {
            None => Ok(()),
            Some(reason) => Err(DbError::Away {
                database: self.database.clone(),
                reason: reason.clone(),
            }),
        }
    }

    fn went_away(&self, state: &mut State, reason: String) {
        if state.away_since.is_none() {
            log::error!("The database {} is away: {reason}", self.database);
            state.away_since = Some(Instant::now());
        }
        state.failure = Some(reason);
    }

    fn note_damage(&self, damage: &str) {
        if self.damage.set(damage.to_owned()).is_ok() {
            let error = DbError::Damaged(damage.to_owned());
            log::error!("The database {}: {error}", self.database);
        }
    }

    /// Records the result of the probes up to number `probe`.
    fn completed(&self, probe: u64, result: Result<(), DbError>) {
        if let Err(DbError::Damaged(damage)) = &result {
            self.note_damage(damage);
        }
        let mut state = self.state();
        state.completed = probe;
        state.suspected_at = None;
        match result {
            Err(
                error @ (DbError::Connect { .. } | DbError::Disconnected(_) | DbError::Replaced(_)),
            ) => {
                self.went_away(&mut state, WithCauses(&error).to_string());
            }
            // It is reachable but fails.
            Err(error) => state.failure = Some(WithCauses(&error).to_string()),
            Ok(()) => {
                state.failure = None;
                if let Some(since) = state.away_since.take() {
                    let away = since.elapsed().as_secs();
                    log::info!("The database {} is back after {away} s", self.database);
                }
            }
        }
        self.changed.notify_all();
    }
}

/// The monitor's thread.
struct Prober {
    connector: Connector,
    conn: Option<Pooled>,
    /// Cancelled work that has not ended.
    cancelled: Vec<Cancel>,
    /// Identifies the SQLite file, to detect its replacement.
    file: Option<FileId>,
    /// Identifies its -wal file as of the last successful probe.
    wal: Option<FileId>,
}

/// Identifies a file, whatever its name.
pub(crate) type FileId = (u64, u64);

impl Prober {
    fn new(url: &DatabaseUrl) -> Self {
        Self {
            connector: Connector {
                url: url.clone(),
                access: Access::Read,
                timeouts: Timeouts {
                    connection: TIMEOUT,
                    lock: TIMEOUT,
                    statement: Some(TIMEOUT),
                },
            },
            conn: None,
            cancelled: Vec::new(),
            file: match url {
                DatabaseUrl::Sqlite(path) => file_id(path),
                DatabaseUrl::Postgres(_) => None,
            },
            wal: None,
        }
    }

    fn run(&mut self, commands: &Receiver<Command>, health: &Health) {
        loop {
            let is_away = health.state().away_since.is_some();
            let timeout = match (self.cancelled.is_empty(), is_away) {
                (false, _) => REPEAT_CANCEL,
                (true, true) => RETRY,
                (true, false) => Duration::MAX,
            };
            match commands.recv_timeout(timeout) {
                Ok(Command::Cancel(cancel)) => self.cancelled.push(cancel),
                Ok(Command::Probe) | Err(RecvTimeoutError::Timeout) => {
                    let (requested, completed) = {
                        let state = health.state();
                        (state.requested, state.completed)
                    };
                    // One probe serves all requests made before it begins.
                    if requested > completed || is_away {
                        health.completed(requested, self.probe());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.cancel();
        }
    }

    fn probe(&mut self) -> Result<(), DbError> {
        if let DatabaseUrl::Sqlite(path) = self.connector.url.clone() {
            return self.probe_file(&path);
        }
        let is_new = self.conn.is_none();
        match self.query() {
            // The old connection does not survive a restart of the server.
            Err(DbError::Disconnected(_)) if !is_new => self.query(),
            result => result,
        }
    }

    /// Probes a SQLite file over a new connection: an open one may answer from its cache after the file was damaged.
    fn probe_file(&mut self, path: &Path) -> Result<(), DbError> {
        let url = &self.connector.url;
        if file_id(path) != self.file {
            return Err(DbError::Replaced(url.to_string()));
        }
        let wal = with_suffix(path, "-wal");
        if self.wal.is_some() && file_id(&wal) != self.wal {
            let error = DbError::Replaced(format!("{url}-wal"));
            // Old connections still have the removed file. Copy what it holds into the database.
            if let Some(old) = &mut self.conn {
                old.conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?;
            }
            return Err(error);
        }
        // SQLite removes the -wal file when the last connection is closed, so the old one stays open meanwhile.
        let old = self.conn.take();
        if let Err(error) = self.query() {
            self.conn = old;
            return Err(error);
        }
        self.wal = file_id(&wal);
        Ok(())
    }

    /// Reads real rows.
    fn query(&mut self) -> Result<(), DbError> {
        let newest = match self.connector.url {
            // The newest rows are at the end of the file, which a truncated file lacks.
            DatabaseUrl::Sqlite(_) => {
                "SELECT id FROM client ORDER BY id DESC LIMIT 1; SELECT * FROM stats ORDER BY seq DESC LIMIT 1".to_owned()
            }
            // A long transaction may hold a lock on the stats. A pooler may have given the timeouts of this connection to
            // another one.
            DatabaseUrl::Postgres(_) => {
                let timeout = TIMEOUT.as_millis();
                format!(
                    "BEGIN; SET LOCAL lock_timeout = {timeout}; SET LOCAL statement_timeout = {timeout}; \
                     SELECT id FROM client ORDER BY id DESC LIMIT 1; COMMIT"
                )
            }
        };
        let result = self
            .connection()
            .and_then(|conn| Ok(conn.batch_execute(&newest)?));
        if result.is_err() {
            self.conn = None;
        }
        result
    }

    /// Cancels the statements of all cancelled work. PostgreSQL ignores the cancellation of a backend between two
    /// statements, so this is repeated.
    fn cancel(&mut self) {
        let cancelled = std::mem::take(&mut self.cancelled);
        for cancel in cancelled {
            if let Some(backend) = cancel.cancelled_backend() {
                self.cancel_backend(backend);
                self.cancelled.push(cancel);
            }
        }
    }

    fn cancel_backend(&mut self, Backend { pid, server_start }: Backend) {
        // With several hosts in the URL this connection may be to another server than that of the backend.
        let cancel =
            format!("SELECT pg_cancel_backend({pid}) WHERE {SERVER_START} = {server_start}");
        let result = self
            .connection()
            .and_then(|conn| Ok(conn.batch_execute(&cancel)?));
        if let Err(error) = result {
            // The statement still ends at its deadline.
            log::debug!("A statement was not cancelled: {error}");
            self.conn = None;
        }
    }

    fn connection(&mut self) -> Result<&mut DbConnection, DbError> {
        let pooled = match self.conn.take() {
            Some(pooled) => pooled,
            None => self.connector.open()?,
        };
        Ok(&mut self.conn.insert(pooled).conn)
    }
}

#[cfg(unix)]
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;

    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|_| (0, 0))
}
