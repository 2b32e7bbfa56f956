use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use stats_remote::{Mosp, MospOptions, RemoteError};
use uuid::Uuid;

use crate::support::{Remote, answer};

const PHISHING: Uuid = Uuid::from_u128(0xf3ca_a83b_28fb_49fd_b7ad_6e4c_d1aa_ad07);

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

fn mosp(remote: &Remote, options: MospOptions) -> Mosp {
    Mosp::new(&remote.url(), None, options).unwrap()
}

fn answering(body: &Value) -> Remote {
    Remote::answering(answer("200 OK", &body.to_string()))
}

#[test]
fn a_published_object_is_given_as_it_is() {
    let remote = answering(&published());
    let mosp = mosp(&remote, MospOptions::default());
    assert_eq!(
        mosp.object(PHISHING).unwrap().as_ref(),
        Some(&published()["data"][0])
    );
    assert!(mosp.is_object_published(PHISHING).unwrap());
    let request = &remote.requests()[0];
    assert!(
        request.head.starts_with(
            "GET /api/v2/object/?uuid=f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07 HTTP/1.1\r\n"
        ),
        "{request:?}"
    );
    assert_eq!(request.header("x-api-key"), None);
    let token = Some("sesame".parse().unwrap());
    let known = Mosp::new(&remote.url(), token, MospOptions::default()).unwrap();
    assert!(!format!("{known:?}").contains("sesame"));
    known.object(PHISHING).unwrap();
    let request = &remote.requests()[2];
    assert_eq!(request.header("x-api-key"), Some("sesame"));
}

#[test]
fn what_is_not_published_is_no_object() {
    let remote = answering(&unpublished());
    let mosp = mosp(&remote, MospOptions::default());
    assert_eq!(mosp.object(PHISHING).unwrap(), None);
    assert!(!mosp.is_object_published(PHISHING).unwrap());
}

#[test]
fn an_object_that_was_not_asked_for_does_not_count() {
    let remote = answering(&published());
    let mosp = mosp(&remote, MospOptions::default());
    assert!(!mosp.is_object_published(Uuid::from_u128(1)).unwrap());
    assert_eq!(mosp.label(Uuid::from_u128(1), "en").unwrap(), None);
}

#[test]
fn labels_are_fetched_once_for_all_languages() {
    let remote = answering(&published());
    let mosp = mosp(&remote, MospOptions::default());
    for _ in 0..3 {
        assert_eq!(
            mosp.label(PHISHING, "en").unwrap().as_deref(),
            Some("Phishing ®")
        );
        assert_eq!(mosp.label(PHISHING, "fr").unwrap(), None);
    }
    assert_eq!(remote.requests().len(), 1);
}

#[test]
fn that_there_is_no_label_is_kept_too() {
    let remote = answering(&unpublished());
    let mosp = mosp(&remote, MospOptions::default());
    for _ in 0..3 {
        assert_eq!(mosp.label(PHISHING, "en").unwrap(), None);
    }
    assert_eq!(remote.requests().len(), 1);
}

#[test]
fn errors_are_not_kept() {
    let remote = Remote::start(true, |mut stream, _, number| {
        let answer = match number {
            0 => answer("500 Oops", "{}"),
            1 => answer("200 OK", "<html>"),
            _ => answer("200 OK", &published().to_string()),
        };
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let mosp = mosp(&remote, MospOptions::default());
    let errors = [0, 1].map(|_| mosp.label(PHISHING, "en").unwrap_err());
    assert!(
        matches!(errors[0], RemoteError::Unavailable { status: 500, .. }),
        "{errors:?}"
    );
    assert!(
        matches!(errors[1], RemoteError::Nonsense { .. }),
        "{errors:?}"
    );
    assert_eq!(
        mosp.label(PHISHING, "en").unwrap().as_deref(),
        Some("Phishing ®")
    );
}

#[test]
fn the_cache_is_bounded_in_number_and_time() {
    let remote = answering(&unpublished());
    let small = mosp(
        &remote,
        MospOptions {
            cached_objects: 1,
            ..MospOptions::default()
        },
    );
    for id in [1, 1, 2, 2, 1] {
        small.label(Uuid::from_u128(id), "en").unwrap();
    }
    assert_eq!(remote.requests().len(), 3);
    let forgetful = mosp(
        &remote,
        MospOptions {
            cached_for: Duration::ZERO,
            ..MospOptions::default()
        },
    );
    for _ in 0..2 {
        forgetful.label(PHISHING, "en").unwrap();
    }
    assert_eq!(remote.requests().len(), 5);
}

#[test]
fn many_threads_can_ask_at_once() {
    let remote = answering(&published());
    let mosp = mosp(&remote, MospOptions::default());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(mosp.label(PHISHING, "en").unwrap().is_some()));
        }
    });
    let asked = remote.requests().len();
    assert!(mosp.label(PHISHING, "en").unwrap().is_some());
    assert_eq!(remote.requests().len(), asked);
}

#[test]
fn nonsense_is_not_mistaken_for_unpublished() {
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
        let error = mosp(&remote, MospOptions::default())
            .is_object_published(PHISHING)
            .unwrap_err();
        assert!(
            matches!(error, RemoteError::Nonsense { .. }),
            "{body}: {error:?}"
        );
    }
}
