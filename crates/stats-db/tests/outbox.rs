//! What has been pushed, and what is still to be.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::ops::ControlFlow;

use stats_core::{AnalysisId, Client, DateRange, RawJson, Stat, StatId, StatsType};
use stats_db::{
    Arrival, BatchLimit, ClientChange, Db, DbError, Outbox, Part, Settled, WaitingStat,
};
use stats_testing::{TestDatabase, client, day, on_each_database, stat};

const REMOTE: &str = "https://dashboard.example.org/";
const PLENTY: BatchLimit = BatchLimit {
    stats: 1000,
    bytes: 1_000_000,
};

/// All that a client has ever sent.
fn everything(owner: &Client) -> Outbox {
    Outbox {
        remote: REMOTE.to_owned(),
        owner: owner.id,
        dates: DateRange::default(),
        part: Part::All,
        after: Arrival::default(),
    }
}

/// What a client sent since the last push.
fn news(db: &Db, owner: &Client) -> Outbox {
    Outbox {
        after: db.pushed_up_to(REMOTE, owner.id).unwrap(),
        ..everything(owner)
    }
}

/// What of the pushes before still waits.
fn waiting_of(db: &Db, owner: &Client) -> Outbox {
    Outbox {
        part: Part::Waiting(db.pushed_up_to(REMOTE, owner.id).unwrap()),
        ..everything(owner)
    }
}

fn on(first: &str, last: &str) -> DateRange {
    DateRange {
        from: day(first),
        to: day(last),
    }
}

/// A stat of this day, which is stored.
fn arrive(db: &Db, owner: &Client, date: &str) -> StatId {
    let stat = stat(AnalysisId::random(), StatsType::Risk, date);
    db.insert_stats(owner.id, std::slice::from_ref(&stat))
        .unwrap();
    stat.uuid
}

fn next(db: &Db, outbox: &Outbox) -> Vec<(Arrival, Stat)> {
    db.next_in_outbox(outbox, PLENTY).unwrap()
}

/// The ids of what is in an outbox, in its order.
fn listed(db: &Db, outbox: &Outbox) -> Vec<StatId> {
    let ids: Vec<_> = next(db, outbox).iter().map(|(_, stat)| stat.uuid).collect();
    assert_eq!(db.count_outbox(outbox).unwrap(), ids.len() as u64);
    ids
}

/// Settles all of an outbox: the remote refuses these, and has the others.
fn settle(db: &Db, outbox: &Outbox, refused: &[StatId]) {
    let answers: Vec<_> = next(db, outbox)
        .into_iter()
        .map(|(arrival, stat)| {
            let answer = match refused.contains(&stat.uuid) {
                true => Settled::Refused("too odd".to_owned()),
                false => Settled::There,
            };
            (arrival, answer)
        })
        .collect();
    db.settle(outbox, &answers).unwrap();
}

on_each_database!(what_is_new_is_so_by_arrival_and_not_by_date);
fn what_is_new_is_so_by_arrival_and_not_by_date(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let first = arrive(&db, &a, "2026-11-20");
    let of_b = arrive(&db, &b, "2026-11-20");
    let second = arrive(&db, &a, "2020-01-01");
    assert_eq!(listed(&db, &news(&db, &a)), [first, second]);
    assert_eq!(listed(&db, &news(&db, &b)), [of_b]);
    settle(&db, &news(&db, &a), &[]);
    assert_eq!(listed(&db, &news(&db, &a)), []);
    assert_eq!(listed(&db, &news(&db, &b)), [of_b], "each has its own");
    let late = arrive(&db, &a, "2019-01-01");
    assert_eq!(listed(&db, &news(&db, &a)), [late]);
    assert_eq!(listed(&db, &everything(&a)), [first, second, late]);
    let elsewhere = Outbox {
        remote: "https://stats.example.com/".to_owned(),
        after: db.pushed_up_to("https://stats.example.com/", a.id).unwrap(),
        ..everything(&a)
    };
    assert_eq!(listed(&db, &elsewhere).len(), 3, "so has each remote");
}

