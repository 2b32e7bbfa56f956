use std::collections::HashMap;
use std::future::pending;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stats_core::ClientId;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::errors::ApiError;
use crate::limits::Share;

/// Limits how much of a resource each client and all clients use at the same time.
#[derive(Debug)]
pub(crate) struct Turns<K = Party> {
    /// Name of the resource, for the error.
    resource: &'static str,
    share: Share,
    timeout: Duration,
    all: Arc<Semaphore>,
    /// Number of requests that wait for others' turns to end, not for those of their own client.
    waiting: watch::Sender<usize>,
    by_client: Mutex<HashMap<K, Lane>>,
    refused: AtomicU64,
}

/// How much of a resource is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Name of the resource.
    pub(crate) resource: &'static str,
    pub(crate) in_use: u32,
    /// Maximum for all clients.
    pub(crate) limit: u32,
    /// Number of requests that got nothing of it since the start of the server.
    pub(crate) refused: u64,
}

/// What a client may use, and its places to wait for it.
#[derive(Debug, Clone)]
struct Lane {
    share: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// Number of requests of a client that wait for a resource. Further ones fail at once.
const QUEUE: usize = 100;

/// A client with a token, or all visitors without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    Client(ClientId),
    Visitors,
}

/// A part of the resource, which is released when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Of the client, and of all clients.
    permits: [OwnedSemaphorePermit; 2],
    waiting: watch::Receiver<usize>,
}

impl Turn {
    /// Waits until a request waits for the end of a turn.
    pub(crate) async fn is_wanted(&mut self) {
        if self.waiting.wait_for(|waiting| *waiting > 0).await.is_err() {
            // Nobody is left to want it.
            pending().await
        }
    }
}

