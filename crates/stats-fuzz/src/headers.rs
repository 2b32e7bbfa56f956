use std::net::SocketAddr;

use stats_http::fuzzing::{Seen, read_headers};
use url::Url;

/// The headers of a request, one a line, `name: value`.
pub fn headers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let headers: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let peer: SocketAddr = ([192, 0, 2, 1], 5000).into();
    let trusted = read_headers(&headers, peer, true);
    let untrusted = read_headers(&headers, peer, false);
    check(&trusted);
    check(&untrusted);
    let own = headers
        .iter()
        .filter(|(name, _)| !name.to_ascii_lowercase().starts_with("x-forwarded"));
    let own = read_headers(&own.copied().collect::<Vec<_>>(), peer, false);
    assert_eq!(untrusted, own, "only a proxy may send X-Forwarded-*");
    assert_eq!(untrusted.address, Some(peer.ip()));
}

/// Addresses are written into pages, scripts and headers.
fn check(seen: &Seen) {
    for text in [&seen.link, &seen.url] {
        let is_safe = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>&\\`?#".contains(&byte);
        assert!(text.bytes().all(is_safe), "{seen:?}");
        assert!(text.ends_with("/stats") && text.len() < 600, "{seen:?}");
    }
    assert!(
        seen.link.starts_with('/') && !seen.link.starts_with("//"),
        "{seen:?}"
    );
    assert!(seen.url.starts_with("http://") || seen.url.starts_with("https://"));
    // Not everything without special characters is a host, such as "a.1".
    if let Ok(url) = Url::parse(&seen.url) {
        assert!(
            url.username().is_empty() && url.password().is_none(),
            "{seen:?}"
        );
        assert!(url.path().ends_with("/stats"), "{seen:?}");
        let linked = url.join(&seen.link).expect("a link is a path");
        assert_eq!(linked.origin(), url.origin(), "a link stays on the host");
    }
    assert!(["fr", "en", "de", "nl"].contains(&seen.language));
    assert!(
        seen.address
            .is_some_and(|address| address == address.to_canonical())
    );
}
