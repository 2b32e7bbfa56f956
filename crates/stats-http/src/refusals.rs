use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Limits the number of log lines about refused or failed requests, so that clients cannot fill the disk.
#[derive(Debug)]
pub(crate) struct RefusalLog(Mutex<Window>);

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    omitted: u64,
}

impl RefusalLog {
    /// Maximum number of lines per window.
    const LINES: u32 = 100;
    const WINDOW: Duration = Duration::from_secs(60);

    /// Returns whether another line may be logged.
    pub(crate) fn admit(&self) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.began.elapsed() >= Self::WINDOW {
            if window.omitted > 0 {
                log::warn!("{} more refused or failed requests", window.omitted);
            }
            *window = Window::new();
        }
        let is_admitted = window.lines < Self::LINES;
        if is_admitted {
            window.lines += 1;
        } else {
            window.omitted += 1;
        }
        is_admitted
    }
}

impl Window {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            lines: 0,
            omitted: 0,
        }
    }
}

impl Default for RefusalLog {
    fn default() -> Self {
        Self(Mutex::new(Window::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_admits_a_limited_number_of_lines() {
        let log = RefusalLog::default();
        let admitted = (0..1000).filter(|_| log.admit()).count();
        assert_eq!(admitted, RefusalLog::LINES as usize);
        log.0.lock().unwrap().began -= RefusalLog::WINDOW;
        assert!(log.admit());
    }
}
