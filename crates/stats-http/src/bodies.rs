use std::pin::pin;

use futures_util::future::{Either, select};
use stats_core::ClientId;

use crate::errors::ApiError;
use crate::limits::{Limits, Share};
use crate::turns::{Turn, Turns, Usage};

/// The memory for request bodies.
///
/// Small bodies have memory of their own, so that they do not wait for large ones. A large body that finds no memory is
/// read alone, after the one before it: memory for one body of the maximum size is set aside. As this body needs nothing
/// more, bodies that hold memory and wait for it cannot block each other.
#[derive(Debug)]
pub(crate) struct Bodies {
    small: Turns<ClientId>,
    large: Turns<ClientId>,
    alone: Turns<ClientId>,
}

/// Memory for a body, which is released when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    client: ClientId,
    bytes: usize,
    kind: Kind,
    turn: Turn,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Small,
    Large,
    /// In the memory that is set aside.
    Alone,
}

/// Maximum length of a small body, in bytes.
pub(crate) const SMALL: usize = 1 << 20;

/// Name of the resource, for the error.
const RESOURCE: &str = "large requests";

impl Bodies {
    pub(crate) fn new(limits: &Limits) -> Self {
        let Limits {
            small_bodies: small,
            large_bodies: large,
            turn_timeout,
            ..
        } = *limits;
        let small = Share {
            all: small.all.max(SMALL as u32),
            each: small.each.max(SMALL as u32),
        };
        let alone = Share { all: 1, each: 1 };
        Self {
            small: Turns::new("requests with a body", small, turn_timeout),
            large: Turns::new(RESOURCE, large, turn_timeout),
            alone: Turns::new(RESOURCE, alone, turn_timeout),
        }
    }

    /// The memory in use, in bytes, without that set aside.
    pub(crate) fn usage(&self) -> [Usage; 2] {
        let mut large = self.large.usage();
        large.refused += self.alone.usage().refused;
        [self.small.usage(), large]
    }

    /// Waits for memory for a body of `client`. `length` is its length if it is known.
    pub(crate) async fn enter(
        &self,
        client: ClientId,
        length: Option<usize>,
    ) -> Result<Room, ApiError> {
        let bytes = length.unwrap_or(SMALL);
        let (kind, turn) = if bytes <= SMALL {
            (Kind::Small, self.small.take(client, permits(bytes)).await?)
        } else if self.large.fits(permits(bytes)) {
            let large = pin!(self.large.take(client, permits(bytes)));
            let alone = pin!(self.alone.take(client, 1));
            match select(large, alone).await {
                Either::Left((turn, _)) => (Kind::Large, turn?),
                Either::Right((turn, _)) => (Kind::Alone, turn?),
            }
        } else {
            (Kind::Alone, self.alone.take(client, 1).await?)
        };
        Ok(Room {
            client,
            bytes,
            kind,
            turn,
        })
    }

    /// Waits until the body in `room` may have `bytes` bytes, if its length was not known. A body that becomes large
    /// fails at once if there is no memory for large ones: while it waited, it would hold memory of small ones.
    pub(crate) async fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), ApiError> {
        if bytes <= room.bytes {
            return Ok(());
        }
        let bytes = bytes.next_multiple_of(SMALL);
        match room.kind {
            Kind::Small => {
                room.turn = self.large.try_take(room.client, permits(bytes))?;
                room.kind = Kind::Large;
            }
            Kind::Large => {
                let more = permits(bytes - room.bytes);
                if !self.large.try_extend(&mut room.turn, more) {
                    room.turn = self.alone.take(room.client, 1).await?;
                    room.kind = Kind::Alone;
                }
            }
            Kind::Alone => {}
        }
        room.bytes = bytes;
        Ok(())
    }
}

