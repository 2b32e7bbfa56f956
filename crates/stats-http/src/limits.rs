use std::num::NonZeroU32;
use std::time::Duration;

/// Resource limits, so that a slow or greedy client does not block others. The defaults suit a front office on a slow
/// connection.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum number of open connections. Further ones wait until one closes. Each uses a file descriptor.
    pub connections: usize,
    /// Maximum time for the headers of the first request on a connection.
    pub header_timeout: Duration,
    /// Time after which an idle connection is closed.
    pub keep_alive: Duration,
    /// Maximum time for which a client reads nothing of an answer. A body of n bytes has to arrive within this time
    /// plus n / [`Limits::min_rate`].
    pub stall_timeout: Duration,
    /// Maximum time for which a client reads nothing of a list while another request waits for the end of one.
    pub yield_timeout: Duration,
    /// Minimum rate of a request body, in bytes per second.
    pub min_rate: NonZeroU32,
    /// Maximum time for a list, whose length is not known in advance.
    pub list_timeout: Duration,
    /// Maximum time for any other work, without the wait for a turn.
    pub work_timeout: Duration,
    /// Lists that are sent at the same time. Each holds one of the database connections for reading.
    pub lists: Share,
    /// Processors that run at the same time, pages included. Visitors without a token count as one client.
    pub processors: Share,
    /// Bytes of request bodies of at most 1 MiB in memory. One such body always fits.
    pub small_bodies: Share,
    /// Bytes of larger request bodies in memory. A body that does not fit is read alone, after others that do not fit:
    /// memory for one body of the maximum size is set aside.
    pub large_bodies: Share,
    /// Maximum wait for a part of one of these shares, after which the answer is 503.
    pub turn_timeout: Duration,
}

/// A resource that clients share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Maximum for all clients together.
    pub all: u32,
    /// Maximum for one client.
    pub each: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2000,
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            yield_timeout: Duration::from_secs(5),
            min_rate: NonZeroU32::MIN.saturating_add((32 << 10) - 1),
            list_timeout: Duration::from_secs(600),
            work_timeout: Duration::from_secs(60),
            lists: Share { all: 4, each: 2 },
            processors: Share { all: 4, each: 2 },
            small_bodies: Share {
                all: 32 << 20,
                each: 8 << 20,
            },
            large_bodies: Share {
                all: 32 << 20,
                each: 16 << 20,
            },
            turn_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Maximum time for the first `bytes` bytes of a body.
    pub(crate) fn time_for(&self, bytes: u64) -> Duration {
        let seconds = bytes / u64::from(self.min_rate.get());
        self.stall_timeout
            .saturating_add(Duration::from_secs(seconds))
    }
}
