//! Stats are found first, and then just those are deleted.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use stats_core::{AnalysisId, StatsFilter, StatsType};
use stats_db::{Db, DbError, FoundStats, Snapshot};
use stats_testing::{TestDatabase, client, day, ids, on_each_database, stat};

fn find(
    db: &Db,
    find: impl FnOnce(&mut Snapshot<'_>) -> Result<FoundStats, DbError>,
) -> FoundStats {
    db.read(find).unwrap()
}

on_each_database!(all_stats_of_a_client_are_deleted);
fn all_stats_of_a_client_are_deleted(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let analysis = AnalysisId::random();
    let of_a = StatsType::ALL.map(|stats_type| stat(analysis, stats_type, "2026-01-01"));
    let of_b = [stat(analysis, StatsType::Risk, "2026-01-01")];
    db.insert_stats(a.id, &of_a).unwrap();
    db.insert_stats(b.id, &of_b).unwrap();
    let found = find(&db, |snapshot| snapshot.find_stats_of(a.id));
    assert_eq!((found.len(), found.is_empty()), (5, false));

    let late = [stat(analysis, StatsType::Risk, "2026-01-01")];
    db.insert_stats(a.id, &late).unwrap();
    assert_eq!(db.delete_found(&found).unwrap(), 5);
    let left = db.stats(&StatsFilter::default()).unwrap();
    assert_eq!(
        ids(&left),
        ids(of_b.iter().chain(&late)),
        "what arrives meanwhile stays"
    );
    assert_eq!(db.delete_found(&found).unwrap(), 0, "they are gone");
    assert!(db.delete_found(&FoundStats::default()).unwrap() == 0);
}

on_each_database!(old_stats_are_found_up_to_the_day_before);
fn old_stats_are_found_up_to_the_day_before(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let on = |date| stat(AnalysisId::random(), StatsType::Threat, date);
    let (old, older, new) = (on("2026-01-02"), on("0001-01-01"), on("2026-01-03"));
    db.insert_stats(a.id, &[old, new.clone()]).unwrap();
    db.insert_stats(b.id, &[older]).unwrap();
    // What an older service left is as old as the rest.
    database.execute(&format!(
        "INSERT INTO stats (uuid, anr, type, date, data) VALUES ('{0}', '{0}', 'odd', '2026-01-02', '[]')",
        AnalysisId::random()
    ));
    let before = |date| find(&db, |snapshot| snapshot.find_stats_before(day(date)));
    assert!(before("0001-01-01").is_empty());
    assert_eq!(db.delete_found(&before("2026-01-03")).unwrap(), 3);
    assert_eq!(db.stats(&StatsFilter::default()).unwrap(), [new]);
}

on_each_database!(more_than_a_transaction_takes_is_deleted_whole);
fn more_than_a_transaction_takes_is_deleted_whole(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let batch: Vec<_> = (0..12_345)
        .map(|_| stat(AnalysisId::random(), StatsType::Threat, "2026-01-01"))
        .collect();
    db.insert_stats(a.id, &batch).unwrap();
    db.insert_stats(
        b.id,
        &[stat(AnalysisId::random(), StatsType::Threat, "2026-01-01")],
    )
    .unwrap();
    let found = find(&db, |snapshot| snapshot.find_stats_of(a.id));
    assert_eq!(db.delete_found(&found).unwrap(), batch.len());
    assert_eq!(db.stats(&StatsFilter::default()).unwrap().len(), 1);
}
