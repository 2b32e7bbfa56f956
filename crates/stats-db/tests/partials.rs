//! Versions of days, and stored partials.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use stats_core::{AnalysisId, ClientId, DateRange, MAX_DATE, Stat, StatsFilter, StatsType};
use stats_db::{ClientChange, DayPartial, DayVersion, Db, DbError, PartialKind, Scope};
use stats_testing::{TestDatabase, client, day, on_each_database, stat};

type Versions = BTreeMap<(StatsType, NaiveDate), i64>;

fn versions(db: &Db) -> Versions {
    let all = |stats_type| {
        let days = db.read(|snapshot| snapshot.day_versions(stats_type, DateRange::default()));
        let days = days.unwrap().into_iter();
        days.map(move |day| ((stats_type, day.date), day.version))
    };
    StatsType::ALL.into_iter().flat_map(all).collect()
}

/// Checks the summary, which adds up the counts of days, against the stats.
fn assert_counts(db: &Db) {
    let summary = db.read::<_, DbError>(|snapshot| snapshot.summary(MAX_DATE));
    let mut counts = BTreeMap::new();
    for stat in db.stats(&StatsFilter::default()).unwrap() {
        *counts.entry(stat.stats_type).or_default() += 1;
    }
    assert_eq!(summary.unwrap().stats, counts);
}

/// The days whose version changes when `work` runs. Each gets a version that was never used.
fn changed_by(db: &Db, work: impl FnOnce()) -> Vec<(StatsType, NaiveDate)> {
    let (before, changes) = (versions(db), db.changes().unwrap());
    work();
    let after = versions(db);
    let changed: Versions = after
        .into_iter()
        .filter(|(day, version)| before.get(day) != Some(version))
        .collect();
    assert!(changed.values().all(|version| *version > changes.counter));
    assert_eq!(changed.is_empty(), db.changes().unwrap() == changes);
    assert_counts(db);
    changed.into_keys().collect()
}

on_each_database!(each_change_of_stats_changes_the_versions_of_their_days);
fn each_change_of_stats_changes_the_versions_of_their_days(database: &TestDatabase) {
    let db = database.migrated();
    let (cases, other) = (client(&db, "CASES"), client(&db, "other"));
    let (one, two) = (AnalysisId::random(), AnalysisId::random());
    let [first, second, third] = ["2026-01-01", "2026-01-02", "2026-01-03"];
    let (risk, threat) = (StatsType::Risk, StatsType::Threat);
    let stats = [
        stat(one, risk, first),
        stat(one, risk, second),
        stat(two, threat, first),
        stat(two, threat, first),
    ];
    let of_other = [stat(AnalysisId::random(), risk, third)];
    let (first, second, third) = (day(first), day(second), day(third));
    let insert = |stats: &[Stat]| drop(db.insert_stats(cases.id, stats).unwrap());
    let check = |work: &dyn Fn(), expected: &[(StatsType, NaiveDate)]| {
        assert_eq!(changed_by(&db, work), expected);
    };
    check(
        &|| insert(&stats),
        &[(risk, first), (risk, second), (threat, first)],
    );
    check(&|| insert(&stats), &[]);
    check(
        &|| drop(db.insert_stats(other.id, &of_other).unwrap()),
        &[(risk, third)],
    );
    let sharing = ClientChange::Sharing(false);
    check(
        &|| drop(db.change_client(other.uuid, &sharing).unwrap()),
        &[],
    );
    let remote = ClientChange::Local(false);
    check(
        &|| drop(db.change_client(other.uuid, &remote).unwrap()),
        &[(risk, third)],
    );
    check(
        &|| drop(db.change_client(other.uuid, &remote).unwrap()),
        &[],
    );
    let duplicates = || {
        let found = db.read(|snapshot| snapshot.find_duplicates(threat, None));
        assert_eq!(db.delete_found(&found.unwrap()).unwrap(), 1);
    };
    check(&duplicates, &[(threat, first)]);
    check(
        &|| assert_eq!(db.delete_stats(cases.id, one).unwrap(), 2),
        &[(risk, first), (risk, second)],
    );
    check(
        &|| assert_eq!(db.delete_stats(cases.id, one).unwrap(), 0),
        &[],
    );
    // It is refused.
    check(&|| insert(&stats[..1]), &[]);
    let new = stat(one, risk, "2026-01-01");
    check(&|| insert(std::slice::from_ref(&new)), &[(risk, first)]);
    let sql = "UPDATE stats SET date = '2026-01-02' WHERE type = 'risk' AND date = '2026-01-01'";
    check(&|| database.execute(sql), &[(risk, first), (risk, second)]);
    let purge = || {
        let found = db.read(|snapshot| snapshot.find_stats_before(second));
        assert_eq!(db.purge_found(&found.unwrap()).unwrap(), 1);
    };
    check(&purge, &[(threat, first)]);
    check(
        &|| assert_eq!(db.delete_client(other.uuid).unwrap(), 1),
        &[(risk, third)],
    );
    check(&|| db.empty().unwrap(), &[(risk, second)]);
    if database.is_postgres() {
        let all: Vec<_> = versions(&db).into_keys().collect();
        check(&|| database.execute("TRUNCATE stats CASCADE"), &all);
    }
}

