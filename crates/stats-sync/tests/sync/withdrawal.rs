//! Deletions and withdrawals reach other instances.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Utc;
use stats_core::{Client, Deletion, Stat, StatId, StatsType};
use stats_db::{ClientChange, Db, DbError};
use stats_remote::RetryPolicy;
use stats_sync::{Outcome, PushOptions, PushReport, Request, preview, push};
use stats_testing::{TestDatabase, client, ids, on_each_database};

use crate::support::{Fault, Local, Peer, Random, Recorder, all, arrive, set_sharing, stat};

fn run(db: &Db, peer: &Peer, options: &PushOptions) -> PushReport {
    push(db, &peer.client(), options, &mut Recorder::default()).unwrap()
}

fn push_new(db: &Db, peer: &Peer) -> PushReport {
    run(db, peer, &PushOptions::default())
}

/// The numbers of a complete push: stats sent and there already, deletions told.
fn counts(report: &PushReport) -> (u64, u64, u64) {
    assert_eq!(report.outcome, Outcome::Complete, "{report:?}");
    (report.sent, report.already_there, report.told)
}

fn delete(db: &Db, client: &Client, stats: &[Stat]) {
    for stat in stats {
        assert_eq!(db.delete_stats(client.id, stat.analysis).unwrap(), 1);
    }
}

fn withdraw(db: &Db, client: &Client, withdraws: bool) {
    let change = ClientChange::Withdraws(withdraws);
    db.change_client(client.uuid, &change).unwrap();
}

fn resend() -> PushOptions {
    PushOptions {
        resend: true,
        ..PushOptions::default()
    }
}

/// The requests of a kind so far.
fn requests(peer: &Peer, begin: &str) -> Vec<String> {
    let requests = peer.requests().into_iter();
    let found = requests.filter(|request| request.head.starts_with(begin));
    found.map(|request| request.head + &request.body).collect()
}

const DELETED: &str = "POST /api/v1/stats/deleted/";

on_each_database!(deletions_go_on_from_instance_to_instance);
fn deletions_go_on_from_instance_to_instance(database: &TestDatabase) {
    let company = database.migrated();
    let office = client(&company, "front office");
    let (region, nation) = (Peer::start(), Peer::start());
    let stats = arrive(&company, &office, "2026-11-20", 10);
    for (from, to) in [(&company, &region), (&region.service.db, &nation)] {
        assert_eq!(counts(&push_new(from, to)), (10, 0, 0));
    }
    delete(&company, &office, &stats[..3]);
    for (from, to) in [(&company, &region), (&region.service.db, &nation)] {
        let before = requests(to, DELETED).len();
        assert_eq!(counts(&push_new(from, to)), (0, 0, 3));
        let body = &requests(to, DELETED)[before];
        assert!(body.contains(&stats[0].uuid.to_string()) && body.contains("deleted_at"));
        assert!(!body.contains(&stats[0].analysis.to_string()), "{body}");
        assert_eq!(counts(&push_new(from, to)), (0, 0, 0));
        assert_eq!(requests(to, DELETED).len(), before + 1, "once");
        assert_eq!(ids(&to.stats()), ids(&stats[3..]));
    }
    // A replay on the way is refused.
    region
        .service
        .db
        .insert_stats(region.account.id, &stats)
        .unwrap();
    assert_eq!(ids(&region.stats()), ids(&stats[3..]));
    nation
        .service
        .db
        .insert_stats(nation.account.id, &stats)
        .unwrap();
    assert_eq!(ids(&nation.stats()), ids(&stats[3..]));
    assert_eq!(counts(&run(&company, &region, &resend())), (0, 7, 0));
}

on_each_database!(only_what_the_remote_may_have_is_told);
fn only_what_the_remote_may_have_is_told(database: &TestDatabase) {
    let db = database.migrated();
    let office = client(&db, "front office");
    let peer = Peer::start();
    let early = arrive(&db, &office, "2026-11-20", 2);
    delete(&db, &office, &early);
    assert_eq!(counts(&push_new(&db, &peer)), (0, 0, 0));
    let stats = arrive(&db, &office, "2026-11-20", 2);
    assert_eq!(counts(&push_new(&db, &peer)), (2, 0, 0));
    let late = arrive(&db, &office, "2026-11-20", 1);
    delete(&db, &office, &late);
    // Of a stat that never was here.
    let deletion = Deletion {
        uuid: StatId::random(),
        deleted_at: Utc::now().naive_utc(),
    };
    db.delete_by_ids(office.id, &[deletion]).unwrap();
    arrive(&db, &office, "2026-11-20", 1);
    assert_eq!(counts(&push_new(&db, &peer)), (1, 0, 0));
    assert_eq!(requests(&peer, DELETED), [""; 0]);
    // Retention is the matter of each instance.
    let found = db.read::<_, DbError>(|snapshot| snapshot.find_all_stats());
    db.purge_found(&found.unwrap()).unwrap();
    assert_eq!(counts(&push_new(&db, &peer)), (0, 0, 0));
    assert_eq!(peer.stats().len(), stats.len() + 1);
}

