use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use stats_core::{DateRange, RawJson, Stat, StatId, StatsType};
use stats_db::{BatchLimit, Db, DbError};
use stats_remote::{HttpOptions, RemoteError, RetryPolicy, StatsClient};
use stats_sync::{Outcome, PushOptions, PushReport, Rejections, Request, preview, push};
use stats_testing::{TestDatabase, client, day, days, ids, on_each_database};

use crate::support::{
    Fault, Local, Peer, Random, Recorder, all, arrive, arrive_malformed, set_sharing, stat,
    unlimited_retries,
};

fn run(db: &Db, remote: &StatsClient, options: &PushOptions) -> (PushReport, Recorder) {
    let mut recorder = Recorder::default();
    let report = push(db, remote, options, &mut recorder).unwrap();
    (report, recorder)
}

fn push_new(db: &Db, peer: &Peer) -> (PushReport, Recorder) {
    run(db, &peer.client(), &PushOptions::default())
}

/// The report of a push that sent this many stats, all of them new to the remote.
fn sent(sent: u64) -> PushReport {
    PushReport {
        sent,
        ..PushReport::default()
    }
}

fn reasons(rejections: &Rejections) -> Vec<(&str, u64)> {
    rejections.iter().collect()
}

fn rejected_ids(recorder: &Recorder) -> Vec<StatId> {
    recorder.rejected.iter().map(|(uuid, _)| *uuid).collect()
}

fn batches_of(stats: u32) -> PushOptions {
    PushOptions {
        batch: BatchLimit {
            stats,
            bytes: usize::MAX,
        },
        ..PushOptions::default()
    }
}

on_each_database!(push_sends_each_shared_stat_once);
fn push_sends_each_shared_stat_once(database: &TestDatabase) {
    let db = database.migrated();
    let peer = Peer::start();
    let [a, b, c] = ["a", "b", "c"].map(|name| client(&db, name));
    set_sharing(&db, &c, false);
    for client in [&a, &b] {
        arrive(&db, client, "2026-11-20", 12);
    }
    let shared = all(&db);
    arrive(&db, &c, "2026-11-20", 5);
    assert_eq!(push_new(&db, &peer).0, sent(24));
    assert_eq!(peer.stats(), shared);

    let requests = peer.requests().len();
    assert_eq!(push_new(&db, &peer).0, sent(0));
    assert_eq!(peer.requests().len(), requests, "an empty batch");

    let late = arrive(&db, &a, "2019-01-01", 1);
    assert_eq!(push_new(&db, &peer).0, sent(1));
    assert_eq!(peer.stats()[0], late[0]);

    set_sharing(&db, &c, true);
    assert_eq!(push_new(&db, &peer).0, sent(5));
    assert_eq!(peer.stats(), all(&db));

    let resend = PushOptions {
        resend: true,
        dates: days("2026-01-01", "2026-12-31"),
        ..PushOptions::default()
    };
    let already_there = PushReport {
        already_there: 29,
        ..PushReport::default()
    };
    assert_eq!(run(&db, &peer.client(), &resend).0, already_there);
}

on_each_database!(push_of_one_client_and_day_leaves_the_rest_for_later);
fn push_of_one_client_and_day_leaves_the_rest_for_later(database: &TestDatabase) {
    let db = database.migrated();
    let peer = Peer::start();
    let [a, b] = ["a", "b"].map(|name| client(&db, name));
    for date in ["2026-11-18", "2026-11-19", "2026-11-20"] {
        arrive(&db, &a, date, 2);
        arrive(&db, &b, date, 3);
    }
    let options = PushOptions {
        client: Some(b.id),
        dates: DateRange::day(day("2026-11-19")),
        ..PushOptions::default()
    };
    let (report, recorder) = run(&db, &peer.client(), &options);
    assert_eq!(report, sent(3));
    assert_eq!((recorder.total, recorder.done), (3, 3));
    assert_eq!(push_new(&db, &peer).0, sent(12));
    assert_eq!(peer.stats(), all(&db));
}

