use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use stats_remote::{Mosp, MospOptions, RemoteError};
use uuid::Uuid;

use crate::support::{Remote, answer};

const PHISHING: Uuid = Uuid::from_u128(0xf3ca_a83b_28fb_49fd_b7ad_6e4c_d1aa_ad07);
const OTHER: Uuid = Uuid::from_u128(1);

fn published() -> Value {
    json!({"data": [{
        "description": "Hameçonnage © 日本",
        "json_object": {"label": "Phishing ®", "language": "EN", "uuid": PHISHING, "version": 6.3},
        "last_updated": "2020-05-27T09:54:06.727943",
        "name": "Phishing",
    }], "metadata": {"count": 1}})
}

fn unpublished() -> Value {
    json!({"data": [], "metadata": {"count": 0}})
}

fn mosp(remote: &Remote) -> Mosp {
    mosp_with(remote, MospOptions::default())
}

fn mosp_with(remote: &Remote, options: MospOptions) -> Mosp {
    Mosp::new(&remote.url(), None, options).unwrap()
}

fn answering(body: &Value) -> Remote {
    Remote::answering(answer("200 OK", &body.to_string()))
}

#[test]
fn published_object_is_returned_unchanged() {
    let remote = answering(&published());
    let object = mosp(&remote).object(PHISHING).unwrap();
    assert_eq!(object.as_ref(), Some(&published()["data"][0]));
    let with_token = Mosp::new(
        &remote.url(),
        Some("sesame".parse().unwrap()),
        MospOptions::default(),
    )
    .unwrap();
    with_token.object(PHISHING).unwrap();
    assert!(!format!("{with_token:?}").contains("sesame"));
    let [anonymous, authenticated] = remote.requests().try_into().unwrap();
    assert!(
        anonymous.head.starts_with(
            "GET /api/v2/object/?uuid=f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07 HTTP/1.1\r\n"
        ),
        "{anonymous:?}"
    );
    assert_eq!(anonymous.header("x-api-key"), None);
    assert_eq!(authenticated.header("x-api-key"), Some("sesame"));
}

#[test]
fn unpublished_object_and_object_with_another_id_are_none() {
    for (body, uuid) in [(unpublished(), PHISHING), (published(), OTHER)] {
        let remote = answering(&body);
        assert_eq!(mosp(&remote).object(uuid).unwrap(), None);
        assert_eq!(mosp(&remote).label(uuid, "en").unwrap(), None);
    }
}

#[test]
fn labels_of_an_object_are_fetched_once() {
    for (body, english) in [(published(), Some("Phishing ®")), (unpublished(), None)] {
        let remote = answering(&body);
        let mosp = mosp(&remote);
        for (language, label) in [("en", english), ("fr", None), ("en", english)] {
            let found = mosp.label(PHISHING, language).unwrap();
            assert_eq!(found.as_deref(), label, "{language}");
        }
        assert_eq!(remote.requests().len(), 1);
    }
}

#[test]
fn errors_are_not_cached() {
    let remote = Remote::start(true, |mut stream, _, number| {
        let response = match number {
            0 => answer("500 Oops", "{}"),
            1 => answer("200 OK", "<html>"),
            _ => answer("200 OK", &published().to_string()),
        };
        stream.write_all(response.as_bytes()).unwrap();
    });
    let mosp = mosp(&remote);
    let label = || mosp.label(PHISHING, "en");
    assert!(matches!(
        label(),
        Err(RemoteError::ServerError { status: 500, .. })
    ));
    assert!(matches!(label(), Err(RemoteError::InvalidResponse { .. })));
    assert_eq!(label().unwrap().as_deref(), Some("Phishing ®"));
}

#[test]
fn cache_is_bounded_in_number_and_age() {
    let small = MospOptions {
        cached_objects: 1,
        ..MospOptions::default()
    };
    let expired = MospOptions {
        cache_ttl: Duration::ZERO,
        ..MospOptions::default()
    };
    for (options, ids, requests) in [(small, &[1, 1, 2, 2, 1][..], 3), (expired, &[1, 1], 2)] {
        let remote = answering(&unpublished());
        let mosp = mosp_with(&remote, options);
        for id in ids {
            mosp.label(Uuid::from_u128(*id), "en").unwrap();
        }
        assert_eq!(remote.requests().len(), requests);
    }
}

#[test]
fn threads_share_the_cache() {
    let remote = answering(&published());
    let mosp = mosp(&remote);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(mosp.label(PHISHING, "en").unwrap().is_some()));
        }
    });
    let requests = remote.requests().len();
    assert!(mosp.label(PHISHING, "en").unwrap().is_some());
    assert_eq!(remote.requests().len(), requests);
}

#[test]
fn other_json_is_invalid() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"data": null}"#,
        r#"{"message": "é"}"#,
        "<html>",
    ] {
        let remote = Remote::answering(answer("200 OK", body));
        let error = mosp(&remote).object(PHISHING).unwrap_err();
        assert!(
            matches!(error, RemoteError::InvalidResponse { .. }),
            "{body}: {error:?}"
        );
    }
}
