//! Remotes that are unreachable, fail, or send invalid responses.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::json;
use stats_core::{DateRange, Page, RawJson, Stat, StatsType, WithCauses};
use stats_remote::{HttpOptions, RemoteError, StatsClient, payload};

use crate::support::{
    Remote, answer, client, client_with, head, short_timeout, small_responses, stat,
};

fn list(client: &StatsClient) -> Result<Vec<Stat>, RemoteError> {
    let list = client.list_stats(StatsType::Threat, DateRange::default(), Page::default())?;
    Ok(list.stats)
}

/// The error of each call, in the order `me`, `post_stats`, `list_stats`.
fn errors(client: &StatsClient) -> [RemoteError; 3] {
    [
        client.me().unwrap_err(),
        client.post_stats(&[stat("2026-11-20")]).unwrap_err(),
        list(client).unwrap_err(),
    ]
}

fn invalid(detail: &str) -> RemoteError {
    RemoteError::InvalidResponse {
        detail: detail.to_owned(),
        source: None,
    }
}

#[test]
fn every_call_maps_the_response_to_the_same_error() {
    let target = Remote::answering(answer("200 OK", "{}"));
    let redirect = |status: &str| {
        let location = format!("Location: {}/login?next=sesame\r\n", target.url());
        head(status, &location)
    };
    let redirected = || RemoteError::Redirected {
        location: format!("{}/login?next=…", target.url()),
    };
    let rejected = |status, message: &str| RemoteError::Rejected {
        status,
        message: message.to_owned(),
    };
    let failed = |status, message: &str, retry_after| RemoteError::ServerError {
        status,
        message: message.to_owned(),
        retry_after,
    };
    let limited = |retry_after| RemoteError::RateLimited { retry_after };
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (response, expected, is_temporary) in [
        (
            answer(
                "201 Created",
                "\n<!DOCTYPE html><p>Connectez-vous à l'hôtel</p>",
            ),
            invalid("a page instead of JSON"),
            false,
        ),
        (redirect("301 Moved"), redirected(), false),
        (redirect("302 Found"), redirected(), false),
        (redirect("303 See Other"), redirected(), false),
        (redirect("307 Temporary"), redirected(), false),
        (redirect("308 Permanent"), redirected(), false),
        (
            head("304 Not Modified", ""),
            invalid("the status 304"),
            false,
        ),
        (
            answer("400 Bad Request", r#"{"message": "no"}"#),
            rejected(400, "no"),
            false,
        ),
        (
            answer("413 Payload Too Large", "<html>nginx</html>"),
            RemoteError::RequestTooLarge,
            false,
        ),
        (head("429 Slow", ""), limited(None), true),
        (
            head("429 Slow", "Retry-After: 17\r\n"),
            limited(seconds(17)),
            true,
        ),
        (
            answer("500 Internal Server Error", "<h1>Oops</h1>"),
            failed(500, "Internal Server Error", None),
            true,
        ),
        (
            head("503 Busy", "Retry-After: 5\r\n"),
            failed(503, "Service Unavailable", seconds(5)),
            true,
        ),
        (
            answer("503 Busy", r#"{"message": "The token sesame\nis é"}"#),
            failed(503, r"The token …\nis é", None),
            true,
        ),
        // Interrupted in the message.
        (
            "HTTP/1.1 502 Bad\r\nContent-Length: 500\r\n\r\n{\"mess".to_owned(),
            failed(502, "Bad Gateway", None),
            true,
        ),
    ] {
        let remote = Remote::answering(response.clone());
        for error in errors(&client(&remote)) {
            assert_eq!(error, expected, "{response}");
            assert_eq!(error.is_temporary(), is_temporary, "{response}");
            let is_too_large = expected == RemoteError::RequestTooLarge;
            assert_eq!(error.is_too_large(), is_too_large, "{response}");
        }
        assert_eq!(remote.requests().len(), 3, "one request per call");
    }
    assert!(target.requests().is_empty(), "no redirect is followed");
}

#[test]
fn relative_redirect_is_reported_as_absolute_url() {
    let remote = Remote::answering(head("302 Found", "Location: /é\r\n"));
    let location = format!("{}/%C3%A9", remote.url());
    let error = client(&remote).me().unwrap_err();
    assert_eq!(error, RemoteError::Redirected { location });
}

#[test]
fn garbage_is_an_interrupted_response() {
    for bytes in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\0\0\0\0",
        "HTTP/1.1 2",
        "\r\n\r\n",
    ] {
        for error in errors(&client(&Remote::answering(bytes))) {
            assert!(matches!(error, RemoteError::Interrupted(_)), "{error:?}");
        }
    }
}

#[test]
fn unreachable_remote_is_named_with_the_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client_with(&address, small_responses()).me().unwrap_err();
    assert!(
        matches!(error, RemoteError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(error.is_temporary());
    assert_eq!(error.to_string(), format!("cannot connect to {address}/"));
    let report = WithCauses(&error).to_string();
    assert!(report.contains(": Connection refused"), "{report}");
    assert_eq!(report.matches(&address).count(), 1, "{report}");
}

#[test]
fn https_without_tls_on_the_remote_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let remote = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let plain = answer("400 Bad Request", "{}");
        stream.write_all(plain.as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let error = client_with(&address, HttpOptions::default())
        .me()
        .unwrap_err();
    assert!(
        matches!(error, RemoteError::Unreachable { .. }),
        "{error:?}"
    );
    let report = WithCauses(&error).to_string();
    assert!(!report.contains("Connection refused"), "{report}");
    remote.join().unwrap();
}

#[test]
fn response_cut_after_any_byte_is_a_temporary_error() {
    let stat = stat("2026-11-20");
    let data = payload(std::slice::from_ref(&stat));
    let data = str::from_utf8(&data).unwrap();
    let body = format!(r#"{{"metadata": {{"count": "1"}}, "data": {data}}}"#);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n9\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        &body[..9],
        body.len() - 9,
        &body[9..]
    );
    for whole in [answer("200 OK", &body), chunked] {
        let length = whole.len();
        let remote = Remote::start(true, move |mut stream, _, number| {
            stream.write_all(&whole.as_bytes()[..number]).unwrap();
        });
        let client = client(&remote);
        for cut in 0..length {
            let error = list(&client).unwrap_err();
            assert!(
                matches!(error, RemoteError::Interrupted(_)),
                "{cut}: {error:?}"
            );
            assert!(error.is_temporary());
        }
        assert_eq!(list(&client).unwrap(), std::slice::from_ref(&stat));
    }
}

#[test]
fn truncated_json_is_invalid() {
    let body = json!({"data": [stat("2026-11-20")]}).to_string();
    let cuts = (0..body.len()).filter(|cut| body.is_char_boundary(*cut));
    for cut in cuts.step_by(7) {
        // Without Content-Length, the response ends with the connection.
        let half = format!("HTTP/1.1 200 OK\r\n\r\n{}", &body[..cut]);
        let error = list(&client(&Remote::answering(half))).unwrap_err();
        assert!(
            matches!(
                error,
                RemoteError::InvalidResponse {
                    source: Some(_),
                    ..
                }
            ),
            "{cut}: {error:?}"
        );
    }
}

/// A proxy does not read a body that it rejects.
#[test]
fn batch_can_be_too_large_before_it_is_sent() {
    let (end, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let remote = Remote::start(false, move |mut stream, _, _| {
        let rejection = answer("413 Payload Too Large", "{}");
        stream.write_all(rejection.as_bytes()).unwrap();
        // Closing the connection while the client sends would discard the response.
        let limit = Duration::from_secs(20);
        let _ = is_over.lock().unwrap().recv_timeout(limit);
    });
    let large = Stat {
        data: RawJson::parse(&format!(r#"["{}"]"#, "x".repeat(8_000_000))).unwrap(),
        ..stat("2026-11-20")
    };
    let error = client(&remote).post_stats(&[large]).unwrap_err();
    assert_eq!(error, RemoteError::RequestTooLarge);
    drop(end);
}

/// Writes `bytes` up to `times` times, until the client closes the connection.
fn repeat(mut stream: &TcpStream, bytes: &[u8], times: usize) -> usize {
    (0..times)
        .take_while(|_| stream.write_all(bytes).is_ok())
        .count()
}

#[test]
fn response_is_read_up_to_the_limit() {
    let limit = small_responses().max_response_bytes;
    let endless = |status: &'static str| {
        Remote::start(true, move |mut stream, _, _| {
            write!(stream, "HTTP/1.1 {status}\r\n\r\n").unwrap();
            let written = repeat(&stream, &[b' '; 10_000], 10_000);
            assert!(written < 10_000, "all was read");
        })
    };
    for error in errors(&client(&endless("201 Created"))) {
        assert_eq!(error, RemoteError::ResponseTooLarge { limit });
        assert!(error.is_too_large() && !error.is_temporary());
    }
    let error = client(&endless("500 Oops")).me().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the remote failed (500): Internal Server Error"
    );
    for (length, expected) in [
        (limit, Ok(vec![])),
        (limit + 1, Err(RemoteError::ResponseTooLarge { limit })),
    ] {
        let empty = r#"{"data":[]}"#;
        let body = empty.to_owned() + &" ".repeat(length - empty.len());
        let remote = Remote::answering(answer("200 OK", &body));
        assert_eq!(list(&client(&remote)), expected);
    }
}

#[test]
fn endless_headers_interrupt_the_response() {
    let remote = Remote::start(true, move |mut stream, _, _| {
        write!(stream, "HTTP/1.1 200 OK\r\n").unwrap();
        let written = repeat(&stream, b"X-More: text\r\n", 10_000_000);
        assert!(written < 10_000_000, "all was read");
    });
    let error = client(&remote).me().unwrap_err();
    assert!(matches!(error, RemoteError::Interrupted(_)), "{error:?}");
}

#[test]
fn timeout_includes_the_last_byte() {
    /// After `start`, sends nothing or a slow stream of bytes.
    fn slow(start: &'static str, is_silent: bool) -> Remote {
        Remote::start(true, move |mut stream, _, _| {
            stream.write_all(start.as_bytes()).unwrap();
            if is_silent {
                // Returns when the client closes the connection.
                let _ = stream.read(&mut [0]);
            }
            while !is_silent && stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    }
    let timeout = short_timeout().timeout;
    for (start, is_silent) in [
        ("", true),
        ("HTTP/1.1 200 OK\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", true),
        ("HTTP/1.1 200 OK\r\n\r\n", false),
    ] {
        let remote = slow(start, is_silent);
        let begin = Instant::now();
        let error = client_with(&remote.url(), short_timeout())
            .me()
            .unwrap_err();
        assert_eq!(error, RemoteError::TimedOut { timeout }, "{start}");
        assert!(error.is_temporary());
        assert!(begin.elapsed() < Duration::from_secs(10), "{start}");
    }
}