#[test]
fn response_cut_after_any_byte_loses_no_stat() {
    let local = Local::with(2);
    let peer = Peer::with_faults(|_, number| Fault::CutResponse(number));
    let options = PushOptions {
        retry: unlimited_retries(),
        ..PushOptions::default()
    };
    let (report, recorder) = run(&local.db, &peer.client(), &options);
    // The first request stored the stats.
    let already_there = PushReport {
        already_there: 2,
        ..PushReport::default()
    };
    assert_eq!(report, already_there);
    let requests = peer.batches().len();
    assert!(requests > 200 && recorder.delays.len() == requests - 1);
    assert_eq!(peer.stats(), all(&local.db));
    assert_eq!(push_new(&local.db, &peer).0, sent(0));
}

#[test]
fn request_cut_after_any_byte_loses_no_stat() {
    let local = Local::with(2);
    // In steps of 13 bytes, because the service waits for the rest of each request.
    let cuts = (0..60).map(|number| Fault::CutRequest(number * 13));
    let peer = Peer::with_first_faults(cuts.collect());
    let options = PushOptions {
        retry: unlimited_retries(),
        ..PushOptions::default()
    };
    let (report, _) = run(&local.db, &peer.client(), &options);
    assert_eq!(report.outcome, Outcome::Complete);
    assert_eq!(report.sent + report.already_there, 2);
    assert_eq!(peer.batches().len(), 61);
    assert_eq!(peer.stats(), all(&local.db));
}

#[test]
fn temporary_errors_are_retried_with_growing_delays() {
    let short = HttpOptions {
        // Longer than any other response takes.
        timeout: Duration::from_secs(3),
        ..HttpOptions::default()
    };
    for (faults, delays) in [
        (
            vec![
                Fault::status("500 Oops"),
                Fault::retry_after(20),
                Fault::CutResponse(0),
                Fault::status("502 Bad Gateway"),
            ],
            vec![2, 20, 8, 16],
        ),
        (vec![Fault::Silence], vec![2]),
    ] {
        let local = Local::with(3);
        let peer = Peer::with_first_faults(faults);
        let remote = peer.client_with(short.clone());
        let (report, recorder) = run(&local.db, &remote, &PushOptions::default());
        assert_eq!(report.outcome, Outcome::Complete);
        assert_eq!(recorder.delays, delays);
        assert_eq!(peer.stats(), all(&local.db));
    }
}

on_each_database!(concurrent_pushes_do_not_interfere);
fn concurrent_pushes_do_not_interfere(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    arrive(&db, &owner, "2026-11-20", 200);
    let malformed = arrive_malformed(&db, &owner, "2026-11-20");
    let peer = Peer::start();
    let reports = thread::scope(|scope| {
        let push = || run(&db, &peer.client(), &batches_of(7)).0;
        [scope.spawn(push), scope.spawn(push)].map(|push| push.join().unwrap())
    });
    assert!(
        reports
            .iter()
            .all(|report| report.outcome == Outcome::Complete)
    );
    let stored: u64 = reports.iter().map(|report| report.sent).sum();
    assert_eq!((stored, peer.stats().len()), (200, 200));
    let (rest, _) = push_new(&db, &peer);
    assert_eq!((rest.sent, rest.rejected.total()), (0, 1));
    let batches = peer.batches();
    assert!(batches[batches.len() - 1].contains(&malformed.uuid.to_string()));
}

#[test]
fn batch_that_is_too_large_is_halved_until_it_fits() {
    let Local { db, client, .. } = &Local::with(0);
    arrive(db, client, "2026-11-19", 20);
    let large = Stat {
        data: RawJson::parse(&format!("[\"{}\"]", "x".repeat(3000))).unwrap(),
        ..stat(StatsType::Risk, "2026-11-19")
    };
    db.insert_stats(client.id, std::slice::from_ref(&large))
        .unwrap();
    arrive(db, client, "2026-11-20", 3);
    let limit = Arc::new(AtomicUsize::new(1000));
    let peer = Peer::with_faults({
        let limit = Arc::clone(&limit);
        move |request, _| match request.body.len() > limit.load(Ordering::SeqCst) {
            true => Fault::status("413 Payload Too Large"),
            false => Fault::None,
        }
    });
    let (report, recorder) = push_new(db, &peer);
    assert_eq!((report.sent, report.waiting), (23, 0));
    assert!(recorder.delays.is_empty(), "no retry");
    let reason = "the request is too large for the remote (413)";
    assert_eq!(reasons(&report.rejected), [(reason, 1)]);
    assert_eq!(recorder.rejected, [(large.uuid, reason.to_owned())]);

    // The next push sends it alone.
    let batches = peer.batches().len();
    let (report, _) = push_new(db, &peer);
    assert_eq!((report.sent, report.rejected.total()), (0, 1));
    assert_eq!(peer.batches().len(), batches + 1);
    limit.store(10_000, Ordering::SeqCst);
    assert_eq!(push_new(db, &peer).0, sent(1));
    assert_eq!(peer.stats(), all(db));
}

