//! The ledger of pushes.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::ops::ControlFlow;

use stats_core::{AnalysisId, Client, DateRange, RawJson, Stat, StatId, StatsType};
use stats_db::{Arrival, BatchLimit, ClientChange, Db, Outbox, Part, Settled, WaitingStat};
use stats_testing::{TestDatabase, client, day, days, on_each_database, stat};

const REMOTE: &str = "https://dashboard.example.org/";
const LARGE: BatchLimit = BatchLimit {
    stats: 1000,
    bytes: 1_000_000,
};

/// All stats of a client.
fn all_stats(owner: &Client) -> Outbox {
    Outbox {
        remote: REMOTE.to_owned(),
        owner: owner.id,
        dates: DateRange::default(),
        part: Part::All,
        after: Arrival::default(),
    }
}

/// The stats that arrived since the last push.
fn new_stats(db: &Db, owner: &Client) -> Outbox {
    Outbox {
        after: db.pushed_up_to(REMOTE, owner.id).unwrap(),
        ..all_stats(owner)
    }
}

/// The stats that past pushes left waiting.
fn waiting_stats(db: &Db, owner: &Client) -> Outbox {
    Outbox {
        part: Part::Waiting(db.pushed_up_to(REMOTE, owner.id).unwrap()),
        ..all_stats(owner)
    }
}

/// Stores a stat of this date.
fn arrive(db: &Db, owner: &Client, date: &str) -> StatId {
    let stat = stat(AnalysisId::random(), StatsType::Risk, date);
    db.insert_stats(owner.id, std::slice::from_ref(&stat))
        .unwrap();
    stat.uuid
}

fn next(db: &Db, outbox: &Outbox) -> Vec<(Arrival, Stat)> {
    db.next_in_outbox(outbox, LARGE).unwrap()
}

/// The ids in an outbox, in order.
fn listed(db: &Db, outbox: &Outbox) -> Vec<StatId> {
    let ids: Vec<_> = next(db, outbox).iter().map(|(_, stat)| stat.uuid).collect();
    assert_eq!(db.count_outbox(outbox).unwrap(), ids.len() as u64);
    ids
}

/// Settles an outbox: the remote refuses the stats in `refused` and stores the others.
fn settle(db: &Db, outbox: &Outbox, refused: &[StatId]) {
    let answer = |(arrival, stat): (_, Stat)| match refused.contains(&stat.uuid) {
        true => (arrival, Settled::Refused("invalid".to_owned())),
        false => (arrival, Settled::Stored),
    };
    let answers: Vec<_> = next(db, outbox).into_iter().map(answer).collect();
    db.settle(outbox, &answers).unwrap();
}

on_each_database!(progress_is_kept_per_client_and_remote);
fn progress_is_kept_per_client_and_remote(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let first = arrive(&db, &a, "2026-11-20");
    let of_b = arrive(&db, &b, "2026-11-20");
    let second = arrive(&db, &a, "2020-01-01");
    assert_eq!(listed(&db, &new_stats(&db, &a)), [first, second]);
    assert_eq!(listed(&db, &new_stats(&db, &b)), [of_b]);
    settle(&db, &new_stats(&db, &a), &[]);
    assert_eq!(listed(&db, &new_stats(&db, &a)), []);
    assert_eq!(listed(&db, &new_stats(&db, &b)), [of_b]);
    let late = arrive(&db, &a, "2019-01-01");
    assert_eq!(listed(&db, &new_stats(&db, &a)), [late]);
    assert_eq!(listed(&db, &all_stats(&a)), [first, second, late]);
    let other_remote = "https://stats.example.com/";
    let other = Outbox {
        remote: other_remote.to_owned(),
        after: db.pushed_up_to(other_remote, a.id).unwrap(),
        ..all_stats(&a)
    };
    assert_eq!(listed(&db, &other), [first, second, late]);
}

on_each_database!(refused_stats_wait_until_they_are_stored);
fn refused_stats_wait_until_they_are_stored(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let stats = ["2026-11-18", "2026-11-19", "2026-11-20"].map(|date| arrive(&db, &owner, date));
    settle(&db, &new_stats(&db, &owner), &stats[..2]);
    assert_eq!(listed(&db, &new_stats(&db, &owner)), []);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), &stats[..2]);
    let of_one_day = Outbox {
        dates: days("2026-11-19", "2026-11-19"),
        ..waiting_stats(&db, &owner)
    };
    assert_eq!(listed(&db, &of_one_day), &stats[1..2]);

    // The remote refuses one again and stores the other.
    settle(&db, &waiting_stats(&db, &owner), &stats[..1]);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), &stats[..1]);
    settle(&db, &all_stats(&owner), &[]);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), []);
    settle(&db, &all_stats(&owner), &stats[..1]);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), &stats[..1]);
    assert_eq!(listed(&db, &new_stats(&db, &owner)), []);
}

