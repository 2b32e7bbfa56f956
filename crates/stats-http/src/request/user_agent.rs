use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;

use crate::errors::ApiError;

/// The first MONARC whose stats this service understands.
const OLDEST_MONARC: [u64; 3] = [2, 10, 2];

/// Middleware that turns away a MONARC that is too old.
pub(crate) async fn refuse_outdated_monarc(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    if agent
        .and_then(monarc_version)
        .is_some_and(|version| version < OLDEST_MONARC)
    {
        return Err(ApiError::OutdatedMonarc.into());
    }
    next.call(request).await
}

/// The version in `MONARC/<version>`, as far as it is numbers: major, minor and patch. `None` where there is none that
/// can be read.
fn monarc_version(agent: &str) -> Option<[u64; 3]> {
    let (_, version) = agent.split_once("MONARC/")?;
    let version = version.strip_prefix('v').unwrap_or(version);
    let numbers = version
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?;
    let mut parts = numbers.split('.').map(str::parse::<u64>);
    let major = parts.next()?.ok()?;
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    Some([major, next(), next()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_far_as_they_are_numbers() {
        for (agent, version) in [
            ("MONARC/2.9.1", Some([2, 9, 1])),
            ("MONARC/v2.12.5", Some([2, 12, 5])),
            ("MONARC/2.13.3-p1", Some([2, 13, 3])),
            ("MONARC/2.10", Some([2, 10, 0])),
            ("MONARC/3", Some([3, 0, 0])),
            ("GuzzleHttp/7 MONARC/2.10.1 (x)", Some([2, 10, 1])),
            ("MONARC/", None),
            ("MONARC/abc", None),
            ("MONARC/99999999999999999999999", None),
            ("curl/8", None),
        ] {
            assert_eq!(monarc_version(agent), version, "{agent}");
        }
    }
}