on_each_database!(rejected_stats_do_not_block_others);
fn rejected_stats_do_not_block_others(database: &TestDatabase) {
    let db = database.migrated();
    let peer = Peer::start();
    let [a, b] = ["a", "b"].map(|name| client(&db, name));
    arrive(&db, &a, "2026-11-18", 10);
    let malformed = [&a, &b].map(|client| arrive_malformed(&db, client, "2026-11-20").uuid);
    arrive(&db, &b, "2026-11-19", 10);
    arrive(&db, &a, "2026-11-20", 7);
    let (report, recorder) = push_new(&db, &peer);
    assert_eq!((report.sent, report.waiting), (27, 0));
    assert_eq!(recorder.done, 29);
    let [(reason, 2)] = reasons(&report.rejected)[..] else {
        unreachable!("{report:?}")
    };
    assert!(
        reason.contains("(400)") && reason.contains("0.data: must be"),
        "{reason}"
    );
    assert_eq!(rejected_ids(&recorder), malformed);

    // New stats precede rejected ones.
    let new = arrive(&db, &a, "2026-11-20", 1);
    let batches = peer.batches().len();
    assert_eq!(push_new(&db, &peer).0.sent, 1);
    assert!(peer.batches()[batches].contains(&new[0].uuid.to_string()));
    assert_eq!(peer.stats().len(), 28);
}

#[test]
fn stats_that_crash_the_remote_do_not_block_others() {
    for fault in [
        Fault::status("500 Oops"),
        Fault::status("502 Bad Gateway"),
        Fault::status("403 Forbidden"),
        Fault::CutRequest(100),
    ] {
        let Local { db, client, .. } = &Local::with(0);
        let stats = arrive(db, client, "2026-11-20", 19);
        let bad: Vec<_> = stats.iter().step_by(4).map(|stat| stat.uuid).collect();
        let names: Vec<_> = bad.iter().map(StatId::to_string).collect();
        let peer = Peer::with_faults({
            let fault = fault.clone();
            move |request, _| match names.iter().any(|name| request.body.contains(name)) {
                true => fault.clone(),
                false => Fault::None,
            }
        });
        let (report, recorder) = push_new(db, &peer);
        assert_eq!(report.outcome, Outcome::Complete, "{fault:?}");
        assert_eq!((report.sent, report.waiting), (14, 0), "{fault:?}");
        assert_eq!(rejected_ids(&recorder), bad, "{fault:?}");
        // All retries for the first batch, then one for each of its parts.
        assert!(recorder.delays.len() <= 5 + 20, "{:?}", recorder.delays);
        let (_, recorder) = push_new(db, &peer);
        assert!(recorder.delays.len() <= 9, "{:?}", recorder.delays);
    }
}

#[test]
fn remote_that_fails_for_every_stat_ends_the_push() {
    let local = Local::with(100);
    let fault = Arc::new(Mutex::new(Fault::None));
    let peer = Peer::with_faults({
        let fault = Arc::clone(&fault);
        move |request, _| match request.head.starts_with("POST") {
            true => fault.lock().unwrap().clone(),
            false => Fault::None,
        }
    });
    // Of three ambiguous failures, the first two count as rejections.
    for (broken, rejected) in [
        (Fault::status("507 Insufficient Storage"), 2),
        (Fault::status("405 Method Not Allowed"), 2),
        (Fault::status("503 Service Unavailable"), 0),
        (Fault::retry_after(1), 0),
        (Fault::CutRequest(50), 2),
        (Fault::status("200 OK"), 0),
        (Fault::redirect(), 0),
    ] {
        *fault.lock().unwrap() = broken.clone();
        let (report, _) = push_new(&local.db, &peer);
        assert!(matches!(report.outcome, Outcome::Failed(_)), "{report:?}");
        assert_eq!((report.sent, report.already_there), (0, 0));
        assert_eq!(report.rejected.total(), rejected, "{broken:?}");
        assert_eq!(report.waiting, 100 - rejected, "{broken:?}");
    }
    *fault.lock().unwrap() = Fault::None;
    assert_eq!(push_new(&local.db, &peer).0, sent(100));
    assert_eq!(peer.stats(), all(&local.db));
}

