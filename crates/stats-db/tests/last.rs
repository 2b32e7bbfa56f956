//! The newest stat of each analysis and type.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::ops::ControlFlow;

use chrono::{TimeDelta, Utc};
use stats_core::{AnalysisId, ClientId, StatId, StatsType};
use stats_db::{Db, DbError, LastStat};
use stats_testing::{TestDatabase, client, on_each_database, stat};

fn last(
    db: &Db,
    owner: Option<ClientId>,
    stats_type: Option<StatsType>,
    at_most: usize,
) -> Vec<LastStat> {
    let mut visited = Vec::new();
    db.read::<_, DbError>(|snapshot| {
        snapshot.for_each_last_stat(owner, stats_type, |stat| {
            visited.push(stat);
            match visited.len() == at_most {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
    })
    .unwrap();
    visited
}

fn uuids(stats: &[LastStat]) -> Vec<StatId> {
    stats.iter().map(|stat| stat.uuid).collect()
}

on_each_database!(last_stats_are_ordered_by_analysis_and_type);
fn last_stats_are_ordered_by_analysis_and_type(database: &TestDatabase) {
    let db = database.migrated();
    let (a, b) = (client(&db, "a"), client(&db, "b"));
    let mut analyses = [AnalysisId::random(), AnalysisId::random()];
    analyses.sort();
    let [one, two] = analyses;
    let new = stat(one, StatsType::Threat, "2026-01-03");
    let old = stat(one, StatsType::Threat, "2026-01-02");
    let first_of_day = stat(two, StatsType::Risk, "2026-01-04");
    let last_of_day = stat(two, StatsType::Risk, "2026-01-04");
    let risk = stat(one, StatsType::Risk, "2025-01-01");
    let of_a = [&new, &old, &first_of_day, &last_of_day, &risk].map(Clone::clone);
    db.insert_stats(a.id, &of_a).unwrap();
    // The same analysis of another client.
    let of_b = [stat(one, StatsType::Threat, "2026-02-01")];
    db.insert_stats(b.id, &of_b).unwrap();

    let all = last(&db, Some(a.id), None, 9);
    assert_eq!(uuids(&all), [risk.uuid, new.uuid, last_of_day.uuid]);
    let first = &all[0];
    assert_eq!(
        (first.analysis, first.stats_type, first.date),
        (risk.analysis, risk.stats_type, risk.date)
    );
    let age = Utc::now().naive_utc() - first.created_at.unwrap();
    assert!(age.abs() < TimeDelta::minutes(5), "{age}");
    let threats = last(&db, Some(a.id), Some(StatsType::Threat), 9);
    assert_eq!(uuids(&threats), [new.uuid]);
    assert_eq!(uuids(&last(&db, Some(b.id), None, 9)), [of_b[0].uuid]);
    assert_eq!(last(&db, Some(a.id), None, 2), all[..2]);
    assert_eq!(last(&db, None, None, 9), []);

    database.execute("UPDATE stats SET client_id = NULL, created_at = NULL");
    let without_client = last(&db, None, None, 9);
    let expected = [risk.uuid, of_b[0].uuid, last_of_day.uuid];
    assert_eq!(uuids(&without_client), expected);
    assert_eq!(without_client[0].created_at, None);
}
