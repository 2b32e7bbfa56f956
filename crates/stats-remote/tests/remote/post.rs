use std::io::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::json;
use stats_core::{AnalysisId, RawJson, Stat, StatsFilter, StatsType, WithCauses};
use stats_http::HttpConfig;
use stats_remote::{BatchOutcome, HttpOptions, RemoteError, RetryPolicy, StatsClient, payload};

use crate::support::{Remote, Service, answer, client, head, small_responses, stat};

/// A stat with a text of this many bytes.
fn stat_of(bytes: usize) -> Stat {
    Stat {
        data: RawJson::parse(&format!(r#"["{}"]"#, "x".repeat(bytes))).unwrap(),
        ..stats_testing::stat(AnalysisId::random(), StatsType::Risk, "2026-11-20")
    }
}

#[test]
fn service_stores_new_stats_once() {
    let service = Service::start();
    let client = service.client();
    let batch = [stat("2026-11-19"), stat("2026-11-20"), stat("2026-11-21")];
    let [a, b, c] = [0, 1, 2].map(|i: usize| batch[i].uuid);
    for (batch, stored, already_there) in [
        (&batch[1..2], vec![b], vec![]),
        (&batch, vec![a, c], vec![b]),
        (&batch, vec![], vec![a, b, c]),
    ] {
        let expected = BatchOutcome {
            stored,
            already_there,
        };
        assert_eq!(client.post_stats(batch).unwrap(), expected);
    }
    assert_eq!(service.db.stats(&StatsFilter::default()).unwrap(), batch);
}

#[test]
fn stat_twice_in_a_batch_is_stored_once() {
    let service = Service::start();
    let (a, b) = (stat("2026-11-20"), stat("2026-11-20"));
    let outcome = service.client().post_stats(&[a.clone(), a, b]).unwrap();
    assert_eq!(outcome.stored.len() + outcome.already_there.len(), 3);
    assert_eq!(service.db.stats(&StatsFilter::default()).unwrap().len(), 2);
}

#[test]
fn me_is_the_account_of_the_token() {
    let me = Service::start().client().me().unwrap();
    assert_eq!(me.name, "Économie & co");
}

#[test]
fn rejection_has_the_message_of_the_service() {
    let service = Service::start();
    let unknown = service.client_with("sesame".parse().unwrap(), HttpOptions::default());
    let malformed = Stat {
        data: RawJson::from_storage(r#"["\u0000"]"#.to_owned()),
        ..stat("2026-11-20")
    };
    let wrong_path = StatsClient::new(
        &format!("{}/dashboardBO", service.address),
        stats_testing::token(&service.account).clone(),
        HttpOptions::default(),
    );
    for (error, expected) in [
        (
            unknown.me().unwrap_err(),
            "(403): Forbidden - Authentication failed.",
        ),
        (
            service.client().post_stats(&[malformed]).unwrap_err(),
            "(400): Input payload validation failed: \
             0.data: holds the character U+0000, which cannot be stored",
        ),
        (
            wrong_path.unwrap().me().unwrap_err(),
            "(404): There is nothing here.",
        ),
    ] {
        let expected = format!("the remote rejected the request {expected}");
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_temporary());
    }
}

#[test]
fn connection_survives_a_batch_that_is_too_large() {
    let service = Service::with_config(HttpConfig {
        max_body_bytes: 1000,
        ..HttpConfig::default()
    });
    let client = service.client();
    for bytes in [2_000, 8_000_000] {
        let error = client.post_stats(&[stat_of(bytes)]).unwrap_err();
        assert_eq!(error, RemoteError::RequestTooLarge, "{bytes} bytes");
    }
    let outcome = client.post_stats(&[stat("2026-11-20")]).unwrap();
    assert_eq!(outcome.stored.len(), 1);
}

#[test]
fn request_is_the_payload_without_the_sender() {
    let batch = [stat("2026-11-20"), stat("2026-11-21")];
    let body = json!({"metadata": {"count": "1"}, "data": [{"uuid": batch[0].uuid}]});
    let remote = Remote::answering(answer("207 MULTI-STATUS", &body.to_string()));
    let outcome = client(&remote).post_stats(&batch).unwrap();
    assert_eq!(outcome.stored, [batch[0].uuid]);
    assert_eq!(outcome.already_there, [batch[1].uuid]);

    let [request] = remote.requests().try_into().unwrap();
    assert_eq!(request.body.as_bytes(), payload(&batch));
    let mut lines = request.head.lines();
    assert_eq!(lines.next(), Some("POST /api/v1/stats/ HTTP/1.1"));
    let mut names: Vec<_> = lines.map(|line| line.split_once(':').unwrap().0).collect();
    names.sort_unstable();
    let expected = "accept content-length content-type host user-agent x-api-key";
    assert_eq!(names.join(" "), expected);
    assert_eq!(request.header("x-api-key"), Some("sesame"));
    let user_agent = concat!("stats-service/", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), Some(user_agent));
}

#[test]
fn empty_batch_makes_no_request() {
    let remote = Remote::answering("");
    let outcome = client(&remote).post_stats(&[] as &[Stat]).unwrap();
    assert_eq!(outcome, BatchOutcome::default());
    assert!(remote.requests().is_empty());
}

#[test]
fn response_that_does_not_match_the_batch_is_invalid() {
    let batch = [stat("2026-11-20"), stat("2026-11-21")];
    let (posted, other) = (batch[0].uuid, stat("2026-11-20").uuid);
    for (status, body, what) in [
        (
            "201 Created",
            json!({"data": [{"uuid": posted}]}),
            "the status 201 means that all stats were stored, but 1 of 2 are confirmed",
        ),
        ("201 Created", json!({"data": []}), "0 of 2 are confirmed"),
        (
            "207 Multi",
            json!({"data": [{"uuid": other}]}),
            "it confirms stats that were not posted",
        ),
        ("207 Multi", json!({"data": [{"uuid": "b"}]}), "UUID"),
        ("207 Multi", json!({"data": [{}]}), "missing field `uuid`"),
        ("207 Multi", json!({"data": {}}), "expected a sequence"),
        ("207 Multi", json!({}), "missing field `data`"),
        ("200 OK", json!({"data": []}), "the status 200 to a batch"),
    ] {
        let remote = Remote::answering(answer(status, &body.to_string()));
        let error = client(&remote).post_stats(&batch).unwrap_err();
        assert!(
            matches!(error, RemoteError::InvalidResponse { .. }),
            "{error:?}"
        );
        assert!(WithCauses(&error).to_string().contains(what), "{error:?}");
        assert!(!error.is_temporary());
    }
}

#[test]
fn retry_after_a_lost_response_finds_the_batch() {
    let batch = [stat("2026-11-20")];
    let body = json!({"data": [{"uuid": batch[0].uuid}]}).to_string();
    let remote = Remote::start(true, move |mut stream, _, number| {
        let mut response = match number {
            0 => answer("201 Created", &body),
            1 => head("503 Service Unavailable", "Retry-After: 5\r\n"),
            _ => answer("207 Multi", r#"{"data": []}"#),
        };
        if number == 0 {
            response.pop();
        }
        stream.write_all(response.as_bytes()).unwrap();
    });
    let (client, mut delays) = (client(&remote), Vec::new());
    let wait = |_: &RemoteError, delay: Duration| {
        delays.push(delay.as_secs());
        ControlFlow::Continue(())
    };
    let outcome = RetryPolicy::default().run(wait, || client.post_stats(&batch));
    assert_eq!(outcome.unwrap().already_there, [batch[0].uuid]);
    assert_eq!(delays, [2, 5]);
    assert_eq!(remote.requests().len(), 3);
}

#[test]
fn batch_is_stored_even_if_the_response_is_too_large() {
    let service = Service::start();
    let batch: Vec<_> = (0..20).map(|_| stat_of(400_000)).collect();
    let (first, second) = batch.split_at(10);
    let outcome = service.client().post_stats(first).unwrap();
    assert_eq!(outcome.stored.len(), 10);

    let token = stats_testing::token(&service.account).clone();
    let small = service.client_with(token, small_responses());
    let error = small.post_stats(second).unwrap_err();
    assert!(error.is_too_large(), "{error:?}");
    let outcome = service.client().post_stats(&batch).unwrap();
    assert_eq!(outcome.already_there.len(), 20);
}