#[test]
fn push_resumes_when_the_remote_is_available_again() {
    let local = Local::with(50);
    let is_up = Arc::new(AtomicBool::new(false));
    let peer = Peer::with_faults({
        let is_up = Arc::clone(&is_up);
        move |_, number| match number < 2 || is_up.load(Ordering::SeqCst) {
            true => Fault::None,
            false => Fault::CutRequest(0),
        }
    });
    let (report, recorder) = run(&local.db, &peer.client(), &batches_of(10));
    let Outcome::Failed(RemoteError::Interrupted(_)) = report.outcome else {
        unreachable!("{report:?}")
    };
    assert_eq!((report.sent, report.waiting), (20, 30));
    assert_eq!(report.rejected.total(), 0);
    assert_eq!(recorder.delays, [2, 4, 8, 16, 30]);

    is_up.store(true, Ordering::SeqCst);
    assert_eq!(push_new(&local.db, &peer).0, sent(30));
    assert_eq!(peer.stats(), all(&local.db));
}

#[test]
fn unreachable_remote_or_unknown_token_rejects_no_stat() {
    let local = Local::with(10);
    let peer = Peer::start();
    let unreachable = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let token = stats_testing::token(&peer.account).clone();
        StatsClient::new(&url, token, HttpOptions::default()).unwrap()
    };
    for (remote, what) in [
        (peer.client_with_unknown_token(), "(403)"),
        (unreachable, "cannot connect to"),
    ] {
        let (report, _) = run(&local.db, &remote, &PushOptions::default());
        let Outcome::Failed(error) = &report.outcome else {
            unreachable!("{report:?}")
        };
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!((report.sent, report.waiting), (0, 10));
        assert_eq!(report.rejected.total(), 0);
    }
    assert_eq!(push_new(&local.db, &peer).0, sent(10));
}

#[test]
fn cancelled_push_completes_its_batch_and_keeps_the_rest() {
    let in_batch = Recorder {
        cancel_after: Some(10),
        ..Recorder::default()
    };
    let in_delay = Recorder {
        cancel_in_delay: true,
        ..Recorder::default()
    };
    for (mut recorder, faults, sent_before) in [
        (in_batch, vec![], 10),
        (in_delay, vec![Fault::status("500 Oops")], 0),
    ] {
        let local = Local::with(25);
        let peer = Peer::with_first_faults(faults);
        let report = push(&local.db, &peer.client(), &batches_of(10), &mut recorder).unwrap();
        let cancelled = PushReport {
            waiting: 25 - sent_before,
            outcome: Outcome::Cancelled,
            ..sent(sent_before)
        };
        assert_eq!(report, cancelled);
        assert_eq!(peer.requests().len(), 1, "no request for the account");
        assert_eq!(peer.stats().len() as u64, sent_before);
        assert_eq!(push_new(&local.db, &peer).0, sent(25 - sent_before));
    }
}

on_each_database!(preview_equals_the_push_and_identifies_no_client);
fn preview_equals_the_push_and_identifies_no_client(database: &TestDatabase) {
    let db = database.migrated();
    let peer = Peer::start();
    let clients = ["Ministère", "Hôpital"].map(|name| client(&db, name));
    for client in &clients {
        arrive(&db, client, "2026-11-20", 7);
    }
    let options = batches_of(5);
    let (mut sizes, mut bodies) = (Vec::new(), Vec::new());
    preview::<DbError>(&db, &peer.client(), &options, |request| {
        let Request::Stats(stats, body) = request else {
            unreachable!("{request:?}")
        };
        sizes.push(stats);
        bodies.push(String::from_utf8(body).unwrap());
        Ok(())
    })
    .unwrap();
    assert!(peer.requests().is_empty());
    assert_eq!(sizes, [5, 2, 5, 2]);
    run(&db, &peer.client(), &options);
    assert_eq!(peer.batches(), bodies);

    let mut secrets = vec![database.url().to_owned()];
    for client in clients {
        let token = stats_testing::token(&client).reveal().to_owned();
        secrets.extend([client.name.to_string(), client.uuid.to_string(), token]);
    }
    for request in peer.requests() {
        let request = request.head + &request.body;
        assert!(!secrets.iter().any(|secret| request.contains(secret)));
    }
}

