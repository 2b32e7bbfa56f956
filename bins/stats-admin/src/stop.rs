use std::io::{self, Write};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The exit code of shells for a command that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// Whether SIGINT (Ctrl-C), SIGTERM or SIGHUP asked the program to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// Handles signals: the first one requests a stop, the second one ends the program.
    pub(crate) fn on_signals() -> anyhow::Result<Self> {
        let stop = Self::default();
        let handler = stop.clone();
        ctrlc::set_handler(move || {
            if handler.is_requested() {
                process::exit(INTERRUPTED);
            }
            handler.request();
            // Nothing can be done if standard error is closed.
            let _ = writeln!(
                io::stderr(),
                "\nstopping after the current request; a second Ctrl-C stops at once"
            );
        })?;
        Ok(stop)
    }

    pub(crate) fn is_requested(&self) -> bool {
        *self.lock()
    }

    fn request(&self) {
        *self.lock() = true;
        self.state.1.notify_all();
    }

    /// Sleeps until `delay` is over or a stop is requested.
    pub(crate) fn sleep(&self, delay: Duration) {
        let requested = &self.state.1;
        // Poisoning is impossible: no holder of the lock panics.
        let _ = requested.wait_timeout_while(self.lock(), delay, |is_requested| !*is_requested);
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
    fn request_ends_a_sleep() {
        let stop = Stop::default();
        stop.sleep(Duration::from_millis(1));
        assert!(!stop.is_requested());
        let sleeper = stop.clone();
        let sleep = thread::spawn(move || sleeper.sleep(Duration::from_secs(3600)));
        stop.request();
        sleep.join().unwrap();
        assert!(stop.is_requested());
    }
}
