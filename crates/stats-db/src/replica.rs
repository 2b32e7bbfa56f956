//! Reads from a streaming replica of a PostgreSQL database, as long as it has all that the primary has.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use stats_core::WithCauses;

use crate::connection::{Access, DbConnection, SERVER_START};
use crate::db::PROBE;
use crate::{Connections, Db, DbError, Snapshot};

/// How long a read waits for a connection to the replica before it uses the primary. It is short, because the replica may
/// hang.
const CONNECTION: Duration = Duration::from_millis(50);
/// How long a read waits for the replica to catch up with the primary, and how often it looks.
const CATCH_UP: Duration = Duration::from_millis(100);
const POLL: Duration = Duration::from_millis(5);
/// How long reads use the primary after the replica was behind or failed.
const PAUSE: Duration = Duration::from_secs(1);
/// After how long it is logged that the replica is not used.
const LOGGED_AFTER: Duration = Duration::from_secs(10);

/// A replica of a database.
pub(crate) struct Replica {
    /// The connections to it.
    db: Db,
    state: Mutex<State>,
    reads: AtomicU64,
    reads_of_primary: AtomicU64,
}

/// How many reads a replica answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaUse {
    /// The number of reads that the replica answered.
    pub replica: u64,
    /// The number of reads that the primary answered instead.
    pub primary: u64,
}

/// Why the primary is read from instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unused {
    #[error("it lacks the last changes")]
    Behind,
    #[error(
        "it is no replica of the database, or has not followed the last failover (PostgreSQL tells at its next restart \
         point, which takes up to checkpoint_timeout)"
    )]
    Other,
    #[error("all connections to it are in use")]
    Busy,
    #[error("it failed during a read")]
    Broken,
    #[error(transparent)]
    Failed(#[from] DbError),
}

#[derive(Debug, Default)]
struct State {
    /// Since when it has not been used.
    unused_since: Option<Instant>,
    /// When it was found unusable last.
    found_at: Option<Instant>,
    is_logged: bool,
}

/// Which server the primary is, and what it has written to disk: all that it has acknowledged.
#[derive(Debug, QueryableByName)]
struct Position {
    #[diesel(sql_type = Text)]
    lsn: String,
    #[diesel(sql_type = BigInt)]
    system: i64,
    #[diesel(sql_type = BigInt)]
    timeline: i64,
    #[diesel(sql_type = BigInt)]
    server_start: i64,
}

impl Position {
    fn of_primary(conn: &mut DbConnection) -> QueryResult<Self> {
        // The name of a WAL file begins with the timeline.
        diesel::sql_query(format!(
            "SELECT lsn::text, ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::bigint AS timeline, \
             (SELECT system_identifier FROM pg_control_system()) AS system, {SERVER_START} AS server_start \
             FROM pg_current_wal_flush_lsn() AS lsn"
        ))
        .get_result(conn)
    }

    /// Whether a replica has reached this position, or why it is not used. What the primary wrote before is visible to a
    /// snapshot that begins afterwards.
    fn is_reached(&self, conn: &mut DbConnection) -> QueryResult<Result<(), Unused>> {
        #[derive(QueryableByName)]
        struct Found {
            #[diesel(sql_type = Bool)]
            is_replica: bool,
            #[diesel(sql_type = Bool)]
            is_current: bool,
        }

        // A replica that follows a failover knows its timeline from the next restart point on.
        let found: Found = diesel::sql_query(
            "SELECT pg_is_in_recovery() AND system_identifier = $1 \
                 AND greatest(timeline_id, min_recovery_end_timeline) = $2 AS is_replica, \
             coalesce(pg_last_wal_replay_lsn() >= $3::pg_lsn, false) AS is_current \
             FROM pg_control_system(), pg_control_checkpoint(), pg_control_recovery()",
        )
        .bind::<BigInt, _>(self.system)
        .bind::<BigInt, _>(self.timeline)
        .bind::<Text, _>(&self.lsn)
        .get_result(conn)?;
        Ok(if !found.is_replica {
            Err(Unused::Other)
        } else if !found.is_current {
            Err(Unused::Behind)
        } else {
            Ok(())
        })
    }
}