/// Random pushes over a connection with random faults.
#[test]
fn random_pushes_transfer_every_shared_stat() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let database = TestDatabase::sqlite();
        let db = database.migrated();
        let clients = ["a", "b", "c"].map(|name| client(&db, name));
        let peer = Peer::with_faults({
            let random = Mutex::new(Random(seed + 1000));
            move |request, _| {
                let mut random = random.lock().unwrap();
                match random.below(12) {
                    0 => Fault::CutResponse(random.below(700)),
                    1 => Fault::CutRequest(random.below(700)),
                    2 => Fault::status("500 Oops"),
                    3 => Fault::status("503 Service Unavailable"),
                    4 => Fault::retry_after(3),
                    5 => Fault::status("400 Bad Request"),
                    _ if request.body.len() > 2000 => Fault::status("413 Payload Too Large"),
                    _ => Fault::None,
                }
            }
        });
        let remote = peer.client();
        for round in 0..15 {
            for client in &clients {
                let (month, day) = (1 + random.below(12), 1 + random.below(28));
                let date = format!("2025-{month:02}-{day:02}");
                arrive(&db, client, &date, random.below(8));
                set_sharing(&db, client, random.below(3) > 0);
            }
            let (from, to) = (1 + random.below(12), 1 + random.below(12));
            let options = PushOptions {
                client: (random.below(3) == 0).then(|| clients[random.below(3)].id),
                dates: match random.below(2) {
                    0 => DateRange::default(),
                    _ => days(
                        &format!("2025-{:02}-01", from.min(to)),
                        &format!("2025-{:02}-28", from.max(to)),
                    ),
                },
                resend: random.below(10) == 0,
                retry: RetryPolicy {
                    max_attempts: 1 + random.below(3) as u32,
                    ..RetryPolicy::default()
                },
                ..batches_of(1 + random.below(9) as u32)
            };
            let mut recorder = Recorder {
                cancel_after: (random.below(5) == 0).then(|| random.below(6) as u64),
                ..Recorder::default()
            };
            push(&db, &remote, &options, &mut recorder).unwrap();
            let local: BTreeSet<_> = ids(&all(&db)).into_iter().collect();
            let is_subset = ids(&peer.stats()).iter().all(|id| local.contains(id));
            assert!(is_subset, "seed {seed}, round {round}");
        }
        for client in &clients {
            set_sharing(&db, client, true);
        }
        let mut rounds = 0;
        while peer.stats().len() < all(&db).len() {
            push_new(&db, &peer);
            rounds += 1;
            assert!(rounds < 200, "seed {seed}: a stat is not sent");
        }
        assert_eq!(peer.stats(), all(&db), "seed {seed}");
    }
}

#[test]
fn the_end_of_each_push_is_recorded() {
    let local = Local::with(25);
    let peer = Peer::start();
    let options = batches_of(10);
    let last = || local.db.push_runs().unwrap().pop();
    preview::<DbError>(&local.db, &peer.client(), &options, |_| Ok(())).unwrap();
    assert_eq!(last(), None, "nothing was pushed");

    run(&local.db, &peer.client_with_unknown_token(), &options);
    let refused = last().unwrap();
    assert_eq!((refused.failures, refused.sent), (1, 0));
    assert!(refused.message.unwrap().contains("403"));
    let mut recorder = Recorder {
        cancel_after: Some(10),
        ..Recorder::default()
    };
    push(&local.db, &peer.client(), &options, &mut recorder).unwrap();
    let stopped = last().unwrap();
    assert_eq!((stopped.failures, stopped.sent), (2, 10));
    assert_eq!(stopped.message.as_deref(), Some("stopped"));
    push_new(&local.db, &peer);
    let complete = last().unwrap();
    assert_eq!(complete.remote, peer.client().address());
    assert_eq!((complete.failures, complete.sent), (0, 15));
    assert_eq!((complete.message, complete.refused), (None, 0));
}