on_each_database!(stats_of_other_dates_wait);
fn stats_of_other_dates_wait(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let dates = ["2026-11-20", "2026-11-01", "2026-11-19", "2026-11-02"];
    let stats = dates.map(|date| arrive(&db, &owner, date));
    let recent = days("2026-11-15", "2026-11-20");
    let narrow = |outbox| Outbox {
        dates: recent,
        ..outbox
    };
    assert_eq!(
        listed(&db, &narrow(new_stats(&db, &owner))),
        [stats[0], stats[2]]
    );
    settle(&db, &narrow(new_stats(&db, &owner)), &[]);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), [stats[1]]);
    assert_eq!(listed(&db, &new_stats(&db, &owner)), [stats[3]]);
    assert_eq!(listed(&db, &narrow(new_stats(&db, &owner))), []);
    settle(&db, &new_stats(&db, &owner), &[]);
    settle(&db, &waiting_stats(&db, &owner), &[]);
    for outbox in [new_stats(&db, &owner), waiting_stats(&db, &owner)] {
        assert_eq!(listed(&db, &outbox), []);
    }
    // Pushing some dates again leaves the other dates settled.
    settle(&db, &narrow(all_stats(&owner)), &[]);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), []);
}

on_each_database!(a_later_push_does_not_undo_progress);
fn a_later_push_does_not_undo_progress(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let old = arrive(&db, &owner, "2020-01-01");
    arrive(&db, &owner, "2026-11-19");
    settle(&db, &new_stats(&db, &owner), &[]);

    // A push of dates that the remote does not have yet.
    arrive(&db, &owner, "2026-11-20");
    let recent = Outbox {
        dates: days("2026-11-20", "2026-11-20"),
        ..new_stats(&db, &owner)
    };
    settle(&db, &recent, &[]);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), []);

    // A push of everything stops after the first stat.
    let all = all_stats(&owner);
    let (first, stat) = next(&db, &all).remove(0);
    assert_eq!(stat.uuid, old);
    db.settle(&all, &[(first, Settled::Stored)]).unwrap();
    assert_eq!(listed(&db, &new_stats(&db, &owner)), []);

    // One remote refuses a stat that another one stores.
    let other = Outbox {
        remote: "https://stats.example.com/".to_owned(),
        ..all.clone()
    };
    settle(&db, &other, &[]);
    settle(&db, &all, &[old]);
    let up_to = db.pushed_up_to(&other.remote, owner.id).unwrap();
    let waiting = Outbox {
        part: Part::Waiting(up_to),
        ..other
    };
    assert_eq!(listed(&db, &waiting), []);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), [old]);
}

fn limit(stats: u32, bytes: usize) -> BatchLimit {
    BatchLimit { stats, bytes }
}

/// A stat with a document of `length` bytes.
fn sized(length: usize) -> Stat {
    Stat {
        data: RawJson::parse(&format!("[\"{}\"]", "x".repeat(length - 4))).unwrap(),
        ..stat(AnalysisId::random(), StatsType::Threat, "2026-11-20")
    }
}

/// The document sizes of all stats of a client, by batch.
fn batches(db: &Db, owner: &Client, limit: BatchLimit) -> Vec<Vec<usize>> {
    let mut outbox = all_stats(owner);
    let mut found = Vec::new();
    loop {
        let batch = db.next_in_outbox(&outbox, limit).unwrap();
        let Some((last, _)) = batch.last() else { break };
        outbox.after = *last;
        let length = |(_, stat): &(_, Stat)| stat.data.as_str().len();
        found.push(batch.iter().map(length).collect());
    }
    found
}

on_each_database!(batches_respect_both_limits);
fn batches_respect_both_limits(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let stats = [500, 400, 100, 101, 3000, 10].map(sized);
    db.insert_stats(owner.id, &stats).unwrap();
    for (limit, lengths) in [
        (
            limit(10, 1000),
            vec![vec![500, 400, 100], vec![101], vec![3000], vec![10]],
        ),
        (
            limit(2, 1_000_000),
            vec![vec![500, 400], vec![100, 101], vec![3000, 10]],
        ),
        (
            limit(10, 0),
            [500, 400, 100, 101, 3000, 10]
                .map(|length| vec![length])
                .to_vec(),
        ),
    ] {
        assert_eq!(batches(&db, &owner, limit), lengths, "{limit:?}");
    }
}

on_each_database!(batches_fill_up_when_sizes_vary);
fn batches_fill_up_when_sizes_vary(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let sizes = [[10; 50], [1000; 50], [10; 50]].concat();
    let stats: Vec<_> = sizes.iter().map(|size| sized(*size)).collect();
    db.insert_stats(owner.id, &stats).unwrap();
    for (limit, numbers) in [
        (limit(1000, 10_500), vec![60, 10, 10, 10, 60]),
        (limit(1000, 5_000), vec![54, 5, 5, 5, 5, 5, 5, 5, 5, 5, 51]),
        (limit(70, 1_000_000), vec![70, 70, 10]),
        (limit(1000, 1_000_000), vec![150]),
    ] {
        let found: Vec<_> = batches(&db, &owner, limit).iter().map(Vec::len).collect();
        assert_eq!(found, numbers, "{limit:?}");
    }
}