/// Counts as waiting until dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|waiting| *waiting += 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl<K: Eq + Hash> Turns<K> {
    pub(crate) fn new(resource: &'static str, share: Share, timeout: Duration) -> Self {
        Self {
            resource,
            share,
            timeout,
            all: Arc::new(Semaphore::new(share.all as usize)),
            waiting: watch::Sender::default(),
            by_client: Mutex::default(),
            refused: AtomicU64::new(0),
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let free = u32::try_from(self.all.available_permits()).unwrap_or(u32::MAX);
        Usage {
            resource: self.resource,
            in_use: self.share.all.saturating_sub(free),
            limit: self.share.all,
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Waits until `client` may use `amount` of the resource. Fails at once if too many of its requests wait already. A
    /// dropped future leaves the queue.
    pub(crate) async fn take(&self, client: K, amount: u32) -> Result<Turn, ApiError> {
        let lane = self.lane(client);
        let _place = lane.queue.try_acquire().map_err(|_| self.busy())?;
        // The client's own share comes first: a request that waits for it holds nothing of the total.
        let permits = async {
            let own = lane.share.acquire_many_owned(amount).await?;
            if let Ok(all) = self.all.clone().try_acquire_many_owned(amount) {
                return Ok([own, all]);
            }
            let _waiting = Waiting::new(&self.waiting);
            let all = self.all.clone().acquire_many_owned(amount).await?;
            Ok::<_, AcquireError>([own, all])
        };
        match timeout(self.timeout, permits).await {
            Ok(Ok(permits)) => Ok(self.turn(permits)),
            Ok(Err(closed)) => Err(ApiError::internal(closed)),
            Err(_) => Err(self.busy()),
        }
    }

    /// Like [`Turns::take`], but fails at once instead of waiting.
    pub(crate) fn try_take(&self, client: K, amount: u32) -> Result<Turn, ApiError> {
        let semaphores = [self.lane(client).share, self.all.clone()];
        let permits = try_acquire(semaphores, amount).ok_or_else(|| self.busy())?;
        Ok(self.turn(permits))
    }

    /// Extends `turn` by `amount`, and returns whether that was possible. It does not wait: turns that wait for each
    /// other would not end.
    pub(crate) fn try_extend(&self, turn: &mut Turn, amount: u32) -> bool {
        let semaphores = turn
            .permits
            .each_ref()
            .map(|permit| permit.semaphore().clone());
        let Some(more) = try_acquire(semaphores, amount) else {
            return false;
        };
        for (permit, more) in turn.permits.iter_mut().zip(more) {
            permit.merge(more);
        }
        true
    }

    /// Whether a client may ever use `amount` of the resource.
    pub(crate) fn fits(&self, amount: u32) -> bool {
        amount <= self.share.each.min(self.share.all)
    }

    fn lane(&self, client: K) -> Lane {
        let mut by_client = self
            .by_client
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let new = || Lane {
            share: Arc::new(Semaphore::new(self.share.each as usize)),
            queue: Arc::new(Semaphore::new(QUEUE)),
        };
        by_client.entry(client).or_insert_with(new).clone()
    }

    fn turn(&self, permits: [OwnedSemaphorePermit; 2]) -> Turn {
        Turn {
            permits,
            waiting: self.waiting.subscribe(),
        }
    }

    /// Counts a refusal.
    fn busy(&self) -> ApiError {
        self.refused.fetch_add(1, Ordering::Relaxed);
        ApiError::Busy(self.resource)
    }
}

fn try_acquire([own, all]: [Arc<Semaphore>; 2], amount: u32) -> Option<[OwnedSemaphorePermit; 2]> {
    let own = own.try_acquire_many_owned(amount).ok()?;
    Some([own, all.try_acquire_many_owned(amount).ok()?])
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn turns() -> Turns<u32> {
        Turns::new(
            "lists",
            Share { all: 3, each: 2 },
            Duration::from_millis(20),
        )
    }

    #[actix_web::test]
    async fn each_client_is_limited_to_its_share() {
        let turns = turns();
        let first = turns.take(1, 1).await.unwrap();
        let _second = turns.take(1, 1).await.unwrap();
        let third = turns.take(1, 1).await;
        assert!(matches!(third, Err(ApiError::Busy("lists"))), "{third:?}");
        let _other = turns.take(2, 1).await.unwrap();
        assert!(turns.take(3, 1).await.is_err(), "all three are taken");
        drop(first);
        turns.take(3, 1).await.unwrap();
    }

    #[actix_web::test]
    async fn a_full_queue_fails_at_once() {
        let patient = Turns::new(
            "lists",
            Share { all: 3, each: 1 },
            Duration::from_secs(3600),
        );
        let turn = patient.take(1, 1).await.unwrap();
        let mut waiting: Vec<_> = (0..QUEUE).map(|_| Box::pin(patient.take(1, 1))).collect();
        for request in &mut waiting {
            assert!(request.now_or_never().is_none());
        }
        let more = patient.take(1, 1).await;
        assert!(matches!(more, Err(ApiError::Busy("lists"))), "{more:?}");
        patient.take(2, 1).await.unwrap();
        drop(waiting.pop());
        assert!(patient.take(1, 1).now_or_never().is_none(), "it waits");
        drop(turn);
    }

    #[actix_web::test]
    async fn a_turn_is_wanted_while_another_client_waits_for_it() {
        let turns = turns();
        let mut turn = turns.take(1, 1).await.unwrap();
        let _second = turns.take(1, 1).await.unwrap();
        let mut own = Box::pin(turns.take(1, 1));
        assert!((&mut own).now_or_never().is_none());
        assert!(turn.is_wanted().now_or_never().is_none(), "its own lane");
        let _third = turns.take(2, 1).await.unwrap();
        assert!(turn.is_wanted().now_or_never().is_none());
        let mut other = Box::pin(turns.take(3, 1));
        assert!((&mut other).now_or_never().is_none());
        assert!(turn.is_wanted().now_or_never().is_some());
        drop(other);
        assert!(turn.is_wanted().now_or_never().is_none(), "it left");
    }

    #[actix_web::test]
    async fn a_turn_can_be_extended_up_to_the_share() {
        let turns = turns();
        let mut turn = turns.try_take(1, 1).unwrap();
        assert!(turns.try_extend(&mut turn, 1));
        assert!(!turns.try_extend(&mut turn, 1));
        let _other = turns.try_take(2, 1).unwrap();
        assert!(turns.try_take(3, 1).is_err());
        let mut usage = Usage {
            resource: "lists",
            in_use: 3,
            limit: 3,
            refused: 1,
        };
        assert_eq!(turns.usage(), usage);
        drop(turn);
        usage.in_use = 1;
        assert_eq!(turns.usage(), usage);
        turns.take(3, 2).await.unwrap();
        assert!(turns.fits(2) && !turns.fits(3));
    }
}
