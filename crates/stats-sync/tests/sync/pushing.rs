use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use stats_core::{Client, DateRange, RawJson, Stat, StatsType};
use stats_db::{BatchLimit, ClientChange, Db, DbError};
use stats_remote::{Options, RemoteError, Retry, StatsClient};
use stats_sync::{Ending, Pushed, Pushing, preview, push};
use stats_testing::{TestDatabase, client, day, ids, on_each_database};

use crate::support::{FarSide, Fault, NearSide, Witness, all, arrive, in_turn, stat, stubborn};

/// Pushes with nobody in the way, to its end.
fn push_well(db: &Db, far: &FarSide) -> Pushed {
    let report = push(
        db,
        &far.client(),
        &Pushing::default(),
        &mut Witness::default(),
    )
    .unwrap();
    assert_eq!(report.ending, Ending::Complete);
    report
}

fn sent(report: &Pushed) -> (u64, u64) {
    (report.sent, report.already_there)
}

fn told(report: &Pushed) -> Vec<(&str, u64)> {
    report.refused.iter().collect()
}

fn batches_of(stats: u32) -> Pushing {
    Pushing {
        batch: BatchLimit {
            stats,
            bytes: usize::MAX,
        },
        ..Pushing::default()
    }
}

fn share(db: &Db, client: &Client, is_sharing_enabled: bool) {
    let change = ClientChange {
        is_sharing_enabled: Some(is_sharing_enabled),
        ..ClientChange::default()
    };
    db.change_client(client.uuid, &change).unwrap();
}

/// A stat that is stored here, having been there before this service, and that no service takes now.
fn arrive_odd(db: &Db, owner: &Client) -> Stat {
    let odd = Stat {
        data: RawJson::from_storage("5".to_owned()),
        ..stat(StatsType::Risk, "2026-11-20")
    };
    db.insert_stats(owner.id, std::slice::from_ref(&odd))
        .unwrap();
    odd
}

on_each_database!(what_is_shared_gets_there_once_and_what_is_new_later);
fn what_is_shared_gets_there_once_and_what_is_new_later(database: &TestDatabase) {
    let db = database.migrated();
    let far = FarSide::start();
    let (a, b, c) = (client(&db, "a"), client(&db, "b"), client(&db, "c"));
    share(&db, &c, false);
    for owner in [&a, &b] {
        arrive(&db, owner, "2026-11-20", 12);
    }
    let there = all(&db);
    let secret = arrive(&db, &c, "2026-11-20", 5);
    assert_eq!(sent(&push_well(&db, &far)), (24, 0));
    assert_eq!(far.stats(), there, "to the letter");

    let requests = far.requests().len();
    assert_eq!(sent(&push_well(&db, &far)), (0, 0));
    assert_eq!(far.requests().len(), requests, "nothing to say");

    let late = arrive(&db, &a, "2019-01-01", 1);
    assert_eq!(sent(&push_well(&db, &far)), (1, 0));
    assert_eq!(far.stats()[0], late[0]);

    share(&db, &c, true);
    assert_eq!(sent(&push_well(&db, &far)), (5, 0));
    assert_eq!(far.stats(), all(&db));
    assert!(ids(&far.stats()).contains(&secret[0].uuid));

    let again = Pushing {
        again: true,
        dates: DateRange {
            from: day("2026-01-01"),
            to: day("2026-12-31"),
        },
        ..Pushing::default()
    };
    let report = push(&db, &far.client(), &again, &mut Witness::default()).unwrap();
    assert_eq!(sent(&report), (0, 29));
}

on_each_database!(one_client_and_some_days_are_pushed_alone_and_the_rest_later);
fn one_client_and_some_days_are_pushed_alone_and_the_rest_later(database: &TestDatabase) {
    let db = database.migrated();
    let far = FarSide::start();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    for date in ["2026-11-18", "2026-11-19", "2026-11-20"] {
        arrive(&db, &a, date, 2);
        arrive(&db, &b, date, 3);
    }
    let mut witness = Witness::default();
    let some = Pushing {
        owner: Some(b.id),
        dates: DateRange {
            from: day("2026-11-19"),
            to: day("2026-11-19"),
        },
        ..Pushing::default()
    };
    let report = push(&db, &far.client(), &some, &mut witness).unwrap();
    assert_eq!((sent(&report), report.waiting), ((3, 0), 0));
    assert_eq!((witness.total, witness.done), (3, 3));
    assert_eq!(sent(&push_well(&db, &far)), (12, 0));
    assert_eq!(far.stats(), all(&db));
}

