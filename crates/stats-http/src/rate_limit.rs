//! The optional limit on requests without a token.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::Clock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use quick_cache::sync::Cache;

use crate::errors::ApiError;

/// Number of addresses whose requests are counted, which bounds the memory. The count of one that is evicted starts
/// anew.
const ADDRESSES: usize = 50_000;

/// Limits the requests of each address. Many may come at once: up to those of a minute.
#[derive(Debug)]
pub(crate) struct RateLimit {
    quota: Quota,
    by_address: Cache<Option<IpAddr>, Arc<DefaultDirectRateLimiter>>,
}

impl RateLimit {
    pub(crate) fn new(requests_per_minute: NonZeroU32) -> Self {
        Self {
            quota: Quota::per_minute(requests_per_minute),
            by_address: Cache::new(ADDRESSES),
        }
    }

    /// Counts a request. Fails if it exceeds the limit. Requests of unknown addresses are counted together.
    pub(crate) fn count(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let new = || Ok::<_, Infallible>(Arc::new(RateLimiter::direct(self.quota)));
        let network = address.map(network);
        let Ok(limiter) = self.by_address.get_or_insert_with(&network, new);
        limiter.check().map_err(|not_until| {
            ApiError::TooManyRequests(not_until.wait_time_from(limiter.clock().now()))
        })
    }
}

/// The addresses that one client may have: an IPv6 network has at least 64 bits for its hosts.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// Whether requests to `path` are counted: the route needs no token and is not for monitoring.
pub(crate) fn is_limited(path: &str) -> bool {
    const WITH_TOKEN: [&str; 3] = ["/api/v1/stats", "/api/v1/client", "/admin/"];
    const WITHOUT_TOKEN: &str = "/api/v1/stats/processed/list";
    let needs_token =
        path != WITHOUT_TOKEN && WITH_TOKEN.iter().any(|prefix| path.starts_with(prefix));
    !needs_token && !["/health", "/health/live", "/metrics"].contains(&path)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limit(requests_per_minute: u32) -> RateLimit {
        RateLimit::new(requests_per_minute.try_into().unwrap())
    }

    /// Counts a request of `address`, and returns whether the limit admits it.
    fn admits(limit: &RateLimit, address: &str) -> bool {
        limit.count(Some(address.parse().unwrap())).is_ok()
    }

    #[test]
    fn each_address_has_the_requests_of_a_minute() {
        let limit = limit(2);
        for address in ["192.0.2.1", "192.0.2.2"] {
            assert!(admits(&limit, address));
            assert!(admits(&limit, address));
            assert!(!admits(&limit, address));
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let limit = limit(1);
        assert!(admits(&limit, "2001:db8:1:1::1"));
        assert!(!admits(&limit, "2001:db8:1:1:ffff::2"));
        assert!(admits(&limit, "2001:db8:1:2::1"));
    }

    #[test]
    fn a_refusal_tells_when_to_retry() {
        let limit = limit(1);
        limit.count(None).unwrap();
        let Err(ApiError::TooManyRequests(wait)) = limit.count(None) else {
            panic!("the second request is admitted");
        };
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(60));
    }

    #[test]
    fn the_number_of_counted_addresses_is_bounded() {
        let limit = limit(1);
        for bits in 0..4 * ADDRESSES as u32 {
            limit.count(Some(IpAddr::V4(bits.into()))).unwrap();
        }
        let counted = limit.by_address.len();
        assert!(counted <= ADDRESSES + ADDRESSES / 10, "{counted}");
    }
}