/// A body beyond 4 GiB only fits alone.
fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    /// Memory for two large bodies of 2 MiB, one of each client. Waits do not end.
    fn bodies() -> Bodies {
        Bodies::new(&Limits {
            small_bodies: Share {
                all: 4 * SMALL as u32,
                each: 2 * SMALL as u32,
            },
            large_bodies: Share {
                all: 4 * SMALL as u32,
                each: 2 * SMALL as u32,
            },
            turn_timeout: Duration::from_secs(3600),
            ..Limits::default()
        })
    }

    /// Enters, and asserts that this does not wait.
    #[track_caller]
    fn enter(bodies: &Bodies, id: i32, length: Option<usize>) -> Room {
        let room = bodies.enter(ClientId(id), length).now_or_never();
        room.expect("it waits").unwrap()
    }

    /// Grows, and asserts that this does not wait.
    #[track_caller]
    fn grow(bodies: &Bodies, room: &mut Room, bytes: usize) {
        let grown = bodies.grow(room, bytes).now_or_never();
        grown.expect("it waits").unwrap();
    }

    #[actix_web::test]
    async fn large_bodies_that_do_not_fit_are_read_one_after_the_other() {
        let bodies = bodies();
        let _fitting = [1, 2].map(|id| enter(&bodies, id, Some(2 * SMALL)));
        let first = enter(&bodies, 3, Some(60 * SMALL));
        // The client that had its turn is last.
        let mut others = [4, 5, 3].map(|id| Box::pin(bodies.enter(ClientId(id), Some(2 * SMALL))));
        for other in &mut others {
            assert!(other.now_or_never().is_none());
        }
        drop(first);
        for other in others {
            other.now_or_never().expect("it is next").unwrap();
        }
    }

    #[actix_web::test]
    async fn a_large_body_that_waits_takes_memory_that_becomes_free() {
        let bodies = bodies();
        let [fitting, _other] = [1, 2].map(|id| enter(&bodies, id, Some(2 * SMALL)));
        let _alone = enter(&bodies, 3, Some(60 * SMALL));
        let mut waiting = Box::pin(bodies.enter(ClientId(4), Some(2 * SMALL)));
        assert!((&mut waiting).now_or_never().is_none());
        drop(fitting);
        waiting.now_or_never().expect("it fits").unwrap();
    }

    #[actix_web::test]
    async fn half_read_bodies_do_not_wait_for_each_other() {
        let bodies = bodies();
        let [mut first, mut second] = [1, 2].map(|id| enter(&bodies, id, None));
        grow(&bodies, &mut first, 2 * SMALL);
        grow(&bodies, &mut second, 2 * SMALL);
        // Both hold all that their clients may use. One gets the memory that is set aside.
        grow(&bodies, &mut first, 3 * SMALL);
        grow(&bodies, &mut first, 60 * SMALL);
        let mut growing = Box::pin(bodies.grow(&mut second, 3 * SMALL));
        assert!((&mut growing).now_or_never().is_none());
        drop(first);
        growing.now_or_never().expect("it is next").unwrap();
        grow(&bodies, &mut second, 60 * SMALL);
    }

    #[actix_web::test]
    async fn small_bodies_do_not_wait_for_large_ones() {
        let bodies = bodies();
        let mut becomes_large = enter(&bodies, 4, None);
        let _large = [
            enter(&bodies, 1, Some(2 * SMALL)),
            enter(&bodies, 2, Some(2 * SMALL)),
            enter(&bodies, 3, Some(60 * SMALL)),
        ];
        let mut waiting: Vec<_> = [1, 2, 3, 4]
            .into_iter()
            .flat_map(|id| [id; 20])
            .map(|id| Box::pin(bodies.enter(ClientId(id), Some(3 * SMALL))))
            .collect();
        for body in &mut waiting {
            assert!(body.now_or_never().is_none());
        }
        // It would wait with memory for small bodies.
        let refused = bodies.grow(&mut becomes_large, 2 * SMALL).now_or_never();
        let refused = refused.expect("it waits");
        assert!(matches!(refused, Err(ApiError::Busy(_))), "{refused:?}");
        drop(becomes_large);
        for id in [1, 2, 3, 4] {
            for length in [Some(100), Some(SMALL), None] {
                drop(enter(&bodies, id, length));
            }
        }
    }
}
