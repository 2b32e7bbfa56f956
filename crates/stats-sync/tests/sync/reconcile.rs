//! Comparing what was pushed with what a remote has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use stats_core::{Client, DateRange, Deletion, RawJson, Stat, StatId, StatsFilter, StatsType};
use stats_db::{ClientChange, Db, DbError};
use stats_remote::RetryPolicy;
use stats_sync::{
    DifferenceKind, Outcome, PushOptions, ReconcileOptions, ReconcileReport, push, reconcile,
};
use stats_testing::{TestDatabase, client, days, ids, on_each_database};

use crate::support::{Fault, Local, Peer, Random, Recorder, all, arrive, set_sharing, stat};

use DifferenceKind::{Different, Missing, Surplus};

type Differences = Vec<(StatId, DifferenceKind, bool)>;

/// The report and the differences by id.
fn run(db: &Db, peer: &Peer, repair: bool) -> (ReconcileReport, Differences) {
    let options = ReconcileOptions {
        repair,
        ..ReconcileOptions::new(days("2026-10-15", "2026-12-31"))
    };
    let mut found = Vec::new();
    let remote = peer.client();
    let report = reconcile(
        db,
        &remote,
        &options,
        &mut Recorder::default(),
        |difference| {
            found.push((difference.uuid, difference.kind, difference.is_healed));
        },
    )
    .unwrap();
    assert_eq!(report.differences, found.len() as u64);
    found.sort_by_key(|(uuid, ..)| *uuid);
    (report, found)
}

fn compare(db: &Db, peer: &Peer, repair: bool) -> Differences {
    let (report, found) = run(db, peer, repair);
    assert_eq!(report.outcome, Outcome::Complete);
    found
}

fn push_new(db: &Db, peer: &Peer) {
    let report = push(
        db,
        &peer.client(),
        &PushOptions::default(),
        &mut Recorder::default(),
    );
    assert_eq!(report.unwrap().outcome, Outcome::Complete);
}

fn sorted<const N: usize>(mut expected: [(StatId, DifferenceKind, bool); N]) -> Differences {
    expected.sort_by_key(|(uuid, ..)| *uuid);
    expected.to_vec()
}

/// Deletes a stat without a trace, as a fault or a purge does.
fn lose(db: &Db, client: &Client, stat: &Stat) {
    let filter = StatsFilter {
        owner: Some(client.id),
        ..StatsFilter::default()
    };
    let kept: Vec<_> = db.stats(&filter).unwrap();
    let kept: Vec<_> = kept
        .into_iter()
        .filter(|kept| kept.uuid != stat.uuid)
        .collect();
    let found = db.read::<_, DbError>(|snapshot| snapshot.find_stats_of(client.id));
    db.purge_found(&found.unwrap()).unwrap();
    db.insert_stats(client.id, &kept).unwrap();
}

/// Other content of the same id.
fn changed(stat: &Stat) -> Stat {
    Stat {
        data: RawJson::parse("[1]").unwrap(),
        ..stat.clone()
    }
}

on_each_database!(reconcile_finds_and_repairs_what_differs);
fn reconcile_finds_and_repairs_what_differs(database: &TestDatabase) {
    let db = database.migrated();
    let office = client(&db, "front office");
    let peer = Peer::start();
    let there = &peer.service.db;
    assert_eq!(compare(&db, &peer, false), []);
    let stats = arrive(&db, &office, "2026-11-20", 12);
    arrive(&db, &office, "2026-12-01", 3);
    push_new(&db, &peer);
    let requests = peer.requests().len();
    assert_eq!(compare(&db, &peer, false), []);
    // For the time before, November, and December.
    assert_eq!(peer.requests().len(), requests + 3);

    let [lost, refused, other, ..] = &stats[..] else {
        unreachable!()
    };
    lose(there, &peer.account, lost);
    let deletion = Deletion {
        uuid: refused.uuid,
        deleted_at: chrono::Utc::now().naive_utc(),
    };
    there.delete_by_ids(peer.account.id, &[deletion]).unwrap();
    lose(there, &peer.account, other);
    there
        .insert_stats(peer.account.id, &[changed(other)])
        .unwrap();
    let surplus = arrive(there, &peer.account, "2026-10-20", 1).remove(0);
    // Stats of other accounts do not count.
    arrive(there, &client(there, "another account"), "2026-11-20", 5);
    let expected = |healed| {
        sorted([
            (lost.uuid, Missing, healed),
            (refused.uuid, Missing, false),
            (other.uuid, Different, false),
            (surplus.uuid, Surplus, healed),
        ])
    };
    assert_eq!(compare(&db, &peer, false), expected(false));
    let (report, found) = run(&db, &peer, true);
    assert_eq!((found, report.healed), (expected(true), 2));
    let left = [
        (refused.uuid, Missing, false),
        (other.uuid, Different, false),
    ];
    assert_eq!(compare(&db, &peer, true), sorted(left));
}

