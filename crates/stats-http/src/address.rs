use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;

use crate::config::HttpConfig;

/// Returns the address of the client. A trusted proxy adds it to the end of `X-Forwarded-For`.
pub(crate) fn address(request: &HttpRequest, config: &HttpConfig) -> Option<IpAddr> {
    let forwarded = request.headers().get_all("X-Forwarded-For").last();
    let forwarded = forwarded
        .filter(|_| config.trusts_proxy)
        .and_then(|value| parse(value.to_str().ok()?.rsplit(',').next()?));
    let peer = || Some(request.peer_addr()?.ip());
    // A socket for both versions of IP has IPv4 peers such as ::ffff:192.0.2.1.
    forwarded
        .or_else(peer)
        .map(|address| address.to_canonical())
}

/// Parses an address. Some proxies add the port, and brackets around IPv6.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<SocketAddr>().ok();
    let address = text.parse().ok();
    address.or_else(|| Some(with_port()?.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn assert_address(trusts_proxy: bool, peer: &str, forwarded: &[&str], expected: &str) {
        let mut request = TestRequest::get().peer_addr(peer.parse().unwrap());
        for value in forwarded {
            request = request.append_header(("X-Forwarded-For", *value));
        }
        let config = HttpConfig {
            trusts_proxy,
            ..HttpConfig::default()
        };
        let found = address(&request.to_http_request(), &config);
        assert_eq!(found, Some(expected.parse().unwrap()), "{forwarded:?}");
    }

    #[test]
    fn a_trusted_proxy_adds_the_client_address() {
        let forwarded = ["203.0.113.1", "203.0.113.2, 203.0.113.3"];
        assert_address(false, "192.0.2.1:5000", &forwarded, "192.0.2.1");
        assert_address(true, "192.0.2.1:5000", &forwarded, "203.0.113.3");
        assert_address(true, "192.0.2.1:5000", &[], "192.0.2.1");
    }

    #[test]
    fn addresses_are_read_in_all_forms() {
        for (forwarded, expected) in [
            ("203.0.113.3:4711", "203.0.113.3"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:203.0.113.3", "203.0.113.3"),
            ("203.0.113.3, unknown", "192.0.2.1"),
            ("", "192.0.2.1"),
        ] {
            assert_address(true, "192.0.2.1:5000", &[forwarded], expected);
        }
        assert_address(false, "[::ffff:192.0.2.1]:5000", &[], "192.0.2.1");
    }
}