#[test]
fn a_stat_whose_answer_was_lost_is_deleted_all_the_same() {
    let Local { db, client, .. } = &Local::with(0);
    let stats = arrive(db, client, "2026-11-20", 4);
    let options = PushOptions {
        retry: RetryPolicy {
            max_attempts: 1,
            ..RetryPolicy::default()
        },
        ..PushOptions::default()
    };
    // The remote stores the batch, and this instance never learns of it.
    let peer = Peer::with_faults(|_, number| match number {
        0 => Fault::CutResponse(0),
        1 => Fault::status("503 Service Unavailable"),
        _ => Fault::None,
    });
    let report = run(db, &peer, &options);
    assert_eq!((report.sent, peer.stats().len()), (0, 4), "{report:?}");
    delete(db, client, &stats[..2]);
    assert_eq!(counts(&push_new(db, &peer)), (0, 2, 2));
    assert_eq!(ids(&peer.stats()), ids(&stats[2..]));
}

#[test]
fn deletions_are_told_again_after_any_fault() {
    let Local { db, client, .. } = &Local::with(0);
    let stats = arrive(db, client, "2026-11-20", 9);
    let faults = Mutex::new(vec![
        Fault::CutResponse(30),
        Fault::status("500 Oops"),
        Fault::CutRequest(200),
        Fault::status("413 Payload Too Large"),
        Fault::retry_after(3),
    ]);
    let peer = Peer::with_faults(move |request, _| match request.head.starts_with(DELETED) {
        true => faults.lock().unwrap().pop().unwrap_or(Fault::None),
        false => Fault::None,
    });
    push_new(db, &peer);
    delete(db, client, &stats[..7]);
    assert_eq!(counts(&push_new(db, &peer)), (0, 0, 7));
    assert_eq!(ids(&peer.stats()), ids(&stats[7..]));
    assert_eq!(counts(&push_new(db, &peer)), (0, 0, 0));
}

#[test]
fn stats_are_sent_although_deletions_fail() {
    let Local { db, client, .. } = &Local::with(0);
    let old = arrive(db, client, "2026-11-20", 2);
    let is_broken = Arc::new(AtomicBool::new(true));
    let peer = Peer::with_faults({
        let is_broken = Arc::clone(&is_broken);
        move |request, _| match request.head.starts_with(DELETED)
            && is_broken.load(Ordering::SeqCst)
        {
            true => Fault::status("403 Forbidden"),
            false => Fault::None,
        }
    });
    push_new(db, &peer);
    delete(db, client, &old);
    let new = arrive(db, client, "2026-11-20", 3);
    let report = run(db, &peer, &PushOptions::default());
    assert!(matches!(report.outcome, Outcome::Failed(_)), "{report:?}");
    assert_eq!(
        (report.sent, report.waiting, report.untold_waiting),
        (3, 0, 2)
    );
    assert_eq!(
        db.count_waiting(peer.client().address()).unwrap().deletions,
        2
    );
    is_broken.store(false, Ordering::SeqCst);
    assert_eq!(counts(&push_new(db, &peer)), (0, 0, 2));
    assert_eq!(ids(&peer.stats()), ids(&new));
    let last = db.push_runs().unwrap().remove(0);
    assert_eq!((last.told, last.untold), (2, 0));
}

