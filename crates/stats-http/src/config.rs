use std::num::NonZeroU32;

use crate::limits::Limits;
use crate::logo::Logo;

/// Settings of the HTTP server.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Name of this instance.
    pub name: String,
    /// Logo of this instance.
    pub logo: Option<Logo>,
    /// Text about this instance: its paragraphs, as plain text.
    pub text: Vec<String>,
    /// URL of the source code of the running program.
    pub source_url: String,
    /// E-mail address of the operator of this instance.
    pub contact: Option<String>,
    /// URL of a page about the operator.
    pub operator_url: Option<String>,
    /// Public URL of this instance, without a trailing slash. Defaults to the address that a request was sent to.
    pub instance_url: Option<String>,
    /// Whether to trust the headers `X-Forwarded-Host`, `-Proto`, `-Prefix` and `-For`. Enable it only behind
    /// a proxy that sets them.
    pub trusts_proxy: bool,
    /// Maximum number of requests of an address in a minute to routes that need no token, except for monitoring. An IPv6
    /// network of 64 bits counts as one address. Requests with a valid token do not count. `None` does not limit.
    pub visitor_requests_per_minute: Option<NonZeroU32>,
    /// How many clients have to be behind each public figure. Above 1, the public statistics are a release.
    pub public_min_clients: u64,
    /// Whether clients can be created through the API.
    pub is_registration_open: bool,
    /// Maximum size of a request body, in bytes, after decompression.
    pub max_body_bytes: usize,
    /// Memory for cached results of processors, in bytes.
    pub cache_bytes: u64,
    /// Whether to log every request instead of only those that are refused or fail.
    pub logs_requests: bool,
    /// Resource limits.
    pub limits: Limits,
    /// The optional groups of routes.
    pub routes: Routes,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            name: "MONARC Stats Service".to_owned(),
            logo: None,
            text: Vec::new(),
            source_url: env!("CARGO_PKG_REPOSITORY").to_owned(),
            contact: None,
            operator_url: None,
            instance_url: None,
            trusts_proxy: false,
            visitor_requests_per_minute: None,
            public_min_clients: 1,
            is_registration_open: true,
            max_body_bytes: 64 << 20,
            cache_bytes: 64 << 20,
            logs_requests: false,
            limits: Limits::default(),
            routes: Routes::default(),
        }
    }
}

/// Groups of routes that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routes {
    /// The HTML pages, except for that of the public statistics.
    pub pages: bool,
    /// The public statistics and their page.
    pub stats: bool,
    /// The map.
    pub map: bool,
    /// The routes for admins outside the API.
    pub admin: bool,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            pages: true,
            stats: true,
            map: true,
            admin: true,
        }
    }
}
