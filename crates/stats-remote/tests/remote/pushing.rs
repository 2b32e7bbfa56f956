use std::io::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::json;
use stats_core::{AnalysisId, RawJson, Role, Stat, StatsFilter, StatsType};
use stats_http::HttpConfig;
use stats_remote::{Options, Posted, RemoteError, Retry, StatsClient, payload};

use crate::support::{Remote, RemoteExt, Service, answer, bounded, stat};

#[test]
fn the_service_stores_what_it_does_not_have() {
    let service = Service::start();
    let batch = [stat("2026-11-19"), stat("2026-11-20"), stat("2026-11-21")];
    let [a, b, c] = [&batch[0], &batch[1], &batch[2]].map(|stat| stat.uuid);
    let remote = service.remote();
    assert_eq!(
        remote.post_stats(&batch[1..2]).unwrap(),
        Posted {
            stored: vec![b],
            already_there: vec![]
        }
    );
    assert_eq!(
        remote.post_stats(&batch).unwrap(),
        Posted {
            stored: vec![a, c],
            already_there: vec![b]
        }
    );
    assert_eq!(
        service.db.stats(&StatsFilter::default()).unwrap(),
        batch,
        "to the letter"
    );
    assert_eq!(
        remote.post_stats(&batch).unwrap(),
        Posted {
            stored: vec![],
            already_there: vec![a, b, c]
        }
    );
}

#[test]
fn the_account_of_the_token_is_told() {
    let service = Service::start();
    let me = service.remote().me().unwrap();
    assert_eq!(me.name, "Économie & co");
    assert_eq!(me.role, Role::User);
    assert!(me.is_sharing_enabled);
}

#[test]
fn the_service_says_why_it_refuses() {
    let service = Service::start();
    let stranger = service.remote_for("sesame".parse().unwrap());
    let error = stranger.me().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the remote refuses the request (403): Forbidden - Authentication failed."
    );
    assert!(!error.is_temporary());

    let odd = Stat {
        data: RawJson::from_storage(r#"["\u0000"]"#.to_owned()),
        ..stat("2026-11-20")
    };
    let error = service.remote().post_stats(&[odd]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the remote refuses the request (400): Input payload validation failed: \
         0.data: holds the character U+0000, which cannot be stored"
    );
    let elsewhere = format!("{}/dashboardBO", service.address);
    let token = service.client.token.clone();
    let elsewhere = StatsClient::new(&elsewhere, token, Options::default()).unwrap();
    let error = elsewhere.me().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the remote refuses the request (404): There is nothing here."
    );
}

