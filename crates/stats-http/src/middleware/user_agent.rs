use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;

use crate::errors::ApiError;

/// The oldest MONARC version that this service accepts.
const OLDEST_MONARC: [u64; 3] = [2, 10, 2];

/// Refuses requests of MONARC versions before [`OLDEST_MONARC`].
pub(crate) async fn refuse_outdated_monarc(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    if agent
        .and_then(monarc_version)
        .is_some_and(|version| version < OLDEST_MONARC)
    {
        let refusal = request.error_response(ApiError::OutdatedMonarc);
        return Ok(refusal.map_into_right_body());
    }
    let response = next.call(request).await?;
    Ok(response.map_into_left_body())
}

/// Parses major, minor and patch version in `MONARC/<version>`.
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
    fn version_suffixes_are_ignored() {
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
