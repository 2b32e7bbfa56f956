//! Slows down whoever guesses tokens.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::errors::ApiError;
use crate::rate_limit::RateLimit;

/// Wrong tokens of an address in a minute that are refused at once: a front office with an old token retries.
const PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
/// The delay of the answer to another one.
const DELAY: Duration = Duration::from_secs(1);
/// Number of answers that are delayed at the same time, each of which holds a connection. Further ones are 429 at once.
const DELAYED: usize = 100;

/// Counts wrong tokens by address. A good token is never delayed, also one from an address that sent wrong ones.
#[derive(Debug)]
pub(crate) struct WrongTokens {
    limit: RateLimit,
    delayed: Semaphore,
}

impl Default for WrongTokens {
    fn default() -> Self {
        Self {
            limit: RateLimit::new(PER_MINUTE),
            delayed: Semaphore::new(DELAYED),
        }
    }
}

impl WrongTokens {
    /// Returns the answer to a wrong token: with a delay if the address has sent many.
    pub(crate) async fn refuse(&self, address: Option<IpAddr>) -> ApiError {
        let Err(too_many) = self.limit.count(address) else {
            return ApiError::BadToken;
        };
        match self.delayed.try_acquire() {
            Ok(_permit) => {
                sleep(DELAY).await;
                ApiError::BadToken
            }
            Err(_) => too_many,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;

    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(192, 0, 2, last).into())
    }

    #[actix_web::test]
    async fn many_wrong_tokens_of_an_address_are_slowed_down() {
        let wrong = WrongTokens::default();
        let refuse = |last| wrong.refuse(address(last)).now_or_never();
        for _ in 0..PER_MINUTE.get() {
            assert!(matches!(refuse(1), Some(ApiError::BadToken)));
        }
        let mut waiting: Vec<_> = (0..DELAYED)
            .map(|_| Box::pin(wrong.refuse(address(1))))
            .collect();
        for answer in &mut waiting {
            assert!(answer.now_or_never().is_none());
        }
        assert!(matches!(refuse(1), Some(ApiError::TooManyRequests(_))));
        assert!(matches!(refuse(2), Some(ApiError::BadToken)));
        drop(waiting.pop());
        let answer = wrong.refuse(address(1)).await;
        assert!(matches!(answer, ApiError::BadToken));
    }
}