#[test]
fn no_byte_of_an_answer_can_be_lost_so_that_stats_are() {
    let NearSide { db, _database, .. } = NearSide::with(2);
    let far = FarSide::behind(|_, number| Fault::CutAnswer(number));
    let mut witness = Witness::default();
    let what = Pushing {
        retry: stubborn(),
        ..Pushing::default()
    };
    let report = push(&db, &far.client(), &what, &mut witness).unwrap();
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!(sent(&report), (0, 2), "stored at the first try, unheard");
    let tries = far.posted().len();
    assert!(tries > 200 && witness.pauses.len() == tries - 1, "{tries}");
    assert_eq!(far.stats(), all(&db));
    assert_eq!(sent(&push_well(&db, &far)), (0, 0));
}

#[test]
fn no_byte_of_a_request_can_be_lost_so_that_stats_are() {
    let NearSide { db, _database, .. } = NearSide::with(2);
    // In steps, since the service waits a little for the rest of each.
    let far = FarSide::behind(|_, number| match number {
        0..60 => Fault::CutRequest(number * 13),
        _ => Fault::None,
    });
    let what = Pushing {
        retry: stubborn(),
        ..Pushing::default()
    };
    let report = push(&db, &far.client(), &what, &mut Witness::default()).unwrap();
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!(report.sent + report.already_there, 2);
    assert_eq!(far.posted().len(), 61);
    assert_eq!(far.stats(), all(&db));
}

#[test]
fn what_fails_for_now_is_tried_again_after_growing_pauses() {
    let NearSide { db, _database, .. } = NearSide::with(3);
    let asked = answer_with_retry_after(20);
    let far = FarSide::behind(in_turn(vec![
        Fault::status("500 Oops"),
        asked,
        Fault::CutAnswer(0),
        Fault::status("502 Bad Gateway"),
    ]));
    let mut witness = Witness::default();
    let report = push(&db, &far.client(), &Pushing::default(), &mut witness).unwrap();
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!(witness.pauses, [2, 20, 8, 16]);
    assert_eq!(far.stats(), all(&db));
}

#[test]
fn a_remote_that_says_nothing_is_asked_again() {
    let NearSide { db, _database, .. } = NearSide::with(3);
    let far = FarSide::behind(in_turn(vec![Fault::Silence]));
    // Time enough for every other answer.
    let remote = far.client_with(Options {
        timeout: Duration::from_secs(3),
        ..Options::default()
    });
    let mut witness = Witness::default();
    let report = push(&db, &remote, &Pushing::default(), &mut witness).unwrap();
    assert_eq!((report.ending, report.sent), (Ending::Complete, 3));
    assert_eq!(witness.pauses, [2]);
}

on_each_database!(two_pushes_at_once_do_each_other_no_harm);
fn two_pushes_at_once_do_each_other_no_harm(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    arrive(&db, &owner, "2026-11-20", 200);
    let odd = arrive_odd(&db, &owner);
    let far = FarSide::start();
    let reports: Vec<_> = thread::scope(|scope| {
        let push = || push(&db, &far.client(), &batches_of(7), &mut Witness::default());
        let pushes = [scope.spawn(push), scope.spawn(push)];
        pushes.map(|push| push.join().unwrap().unwrap()).to_vec()
    });
    for report in &reports {
        assert_eq!(report.ending, Ending::Complete);
    }
    let stored: u64 = reports.iter().map(|report| report.sent).sum();
    assert_eq!((stored, far.stats().len()), (200, 200));
    let rest = push_well(&db, &far);
    assert_eq!((sent(&rest), rest.refused.total()), ((0, 0), 1));
    let posted = far.posted();
    assert!(posted[posted.len() - 1].contains(&odd.uuid.to_string()));
}

