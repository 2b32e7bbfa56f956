//! How much there is, all in all.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;

use stats_core::{AnalysisId, NewClient, Role, StatsType};
use stats_db::{ClientChange, Db, DbError, Summary};
use stats_testing::{TestDatabase, client, day, on_each_database, stat};

fn summary(db: &Db) -> Summary {
    db.read(|snapshot| snapshot.summary())
        .map_err(|error: DbError| error)
        .unwrap()
}

on_each_database!(an_empty_database_has_nothing);
fn an_empty_database_has_nothing(database: &TestDatabase) {
    assert_eq!(summary(&database.migrated()), Summary::default());
}

on_each_database!(stats_count_by_type_and_analyses_once);
fn stats_count_by_type_and_analyses_once(database: &TestDatabase) {
    let db = database.migrated();
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
        clients: 2,
        analyses: 2,
        stats: BTreeMap::from([
            (StatsType::Risk, 3),
            (StatsType::Threat, 1),
            (StatsType::Compliance, 1),
        ]),
        dates: Some((day("2025-12-31"), day("2026-01-04"))),
    };
    assert_eq!(summary(&db), expected);

    // What an older service left and nobody else can read.
    let odd = |kind, date| {
        format!(
            "INSERT INTO stats (uuid, anr, type, date, data) VALUES ('{0}', '{0}', '{kind}', '{date}', '[]');",
            AnalysisId::random()
        )
    };
    database.execute(&odd("odd", "2030-01-01"));
    if database.is_postgres() {
        database.execute(&odd("risk", "infinity"));
    }
    assert_eq!(summary(&db), expected);
}

on_each_database!(admins_and_deactivated_clients_do_not_count);
fn admins_and_deactivated_clients_do_not_count(database: &TestDatabase) {
    let db = database.migrated();
    client(&db, "a");
    let b = client(&db, "b");
    let admin = NewClient {
        role: Role::Admin,
        ..NewClient::user("admin".parse().unwrap())
    };
    db.create_client(&admin).unwrap();
    assert_eq!(summary(&db).clients, 2);
    let deactivated = ClientChange {
        is_active: Some(false),
        ..ClientChange::default()
    };
    db.change_client(b.uuid, &deactivated).unwrap();
    assert_eq!(summary(&db).clients, 1);
    database.execute("UPDATE client SET role = NULL, is_active = NULL WHERE name = 'a'");
    assert_eq!(summary(&db).clients, 1, "an older service left those");
}