on_each_database!(what_is_here_is_not_too_much_there);
fn what_is_here_is_not_too_much_there(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let peer = Peer::start();
    let there = &peer.service.db;
    let of_a = arrive(&db, &a, "2026-11-20", 3);
    let of_b = arrive(&db, &b, "2026-11-20", 3);
    push_new(&db, &peer);
    // Not confirmed, as after a push that was interrupted.
    let new = arrive(&db, &a, "2026-11-20", 2);
    there.insert_stats(peer.account.id, &new).unwrap();
    // It was shared before.
    set_sharing(&db, &b, false);
    assert_eq!(compare(&db, &peer, true), []);
    lose(there, &peer.account, &of_b[0]);
    assert_eq!(compare(&db, &peer, true), [(of_b[0].uuid, Missing, false)]);

    // Purged here: too much there, if one asks for these days.
    lose(&db, &a, &of_a[0]);
    // Withdrawn: too much there.
    db.change_client(b.uuid, &ClientChange::Withdraws(true))
        .unwrap();
    let surplus = [&of_a[0], &of_b[1], &of_b[2]].map(|stat| (stat.uuid, Surplus, true));
    assert_eq!(compare(&db, &peer, true), sorted(surplus));
    assert_eq!(compare(&db, &peer, true), []);
    push_new(&db, &peer);
    assert_eq!(compare(&db, &peer, true), []);
    let left = ids(of_a[1..].iter().chain(&new));
    assert_eq!(ids(&peer.stats()), left);
}

#[test]
fn many_stats_of_a_day_are_compared_in_pages() {
    let Local { db, client, .. } = &Local::with(0);
    let peer = Peer::start();
    let many: Vec<_> = (0..1200)
        .map(|_| stat(StatsType::Risk, "2026-11-20"))
        .collect();
    db.insert_stats(client.id, &many).unwrap();
    push_new(db, &peer);
    let found = peer
        .service
        .db
        .read::<_, DbError>(|snapshot| snapshot.find_all_stats());
    peer.service.db.purge_found(&found.unwrap()).unwrap();
    peer.service
        .db
        .insert_stats(peer.account.id, &many[..1100])
        .unwrap();
    let missing: BTreeSet<_> = ids(&many[1100..]).into_iter().collect();
    let found = compare(db, &peer, true);
    assert!(found.iter().all(|found| *found == (found.0, Missing, true)));
    assert_eq!(
        found
            .into_iter()
            .map(|(id, ..)| id)
            .collect::<BTreeSet<_>>(),
        missing
    );
    assert_eq!(peer.stats().len(), 1200);
}

/// A remote of an earlier version, or of the Python service.
#[test]
fn a_remote_without_digests_is_compared_by_ids() {
    let Local { db, client, .. } = &Local::with(0);
    let is_old = Arc::new(AtomicBool::new(false));
    let peer = Peer::with_faults({
        let is_old = Arc::clone(&is_old);
        move |request, _| {
            let is_new = ["stats/digests/", "stats/deleted/"]
                .iter()
                .any(|route| request.head.contains(route));
            match is_new && is_old.load(Ordering::SeqCst) {
                true => Fault::status("404 Not Found"),
                false => Fault::None,
            }
        }
    });
    let there = &peer.service.db;
    let stats = arrive(db, client, "2026-11-20", 4);
    push_new(db, &peer);
    is_old.store(true, Ordering::SeqCst);
    let (report, found) = run(db, &peer, false);
    assert!(report.is_by_id && found.is_empty());
    lose(there, &peer.account, &stats[0]);
    lose(there, &peer.account, &stats[1]);
    there
        .insert_stats(peer.account.id, &[changed(&stats[1])])
        .unwrap();
    let surplus = arrive(there, &peer.account, "2026-12-01", 1).remove(0);
    // An analysis of which some stats are here.
    let unhealable = Stat {
        analysis: stats[2].analysis,
        ..stat(StatsType::Risk, "2026-12-01")
    };
    there
        .insert_stats(peer.account.id, std::slice::from_ref(&unhealable))
        .unwrap();
    let expected = sorted([
        (stats[0].uuid, Missing, true),
        (surplus.uuid, Surplus, true),
        (unhealable.uuid, Surplus, false),
    ]);
    assert_eq!(compare(db, &peer, true), expected);
    assert_eq!(
        compare(db, &peer, true),
        [(unhealable.uuid, Surplus, false)]
    );
}