on_each_database!(a_client_cannot_delete_or_block_stats_of_another_one);
fn a_client_cannot_delete_or_block_stats_of_another_one(database: &TestDatabase) {
    let db = database.migrated();
    let (victim, attacker) = (client(&db, "victim"), client(&db, "attacker"));
    let peer = Peer::start();
    let [sent, next] = [(); 2].map(|()| stat(StatsType::Risk, "2026-11-20"));
    let one = std::slice::from_ref;
    db.insert_stats(victim.id, one(&sent)).unwrap();
    arrive(&db, &attacker, "2026-11-20", 1);
    assert_eq!(counts(&push_new(&db, &peer)), (2, 0, 0));
    let attack = [&sent, &next].map(|stat| Deletion {
        uuid: stat.uuid,
        deleted_at: Utc::now().naive_utc(),
    });
    assert_eq!(db.delete_by_ids(attacker.id, &attack).unwrap(), 0);
    assert_eq!(counts(&push_new(&db, &peer)), (0, 0, 0));
    db.insert_stats(victim.id, one(&next)).unwrap();
    assert_eq!(counts(&push_new(&db, &peer)), (1, 0, 0));
    let there = peer.stats();
    assert!([&sent, &next].iter().all(|stat| there.contains(stat)));
}

on_each_database!(a_withdrawal_deletes_what_was_pushed_and_is_final);
fn a_withdrawal_deletes_what_was_pushed_and_is_final(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let (peer, other) = (Peer::start(), Peer::start());
    let old = arrive(&db, &a, "2026-11-20", 7);
    let of_b = arrive(&db, &b, "2026-11-20", 3);
    assert_eq!(counts(&push_new(&db, &peer)), (10, 0, 0));
    assert_eq!(counts(&push_new(&db, &other)), (10, 0, 0));

    // By default what was pushed stays. A deletion is told, although the client shares nothing any more.
    set_sharing(&db, &a, false);
    assert_eq!(counts(&push_new(&db, &peer)), (0, 0, 0));
    delete(&db, &a, &old[..1]);
    assert_eq!(counts(&push_new(&db, &peer)), (0, 0, 1));
    let unshared = arrive(&db, &a, "2026-11-21", 2);
    assert_eq!(peer.stats().len(), 9);

    withdraw(&db, &a, true);
    assert_eq!(
        db.count_waiting(peer.client().address()).unwrap().deletions,
        6
    );
    let options = PushOptions {
        client: Some(a.id),
        ..PushOptions::default()
    };
    assert_eq!(counts(&run(&db, &peer, &options)), (0, 0, 6));
    assert_eq!(ids(&peer.stats()), ids(&of_b));
    assert_eq!(counts(&push_new(&db, &peer)), (0, 0, 0));
    assert_eq!(all(&db).len(), 11, "they stay here");

    set_sharing(&db, &a, true);
    assert_eq!(counts(&push_new(&db, &peer)), (2, 0, 0));
    assert_eq!(counts(&run(&db, &peer, &resend())), (0, 5, 0));
    let shared = ids(of_b.iter().chain(&unshared));
    assert_eq!(ids(&peer.stats()), shared);
    // The other remote was not told of the withdrawal in time.
    assert_eq!(counts(&push_new(&db, &other)), (2, 0, 1));
    assert_eq!(other.stats(), all(&db));
    // Each switch withdraws what was pushed since.
    set_sharing(&db, &a, false);
    assert_eq!(counts(&push_new(&db, &peer)), (0, 0, 2));
    assert_eq!(counts(&push_new(&db, &other)), (0, 0, 8));
    assert_eq!(ids(&other.stats()), ids(&of_b));
}

#[test]
fn a_withdrawal_leaves_out_what_was_not_pushed() {
    let Local { db, client, .. } = &Local::with(0);
    let peer = Peer::start();
    let old = arrive(db, client, "2025-01-01", 2);
    let new = arrive(db, client, "2026-11-20", 3);
    let recent = PushOptions {
        dates: stats_testing::days("2026-01-01", "2026-12-31"),
        ..PushOptions::default()
    };
    assert_eq!(counts(&run(db, &peer, &recent)), (3, 0, 0));
    withdraw(db, client, true);
    set_sharing(db, client, false);
    assert_eq!(counts(&push_new(db, &peer)), (0, 0, 3));
    set_sharing(db, client, true);
    assert_eq!(counts(&run(db, &peer, &resend())), (2, 0, 0));
    assert_eq!(ids(&peer.stats()), ids(&old));
    assert_eq!(all(db).len(), old.len() + new.len());
}