impl Replica {
    pub(crate) fn new(db: Db) -> Self {
        Self {
            db,
            state: Mutex::default(),
            reads: AtomicU64::new(0),
            reads_of_primary: AtomicU64::new(0),
        }
    }

    /// The replica for work with the statement timeout and the cancellation of `primary`.
    fn like(&self, primary: &Db) -> Db {
        let db = self.db.with_statement_timeout(primary.statement_timeout());
        match primary.cancel() {
            Some(cancel) => db.cancelled_by(cancel),
            None => db,
        }
    }

    /// Runs `work` on a snapshot of the replica that has all that `primary` has acknowledged. Returns `None` if it has to
    /// run on the primary: there is no such snapshot, or the replica failed meanwhile.
    pub(crate) fn read<T, E: From<DbError>>(
        &self,
        primary: &Db,
        work: impl FnOnce(&mut Snapshot<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let result = match self.is_paused() {
            true => None,
            false => match self.try_read(primary, work) {
                Ok(result) => {
                    self.was_used();
                    Some(result)
                }
                Err(reason) => {
                    self.was_not_used(&reason);
                    None
                }
            },
        };
        let counter = match &result {
            Some(_) => &self.reads,
            None => &self.reads_of_primary,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        result
    }

    /// Why the replica is not used at the moment, if it is not.
    pub(crate) fn check(&self, primary: &Db) -> Result<(), Unused> {
        self.try_read(primary, |_| Ok::<_, DbError>(()))?
            .map_err(Unused::Failed)
    }

    fn try_read<T, E: From<DbError>>(
        &self,
        primary: &Db,
        work: impl FnOnce(&mut Snapshot<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Unused> {
        let position = primary.query(Position::of_primary)?;
        let db = self.like(primary);
        let begun = Instant::now();
        let Some(mut session) = db.session_within(Access::Read, CONNECTION)? else {
            db.suspect(PROBE);
            return Err(Unused::Busy);
        };
        loop {
            match session.query(|conn| position.is_reached(conn))? {
                Ok(()) => break,
                Err(Unused::Behind) if begun.elapsed() < CATCH_UP => thread::sleep(POLL),
                Err(reason) => return Err(reason),
            }
        }
        let mut snapshot = Snapshot::begin(session, Some(position.server_start))?;
        let result = work(&mut snapshot);
        match result {
            Err(_) if snapshot.session.has_failed() => Err(Unused::Broken),
            result => Ok(snapshot.session.finish(result)),
        }
    }

    pub(crate) fn connections(&self) -> Connections {
        self.db.connections()
    }

    fn is_paused(&self) -> bool {
        let found_at = self.state().found_at;
        found_at.is_some_and(|found_at| found_at.elapsed() < PAUSE)
    }

    fn was_used(&self) {
        let before = std::mem::take(&mut *self.state());
        if before.is_logged {
            log::info!("The replica {} is used again", self.db.url());
        }
    }

    fn was_not_used(&self, reason: &Unused) {
        // The monitor logs an unreachable one, and finds out when it is back.
        if matches!(
            reason,
            Unused::Busy | Unused::Failed(DbError::Away { .. } | DbError::Cancelled)
        ) {
            return;
        }
        let mut state = self.state();
        state.found_at = Some(Instant::now());
        let unused_for = state
            .unused_since
            .get_or_insert_with(Instant::now)
            .elapsed();
        if !state.is_logged && unused_for >= LOGGED_AFTER {
            state.is_logged = true;
            log::warn!(
                "The replica {} has not been used for {} s: {}",
                self.db.url(),
                unused_for.as_secs(),
                WithCauses(reason)
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn usage(&self) -> ReplicaUse {
        ReplicaUse {
            replica: self.reads.load(Ordering::Relaxed),
            primary: self.reads_of_primary.load(Ordering::Relaxed),
        }
    }
}