on_each_database!(what_was_refused_waits_until_it_is_taken);
fn what_was_refused_waits_until_it_is_taken(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let stats = ["2026-11-18", "2026-11-19", "2026-11-20"].map(|date| arrive(&db, &owner, date));
    settle(&db, &news(&db, &owner), &stats[..2]);
    assert_eq!(listed(&db, &news(&db, &owner)), []);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), &stats[..2]);
    let of_one_day = Outbox {
        dates: on("2026-11-19", "2026-11-19"),
        ..waiting_of(&db, &owner)
    };
    assert_eq!(listed(&db, &of_one_day), &stats[1..2]);

    // Refused again for another reason, and taken.
    settle(&db, &waiting_of(&db, &owner), &stats[..1]);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), &stats[..1]);
    settle(&db, &everything(&owner), &[]);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), []);
    settle(&db, &everything(&owner), &stats[..1]);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), &stats[..1]);
    assert_eq!(
        listed(&db, &news(&db, &owner)),
        [],
        "nothing becomes new again"
    );
}

on_each_database!(what_was_passed_over_waits);
fn what_was_passed_over_waits(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let dates = ["2026-11-20", "2026-11-01", "2026-11-19", "2026-11-02"];
    let stats = dates.map(|date| arrive(&db, &owner, date));
    let recent = on("2026-11-15", "2026-11-20");
    let narrow = |outbox| Outbox {
        dates: recent,
        ..outbox
    };
    assert_eq!(
        listed(&db, &narrow(news(&db, &owner))),
        [stats[0], stats[2]]
    );
    settle(&db, &narrow(news(&db, &owner)), &[]);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), [stats[1]]);
    assert_eq!(listed(&db, &news(&db, &owner)), [stats[3]]);
    assert_eq!(listed(&db, &narrow(news(&db, &owner))), []);
    settle(&db, &news(&db, &owner), &[]);
    settle(&db, &waiting_of(&db, &owner), &[]);
    for outbox in [news(&db, &owner), waiting_of(&db, &owner)] {
        assert_eq!(listed(&db, &outbox), []);
    }
    // What is sent once more and in part passes nothing over that is there.
    settle(&db, &narrow(everything(&owner)), &[]);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), []);
}

on_each_database!(what_is_settled_stays_so_whatever_is_pushed_next);
fn what_is_settled_stays_so_whatever_is_pushed_next(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let old = arrive(&db, &owner, "2020-01-01");
    arrive(&db, &owner, "2026-11-19");
    settle(&db, &news(&db, &owner), &[]);

    // Days that leave out what is there already.
    arrive(&db, &owner, "2026-11-20");
    let recent = Outbox {
        dates: on("2026-11-20", "2026-11-20"),
        ..news(&db, &owner)
    };
    settle(&db, &recent, &[]);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), []);

    // All of it once more, broken off after the first one.
    let all = everything(&owner);
    let (first, stat) = next(&db, &all).remove(0);
    assert_eq!(stat.uuid, old);
    db.settle(&all, &[(first, Settled::There)]).unwrap();
    assert_eq!(listed(&db, &news(&db, &owner)), []);

    // What one remote refuses another one has.
    let elsewhere = Outbox {
        remote: "https://stats.example.com/".to_owned(),
        ..all.clone()
    };
    settle(&db, &elsewhere, &[]);
    settle(&db, &all, &[old]);
    let up_to = db.pushed_up_to(&elsewhere.remote, owner.id).unwrap();
    let waiting_elsewhere = Outbox {
        part: Part::Waiting(up_to),
        ..elsewhere
    };
    assert_eq!(listed(&db, &waiting_elsewhere), []);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), [old]);
}

fn limit(stats: u32, bytes: usize) -> BatchLimit {
    BatchLimit { stats, bytes }
}

/// A stat whose document has so many bytes.
fn sized(length: usize) -> Stat {
    Stat {
        data: RawJson::parse(&format!("[\"{}\"]", "x".repeat(length - 4))).unwrap(),
        ..stat(AnalysisId::random(), StatsType::Threat, "2026-11-20")
    }
}

