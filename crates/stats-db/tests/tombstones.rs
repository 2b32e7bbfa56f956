//! Stats that their client deleted are not stored again.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::thread;

use chrono::{Months, TimeDelta, Utc};
use stats_core::{AnalysisId, Client, Deletion, Stat, StatId, StatsFilter, StatsType};
use stats_db::{Db, DbError, SkipReason};
use stats_testing::{TestDatabase, client, day, ids, on_each_database, stat};

fn risk(analysis: AnalysisId) -> Stat {
    stat(analysis, StatsType::Risk, "2026-11-20")
}

fn deletion(uuid: StatId) -> Deletion {
    Deletion {
        uuid,
        deleted_at: day("2026-11-21").and_hms_opt(10, 0, 0).unwrap(),
    }
}

/// The positions of a batch that are not stored, and why.
fn insert(db: &Db, owner: &Client, batch: &[Stat]) -> Vec<(usize, SkipReason)> {
    let skipped = db.insert_stats(owner.id, batch).unwrap().into_iter();
    skipped
        .map(|skipped| (skipped.position, skipped.reason))
        .collect()
}

fn stored(db: &Db) -> Vec<StatId> {
    ids(&db.stats(&StatsFilter::default()).unwrap())
}

on_each_database!(what_a_client_deleted_is_refused_from_it_alone);
fn what_a_client_deleted_is_refused_from_it_alone(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let one = AnalysisId::random();
    let kept = risk(AnalysisId::random());
    let [first, second] = [risk(one), risk(one)];
    insert(&db, &a, &[first.clone(), second.clone(), kept.clone()]);
    assert_eq!(db.delete_stats(a.id, one).unwrap(), 2);
    let new = risk(one);
    let replay = [
        kept.clone(),
        first.clone(),
        new.clone(),
        second.clone(),
        new.clone(),
    ];
    let expected = [
        (0, SkipReason::Stored),
        (1, SkipReason::Deleted),
        (3, SkipReason::Deleted),
        (4, SkipReason::Stored),
    ];
    assert_eq!(insert(&db, &a, &replay), expected);
    assert_eq!(stored(&db), ids([&kept, &new]));
    // Another client may have the id, and then deletes its stat alone.
    assert_eq!(insert(&db, &b, std::slice::from_ref(&first)), []);
    assert_eq!(db.delete_by_ids(a.id, &[deletion(first.uuid)]).unwrap(), 0);
    assert_eq!(stored(&db), ids([&kept, &new, &first]));
    let all = [first.uuid, kept.uuid].map(deletion);
    assert_eq!(db.delete_by_ids(b.id, &all).unwrap(), 1);
    assert_eq!(db.delete_by_ids(b.id, &all).unwrap(), 0, "again");
    assert_eq!(stored(&db), ids([&kept, &new]));
    let skipped = insert(&db, &b, &[first, kept]);
    assert_eq!(
        skipped,
        [0, 1].map(|position| (position, SkipReason::Deleted))
    );
}

on_each_database!(a_deletion_may_come_before_its_stat);
fn a_deletion_may_come_before_its_stat(database: &TestDatabase) {
    let db = database.migrated();
    let a = client(&db, "a");
    // More than one query holds.
    let stats: Vec<_> = (0..2500).map(|_| risk(AnalysisId::random())).collect();
    let deletions: Vec<_> = stats.iter().map(|stat| deletion(stat.uuid)).collect();
    insert(&db, &a, &stats[2000..]);
    assert_eq!(db.delete_by_ids(a.id, &deletions[..2400]).unwrap(), 400);
    let skipped = insert(&db, &a, &stats);
    let is_deleted = |(_, reason): &&(_, _)| *reason == SkipReason::Deleted;
    assert_eq!(skipped.iter().filter(is_deleted).count(), 2400);
    assert_eq!(stored(&db), ids(&stats[2400..]));
    assert_eq!(db.delete_by_ids(a.id, &[]).unwrap(), 0);
}