#[test]
fn the_service_says_when_a_batch_is_too_large() {
    let service = Service::with_config(HttpConfig {
        max_body_bytes: 1000,
        ..HttpConfig::default()
    });
    let remote = service.remote();
    for size in [2_000, 8_000_000] {
        let large = Stat {
            data: RawJson::parse(&format!(r#"["{}"]"#, "x".repeat(size))).unwrap(),
            ..stat("2026-11-20")
        };
        let error = remote.post_stats(&[large]).unwrap_err();
        assert_eq!(error, RemoteError::TooLarge, "{size} bytes");
    }
    assert_eq!(
        remote
            .post_stats(&[stat("2026-11-20")])
            .unwrap()
            .stored
            .len(),
        1,
        "the connection is fine afterwards"
    );
}

#[test]
fn what_goes_out_is_the_payload_and_nothing_about_the_sender() {
    let batch = [stat("2026-11-20"), stat("2026-11-21")];
    let told = json!({"metadata": {"count": "1"}, "data": [{"uuid": batch[0].uuid}]});
    let remote = Remote::answering(answer("207 MULTI-STATUS", &told.to_string()));
    let posted = remote.client().post_stats(&batch).unwrap();
    assert_eq!(posted.stored, [batch[0].uuid]);
    assert_eq!(posted.already_there, [batch[1].uuid]);

    let [request] = remote.requests().try_into().unwrap();
    assert_eq!(request.body.as_bytes(), payload(&batch));
    let mut lines = request.head.lines();
    assert_eq!(lines.next(), Some("POST /api/v1/stats/ HTTP/1.1"));
    let mut names: Vec<_> = lines.map(|line| line.split_once(':').unwrap().0).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "x-api-key"
        ]
    );
    assert_eq!(request.header("x-api-key"), Some("sesame"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        request.header("user-agent"),
        Some(format!("stats-service/{version}").as_str())
    );
}

#[test]
fn an_empty_batch_is_not_sent() {
    let remote = Remote::answering("");
    assert_eq!(remote.client().post_stats(&[]).unwrap(), Posted::default());
    assert!(remote.requests().is_empty());
}

#[test]
fn an_answer_that_does_not_fit_the_batch_is_nonsense() {
    let batch = [stat("2026-11-20"), stat("2026-11-21")];
    let (ours, foreign) = (batch[0].uuid, stat("2026-11-20").uuid);
    for (status, body, what) in [
        (
            "201 Created",
            json!({"data": [{"uuid": ours}]}),
            "the status 201, which means all, but 1 of 2 stats stored",
        ),
        (
            "201 Created",
            json!({"data": []}),
            "but 0 of 2 stats stored",
        ),
        (
            "207 Multi",
            json!({"data": [{"uuid": foreign}]}),
            "stored stats that were not sent",
        ),
        ("207 Multi", json!({"data": [{"uuid": "b"}]}), "UUID"),
        ("207 Multi", json!({"data": [{}]}), "missing field `uuid`"),
        ("207 Multi", json!({"data": {}}), "expected a sequence"),
        ("207 Multi", json!({}), "missing field `data`"),
        ("200 OK", json!({"data": []}), "the status 200 to a batch"),
    ] {
        let remote = Remote::answering(answer(status, &body.to_string()));
        let error = remote.client().post_stats(&batch).unwrap_err();
        assert!(matches!(error, RemoteError::Nonsense { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
        assert!(!error.is_temporary());
    }
}

/// The case that matters: the remote stored the batch, and nobody heard of it.
#[test]
fn a_batch_that_was_stored_unheard_is_there_already_at_the_next_try() {
    let batch = [stat("2026-11-20")];
    let told = json!({"data": [{"uuid": batch[0].uuid}]}).to_string();
    let remote = Remote::start(true, move |mut stream, _, number| {
        let (created, known) = (
            answer("201 Created", &told),
            answer("207 Multi", r#"{"data": []}"#),
        );
        let bytes = match number {
            0 => &created.as_bytes()[..created.len() - 1],
            1 => b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            _ => known.as_bytes(),
        };
        stream.write_all(bytes).unwrap();
    });
    let (client, mut pauses) = (remote.client(), Vec::new());
    let wait = |_: &RemoteError, pause: Duration| {
        pauses.push(pause.as_secs());
        ControlFlow::Continue(())
    };
    let posted = Retry::default().run_with(wait, || client.post_stats(&batch));
    assert_eq!(posted.unwrap().already_there, [batch[0].uuid]);
    assert_eq!(pauses, [2, 5]);
    assert_eq!(remote.requests().len(), 3);
}

#[test]
fn two_stats_of_one_id_are_one() {
    let service = Service::start();
    let batch = [stat("2026-11-20"), stat("2026-11-20")];
    let batch = [batch[0].clone(), batch[0].clone(), batch[1].clone()];
    let posted = service.remote().post_stats(&batch).unwrap();
    assert_eq!(posted.stored.len() + posted.already_there.len(), 3);
    assert_eq!(service.db.stats(&StatsFilter::default()).unwrap().len(), 2);
}

#[test]
fn a_large_batch_arrives_even_if_the_answer_is_too_large() {
    let service = Service::start();
    let text = "é".repeat(200_000);
    let batch: Vec<_> = (0..20)
        .map(|_| Stat {
            data: RawJson::parse(&format!(r#"["{text}"]"#)).unwrap(),
            ..stats_testing::stat(AnalysisId::random(), StatsType::Risk, "2026-11-20")
        })
        .collect();
    let (first, second) = batch.split_at(10);
    let posted = service.remote().post_stats(first).unwrap();
    assert_eq!(posted.stored.len(), 10);

    let token = service.client.token.clone();
    let small = StatsClient::new(&service.address, token, bounded()).unwrap();
    let error = small.post_stats(second).unwrap_err();
    assert!(error.is_too_large(), "{error:?}");
    let posted = service.remote().post_stats(&batch).unwrap();
    assert_eq!(posted.already_there.len(), 20);
}
