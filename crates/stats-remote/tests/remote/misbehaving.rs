//! Remotes that are away, or do not do what they should.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::json;
use stats_core::{DateRange, Page, RawJson, Stat, StatsType};
use stats_remote::{Options, RemoteError, StatsClient, payload};

use crate::support::{Remote, RemoteExt, answer, bounded, impatient, stat};

fn pull(remote: &StatsClient) -> Result<Vec<Stat>, RemoteError> {
    let listed = remote.stats(StatsType::Threat, DateRange::default(), Page::default())?;
    Ok(listed.stats)
}

/// What every call makes of an answer.
fn errors(answer: &str) -> Vec<RemoteError> {
    let remote = Remote::answering(answer);
    let client = remote.client();
    let errors = vec![
        client.me().unwrap_err(),
        client.post_stats(&[stat("2026-11-20")]).unwrap_err(),
        pull(&client).unwrap_err(),
    ];
    assert_eq!(
        remote.requests().len(),
        errors.len(),
        "nothing is asked twice"
    );
    errors
}

#[test]
fn a_remote_that_is_away_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = StatsClient::new(&address, "sesame".parse().unwrap(), bounded()).unwrap();
    let error = client.me().unwrap_err();
    assert!(
        matches!(error, RemoteError::Unreachable { .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("{address}/ cannot be reached: Connection refused")),
        "{text}"
    );
    assert!(error.is_temporary());
}

#[test]
fn a_remote_without_tls_is_out_of_reach_for_https() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let remote = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let plain = answer("400 Bad Request", "{}");
        stream.write_all(plain.as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let token = "sesame".parse().unwrap();
    let client = StatsClient::new(&address, token, Options::default()).unwrap();
    let error = client.me().unwrap_err();
    assert!(
        matches!(error, RemoteError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(!error.to_string().contains("refused"), "{error}");
    remote.join().unwrap();
}

/// Wherever a connection breaks, there is an error that is worth another try, and no stat.
#[test]
fn a_connection_can_break_after_any_byte() {
    let stat = stat("2026-11-20");
    let data = payload(std::slice::from_ref(&stat));
    let data = str::from_utf8(&data).unwrap();
    let list = format!(r#"{{"metadata": {{"count": "1"}}, "data": {data}}}"#);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        9,
        &list[..9],
        list.len() - 9,
        &list[9..]
    );
    for whole in [answer("200 OK", &list), chunked] {
        let length = whole.len();
        let remote = Remote::start(true, move |mut stream, _, number| {
            stream.write_all(&whole.as_bytes()[..number]).unwrap();
        });
        let client = remote.client();
        for cut in 0..length {
            let error = pull(&client).unwrap_err();
            assert!(
                matches!(error, RemoteError::Interrupted { .. }),
                "{cut}: {error:?}"
            );
            assert!(error.is_temporary());
        }
        assert_eq!(pull(&client).unwrap(), std::slice::from_ref(&stat));
    }
}

#[test]
fn half_a_document_is_nonsense() {
    let list = json!({"data": [stat("2026-11-20")]}).to_string();
    let cuts = (0..list.len()).filter(|cut| list.is_char_boundary(*cut));
    for cut in cuts.step_by(7) {
        // Without a length the end of the connection is the end of the answer.
        let half = format!("HTTP/1.1 200 OK\r\n\r\n{}", &list[..cut]);
        let error = pull(&Remote::answering(half).client()).unwrap_err();
        assert!(
            matches!(error, RemoteError::Nonsense { .. }),
            "{cut}: {error:?}"
        );
    }
}

#[test]
fn a_page_is_no_answer() {
    for status in ["200 OK", "201 Created"] {
        for error in errors(&answer(
            status,
            "\n<!DOCTYPE html><p>Connectez-vous à l'hôtel</p>",
        )) {
            let text = error.to_string();
            let is_told = text == "the remote answers nonsense: a page instead of JSON"
                || text.contains("the status 200 to a batch");
            assert!(is_told, "{text}");
        }
    }
}

#[test]
fn a_redirect_is_not_followed_and_named() {
    let elsewhere = Remote::answering(answer("200 OK", "{}"));
    let to = format!("{}/login?next=sesame", elsewhere.url());
    let shown = to.replace("sesame", "…");
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let head = format!(
            "HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        for error in errors(&head) {
            assert_eq!(error, RemoteError::Redirected { to: shown.clone() });
            assert!(!error.is_temporary());
        }
    }
    assert!(elsewhere.requests().is_empty());
    let relative =
        "HTTP/1.1 302 Found\r\nLocation: /é\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for error in errors(relative) {
        let RemoteError::Redirected { to } = error else {
            panic!("{error:?}");
        };
        assert!(
            to.starts_with("http://127.0.0.1:") && to.ends_with("/%C3%A9"),
            "{to}"
        );
    }
    for error in errors("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n") {
        assert_eq!(
            error.to_string(),
            "the remote answers nonsense: the status 304"
        );
    }
}

#[test]
fn a_batch_that_is_too_large_is_told_apart() {
    for error in errors(&answer("413 Payload Too Large", "<html>nginx</html>")) {
        assert_eq!(error, RemoteError::TooLarge);
        assert!(error.is_too_large() && !error.is_temporary());
    }
}

