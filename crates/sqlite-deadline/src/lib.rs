#![doc = include_str!("../README.md")]

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Instant;

use libsqlite3_sys as ffi;

/// Virtual machine instructions between two checks of the limit: some ten microseconds.
const INSTRUCTIONS: c_int = 1000;

/// Limits the SQLite statements of a thread. The default is no limit.
#[derive(Debug, Clone, Default)]
pub struct Limit {
    /// Statements are interrupted at this time.
    pub deadline: Option<Instant>,
    /// Statements are interrupted once this is set.
    pub cancelled: Option<Arc<AtomicBool>>,
}

impl Limit {
    /// Applies the limit to the statements of this thread until the guard is dropped. It replaces the previous limit.
    #[must_use = "the limit ends with the guard"]
    pub fn enter(self) -> LimitGuard {
        LimitGuard {
            outer: LIMIT.replace(self),
            _not_send: PhantomData,
        }
    }

    fn is_over(&self) -> bool {
        let is_late = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        let is_cancelled = || {
            self.cancelled
                .as_ref()
                .is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
        };
        is_late || is_cancelled()
    }
}

/// Restores the limit before [`Limit::enter`] when dropped.
#[derive(Debug)]
pub struct LimitGuard {
    outer: Limit,
    /// The limit belongs to one thread.
    _not_send: PhantomData<*const ()>,
}

impl Drop for LimitGuard {
    fn drop(&mut self) {
        LIMIT.set(std::mem::take(&mut self.outer));
    }
}

thread_local! {
    static LIMIT: RefCell<Limit> = RefCell::default();
}

/// Applies limits to every SQLite connection that this process opens from now on.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: `watch` has the signature of an extension entry point, and lives as long as the process.
        unsafe { ffi::sqlite3_auto_extension(Some(watch)) };
    });
}

/// Called by SQLite for each new connection before it is returned.
unsafe extern "C" fn watch(
    connection: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: SQLite passes an open connection, and the handler needs no data.
    unsafe {
        ffi::sqlite3_progress_handler(
            connection,
            INSTRUCTIONS,
            Some(is_over),
            std::ptr::null_mut(),
        );
    }
    ffi::SQLITE_OK
}

/// Called by SQLite on the thread that runs the statement. A value other than 0 interrupts it.
extern "C" fn is_over(_data: *mut c_void) -> c_int {
    // A panic must not unwind into SQLite, neither on a thread that ends nor with a borrowed limit.
    let is_over = LIMIT.try_with(|limit| limit.try_borrow().is_ok_and(|limit| limit.is_over()));
    c_int::from(is_over.unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use diesel::connection::SimpleConnection;
    use diesel::{Connection, QueryResult, SqliteConnection};

    use super::*;

    fn count_to(conn: &mut SqliteConnection, end: u64) -> QueryResult<()> {
        conn.batch_execute(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {end}) SELECT max(i) FROM n"
        ))
    }

    fn is_interrupted(result: &QueryResult<()>) -> bool {
        matches!(result, Err(error) if error.to_string() == "interrupted")
    }

    fn connection() -> SqliteConnection {
        install();
        SqliteConnection::establish(":memory:").unwrap()
    }

    #[test]
    fn a_passed_deadline_interrupts_until_the_guard_is_dropped() {
        let mut conn = connection();
        let far = Limit {
            deadline: Some(Instant::now() + Duration::from_secs(3600)),
            ..Limit::default()
        };
        let outer = far.enter();
        count_to(&mut conn, 10_000).unwrap();
        let passed = Limit {
            deadline: Some(Instant::now()),
            ..Limit::default()
        };
        let inner = passed.enter();
        assert!(is_interrupted(&count_to(&mut conn, u64::MAX)));
        drop(inner);
        count_to(&mut conn, 10_000).unwrap();
        drop(outer);
        count_to(&mut conn, 10_000).unwrap();
    }

    #[test]
    fn another_thread_cancels_a_running_statement() {
        let cancelled = Arc::new(AtomicBool::new(false));
        let limit = Limit {
            cancelled: Some(cancelled.clone()),
            ..Limit::default()
        };
        let worker = thread::spawn(move || {
            let mut conn = connection();
            let _guard = limit.enter();
            is_interrupted(&count_to(&mut conn, u64::MAX))
        });
        cancelled.store(true, Ordering::Relaxed);
        assert!(worker.join().unwrap());
    }

    #[test]
    fn a_limit_applies_to_its_thread_only() {
        let _guard = Limit {
            deadline: Some(Instant::now()),
            ..Limit::default()
        }
        .enter();
        let other = thread::spawn(|| count_to(&mut connection(), 10_000));
        other.join().unwrap().unwrap();
    }
}
