//! The summary of a database.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, HashMap};

use stats_core::{AnalysisId, NewClient, Role, StatsType};
use stats_db::{ClientChange, ClientTotals, Db, DbError, Summary};
use stats_testing::{TestDatabase, client, day, on_each_database, stat};

fn summary(db: &Db) -> Summary {
    db.read::<_, DbError>(|snapshot| snapshot.summary(day("2026-12-31")))
        .unwrap()
}

on_each_database!(the_summary_counts_stats_by_type_and_distinct_analyses);
fn the_summary_counts_stats_by_type_and_distinct_analyses(database: &TestDatabase) {
    let db = database.migrated();
    assert_eq!(summary(&db), Summary::default());
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let (one, two) = (AnalysisId::random(), AnalysisId::random());
    let of_a = [
        stat(one, StatsType::Risk, "2026-01-02"),
        stat(one, StatsType::Risk, "2026-01-03"),
        stat(one, StatsType::Threat, "2026-01-02"),
    ];
    let of_b = [
        stat(two, StatsType::Risk, "2025-12-31"),
        stat(one, StatsType::Compliance, "2026-01-04"),
    ];
    db.insert_stats(a.id, &of_a).unwrap();
    db.insert_stats(b.id, &of_b).unwrap();
    let expected = Summary {
        analyses: 2,
        stats: BTreeMap::from([
            (StatsType::Risk, 3),
            (StatsType::Threat, 1),
            (StatsType::Compliance, 1),
        ]),
        dates: Some((day("2025-12-31"), day("2026-01-04"))),
    };
    assert_eq!(summary(&db), expected);

    // Not counted: unknown types and dates from an older service, and future dates.
    let insert = |kind, date| {
        database.execute(&format!(
            "INSERT INTO stats (uuid, anr, type, date, data) VALUES ('{0}', '{0}', '{kind}', '{date}', '[]');",
            AnalysisId::random()
        ));
    };
    insert("unknown", "2026-01-01");
    insert("risk", "2027-01-01");
    if database.is_postgres() {
        insert("risk", "infinity");
    }
    assert_eq!(summary(&db), expected);
}

on_each_database!(stats_of_excluded_clients_do_not_count);
fn stats_of_excluded_clients_do_not_count(database: &TestDatabase) {
    let db = database.migrated();
    let [kept, excluded] = ["kept", "excluded"].map(|name| client(&db, name));
    let [mine, shared] = [AnalysisId::random(), AnalysisId::random()];
    let of_kept = [stat(shared, StatsType::Risk, "2026-01-02")];
    db.insert_stats(kept.id, &of_kept).unwrap();
    database.execute(&format!(
        "INSERT INTO stats (uuid, anr, type, date, data) VALUES ('{0}', '{0}', 'risk', '2026-01-03', '[]');",
        AnalysisId::random()
    ));
    let before = summary(&db);
    assert_eq!((before.analyses, before.stats[&StatsType::Risk]), (2, 2));
    let of_excluded = [
        stat(shared, StatsType::Risk, "2026-01-02"),
        stat(mine, StatsType::Risk, "2026-01-01"),
        stat(mine, StatsType::Threat, "2026-01-04"),
    ];
    db.insert_stats(excluded.id, &of_excluded).unwrap();
    let all = summary(&db);
    assert_eq!((all.analyses, all.stats[&StatsType::Risk]), (3, 4));
    assert_eq!(all.dates, Some((day("2026-01-01"), day("2026-01-04"))));
    for (is_excluded, expected) in [(true, &before), (false, &all)] {
        let change = ClientChange::Excluded(is_excluded);
        db.change_client(excluded.uuid, &change).unwrap();
        assert_eq!(summary(&db), *expected);
    }
}

on_each_database!(client_totals_count_the_stats_of_each_client);
fn client_totals_count_the_stats_of_each_client(database: &TestDatabase) {
    let db = database.migrated();
    let [a, b, none] = ["a", "b", "none"].map(|name| client(&db, name));
    let insert = |owner, dates: &[(StatsType, &str)]| {
        let new = |&(kind, date): &(_, &str)| stat(AnalysisId::random(), kind, date);
        let stats: Vec<_> = dates.iter().map(new).collect();
        db.insert_stats(owner, &stats).unwrap();
    };
    insert(
        a.id,
        &[
            (StatsType::Risk, "2026-01-02"),
            (StatsType::Risk, "2026-01-03"),
            (StatsType::Threat, "2026-01-01"),
        ],
    );
    insert(b.id, &[(StatsType::Compliance, "2026-02-01")]);
    database.execute(&format!(
        "INSERT INTO stats (uuid, anr, type, date, data, client_id) VALUES ('{0}', '{0}', 'unknown', '2027-01-01', '[]', 1);
         INSERT INTO stats (uuid, anr, type, date, data) VALUES ('{1}', '{1}', 'risk', '2027-01-01', '[]');",
        AnalysisId::random(),
        AnalysisId::random()
    ));
    let totals = |stats, first, last| ClientTotals {
        stats,
        first_date: day(first),
        last_date: day(last),
    };
    let of_a = (a.id, totals(3, "2026-01-01", "2026-01-03"));
    let of_b = (b.id, totals(1, "2026-02-01", "2026-02-01"));
    for (only, expected) in [
        (None, HashMap::from([of_a, of_b])),
        (Some(b.id), HashMap::from([of_b])),
        (Some(none.id), HashMap::new()),
    ] {
        let found = db.read(|snapshot| snapshot.client_totals(only));
        assert_eq!(found.unwrap(), expected);
    }
}

on_each_database!(admins_and_inactive_clients_are_not_counted);
fn admins_and_inactive_clients_are_not_counted(database: &TestDatabase) {
    let db = database.migrated();
    client(&db, "a");
    let b = client(&db, "b");
    let admin = NewClient {
        role: Role::Admin,
        ..NewClient::user("admin".parse().unwrap())
    };
    db.create_client(&admin).unwrap();
    assert_eq!(db.count_active_users().unwrap(), 2);
    db.change_client(b.uuid, &ClientChange::Active(false))
        .unwrap();
    assert_eq!(db.count_active_users().unwrap(), 1);
    database.execute("UPDATE client SET role = NULL, is_active = NULL WHERE name = 'a'");
    assert_eq!(
        db.count_active_users().unwrap(),
        1,
        "NULL means an active user"
    );
}