/// A proxy does not read a body that it will not take.
#[test]
fn a_batch_can_be_too_large_before_it_was_sent() {
    let (end, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let remote = Remote::start(false, move |mut stream, _, _| {
        let refusal = answer("413 Payload Too Large", "{}");
        stream.write_all(refusal.as_bytes()).unwrap();
        // To hang up on what is still being sent would take the answer along.
        let _ = is_over
            .lock()
            .unwrap()
            .recv_timeout(Duration::from_secs(20));
    });
    let large = Stat {
        data: RawJson::parse(&format!(r#"["{}"]"#, "x".repeat(8_000_000))).unwrap(),
        ..stat("2026-11-20")
    };
    let error = remote.client().post_stats(&[large]).unwrap_err();
    assert_eq!(error, RemoteError::TooLarge);
    drop(end);
}

#[test]
fn a_busy_remote_says_for_how_long() {
    let busy = |headers: &str| {
        errors(&format!(
            "HTTP/1.1 429 Slow\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
        ))
    };
    for error in busy("Retry-After: 17\r\n") {
        let retry_after = Some(Duration::from_secs(17));
        assert_eq!(error, RemoteError::RateLimited { retry_after });
        assert!(error.is_temporary());
    }
    for error in busy("") {
        assert_eq!(error, RemoteError::RateLimited { retry_after: None });
    }
}

#[test]
fn a_failing_remote_is_worth_another_try() {
    for error in errors(&answer("500 Internal Server Error", "<h1>Oops</h1>")) {
        assert_eq!(
            error.to_string(),
            "the remote has a problem (500): Internal Server Error"
        );
        assert!(error.is_temporary());
    }
    let body = r#"{"message": "The token sesame\nis é"}"#;
    for error in errors(&answer("503 Busy", body)) {
        assert_eq!(
            error.to_string(),
            r"the remote has a problem (503): The token …\nis é"
        );
    }
    // The message is a courtesy: a connection that breaks in it leaves the status.
    for error in errors("HTTP/1.1 502 Bad\r\nContent-Length: 500\r\n\r\n{\"mess") {
        assert_eq!(
            error.to_string(),
            "the remote has a problem (502): Bad Gateway"
        );
    }
    for error in errors(&answer("400 Bad Request", r#"{"message": "no"}"#)) {
        assert_eq!(
            error.to_string(),
            "the remote refuses the request (400): no"
        );
        assert!(!error.is_temporary());
    }
}

#[test]
fn what_is_not_http_is_an_error() {
    for bytes in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\0\0\0\0",
        "HTTP/1.1 2",
        "\r\n\r\n",
    ] {
        for error in errors(bytes) {
            assert!(
                matches!(error, RemoteError::Interrupted { .. }),
                "{error:?}"
            );
        }
    }
}

/// Writes the same bytes until the other side hangs up, and so many times at most.
fn repeat(mut stream: &TcpStream, bytes: &[u8], times: usize) -> usize {
    (0..times)
        .take_while(|_| stream.write_all(bytes).is_ok())
        .count()
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let endless = |status: &'static str| {
        Remote::start(true, move |mut stream, _, _| {
            write!(stream, "HTTP/1.1 {status}\r\n\r\n").unwrap();
            let written = repeat(&stream, &[b' '; 10_000], 10_000);
            assert!(written < 10_000, "all was read");
        })
    };
    let limit = bounded().max_answer_bytes;
    let remote = endless("201 Created");
    let client = remote.client();
    for error in [
        client.me().unwrap_err(),
        client.post_stats(&[stat("2026-11-20")]).unwrap_err(),
        pull(&client).unwrap_err(),
    ] {
        assert_eq!(error, RemoteError::AnswerTooLarge { limit });
        assert!(error.is_too_large() && !error.is_temporary());
    }
    let error = endless("500 Oops").client().me().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the remote has a problem (500): Internal Server Error"
    );
}

#[test]
fn an_answer_of_just_the_limit_is_fine() {
    let limit = bounded().max_answer_bytes;
    let of = |length: usize| {
        let text = r#"{"data":[]}"#;
        let body = text.to_owned() + &" ".repeat(length - text.len());
        pull(&Remote::answering(answer("200 OK", &body)).client())
    };
    assert_eq!(of(limit).unwrap(), []);
    assert_eq!(
        of(limit + 1).unwrap_err(),
        RemoteError::AnswerTooLarge { limit }
    );
}

#[test]
fn endless_headers_are_an_error() {
    let remote = Remote::start(true, move |mut stream, _, _| {
        write!(stream, "HTTP/1.1 200 OK\r\n").unwrap();
        let written = repeat(&stream, b"X-More: of the same\r\n", 10_000_000);
        assert!(written < 10_000_000, "all was read");
    });
    let error = remote.client().me().unwrap_err();
    assert!(
        matches!(error, RemoteError::Interrupted { .. }),
        "{error:?}"
    );
}

#[test]
fn a_silent_remote_is_not_waited_for() {
    let silent = |first: &'static str| {
        let remote = Remote::start(true, move |mut stream, _, _| {
            stream.write_all(first.as_bytes()).unwrap();
            // Until the other side hangs up.
            let _ = stream.read(&mut [0]);
        });
        let start = Instant::now();
        let error = remote.client_with(impatient()).me().unwrap_err();
        let after = impatient().timeout;
        assert_eq!(error, RemoteError::TimedOut { after }, "{first}");
        assert!(error.is_temporary());
        assert!(start.elapsed() < Duration::from_secs(10), "{first}");
    };
    silent("");
    silent("HTTP/1.1 200 OK\r\n");
    silent("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{");
}

/// Each byte comes in time, all of them together do not.
#[test]
fn a_trickling_remote_is_not_waited_for() {
    let remote = Remote::start(true, move |mut stream, _, _| {
        write!(stream, "HTTP/1.1 200 OK\r\n\r\n").unwrap();
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let start = Instant::now();
    let error = remote.client_with(impatient()).me().unwrap_err();
    let after = impatient().timeout;
    assert_eq!(error, RemoteError::TimedOut { after });
    assert!(start.elapsed() < Duration::from_secs(10));
}