/// A remote of an earlier version, or of the Python service, that is replaced by this version.
#[test]
fn a_remote_without_the_route_deletes_whole_analyses() {
    let Local { db, client, .. } = &Local::with(0);
    let is_old = Arc::new(AtomicBool::new(true));
    let peer = Peer::with_faults({
        let is_old = Arc::clone(&is_old);
        move |request, _| match request.head.starts_with(DELETED) && is_old.load(Ordering::SeqCst) {
            true => Fault::status("405 Method Not Allowed"),
            false => Fault::None,
        }
    });
    let [gone, left, partly] = [(); 3].map(|()| {
        let one = stat(StatsType::Risk, "2026-11-20");
        let two = Stat {
            uuid: StatId::random(),
            ..one.clone()
        };
        [one, two]
    });
    let stats = [&gone[..], &left, &partly].concat();
    db.insert_stats(client.id, &stats).unwrap();
    assert_eq!(counts(&push_new(db, &peer)), (6, 0, 0));
    let delete = |stats: &[Stat]| {
        let deletion = |stat: &Stat| Deletion {
            uuid: stat.uuid,
            deleted_at: Utc::now().naive_utc(),
        };
        let list: Vec<_> = stats.iter().map(deletion).collect();
        db.delete_by_ids(client.id, &list).unwrap();
    };
    delete(&gone);
    delete(&partly[..1]);
    delete(&left[..1]);
    let report = push_new(db, &peer);
    assert_eq!((counts(&report), report.untold), ((0, 0, 2), 2));
    assert_eq!(requests(&peer, "DELETE").len(), 1);
    assert_eq!(ids(&peer.stats()), ids(left.iter().chain(&partly)));
    let last = db.push_runs().unwrap().remove(0);
    assert_eq!((last.told, last.untold), (2, 2));

    // They stay untold until the rest of the analysis is deleted.
    let report = push_new(db, &peer);
    assert_eq!((counts(&report), report.untold), ((0, 0, 0), 2));
    delete(&partly[1..]);
    let report = push_new(db, &peer);
    assert_eq!((counts(&report), report.untold), ((0, 0, 1), 1));
    assert_eq!(ids(&peer.stats()), ids(&left));

    is_old.store(false, Ordering::SeqCst);
    let report = push_new(db, &peer);
    assert_eq!((counts(&report), report.untold), ((0, 0, 1), 0));
    assert_eq!(ids(&peer.stats()), ids(&left[1..]));

    // A withdrawal.
    is_old.store(true, Ordering::SeqCst);
    withdraw(db, client, true);
    set_sharing(db, client, false);
    let other = stats_testing::client(db, "another one");
    let shared = Stat {
        analysis: left[1].analysis,
        ..stat(StatsType::Risk, "2026-11-20")
    };
    db.insert_stats(other.id, std::slice::from_ref(&shared))
        .unwrap();
    let report = push_new(db, &peer);
    assert_eq!((counts(&report), report.untold), ((1, 0, 0), 1));
    db.delete_stats(other.id, shared.analysis).unwrap();
    let report = push_new(db, &peer);
    assert_eq!((counts(&report), report.untold), ((0, 0, 2), 0));
    assert_eq!(peer.stats(), []);
}

#[test]
fn preview_lists_the_deletions_of_the_push() {
    let Local { db, client, .. } = &Local::with(0);
    let peer = Peer::start();
    let stats = arrive(db, client, "2026-11-20", 5);
    push_new(db, &peer);
    delete(db, client, &stats[..3]);
    let options = PushOptions {
        deletions: 2,
        ..PushOptions::default()
    };
    let before = peer.requests().len();
    let mut bodies = Vec::new();
    preview::<DbError>(db, &peer.client(), &options, |request| {
        let Request::Deletions(number, body) = request else {
            unreachable!("{request:?}")
        };
        bodies.push((number, String::from_utf8(body).unwrap()));
        Ok(())
    })
    .unwrap();
    assert_eq!(peer.requests().len(), before);
    assert_eq!(
        bodies.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        [2, 1]
    );
    run(db, &peer, &options);
    let sent = requests(&peer, DELETED);
    assert!(
        sent.iter()
            .zip(&bodies)
            .all(|(sent, (_, body))| sent.ends_with(body))
    );
    assert_eq!(sent.len(), 2);
}

