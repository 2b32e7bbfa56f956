use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::DbError;
use crate::connection::Backend;
use crate::monitor::Command;

/// Cancels the work of a [`Db`](crate::Db), see [`Db::cancelled_by`](crate::Db::cancelled_by): the running statement
/// fails, and no other one begins. Clones cancel the same work.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_cancelled: Arc<AtomicBool>,
    statement: Mutex<Option<PostgresWork>>,
}

/// Work on a PostgreSQL connection, which only another connection can cancel.
#[derive(Debug)]
struct PostgresWork {
    backend: Backend,
    monitor: Sender<Command>,
    was_cancelled: bool,
}

impl Cancel {
    /// Cancels the work. It never blocks.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::SeqCst);
        if let Some(work) = self.work().as_mut() {
            work.was_cancelled = true;
            // Without a monitor there is no `Db` and no work.
            let _ = work.monitor.send(Command::Cancel(self.clone()));
        }
    }

    /// The flag that is set when the work is cancelled.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.0.is_cancelled.clone()
    }

    pub(crate) fn check(&self) -> Result<(), DbError> {
        if self.0.is_cancelled.load(Ordering::SeqCst) {
            return Err(DbError::Cancelled);
        }
        Ok(())
    }

    /// Makes [`Cancel::cancel`] cancel the statements of this PostgreSQL backend.
    pub(crate) fn enter(&self, backend: Backend, monitor: Sender<Command>) {
        *self.work() = Some(PostgresWork {
            backend,
            monitor,
            was_cancelled: false,
        });
    }

    /// The PostgreSQL backend whose work is cancelled and has not ended.
    pub(crate) fn cancelled_backend(&self) -> Option<Backend> {
        let work = self.work();
        let work = work.as_ref().filter(|work| work.was_cancelled);
        work.map(|work| work.backend)
    }

    /// Ends the effect of [`Cancel::enter`]. Returns whether a cancellation was sent: it may arrive late and cancel the
    /// next statement of that backend.
    pub(crate) fn leave(&self) -> bool {
        self.work().take().is_some_and(|work| work.was_cancelled)
    }

    fn work(&self) -> MutexGuard<'_, Option<PostgresWork>> {
        self.0
            .statement
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
