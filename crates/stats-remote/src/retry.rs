use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use crate::RemoteError;

/// How often and after which pauses something is asked again that failed for now. The pause doubles with every failure.
///
/// A remote that wants to be left alone for longer than the pause is; if that is beyond the longest pause, nothing is
/// tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often it is asked in all; 0 counts as 1.
    pub attempts: u32,
    /// The pause after the first failure.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Retry {
    /// Six times within a minute, with pauses of 2, 4, 8, 16 and 30 seconds.
    fn default() -> Self {
        Self {
            attempts: 6,
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// Asks until there is an answer, or an error that is not temporary, or no attempt left. Sleeps in between.
    pub fn run<T>(&self, ask: impl FnMut() -> Result<T, RemoteError>) -> Result<T, RemoteError> {
        self.run_with(sleep, ask)
    }

    /// The same with `wait` in place of sleeping. It is given the error and the pause, and may break off, so that the
    /// error is the result.
    pub fn run_with<T>(
        &self,
        mut wait: impl FnMut(&RemoteError, Duration) -> ControlFlow<()>,
        mut ask: impl FnMut() -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        let mut failures = 0;
        loop {
            let error = match ask() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failures += 1;
            match self.pause(failures, &error) {
                Some(pause) if wait(&error, pause).is_continue() => {}
                _ => return Err(error),
            }
        }
    }

    /// The pause after so many failures, the last of them `error`; `None` to give up.
    fn pause(&self, failures: u32, error: &RemoteError) -> Option<Duration> {
        if failures >= self.attempts || !error.is_temporary() {
            return None;
        }
        let factor = 2_u32.saturating_pow(failures - 1);
        let pause = self.first_pause.saturating_mul(factor);
        let pause = pause.min(self.longest_pause);
        let wanted = error.retry_after().unwrap_or_default();
        (wanted <= self.longest_pause).then_some(pause.max(wanted))
    }
}

fn sleep(_: &RemoteError, pause: Duration) -> ControlFlow<()> {
    thread::sleep(pause);
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(retry_after: Option<u64>) -> RemoteError {
        RemoteError::RateLimited {
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    /// What comes of it when the answers are these, and the pauses in seconds.
    fn run(
        retry: Retry,
        answers: Vec<Result<(), RemoteError>>,
    ) -> (Result<(), RemoteError>, Vec<u64>) {
        let mut answers = answers.into_iter();
        let mut pauses = Vec::new();
        let wait = |_: &RemoteError, pause: Duration| {
            pauses.push(pause.as_secs());
            ControlFlow::Continue(())
        };
        let result = retry.run_with(wait, || answers.next().unwrap());
        assert_eq!(answers.next(), None, "asked too few times");
        (result, pauses)
    }

    #[test]
    fn the_pauses_grow_up_to_the_longest_and_the_attempts_end() {
        let (result, pauses) = run(Retry::default(), vec![Err(busy(None)); 6]);
        assert_eq!(result, Err(busy(None)));
        assert_eq!(pauses, [2, 4, 8, 16, 30]);
    }

    #[test]
    fn an_answer_ends_it_and_so_does_what_is_not_temporary() {
        let (result, pauses) = run(Retry::default(), vec![Err(busy(None)), Ok(())]);
        assert_eq!((result, pauses), (Ok(()), vec![2]));
        let refused = Err(RemoteError::TooLarge);
        let (result, pauses) = run(Retry::default(), vec![Err(busy(None)), refused.clone()]);
        assert_eq!((result, pauses), (refused, vec![2]));
    }

    #[test]
    fn a_remote_is_left_alone_as_long_as_it_wants() {
        let answers = vec![Err(busy(Some(7))), Err(busy(Some(1))), Ok(())];
        assert_eq!(run(Retry::default(), answers), (Ok(()), vec![7, 4]));
        let too_long = vec![Err(busy(Some(31)))];
        assert_eq!(
            run(Retry::default(), too_long),
            (Err(busy(Some(31))), vec![])
        );
    }

    #[test]
    fn who_waits_may_break_off() {
        let mut asked = 0;
        let result = Retry::default().run_with(
            |_, _| ControlFlow::Break(()),
            || {
                asked += 1;
                Err::<(), _>(busy(None))
            },
        );
        assert_eq!((result, asked), (Err(busy(None)), 1));
    }

    #[test]
    fn absurd_settings_neither_overflow_nor_loop() {
        let never = Retry {
            attempts: 0,
            ..Retry::default()
        };
        assert_eq!(run(never, vec![Err(busy(None))]), (Err(busy(None)), vec![]));
        let patient = Retry {
            attempts: u32::MAX,
            first_pause: Duration::MAX,
            longest_pause: Duration::MAX,
        };
        let after = patient.pause(u32::MAX - 1, &busy(None));
        assert_eq!(after, Some(Duration::MAX));
    }

    #[test]
    fn sleeping_is_what_it_does_by_itself() {
        let retry = Retry {
            first_pause: Duration::from_millis(1),
            ..Retry::default()
        };
        let mut answers = vec![Ok(5), Err(busy(None))];
        assert_eq!(retry.run(|| answers.pop().unwrap()), Ok(5));
    }
}