fn answer_with_retry_after(seconds: u64) -> Fault {
    Fault::Answer(format!(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ))
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_it_fits() {
    let NearSide {
        db,
        owner,
        _database,
    } = NearSide::with(0);
    arrive(&db, &owner, "2026-11-19", 20);
    let large = Stat {
        data: RawJson::parse(&format!("[\"{}\"]", "x".repeat(3000))).unwrap(),
        ..stat(StatsType::Risk, "2026-11-19")
    };
    db.insert_stats(owner.id, std::slice::from_ref(&large))
        .unwrap();
    arrive(&db, &owner, "2026-11-20", 3);
    let limit = Arc::new(AtomicUsize::new(1000));
    let bound = Arc::clone(&limit);
    let far = FarSide::behind(move |request, _| {
        match request.body.len() > bound.load(Ordering::SeqCst) {
            true => Fault::status("413 Payload Too Large"),
            false => Fault::None,
        }
    });
    let mut witness = Witness::default();
    let report = push(&db, &far.client(), &Pushing::default(), &mut witness).unwrap();
    assert_eq!((sent(&report), report.waiting), ((23, 0), 0));
    assert_eq!(witness.pauses, [0; 0], "a refusal is final");
    let reason = "the remote refuses a request of this size (413): send less at once";
    assert_eq!(told(&report), [(reason, 1)]);
    assert_eq!(witness.refused, [(large.uuid, reason.to_owned())]);

    // It waits, alone, for a remote that takes more.
    let posted = far.posted().len();
    let report = push(
        &db,
        &far.client(),
        &Pushing::default(),
        &mut Witness::default(),
    )
    .unwrap();
    assert_eq!((sent(&report), report.refused.total()), ((0, 0), 1));
    assert_eq!(far.posted().len(), posted + 1);
    limit.store(10_000, Ordering::SeqCst);
    assert_eq!(sent(&push_well(&db, &far)), (1, 0));
    assert_eq!(far.stats(), all(&db));
}

on_each_database!(a_stat_that_is_refused_holds_nobody_up);
fn a_stat_that_is_refused_holds_nobody_up(database: &TestDatabase) {
    let db = database.migrated();
    let far = FarSide::start();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    arrive(&db, &a, "2026-11-18", 10);
    let odd = [arrive_odd(&db, &a), arrive_odd(&db, &b)];
    arrive(&db, &b, "2026-11-19", 10);
    arrive(&db, &a, "2026-11-20", 7);
    let mut witness = Witness::default();
    let report = push(&db, &far.client(), &Pushing::default(), &mut witness).unwrap();
    assert_eq!((sent(&report), report.waiting), ((27, 0), 0));
    assert_eq!(witness.done, 29);
    let [(reason, 2)] = told(&report)[..] else {
        unreachable!("{:?}", witness.refused)
    };
    assert!(
        reason.contains("(400)") && reason.contains("0.data: must be"),
        "{reason}"
    );
    let refused: Vec<_> = witness.refused.iter().map(|(uuid, _)| *uuid).collect();
    assert_eq!(refused, odd.map(|stat| stat.uuid));

    // What is new comes first the next time.
    let new = arrive(&db, &a, "2026-11-20", 1);
    let posted = far.posted().len();
    let report = push(
        &db,
        &far.client(),
        &Pushing::default(),
        &mut Witness::default(),
    )
    .unwrap();
    assert_eq!(sent(&report), (1, 0));
    assert!(far.posted()[posted].contains(&new[0].uuid.to_string()));
    assert_eq!(far.stats().len(), 28);
}

#[test]
fn a_stat_that_the_remote_fails_at_holds_nobody_up() {
    for fault in [
        Fault::status("500 Oops"),
        Fault::status("502 Bad Gateway"),
        Fault::status("403 Forbidden"),
        Fault::CutRequest(100),
    ] {
        let NearSide {
            db,
            owner,
            _database,
        } = NearSide::with(0);
        let stats = arrive(&db, &owner, "2026-11-20", 19);
        let poison: Vec<_> = stats.iter().step_by(4).collect();
        let names: Vec<_> = poison.iter().map(|stat| stat.uuid.to_string()).collect();
        let told = fault.clone();
        let far = FarSide::behind(move |request, _| {
            match names.iter().any(|name| request.body.contains(name)) {
                true => told.clone(),
                false => Fault::None,
            }
        });
        let mut witness = Witness::default();
        let report = push(&db, &far.client(), &Pushing::default(), &mut witness).unwrap();
        assert_eq!(report.ending, Ending::Complete, "{fault:?}");
        assert_eq!((sent(&report), report.waiting), ((14, 0), 0), "{fault:?}");
        let refused: Vec<_> = witness.refused.iter().map(|(uuid, _)| *uuid).collect();
        let poison: Vec<_> = poison.iter().map(|stat| stat.uuid).collect();
        assert_eq!(refused, poison, "{fault:?}");
        // Patience for the whole batch, and little for its parts and the next time.
        assert!(witness.pauses.len() <= 5 + 20, "{:?}", witness.pauses);
        let mut witness = Witness::default();
        push(&db, &far.client(), &Pushing::default(), &mut witness).unwrap();
        assert!(witness.pauses.len() <= 9, "{:?}", witness.pauses);
    }
}

#[test]
fn a_remote_that_fails_at_everything_ends_the_push() {
    let NearSide { db, _database, .. } = NearSide::with(100);
    let fault: &'static Mutex<Fault> = Box::leak(Box::new(Mutex::new(Fault::None)));
    let far = FarSide::behind(move |request, _| match request.head.starts_with("POST") {
        true => fault.lock().unwrap().clone(),
        false => Fault::None,
    });
    let redirect =
        "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    // Two stats may look as if it were their fault, unless the remote says clearly that it is not.
    for (broken, refused) in [
        (Fault::status("507 Insufficient Storage"), 2),
        (Fault::status("405 Method Not Allowed"), 2),
        (Fault::status("503 Service Unavailable"), 0),
        (answer_with_retry_after(1), 0),
        (Fault::CutRequest(50), 2),
        (Fault::status("200 OK"), 0),
        (Fault::Answer(redirect.to_owned()), 0),
    ] {
        *fault.lock().unwrap() = broken.clone();
        let mut witness = Witness::default();
        let report = push(&db, &far.client(), &Pushing::default(), &mut witness).unwrap();
        assert!(matches!(report.ending, Ending::Failed(_)), "{report:?}");
        assert_eq!(sent(&report), (0, 0));
        assert_eq!(report.refused.total(), refused, "{broken:?}");
        assert_eq!(report.waiting, 100 - refused, "{broken:?}");
    }
    *fault.lock().unwrap() = Fault::None;
    assert_eq!(sent(&push_well(&db, &far)), (100, 0));
    assert_eq!(far.stats(), all(&db));
}

#[test]
fn a_remote_that_is_away_gets_the_rest_when_it_is_back() {
    let NearSide { db, _database, .. } = NearSide::with(50);
    let is_back = Arc::new(AtomicBool::new(false));
    let back = Arc::clone(&is_back);
    let far = FarSide::behind(move |_, number| match number {
        0 | 1 => Fault::None,
        _ if back.load(Ordering::SeqCst) => Fault::None,
        _ => Fault::CutRequest(0),
    });
    let mut witness = Witness::default();
    let what = batches_of(10);
    let report = push(&db, &far.client(), &what, &mut witness).unwrap();
    let Ending::Failed(RemoteError::Interrupted { .. }) = report.ending else {
        unreachable!("{report:?}")
    };
    assert_eq!((sent(&report), report.waiting), ((20, 0), 30));
    assert_eq!(told(&report), [], "it is not the stats");
    assert_eq!(witness.pauses, [2, 4, 8, 16, 30]);

    is_back.store(true, Ordering::SeqCst);
    assert_eq!(sent(&push_well(&db, &far)), (30, 0));
    assert_eq!(far.stats(), all(&db));
}

#[test]
fn who_cannot_be_reached_or_does_not_know_us_gets_nothing_and_refuses_nothing() {
    let NearSide { db, _database, .. } = NearSide::with(10);
    let far = FarSide::start();
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        StatsClient::new(&url, far.account.token.clone(), Options::default()).unwrap()
    };
    for (remote, what) in [(far.stranger(), "(403)"), (nobody, "cannot be reached")] {
        let report = push(&db, &remote, &Pushing::default(), &mut Witness::default()).unwrap();
        let Ending::Failed(error) = &report.ending else {
            unreachable!("{report:?}")
        };
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!((sent(&report), report.waiting), ((0, 0), 10));
        assert_eq!(told(&report), []);
    }
    assert_eq!(sent(&push_well(&db, &far)), (10, 0));
}

