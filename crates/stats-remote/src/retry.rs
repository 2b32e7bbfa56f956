use std::ops::ControlFlow;
use std::time::Duration;

use crate::RemoteError;

/// The number and the delays of retries after a temporary error. The delay doubles with each attempt.
///
/// A `Retry-After` header extends the delay; above `max_delay` it ends the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The maximum number of requests; 0 counts as 1.
    pub max_attempts: u32,
    /// The delay after the first failure.
    pub initial_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// Six attempts within a minute, with delays of 2, 4, 8, 16 and 30 seconds.
    fn default() -> Self {
        Self {
            max_attempts: 6,
            initial_delay: Duration::from_secs(2),
            max_delay: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Repeats a request until it succeeds, fails permanently, or no attempt is left. `wait` waits for the delay before
    /// the next attempt, or breaks to end the attempts.
    pub fn run<T>(
        &self,
        mut wait: impl FnMut(&RemoteError, Duration) -> ControlFlow<()>,
        mut request: impl FnMut() -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        let mut failures = 0;
        loop {
            let error = match request() {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            failures += 1;
            match self.delay(failures, &error) {
                Some(delay) if wait(&error, delay).is_continue() => {}
                _ => return Err(error),
            }
        }
    }

    /// The delay after a number of failures, the last of which is `error`. `None` ends the attempts.
    fn delay(&self, failures: u32, error: &RemoteError) -> Option<Duration> {
        if failures >= self.max_attempts || !error.is_temporary() {
            return None;
        }
        let factor = 2_u32.saturating_pow(failures - 1);
        let delay = self.initial_delay.saturating_mul(factor);
        let retry_after = error.retry_after().unwrap_or_default();
        (retry_after <= self.max_delay).then_some(delay.min(self.max_delay).max(retry_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(retry_after: Option<u64>) -> RemoteError {
        RemoteError::RateLimited {
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    /// Runs with these responses. Returns the result and the delays in seconds.
    fn run(
        policy: RetryPolicy,
        responses: &[Result<(), RemoteError>],
    ) -> (Result<(), RemoteError>, Vec<u64>) {
        let mut responses = responses.iter().cloned();
        let mut delays = Vec::new();
        let wait = |_: &RemoteError, delay: Duration| {
            delays.push(delay.as_secs());
            ControlFlow::Continue(())
        };
        let result = policy.run(wait, || responses.next().unwrap());
        assert_eq!(responses.next(), None, "too few requests");
        (result, delays)
    }

    #[test]
    fn delays_double_up_to_the_limit_and_respect_retry_after() {
        let rejected = || Err(RemoteError::RequestTooLarge);
        let busy = |seconds| Err(busy(seconds));
        let never = RetryPolicy {
            max_attempts: 0,
            ..RetryPolicy::default()
        };
        let default = RetryPolicy::default();
        for (policy, responses, delays) in [
            (default, vec![busy(None); 6], vec![2, 4, 8, 16, 30]),
            (default, vec![busy(None), Ok(())], vec![2]),
            (default, vec![busy(None), rejected()], vec![2]),
            (
                default,
                vec![busy(Some(7)), busy(Some(1)), Ok(())],
                vec![7, 4],
            ),
            (default, vec![busy(Some(31))], vec![]),
            (never, vec![busy(None)], vec![]),
        ] {
            let last = responses.last().cloned().unwrap();
            assert_eq!(run(policy, &responses), (last, delays));
        }
    }

    #[test]
    fn wait_can_end_the_attempts() {
        let mut requests = 0;
        let result = RetryPolicy::default().run(
            |_, _| ControlFlow::Break(()),
            || {
                requests += 1;
                Err::<(), _>(busy(None))
            },
        );
        assert_eq!((result, requests), (Err(busy(None)), 1));
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        let policy = RetryPolicy {
            max_attempts: u32::MAX,
            initial_delay: Duration::MAX,
            max_delay: Duration::MAX,
        };
        let delay = policy.delay(u32::MAX - 1, &busy(None));
        assert_eq!(delay, Some(Duration::MAX));
    }
}