/// The sizes of all that a client has sent, batch by batch.
fn batches(db: &Db, owner: &Client, limit: BatchLimit) -> Vec<Vec<usize>> {
    let mut outbox = everything(owner);
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

on_each_database!(a_batch_is_bounded_and_the_next_one_goes_on);
fn a_batch_is_bounded_and_the_next_one_goes_on(database: &TestDatabase) {
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

// The sizes of the first ones say nothing about the others.
on_each_database!(a_batch_is_filled_whatever_the_sizes);
fn a_batch_is_filled_whatever_the_sizes(database: &TestDatabase) {
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

on_each_database!(nothing_is_sent_of_who_does_not_share);
fn nothing_is_sent_of_who_does_not_share(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let refused = arrive(&db, &owner, "2026-11-20");
    settle(&db, &news(&db, &owner), &[refused]);
    let new = arrive(&db, &owner, "2026-11-20");
    let share = |is_sharing_enabled| {
        let change = ClientChange {
            is_sharing_enabled: Some(is_sharing_enabled),
            ..ClientChange::default()
        };
        db.change_client(owner.uuid, &change).unwrap();
    };
    share(false);
    for outbox in [
        news(&db, &owner),
        waiting_of(&db, &owner),
        everything(&owner),
    ] {
        assert_eq!(listed(&db, &outbox), []);
    }
    share(true);
    assert_eq!(listed(&db, &news(&db, &owner)), [new]);
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), [refused]);
}

/// Deletes the stats of the days before 2021, and tells how many those were.
fn purge(db: &Db) -> usize {
    let old = db.read(|snapshot| snapshot.find_stats_before(day("2021-01-01")));
    let old = old.map_err(|error: DbError| error).unwrap();
    db.delete_found(&old).unwrap()
}

on_each_database!(what_is_deleted_waits_no_more);
fn what_is_deleted_waits_no_more(database: &TestDatabase) {
    let db = database.migrated();
    let (gone, kept) = (client(&db, "gone"), client(&db, "kept"));
    for owner in [&gone, &kept] {
        let refused = arrive(&db, owner, "2020-01-01");
        arrive(&db, owner, "2026-11-20");
        settle(&db, &news(&db, owner), &[refused]);
    }
    assert_eq!(purge(&db), 2);
    assert_eq!(listed(&db, &waiting_of(&db, &kept)), []);
    db.delete_client(gone.uuid).unwrap();
    assert_eq!(
        db.pushed_up_to(REMOTE, gone.id).unwrap(),
        Arrival::default()
    );
    assert_eq!(
        listed(&db, &news(&db, &kept)),
        [],
        "others stay as they are"
    );
    db.empty().unwrap();
    assert_eq!(
        db.pushed_up_to(REMOTE, kept.id).unwrap(),
        Arrival::default()
    );
}

on_each_database!(what_is_deleted_while_it_is_on_its_way_is_forgotten);
fn what_is_deleted_while_it_is_on_its_way_is_forgotten(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "a");
    let stats = ["2020-01-01", "2026-11-20"].map(|date| arrive(&db, &owner, date));
    let outbox = news(&db, &owner);
    let refusals: Vec<_> = next(&db, &outbox)
        .into_iter()
        .map(|(arrival, _)| (arrival, Settled::Refused("too odd".to_owned())))
        .collect();
    assert_eq!(purge(&db), 1);
    db.settle(&outbox, &refusals).unwrap();
    assert_eq!(listed(&db, &waiting_of(&db, &owner)), &stats[1..]);
    db.delete_client(owner.uuid).unwrap();
    db.settle(&outbox, &refusals).unwrap();
    assert_eq!(
        db.pushed_up_to(REMOTE, owner.id).unwrap(),
        Arrival::default()
    );
}

on_each_database!(what_waits_is_listed_with_its_reason);
fn what_waits_is_listed_with_its_reason(database: &TestDatabase) {
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
        dates: on("2026-11-15", "2026-11-20"),
        ..news(&db, &b)
    };
    settle(&db, &recent, &of_b[1..2]);
    let of_a = arrive(&db, &a, "2026-11-20");
    settle(&db, &news(&db, &a), &[of_a]);
    let odd = Some("too odd".to_owned());
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
            waiting(&a, of_a, "2026-11-20", odd.clone()),
            waiting(&b, of_b[0], "2026-11-01", None),
            waiting(&b, of_b[1], "2026-11-20", odd),
        ]
    );
    assert_eq!(list("https://stats.example.com/"), []);
    assert_eq!(listed(&db, &waiting_of(&db, &a)), [of_a]);
    assert_eq!(listed(&db, &waiting_of(&db, &b)), &of_b[..2]);

    let again = waiting_of(&db, &a);
    let (arrival, _) = next(&db, &again).remove(0);
    let worse = Settled::Refused("odder".to_owned());
    db.settle(&again, &[(arrival, worse)]).unwrap();
    assert_eq!(list(REMOTE)[0].reason.as_deref(), Some("odder"));
}