#[test]
fn reconcile_ends_when_the_remote_is_away_and_retries_before() {
    let Local { db, client, .. } = &Local::with(0);
    arrive(db, client, "2026-11-20", 4);
    let faults = Mutex::new(Vec::new());
    let faults = Arc::new(faults);
    let peer = Peer::with_faults({
        let faults = Arc::clone(&faults);
        move |_, _| faults.lock().unwrap().pop().unwrap_or(Fault::None)
    });
    push_new(db, &peer);
    faults
        .lock()
        .unwrap()
        .extend([Fault::status("500 Oops"), Fault::CutResponse(10)]);
    assert_eq!(compare(db, &peer, true), []);
    faults
        .lock()
        .unwrap()
        .extend(vec![Fault::status("503 Busy"); 6]);
    let (report, _) = run(db, &peer, true);
    assert!(matches!(report.outcome, Outcome::Failed(_)), "{report:?}");
    let options = ReconcileOptions {
        retry: RetryPolicy {
            max_attempts: 1,
            ..RetryPolicy::default()
        },
        ..ReconcileOptions::new(DateRange::day(stats_testing::day("2026-11-20")))
    };
    let unknown = peer.client_with_unknown_token();
    let report = reconcile(db, &unknown, &options, &mut Recorder::default(), |_| ());
    assert!(matches!(report.unwrap().outcome, Outcome::Failed(_)));
    let mut cancelled = Recorder {
        cancel_after: Some(0),
        ..Recorder::default()
    };
    let report = reconcile(db, &peer.client(), &options, &mut cancelled, |_| ());
    assert_eq!(report.unwrap().outcome, Outcome::Cancelled);
}

/// Random faults of both sides. A repair and a push leave nothing that differs, except what the remote refuses.
#[test]
fn a_repair_and_a_push_leave_nothing_that_differs() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let database = TestDatabase::sqlite();
        let db = database.migrated();
        let clients = ["a", "b"].map(|name| client(&db, name));
        let peer = Peer::start();
        let there = &peer.service.db;
        let mut unhealable = BTreeSet::new();
        for _ in 0..10 {
            for client in &clients {
                let date = format!("2026-11-{:02}", 1 + random.below(28));
                arrive(&db, client, &date, random.below(6));
                for stat in all(&db) {
                    if random.below(12) == 0 {
                        db.delete_stats(client.id, stat.analysis).unwrap();
                    }
                }
            }
            push_new(&db, &peer);
            for stat in peer.stats() {
                match random.below(20) {
                    0 => lose(there, &peer.account, &stat),
                    1 => {
                        lose(there, &peer.account, &stat);
                        there
                            .insert_stats(peer.account.id, &[changed(&stat)])
                            .unwrap();
                        unhealable.insert(stat.uuid);
                    }
                    2 => drop(arrive(there, &peer.account, &stat.date.to_string(), 1)),
                    _ => {}
                }
            }
        }
        compare(&db, &peer, true);
        push_new(&db, &peer);
        for (uuid, kind, _) in compare(&db, &peer, false) {
            assert!(
                kind == Different && unhealable.contains(&uuid),
                "seed {seed}: {uuid} {kind:?}"
            );
        }
        assert_eq!(ids(&peer.stats()), ids(&all(&db)), "seed {seed}");
        for (here, there) in all(&db).iter().zip(peer.stats()) {
            assert!(
                *here == there || unhealable.contains(&here.uuid),
                "seed {seed}"
            );
        }
    }
}
