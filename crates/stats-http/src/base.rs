use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::app::{App, HttpConfig};

/// Where this instance is as the sender of a request sees it, which is what links have to lead to.
///
/// Behind a proxy that is trusted (`FIX_PROXY`) it is what `X-Forwarded-Proto`, `-Host` and `-Prefix` say; otherwise
/// these headers mean nothing, since anybody could send them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// `https://dashboard.example.org`
    origin: String,
    /// The path that the proxy has taken away, such as `/dashboardBO`, or nothing.
    prefix: String,
    /// The address of this instance where the operator has set it.
    instance_url: Option<String>,
}

impl Base {
    fn of(request: &HttpRequest, config: &HttpConfig) -> Self {
        let forwarded = |name: &str| {
            let value = request
                .headers()
                .get(name)
                .filter(|_| config.trusts_proxy)?
                .to_str()
                .ok()?;
            // With several proxies in a row the first value is the one that the client has seen.
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

    /// A link within the site to `path`, which begins with a slash.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// An address that works from elsewhere for `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        match &self.instance_url {
            Some(url) => format!("{url}{path}"),
            None => format!("{}{}{path}", self.origin, self.prefix),
        }
    }
}

/// Whether it can be a host with or without a port: nothing that would end up elsewhere in a page or an address.
fn is_host(host: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(is_allowed)
}

/// Whether it can be a prefix: a path from the root of this host.
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
            Some(app) => Self::of(request, &app.config),
            None => Self::of(request, &HttpConfig::default()),
        };
        ready(Ok(base))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn base(headers: &[(&str, &str)], trusts_proxy: bool) -> Base {
        let request = headers.iter().fold(TestRequest::get(), |request, header| {
            request.insert_header(*header)
        });
        Base::of(
            &request.to_http_request(),
            &HttpConfig {
                trusts_proxy,
                ..HttpConfig::default()
            },
        )
    }

    const FORWARDED: [(&str, &str); 4] = [
        ("Host", "127.0.0.1:5000"),
        ("X-Forwarded-Host", "dashboard.example.org"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Prefix", "/dashboardBO/"),
    ];

    #[test]
    fn a_trusted_proxy_says_where_the_client_is() {
        let base = base(&FORWARDED, true);
        assert_eq!(base.link("/stats"), "/dashboardBO/stats");
        assert_eq!(
            base.url("/stats"),
            "https://dashboard.example.org/dashboardBO/stats"
        );
    }

    #[test]
    fn nobody_else_does() {
        let base = base(&FORWARDED, false);
        assert_eq!(base.link("/stats"), "/stats");
        assert_eq!(base.url("/stats"), "http://127.0.0.1:5000/stats");
    }

    #[test]
    fn what_cannot_be_a_place_is_ignored() {
        for bad in [
            "//evil.example",
            "evil",
            "/a b",
            "/\"onload=",
            "/a?b",
            "/é",
            "",
            ",",
        ] {
            let base = base(&[("X-Forwarded-Prefix", bad)], true);
            assert_eq!(base.link("/stats"), "/stats", "{bad}");
        }
        for bad in ["evil.example/x", "a b", "\"><script>", "user@host", ""] {
            let base = base(&[("X-Forwarded-Host", bad), ("Host", "here")], true);
            assert_eq!(base.url("/"), "http://here/", "{bad}");
        }
        let base = base(
            &[("X-Forwarded-Proto", "javascript"), ("Host", "here")],
            true,
        );
        assert_eq!(base.url("/"), "http://here/");
    }

    #[test]
    fn the_address_that_is_set_counts_for_others() {
        let request = TestRequest::get().to_http_request();
        let instance_url = Some("https://stats.example.org".to_owned());
        let base = Base::of(
            &request,
            &HttpConfig {
                instance_url,
                ..HttpConfig::default()
            },
        );
        assert_eq!(base.url("/api/v1/"), "https://stats.example.org/api/v1/");
        assert_eq!(base.link("/api/v1/"), "/api/v1/");
    }
}
