use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use serde::Serialize;

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All is well.
    Ok,
    /// The service works; somebody should look at it.
    Warning,
    /// The service does not work, or loses stats.
    Failure,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// The result.
    pub level: Level,
    /// The problem, or what was found to be well.
    pub problem: String,
    /// What to do about it; empty if all is well.
    pub advice: String,
}

impl Check {
    pub(crate) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            level: Level::Ok,
            problem: found.into(),
            advice: String::new(),
        }
    }

    pub(crate) fn warning(
        name: &'static str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            name,
            level: Level::Warning,
            problem: problem.into(),
            advice: advice.into(),
        }
    }

    pub(crate) fn failure(
        name: &'static str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Failure,
            ..Self::warning(name, problem, advice)
        }
    }
}

/// What the checks found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) checks: Vec<Check>,
    /// Numbers for graphs.
    pub(crate) figures: Vec<(&'static str, u64)>,
}

impl Findings {
    pub(crate) fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    pub(crate) fn count(&mut self, name: &'static str, figure: u64) {
        self.figures.push((name, figure));
    }

    /// Runs `work`, and returns its result unless it takes too long, which is a failure of the check `name`. A thread that
    /// hangs, on a network file system for example, is left behind.
    pub(crate) fn bounded<T: Send + 'static>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, result) = sync_channel(1);
        // Fails if nobody waits for it any more.
        thread::spawn(move || sender.send(work()));
        let result = result.recv_timeout(TIME_LIMIT).ok();
        if result.is_none() {
            let problem = format!("no result within {} s", TIME_LIMIT.as_secs());
            self.add(Check::failure(
                name,
                problem,
                "look for a disk or a network that hangs",
            ));
        }
        result
    }
}

/// The longest time of a check.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_panics_is_a_failure() {
        let mut findings = Findings::default();
        assert_eq!(findings.bounded("fine", || 5), Some(5));
        assert_eq!(findings.checks, []);
        let none: Option<()> = findings.bounded("broken", || panic!("a fault"));
        assert_eq!(none, None);
        assert_eq!(findings.checks[0].level, Level::Failure);
    }
}