on_each_database!(found_stats_leave_tombstones_and_purged_ones_do_not);
fn found_stats_leave_tombstones_and_purged_ones_do_not(database: &TestDatabase) {
    let db = database.migrated();
    let a = client(&db, "a");
    let find = || {
        db.read::<_, DbError>(|snapshot| snapshot.find_stats_of(a.id))
            .unwrap()
    };
    let batch = [risk(AnalysisId::random())];
    insert(&db, &a, &batch);
    assert_eq!(db.purge_found(&find()).unwrap(), 1);
    assert_eq!(insert(&db, &a, &batch), []);
    assert_eq!(db.delete_found(&find()).unwrap(), 1);
    assert_eq!(insert(&db, &a, &batch), [(0, SkipReason::Deleted)]);
    db.delete_client(a.uuid).unwrap();
    assert_eq!(insert(&db, &client(&db, "a"), &batch), []);
    db.empty().unwrap();
    assert_eq!(insert(&db, &client(&db, "a"), &batch), []);
}

on_each_database!(stats_of_no_client_leave_no_tombstone);
fn stats_of_no_client_leave_no_tombstone(database: &TestDatabase) {
    let db = database.migrated();
    let a = client(&db, "a");
    let batch = [risk(AnalysisId::random())];
    insert(&db, &a, &batch);
    database.execute("UPDATE stats SET client_id = NULL");
    let found = db.read::<_, DbError>(|snapshot| snapshot.find_all_stats());
    assert_eq!(db.delete_found(&found.unwrap()).unwrap(), 1);
    assert_eq!(insert(&db, &a, &batch), []);
}

on_each_database!(tombstones_are_purged_by_the_time_of_the_deletion);
fn tombstones_are_purged_by_the_time_of_the_deletion(database: &TestDatabase) {
    let db = database.migrated();
    let a = client(&db, "a");
    let [old, new, fast] = [(); 3].map(|()| risk(AnalysisId::random()));
    let at = |stat: &Stat, deleted_at| Deletion {
        uuid: stat.uuid,
        deleted_at,
    };
    let now = Utc::now().naive_utc();
    let first = stats_core::MIN_DATE.and_hms_opt(0, 0, 0).unwrap();
    // The clock of the sender is fast.
    let deletions = [
        at(&old, first),
        at(&new, now),
        at(&fast, now + TimeDelta::days(900)),
    ];
    db.delete_by_ids(a.id, &deletions).unwrap();
    let today = now.date();
    assert_eq!(db.count_tombstones_before(today).unwrap(), 1);
    assert_eq!(db.purge_tombstones(today - Months::new(36)).unwrap(), 1);
    assert_eq!(db.purge_tombstones(today - Months::new(36)).unwrap(), 0);
    let batch = [old, new, fast];
    let skipped = insert(&db, &a, &batch);
    assert_eq!(
        skipped,
        [1, 2].map(|position| (position, SkipReason::Deleted))
    );
    let tomorrow = today + TimeDelta::days(1);
    assert_eq!(db.purge_tombstones(tomorrow).unwrap(), 2);
    assert_eq!(insert(&db, &a, &batch), [(0, SkipReason::Stored)]);
}

/// The statement that stores a batch does not see a tombstone that is written while it waits for the lock.
#[test]
fn a_stat_deleted_while_its_batch_waits_is_refused() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let db = database.migrated();
    let a = client(&db, "a");
    let batch = [(); 3].map(|()| risk(AnalysisId::random()));
    let other = database.hold(&format!(
        "BEGIN; SELECT pg_advisory_xact_lock(x'7374617473'::bigint);
         INSERT INTO stats_tombstone (client_id, uuid, deleted_at) VALUES ({}, '{}', now())",
        a.id.0, batch[1].uuid
    ));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| insert(&db, &a, &batch));
        other.end_with(
            "DO $$ BEGIN
                WHILE NOT EXISTS (SELECT FROM pg_locks JOIN pg_database ON oid = database
                    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database())
                LOOP PERFORM pg_sleep(0.01); END LOOP;
             END $$;
             COMMIT",
        );
        assert_eq!(waiting.join().unwrap(), [(1, SkipReason::Deleted)]);
    });
    assert_eq!(stored(&db), ids([&batch[0], &batch[2]]));
}