/// Random posts, deletions, replays, switches and pushes over a connection with random faults. In the end the remote has what
/// is shared.
#[test]
fn after_random_changes_the_remote_has_what_is_shared() {
    for seed in 0..8 {
        let mut random = Random(seed);
        let database = TestDatabase::sqlite();
        let db = database.migrated();
        let clients = ["a", "b", "c"].map(|name| client(&db, name));
        let peer = Peer::with_faults({
            let random = Mutex::new(Random(seed + 1000));
            move |_, _| {
                let mut random = random.lock().unwrap();
                match random.below(14) {
                    0 => Fault::CutResponse(random.below(700)),
                    1 => Fault::CutRequest(random.below(700)),
                    2 => Fault::status("500 Oops"),
                    3 => Fault::status("503 Service Unavailable"),
                    4 => Fault::status("413 Payload Too Large"),
                    _ => Fault::None,
                }
            }
        });
        // What may have been withdrawn: it was here during a push while its client withdrew.
        let mut withdrawn = BTreeSet::new();
        let mut everything: Vec<(usize, Stat)> = Vec::new();
        let owned = |number: usize| {
            let filter = stats_core::StatsFilter {
                owner: Some(clients[number].id),
                ..stats_core::StatsFilter::default()
            };
            db.stats(&filter).unwrap()
        };
        for _ in 0..25 {
            for (number, client) in clients.iter().enumerate() {
                let new = arrive(&db, client, "2026-11-20", random.below(5));
                everything.extend(new.into_iter().map(|stat| (number, stat)));
                if random.below(4) == 0 {
                    set_sharing(&db, client, random.below(3) > 0);
                    withdraw(&db, client, random.below(2) == 0);
                }
            }
            for _ in 0..random.below(4) {
                if let Some((owner, stat)) = everything.get(random.below(everything.len().max(1))) {
                    let other = random.below(3);
                    let deletion = Deletion {
                        uuid: stat.uuid,
                        deleted_at: Utc::now().naive_utc(),
                    };
                    match random.below(4) {
                        0 => drop(db.delete_by_ids(clients[*owner].id, &[deletion]).unwrap()),
                        1 => drop(db.delete_by_ids(clients[other].id, &[deletion]).unwrap()),
                        2 => drop(db.delete_stats(clients[*owner].id, stat.analysis).unwrap()),
                        _ => {
                            let again = std::slice::from_ref(stat);
                            db.insert_stats(clients[*owner].id, again).unwrap();
                        }
                    }
                }
            }
            for (number, client) in clients.iter().enumerate() {
                let client = db.client(client.uuid).unwrap().unwrap();
                if client.withdraws && !client.is_sharing_enabled {
                    withdrawn.extend(ids(&owned(number)));
                }
            }
            let options = PushOptions {
                resend: random.below(8) == 0,
                deletions: 1 + random.below(4) as u32,
                retry: RetryPolicy {
                    max_attempts: 1 + random.below(3) as u32,
                    ..RetryPolicy::default()
                },
                ..PushOptions::default()
            };
            let mut recorder = Recorder {
                cancel_after: (random.below(5) == 0).then(|| random.below(6) as u64),
                ..Recorder::default()
            };
            push(&db, &peer.client(), &options, &mut recorder).unwrap();
        }
        let waiting = || {
            let waiting = db.count_waiting(peer.client().address()).unwrap();
            waiting.total() + waiting.deletions
        };
        let mut rounds = 0;
        while waiting() > 0 {
            push_new(&db, &peer);
            rounds += 1;
            assert!(rounds < 200, "seed {seed}: {} wait", waiting());
        }
        let there: BTreeSet<_> = ids(&peer.stats()).into_iter().collect();
        let here = all(&db);
        let (mut required, mut allowed) = (BTreeSet::new(), BTreeSet::new());
        for (number, client) in clients.iter().enumerate() {
            let client = db.client(client.uuid).unwrap().unwrap();
            let owned = ids(&owned(number)).into_iter();
            match (client.is_sharing_enabled, client.withdraws) {
                (true, _) => required.extend(owned.filter(|id| !withdrawn.contains(id))),
                (false, true) => {}
                (false, false) => allowed.extend(owned),
            }
        }
        allowed.extend(required.iter().copied());
        allowed.extend(withdrawn.iter().copied());
        assert!(required.is_subset(&there), "seed {seed}");
        let here_too: BTreeSet<_> = ids(&here).into_iter().collect();
        assert!(
            there.is_subset(&here_too),
            "seed {seed}: {:?}",
            there.difference(&here_too)
        );
        assert!(there.is_subset(&allowed), "seed {seed}");
        for stat in peer.stats() {
            assert!(here.contains(&stat), "seed {seed}");
        }
        for client in &clients {
            withdraw(&db, client, true);
            set_sharing(&db, client, false);
        }
        while waiting() > 0 {
            push_new(&db, &peer);
        }
        assert_eq!(peer.stats(), [], "seed {seed}");
    }
}