on_each_database!(a_rolled_back_change_leaves_the_versions);
fn a_rolled_back_change_leaves_the_versions(database: &TestDatabase) {
    let db = database.migrated();
    let stats = [stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")];
    db.insert_stats(client(&db, "CASES").id, &stats).unwrap();
    let changed = changed_by(&db, || {
        database.execute("BEGIN; DELETE FROM stats; ROLLBACK")
    });
    assert_eq!(changed, []);
}

on_each_database!(stats_from_before_the_migration_have_versions);
fn stats_from_before_the_migration_have_versions(database: &TestDatabase) {
    let db = database.migrated();
    let stats = [stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")];
    db.insert_stats(client(&db, "CASES").id, &stats).unwrap();
    let migration = "20261121100000";
    let folder = "2026-11-21-100000_partials";
    let path = |kind| {
        format!(
            "{}/../../migrations/{kind}/{folder}/down.sql",
            env!("CARGO_MANIFEST_DIR")
        )
    };
    let down = path(if database.is_postgres() {
        "postgres"
    } else {
        "sqlite"
    });
    database.execute(&std::fs::read_to_string(down).unwrap());
    database.execute(&format!(
        "DELETE FROM __diesel_schema_migrations WHERE version = '{migration}'"
    ));
    assert_eq!(db.migrate().unwrap(), [migration]);
    let days: Vec<_> = versions(&db).into_keys().collect();
    assert_eq!(days, [(StatsType::Risk, day("2026-01-01"))]);
    assert_counts(&db);
}

on_each_database!(only_a_partial_of_the_current_stats_is_stored);
fn only_a_partial_of_the_current_stats_is_stored(database: &TestDatabase) {
    let db = database.migrated();
    let kind = PartialKind {
        format: "risk",
        format_version: 2,
        stats_type: StatsType::Risk,
        scope: Scope::All,
    };
    let date = day("2026-01-01");
    let at = |version| DayVersion { date, version };
    let store = |kind, version, content: &str| {
        let content = content.into();
        db.store_partials(&[DayPartial {
            kind,
            day: at(version),
            content,
        }])
        .unwrap();
    };
    let stored = |kind, day: DayVersion| {
        let mut stored = None;
        db.read(|snapshot| {
            snapshot.for_each_partial(kind, DateRange::day(day.date), &mut |found, content| {
                assert_eq!(found.date, day.date);
                stored = (found == day).then(|| String::from_utf8(content.to_owned()).unwrap());
            })
        })
        .unwrap();
        stored
    };
    assert_eq!(stored(kind, at(7)), None);
    for (version, content, newest) in [
        (7, "a", (7, "a")),
        (9, "b", (9, "b")),
        (8, "c", (9, "b")),
        (9, "d", (9, "d")),
    ] {
        // The version of the stats.
        database.execute("DELETE FROM stats_day");
        for stats_type in ["risk", "threat"] {
            database.execute(&format!(
                "INSERT INTO stats_day (type, date, version, count) VALUES ('{stats_type}', '{date}', {}, 0)",
                newest.0
            ));
        }
        store(kind, version, content);
        let (version, content) = newest;
        assert_eq!(stored(kind, at(version)), Some(content.into()));
    }
    // Each of these has partials of its own.
    let tomorrow = DayVersion {
        date: date.succ_opt().unwrap(),
        version: 9,
    };
    assert_eq!(stored(kind, at(8)), None);
    assert_eq!(stored(kind, tomorrow), None);
    for other in [
        PartialKind {
            format: "object",
            ..kind
        },
        PartialKind {
            stats_type: StatsType::Threat,
            ..kind
        },
        PartialKind {
            scope: Scope::Local,
            ..kind
        },
        PartialKind {
            scope: Scope::Client(ClientId(1)),
            ..kind
        },
        PartialKind {
            scope: Scope::Client(ClientId(2)),
            ..kind
        },
    ] {
        assert_eq!(stored(other, at(9)), None);
        store(other, 9, "other");
        assert_eq!(stored(kind, at(9)), Some("d".into()));
    }
    // Another version of the format replaces it.
    let upgraded = PartialKind {
        format_version: 3,
        ..kind
    };
    assert_eq!(stored(upgraded, at(9)), None);
    store(upgraded, 9, "e");
    assert_eq!(
        (stored(kind, at(9)), stored(upgraded, at(9))),
        (None, Some("e".into()))
    );
}

on_each_database!(versions_belong_to_the_snapshot);
fn versions_belong_to_the_snapshot(database: &TestDatabase) {
    let db = database.migrated();
    let cases = client(&db, "CASES");
    let new = || [stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")];
    db.insert_stats(cases.id, &new()).unwrap();
    let dates = DateRange::until(day("2026-01-01") + Months::new(1));
    db.read::<_, stats_db::DbError>(|snapshot| {
        let before = snapshot.day_versions(StatsType::Risk, dates)?;
        db.insert_stats(cases.id, &new())?;
        assert_eq!(snapshot.day_versions(StatsType::Risk, dates)?, before);
        Ok(())
    })
    .unwrap();
}
