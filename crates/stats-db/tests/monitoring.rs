//! What monitoring asks: pushes, what waits for one, arrivals, dates, damage, and the right to write.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use chrono::{TimeDelta, Utc};
use stats_core::{AnalysisId, Stat, StatsType};
use stats_db::{
    Arrival, BatchLimit, ClientChange, Db, DbError, Outbox, Part, PushCounts, Settled, Waiting,
};
use stats_testing::{TestDatabase, client, day, days, on_each_database, stat};

const REMOTE: &str = "https://remote.example/";

fn stats(dates: &[&str]) -> Vec<Stat> {
    let new = |date: &&str| stat(AnalysisId::random(), StatsType::Risk, date);
    dates.iter().map(new).collect()
}

fn counts(sent: u64, refused: u64) -> PushCounts {
    PushCounts {
        sent,
        refused,
        ..PushCounts::default()
    }
}

on_each_database!(the_last_push_to_each_remote_is_recorded);
fn the_last_push_to_each_remote_is_recorded(database: &TestDatabase) {
    let db = database.migrated();
    assert_eq!(db.push_runs().unwrap(), []);
    let begun = Utc::now().naive_utc() - TimeDelta::milliseconds(1);
    let record = |failure| {
        db.record_push(REMOTE, counts(3, 1), failure).unwrap();
        db.push_runs().unwrap().remove(0)
    };
    let failed = record(Some("no"));
    assert_eq!((failed.failures, failed.completed_at), (1, None));
    assert_eq!(failed.message.as_deref(), Some("no"));
    assert_eq!(record(Some("still no")).failures, 2);
    let complete = record(None);
    assert_eq!((complete.sent, complete.refused), (3, 1));
    assert_eq!((complete.failures, &complete.message), (0, &None));
    assert_eq!(complete.completed_at, Some(complete.finished_at));
    assert!((begun..=Utc::now().naive_utc()).contains(&complete.finished_at));
    let failed = record(Some("again"));
    assert_eq!(failed.failures, 1);
    assert_eq!(failed.completed_at, complete.completed_at);
    assert!(failed.finished_at >= complete.finished_at);

    db.record_push("https://another.example/", PushCounts::default(), None)
        .unwrap();
    let remotes: Vec<_> = db
        .push_runs()
        .unwrap()
        .into_iter()
        .map(|run| run.remote)
        .collect();
    assert_eq!(remotes, ["https://another.example/", REMOTE]);
}

on_each_database!(stats_that_wait_for_a_push_are_counted_like_those_of_the_push);
fn stats_that_wait_for_a_push_are_counted_like_those_of_the_push(database: &TestDatabase) {
    let db = database.migrated();
    let [sharing, private] = ["Sharing", "Private"].map(|name| client(&db, name));
    let share = |uuid, enabled| {
        db.change_client(uuid, &ClientChange::Sharing(enabled))
            .unwrap()
    };
    share(sharing.uuid, true);
    share(private.uuid, false);
    for owner in [sharing.id, private.id] {
        let dates = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-02-01"];
        db.insert_stats(owner, &stats(&dates)).unwrap();
    }
    database.execute("UPDATE stats SET type = 'unknown' WHERE date = '2026-01-03'");
    let waiting = |new, refused, left_out| Waiting {
        new,
        refused,
        left_out,
        ..Waiting::default()
    };
    assert_eq!(db.count_waiting(REMOTE).unwrap(), waiting(3, 0, 0));
    // A push of February is confirmed, and leaves out those before.
    let outbox = |dates, part| Outbox {
        remote: REMOTE.to_owned(),
        owner: sharing.id,
        dates,
        part,
        after: Arrival::default(),
    };
    let limit = BatchLimit {
        stats: 10,
        bytes: 1000,
    };
    let february = outbox(days("2026-02-01", "2026-02-28"), Part::All);
    let batch = db.next_in_outbox(&february, limit).unwrap();
    db.settle(&february, &[(batch[0].0, Settled::Stored)])
        .unwrap();
    assert_eq!(db.count_waiting(REMOTE).unwrap(), waiting(0, 0, 2));
    // Then one of January is refused.
    let settled = db.pushed_up_to(REMOTE, sharing.id).unwrap();
    let rest = outbox(days("2026-01-01", "2026-12-31"), Part::Waiting(settled));
    let batch = db.next_in_outbox(&rest, limit).unwrap();
    let refused = Settled::Refused("no".to_owned());
    db.settle(&rest, &[(batch[0].0, refused)]).unwrap();
    db.insert_stats(sharing.id, &stats(&["2026-01-05"]))
        .unwrap();
    let all = waiting(1, 1, 1);
    assert_eq!(db.count_waiting(REMOTE).unwrap(), all);
    assert_eq!(all.total(), 3);
    assert_eq!(
        db.count_waiting("https://another.example/").unwrap(),
        waiting(4, 0, 0)
    );
    share(sharing.uuid, false);
    assert_eq!(db.count_waiting(REMOTE).unwrap(), waiting(0, 0, 0));
}

on_each_database!(the_last_arrival_and_late_dates_are_found);
fn the_last_arrival_and_late_dates_are_found(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES").id;
    assert_eq!(db.last_arrival().unwrap(), None);
    let begun = Utc::now().naive_utc() - TimeDelta::milliseconds(1);
    db.insert_stats(owner, &stats(&["2026-05-05", "2026-05-01", "2026-05-03"]))
        .unwrap();
    let last = db.last_arrival().unwrap().unwrap();
    assert!((begun..=Utc::now().naive_utc()).contains(&last), "{last}");
    for (date, expected) in [("2026-05-05", 0), ("2026-05-02", 2), ("2026-01-01", 3)] {
        assert_eq!(db.count_dated_after(day(date)).unwrap(), expected);
    }
    // Rows of an older service have no time.
    database.execute("UPDATE stats SET created_at = NULL");
    assert_eq!(db.last_arrival().unwrap(), None);
}

/// The whole content of the tables with rows.
fn dump(db: &Db) -> String {
    let clients = db.clients().unwrap();
    let summary = db
        .read(|snapshot| snapshot.summary(day("9999-12-31")))
        .unwrap();
    format!(
        "{clients:?} {summary:?} {:?} {:?}",
        db.changes().unwrap(),
        db.push_runs().unwrap()
    )
}

on_each_database!(the_check_of_the_right_to_write_writes_nothing);
fn the_check_of_the_right_to_write_writes_nothing(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES").id;
    db.insert_stats(owner, &stats(&["2026-05-05"])).unwrap();
    db.record_push(REMOTE, counts(1, 0), None).unwrap();
    let before = dump(&db);
    for _ in 0..20 {
        db.check_write().unwrap();
    }
    assert_eq!(dump(&db), before);
    // The connections are usable again, and readers do not write.
    db.insert_stats(owner, &stats(&["2026-05-06"])).unwrap();

    database.execute("ALTER TABLE push_run RENAME TO other");
    assert!(matches!(db.check_write(), Err(DbError::NoTable(_))));
    assert_eq!(db.clients().unwrap().len(), 1);
}

on_each_database!(damage_is_looked_for_in_a_file_only);
fn damage_is_looked_for_in_a_file_only(database: &TestDatabase) {
    let db = database.migrated();
    assert_eq!(db.find_damage().unwrap(), None);
}
