//! The running server, or whether one could listen.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::Client;
use serde::Deserialize;
use stats_core::WithCauses;
use stats_settings::Settings;

use crate::check::{Check, Findings};

const NAME: &str = "server";
/// Above the time that the server takes for its own check.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The answer of `/health`.
#[derive(Deserialize)]
struct Health {
    status: String,
    message: Option<String>,
}

/// Asks the running server.
pub(crate) fn check(settings: &Settings, findings: &mut Findings) {
    if settings.port == 0 {
        return findings.add(Check::ok(
            NAME,
            "not asked: with PORT = 0 its port is unknown",
        ));
    }
    let url = health_url(settings);
    if let Some(check) = findings.bounded(NAME, move || ask(&url)) {
        findings.add(check);
    }
}

/// Checks whether a server can listen, or does so already.
pub(crate) fn check_address(settings: &Settings, findings: &mut Findings) {
    let (host, port) = (settings.host.clone(), settings.port);
    let url = health_url(settings);
    if let Some(check) = findings.bounded(NAME, move || listen(&host, port, &url)) {
        findings.add(check);
    }
}

fn listen(host: &str, port: u16, url: &str) -> Check {
    match TcpListener::bind((host, port)) {
        Ok(_) => Check::ok(NAME, format!("it can listen on {host}, port {port}")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => ask(url),
        Err(error) => Check::failure(
            NAME,
            format!("it cannot listen on {host}, port {port}: {error}"),
            "correct HOST and PORT; ports below 1024 need a right of their own",
        ),
    }
}

fn health_url(settings: &Settings) -> String {
    format!(
        "http://{}:{}/health",
        address(&settings.host),
        settings.port
    )
}

/// Where a server on this machine listens, in a URL.
fn address(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => format!("[{}]", Ipv6Addr::LOCALHOST),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}

fn ask(url: &str) -> Check {
    let client = Client::builder().timeout(TIMEOUT).no_proxy().build();
    let response = client.and_then(|client| client.get(url).send());
    let response = match response {
        Ok(response) => response,
        Err(error) => {
            return Check::failure(
                NAME,
                format!("no answer from {url}: {}", WithCauses(&error.without_url())),
                "start the server, or correct HOST and PORT",
            );
        }
    };
    let status = response.status();
    match (status, response.json::<Health>()) {
        (StatusCode::OK, Ok(health)) if health.status == "ok" => {
            Check::ok(NAME, format!("{url} answers"))
        }
        (StatusCode::SERVICE_UNAVAILABLE, Ok(health)) => Check::failure(
            NAME,
            format!(
                "the server is unavailable: {}",
                health.message.as_deref().unwrap_or(&health.status)
            ),
            "look at its log",
        ),
        _ => Check::failure(
            NAME,
            format!(
                "{url} is not that of this service (status {})",
                status.as_u16()
            ),
            "look which program listens there, and correct HOST and PORT",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_this_machine() {
        for (host, expected) in [
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
            ("::", "[::1]"),
            ("::1", "[::1]"),
            ("stats.example.org", "stats.example.org"),
        ] {
            assert_eq!(address(host), expected);
        }
    }
}
