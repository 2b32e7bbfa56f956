use std::error::Error;
use std::io::{self, Write};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The exit code of who was interrupted, by the convention of shells.
const INTERRUPTED: i32 = 130;

/// Whether somebody pressed Ctrl-C, or the system wants the program to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// From now on the first Ctrl-C is a wish, and the second one ends the program at once.
    pub(crate) fn on_signals() -> Result<Self, Box<dyn Error>> {
        let stop = Self::default();
        let wished = stop.clone();
        ctrlc::set_handler(move || {
            if wished.is_wished() {
                process::exit(INTERRUPTED);
            }
            wished.wish();
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(
                io::stderr(),
                "\nstopping after the request in flight; once more stops at once"
            );
        })?;
        Ok(stop)
    }

    pub(crate) fn is_wished(&self) -> bool {
        *self.lock()
    }

    fn wish(&self) {
        *self.lock() = true;
        self.state.1.notify_all();
    }

    /// Sleeps, but not longer than until somebody wants to stop.
    pub(crate) fn sleep(&self, pause: Duration) {
        // A panic of who holds the lock is not possible, and would change nothing.
        let _ = self
            .state
            .1
            .wait_timeout_while(self.lock(), pause, |is_wished| !*is_wished);
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_wish_ends_a_sleep() {
        let stop = Stop::default();
        stop.sleep(Duration::from_millis(1));
        assert!(!stop.is_wished());
        let sleeper = stop.clone();
        let sleep = thread::spawn(move || sleeper.sleep(Duration::from_secs(3600)));
        stop.wish();
        sleep.join().unwrap();
        assert!(stop.is_wished());
    }
}
