//! Deletion in two steps: find stats, then delete them.
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

on_each_database!(delete_found_deletes_the_found_stats_only);
fn delete_found_deletes_the_found_stats_only(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let analysis = AnalysisId::random();
    // Three transactions.
    let of_a: Vec<_> = (0..12_345)
        .map(|i| stat(analysis, StatsType::ALL[i % 5], "2026-01-01"))
        .collect();
    let of_b = [stat(analysis, StatsType::Risk, "2026-01-01")];
    db.insert_stats(a.id, &of_a).unwrap();
    db.insert_stats(b.id, &of_b).unwrap();
    let found = find(&db, |snapshot| snapshot.find_stats_of(a.id));
    assert_eq!((found.len(), found.is_empty()), (12_345, false));

    let late = [stat(analysis, StatsType::Risk, "2026-01-01")];
    db.insert_stats(a.id, &late).unwrap();
    assert_eq!(db.delete_found(&found).unwrap(), 12_345);
    let left = db.stats(&StatsFilter::default()).unwrap();
    assert_eq!(ids(&left), ids(of_b.iter().chain(&late)));
    assert_eq!(db.delete_found(&found).unwrap(), 0);
}

on_each_database!(find_stats_before_excludes_the_date);
fn find_stats_before_excludes_the_date(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let on = |date| stat(AnalysisId::random(), StatsType::Threat, date);
    let (old, older, new) = (on("2026-01-02"), on("0001-01-01"), on("2026-01-03"));
    db.insert_stats(a.id, &[old, new.clone()]).unwrap();
    db.insert_stats(b.id, &[older]).unwrap();
    // An unknown type from an older service.
    database.execute(&format!(
        "INSERT INTO stats (uuid, anr, type, date, data) VALUES ('{0}', '{0}', 'unknown', '2026-01-02', '[]')",
        AnalysisId::random()
    ));
    let before = |date| find(&db, |snapshot| snapshot.find_stats_before(day(date)));
    assert!(before("0001-01-01").is_empty());
    assert_eq!(db.delete_found(&before("2026-01-03")).unwrap(), 3);
    assert_eq!(db.stats(&StatsFilter::default()).unwrap(), [new]);
}