#[test]
fn who_watches_ends_it_after_the_batch_in_flight() {
    let NearSide { db, _database, .. } = NearSide::with(25);
    let far = FarSide::start();
    let mut witness = Witness {
        patience: Some(10),
        ..Witness::default()
    };
    let report = push(&db, &far.client(), &batches_of(10), &mut witness).unwrap();
    assert_eq!(report.ending, Ending::Stopped);
    assert_eq!((sent(&report), report.waiting), ((10, 0), 15));
    assert_eq!(far.stats().len(), 10);
    assert_eq!(
        sent(&push_well(&db, &far)),
        (15, 0),
        "nothing was forgotten"
    );
}

#[test]
fn who_watches_ends_it_in_a_pause() {
    let NearSide { db, _database, .. } = NearSide::with(2);
    let far = FarSide::behind(in_turn(vec![Fault::status("500 Oops")]));
    let mut witness = Witness {
        is_hasty_in_pauses: true,
        ..Witness::default()
    };
    let report = push(&db, &far.client(), &Pushing::default(), &mut witness).unwrap();
    assert_eq!((report.ending, report.waiting), (Ending::Stopped, 2));
    assert_eq!(
        far.requests().len(),
        1,
        "not even the account was asked for"
    );
}

on_each_database!(a_preview_is_what_goes_out_to_the_byte_and_names_nobody);
fn a_preview_is_what_goes_out_to_the_byte_and_names_nobody(database: &TestDatabase) {
    let db = database.migrated();
    let far = FarSide::start();
    let owners = ["Ministère", "Hôpital"].map(|name| client(&db, name));
    for owner in &owners {
        arrive(&db, owner, "2026-11-20", 7);
    }
    let what = batches_of(5);
    let mut previewed = Vec::new();
    preview::<DbError>(&db, &far.client(), &what, |stats, body| {
        previewed.push((stats.len(), String::from_utf8(body).unwrap()));
        Ok(())
    })
    .unwrap();
    assert!(far.requests().is_empty());
    push(&db, &far.client(), &what, &mut Witness::default()).unwrap();
    let (sizes, bodies): (Vec<_>, Vec<_>) = previewed.into_iter().unzip();
    assert_eq!(sizes, [5, 2, 5, 2]);
    assert_eq!(far.posted(), bodies);

    let mut names = vec![database.url().to_owned()];
    for owner in &owners {
        names.push(owner.name.clone());
        names.push(owner.uuid.to_string());
        names.push(owner.token.reveal().to_owned());
    }
    for request in far.requests() {
        for name in &names {
            assert!(
                !request.head.contains(name) && !request.body.contains(name),
                "{name}"
            );
        }
    }
}

