use serde_json::{Value, json};
use stats_remote::{HttpOptions, Mosp, RemoteError};
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
    Mosp::new(&remote.url(), None, HttpOptions::default()).unwrap()
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
        HttpOptions::default(),
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
        assert!(mosp(&remote).labels(uuid).unwrap().is_empty());
    }
}

#[test]
fn labels_are_those_of_the_published_object() {
    for (body, expected) in [
        (published(), json!({"en": "Phishing ®"})),
        (unpublished(), json!({})),
    ] {
        let labels = mosp(&answering(&body)).labels(PHISHING).unwrap();
        assert_eq!(json!(labels), expected);
    }
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
