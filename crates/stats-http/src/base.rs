use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::config::HttpConfig;
use crate::state::App;

/// The address of this instance as the client sees it, for links.
///
/// Behind a trusted proxy (`FIX_PROXY`) it comes from `X-Forwarded-Proto`, `-Host` and `-Prefix`. Otherwise these
/// headers are ignored, because any client can send them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// Scheme and host, such as `https://dashboard.example.org`.
    origin: String,
    /// The path prefix that the proxy removed, such as `/dashboardBO`; may be empty.
    prefix: String,
    /// The configured address of this instance.
    instance_url: Option<String>,
}

impl Base {
    pub(crate) fn new(request: &HttpRequest, config: &HttpConfig) -> Self {
        let forwarded = |name: &str| {
            let value = request
                .headers()
                .get(name)
                .filter(|_| config.trusts_proxy)?
                .to_str()
                .ok()?;
            // Each proxy appends a value. The first one comes from the proxy that the client sees.
            Some(value.split(',').next().unwrap_or_default().trim())
                .filter(|value| !value.is_empty())
        };
        let scheme =
            forwarded("X-Forwarded-Proto").filter(|scheme| ["http", "https"].contains(scheme));
        let host = forwarded("X-Forwarded-Host").filter(|host| is_host(host));
        let own_host = request
            .head()
            .headers()
            .get("Host")
            .and_then(|host| host.to_str().ok());
        let host = host
            .or(own_host.filter(|host| is_host(host)))
            .unwrap_or("localhost");
        let prefix = forwarded("X-Forwarded-Prefix").map(|prefix| prefix.trim_end_matches('/'));
        Self {
            origin: format!("{}://{host}", scheme.unwrap_or("http")),
            prefix: prefix
                .filter(|prefix| is_prefix(prefix))
                .unwrap_or_default()
                .to_owned(),
            instance_url: config.instance_url.clone(),
        }
    }

    /// Returns the path of a link within this site. `path` begins with a slash.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Returns the absolute URL of `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        match &self.instance_url {
            Some(url) => format!("{url}{path}"),
            None => format!("{}{}{path}", self.origin, self.prefix),
        }
    }
}

/// Whether `host` can be a host with an optional port. Excludes characters that are special in HTML or in URLs.
fn is_host(host: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(is_allowed)
}

/// Whether `prefix` can be an absolute path on this host.
fn is_prefix(prefix: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_~".contains(&byte);
    prefix.starts_with('/')
        && !prefix.starts_with("//")
        && prefix.len() <= 255
        && prefix.bytes().all(is_allowed)
}

impl FromRequest for Base {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let base = match request.app_data::<Data<App>>() {
            Some(app) => Self::new(request, &app.config),
            None => Self::new(request, &HttpConfig::default()),
        };
        ready(Ok(base))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn base(headers: &[(&str, &str)], config: &HttpConfig) -> Base {
        let request = headers.iter().fold(TestRequest::get(), |request, header| {
            request.insert_header(*header)
        });
        Base::new(&request.to_http_request(), config)
    }

    fn proxied() -> HttpConfig {
        HttpConfig {
            trusts_proxy: true,
            ..HttpConfig::default()
        }
    }

    #[test]
    fn only_a_trusted_proxy_sets_the_address() {
        let headers = [
            ("Host", "127.0.0.1:5000"),
            ("X-Forwarded-Host", "dashboard.example.org"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Prefix", "/dashboardBO/"),
        ];
        let trusted = base(&headers, &proxied());
        assert_eq!(trusted.link("/stats"), "/dashboardBO/stats");
        assert_eq!(
            trusted.url("/stats"),
            "https://dashboard.example.org/dashboardBO/stats"
        );
        let untrusted = base(&headers, &HttpConfig::default());
        assert_eq!(untrusted.link("/stats"), "/stats");
        assert_eq!(untrusted.url("/stats"), "http://127.0.0.1:5000/stats");
    }

    #[test]
    fn malformed_forwarded_headers_are_ignored() {
        for malformed in [
            "//evil.example",
            "evil",
            "/a b",
            "/\"onload=",
            "/a?b",
            "/é",
            "",
            ",",
        ] {
            let base = base(&[("X-Forwarded-Prefix", malformed)], &proxied());
            assert_eq!(base.link("/stats"), "/stats", "{malformed}");
        }
        for header in [
            ("X-Forwarded-Host", "evil.example/x"),
            ("X-Forwarded-Host", "a b"),
            ("X-Forwarded-Host", "\"><script>"),
            ("X-Forwarded-Host", "user@host"),
            ("X-Forwarded-Host", ""),
            ("X-Forwarded-Proto", "javascript"),
        ] {
            let base = base(&[header, ("Host", "here")], &proxied());
            assert_eq!(base.url("/"), "http://here/", "{header:?}");
        }
    }

    #[test]
    fn absolute_urls_use_the_configured_address() {
        let config = HttpConfig {
            instance_url: Some("https://stats.example.org".to_owned()),
            ..HttpConfig::default()
        };
        let base = base(&[], &config);
        assert_eq!(base.url("/api/v1/"), "https://stats.example.org/api/v1/");
        assert_eq!(base.link("/api/v1/"), "/api/v1/");
    }
}