on_each_database!(the_outbox_is_empty_while_sharing_is_off);
fn the_outbox_is_empty_while_sharing_is_off(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let refused = arrive(&db, &owner, "2026-11-20");
    settle(&db, &new_stats(&db, &owner), &[refused]);
    let new = arrive(&db, &owner, "2026-11-20");
    let share = |is_sharing_enabled| {
        let change = ClientChange::Sharing(is_sharing_enabled);
        db.change_client(owner.uuid, &change).unwrap();
    };
    share(false);
    for outbox in [
        new_stats(&db, &owner),
        waiting_stats(&db, &owner),
        all_stats(&owner),
    ] {
        assert_eq!(listed(&db, &outbox), []);
    }
    share(true);
    assert_eq!(listed(&db, &new_stats(&db, &owner)), [new]);
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), [refused]);
}

/// Deletes the stats before 2021 and returns their number.
fn purge(db: &Db) -> usize {
    let old = db.read(|snapshot| snapshot.find_stats_before(day("2021-01-01")));
    db.purge_found(&old.unwrap()).unwrap()
}

on_each_database!(deleted_stats_do_not_wait);
fn deleted_stats_do_not_wait(database: &TestDatabase) {
    let db = database.migrated();
    let (gone, kept) = (client(&db, "gone"), client(&db, "kept"));
    for owner in [&gone, &kept] {
        let refused = arrive(&db, owner, "2020-01-01");
        arrive(&db, owner, "2026-11-20");
        settle(&db, &new_stats(&db, owner), &[refused]);
    }
    assert_eq!(purge(&db), 2);
    assert_eq!(listed(&db, &waiting_stats(&db, &kept)), []);
    db.delete_client(gone.uuid).unwrap();
    let progress = |owner: &Client| db.pushed_up_to(REMOTE, owner.id).unwrap();
    assert_eq!(progress(&gone), Arrival::default());
    assert_eq!(listed(&db, &new_stats(&db, &kept)), [], "progress is kept");
    db.empty().unwrap();
    assert_eq!(progress(&kept), Arrival::default());
}

on_each_database!(stats_deleted_during_a_push_do_not_wait);
fn stats_deleted_during_a_push_do_not_wait(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let stats = ["2020-01-01", "2026-11-20"].map(|date| arrive(&db, &owner, date));
    let outbox = new_stats(&db, &owner);
    let refusals: Vec<_> = next(&db, &outbox)
        .into_iter()
        .map(|(arrival, _)| (arrival, Settled::Refused("invalid".to_owned())))
        .collect();
    assert_eq!(purge(&db), 1);
    db.settle(&outbox, &refusals).unwrap();
    assert_eq!(listed(&db, &waiting_stats(&db, &owner)), &stats[1..]);
    db.delete_client(owner.uuid).unwrap();
    db.settle(&outbox, &refusals).unwrap();
    let progress = db.pushed_up_to(REMOTE, owner.id).unwrap();
    assert_eq!(progress, Arrival::default());
}

on_each_database!(waiting_stats_are_listed_with_their_reason);
fn waiting_stats_are_listed_with_their_reason(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let list = |remote: &str| {
        let mut found = Vec::new();
        db.read(|snapshot| {
            snapshot.for_each_waiting(remote, |waiting| {
                found.push(waiting);
                ControlFlow::Continue(())
            })
        })
        .unwrap();
        found
    };
    let dates = ["2026-11-01", "2026-11-20", "2026-11-19"];
    let of_b = dates.map(|date| arrive(&db, &b, date));
    let recent = Outbox {
        dates: days("2026-11-15", "2026-11-20"),
        ..new_stats(&db, &b)
    };
    settle(&db, &recent, &of_b[1..2]);
    let of_a = arrive(&db, &a, "2026-11-20");
    settle(&db, &new_stats(&db, &a), &[of_a]);
    let invalid = Some("invalid".to_owned());
    let waiting = |owner: &Client, uuid, date, reason| WaitingStat {
        owner: owner.id,
        uuid,
        stats_type: StatsType::Risk,
        date: day(date),
        reason,
    };
    assert_eq!(
        list(REMOTE),
        [
            waiting(&a, of_a, "2026-11-20", invalid.clone()),
            waiting(&b, of_b[0], "2026-11-01", None),
            waiting(&b, of_b[1], "2026-11-20", invalid),
        ]
    );
    assert_eq!(list("https://stats.example.com/"), []);
    assert_eq!(listed(&db, &waiting_stats(&db, &a)), [of_a]);
    assert_eq!(listed(&db, &waiting_stats(&db, &b)), &of_b[..2]);

    let again = waiting_stats(&db, &a);
    let (arrival, _) = next(&db, &again).remove(0);
    let refused = Settled::Refused("too large".to_owned());
    db.settle(&again, &[(arrival, refused)]).unwrap();
    assert_eq!(list(REMOTE)[0].reason.as_deref(), Some("too large"));
}