/// Whatever happens on the way, in the end both sides hold the same of who shares, and nothing twice.
#[test]
fn many_nights_with_whatever_may_happen_end_well() {
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let database = TestDatabase::sqlite();
        let db = database.migrated();
        let owners = ["a", "b", "c"].map(|name| client(&db, name));
        let far = FarSide::behind({
            let dice = Mutex::new(Dice(seed + 1000));
            move |request, _| {
                let mut dice = dice.lock().unwrap();
                match dice.below(12) {
                    0 => Fault::CutAnswer(dice.below(700)),
                    1 => Fault::CutRequest(dice.below(700)),
                    2 => Fault::status("500 Oops"),
                    3 => Fault::status("503 Service Unavailable"),
                    4 => answer_with_retry_after(3),
                    5 => Fault::status("400 Bad Request"),
                    _ if request.body.len() > 2000 => Fault::status("413 Payload Too Large"),
                    _ => Fault::None,
                }
            }
        });
        let remote = far.client();
        for night in 0..15 {
            for owner in &owners {
                let date = format!("2026-{:02}-{:02}", 1 + dice.below(12), 1 + dice.below(28));
                arrive(&db, owner, &date, dice.below(8));
                share(&db, owner, dice.below(3) > 0);
            }
            let (from, to) = (1 + dice.below(12), 1 + dice.below(12));
            let what = Pushing {
                owner: (dice.below(3) == 0).then(|| owners[dice.below(3)].id),
                dates: match dice.below(2) {
                    0 => DateRange::default(),
                    _ => DateRange {
                        from: day(&format!("2026-{from:02}-01")),
                        to: day(&format!("2026-{to:02}-28")),
                    },
                },
                again: dice.below(10) == 0,
                retry: Retry {
                    attempts: 1 + dice.below(3) as u32,
                    ..Retry::default()
                },
                ..batches_of(1 + dice.below(9) as u32)
            };
            let mut witness = Witness {
                patience: (dice.below(5) == 0).then(|| dice.below(6) as u64),
                ..Witness::default()
            };
            push(&db, &remote, &what, &mut witness).unwrap();
            let there = ids(&far.stats());
            let here: BTreeSet<_> = ids(&all(&db)).into_iter().collect();
            assert!(
                there.iter().all(|id| here.contains(id)),
                "seed {seed}, night {night}"
            );
        }
        for owner in &owners {
            share(&db, owner, true);
        }
        // In the end the line is a bad one still, but there is time.
        let mut nights = 0;
        while far.stats().len() < all(&db).len() {
            push(&db, &remote, &Pushing::default(), &mut Witness::default()).unwrap();
            nights += 1;
            assert!(nights < 200, "seed {seed}: something is never sent");
        }
        assert_eq!(far.stats(), all(&db), "seed {seed}");
    }
}

/// A generator of numbers that are the same every time (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        let mut x = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0 = self.0.wrapping_add(x);
        (x >> 20) as usize % limit
    }
}
