//! The summary of a database.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;

use stats_core::{AnalysisId, NewClient, Role, StatsType};
use stats_db::{ClientChange, Db, DbError, Summary};
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
