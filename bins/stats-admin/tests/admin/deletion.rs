//! The commands that delete clients and stats.

use chrono::{Local, Months};
use stats_core::{AnalysisId, Stat, StatsFilter, StatsType};
use stats_db::Db;
use stats_testing::{TestDatabase, client, ids, on_each_database, stat};

use crate::support::{message, run, succeed};

fn all(db: &Db) -> Vec<Stat> {
    db.stats(&StatsFilter::default()).unwrap()
}

on_each_database!(commands_that_delete_ask_for_confirmation);
fn commands_that_delete_ask_for_confirmation(database: &TestDatabase) {
    let db = database.migrated();
    let (cases, other) = (client(&db, "CASES"), client(&db, "other"));
    let (today, analysis) = (Local::now().date_naive(), AnalysisId::random());
    let on = |stats_type, date: &str| stat(analysis, stats_type, date);
    let day = today.to_string();
    let of_cases = [
        on(StatsType::Risk, &day),
        on(StatsType::Risk, &day),
        on(StatsType::Threat, &day),
        on(StatsType::Threat, "2020-01-01"),
    ];
    db.insert_stats(cases.id, &of_cases).unwrap();
    let of_other = [on(StatsType::Risk, &day)];
    db.insert_stats(other.id, &of_other).unwrap();
    let check = |line: &str, question: &str, done: &str, left: (usize, usize)| {
        let content = || (db.clients().unwrap(), all(&db));
        let before = content();
        for typed in ["n\n", ""] {
            let declined = run(database, line, typed);
            let prompt = format!("{question} [y/N]: ");
            assert_eq!(declined.stdout.trim_end_matches('\n'), prompt);
            assert!(message(&declined, 1).starts_with("nothing was changed"));
            assert_eq!(content(), before, "{line}");
        }
        let confirmed = run(database, line, "y\n");
        let expected = format!("{question} [y/N]: {done}\n");
        assert_eq!((confirmed.code, confirmed.stdout), (0, expected));
        let (clients, stats) = content();
        assert_eq!((clients.len(), stats.len()), left, "{line}");
    };
    let uuid = cases.uuid;
    let (url, cutoff) = (db.url(), today - Months::new(36));
    let duplicates = "1 duplicate stat of type risk";
    check(
        "stats remove-duplicate --type risk",
        &format!("Delete {duplicates}?"),
        &format!("Deleted {duplicates}"),
        (2, 4),
    );
    check(
        "stats purge",
        &format!("Delete 1 stat dated before {cutoff}?"),
        &format!("Deleted 1 stat dated before {cutoff}"),
        (2, 3),
    );
    check(
        &format!("stats delete --client-uuid {uuid}"),
        "Delete 2 stats of CASES?",
        "Deleted 2 stats of CASES",
        (2, 1),
    );
    let nothing = succeed(database, format!("stats delete --client-uuid {uuid}"));
    assert_eq!(nothing, "Nothing to delete: 0 stats of CASES\n");
    // Deleted stats are refused, and purged ones are not.
    db.insert_stats(cases.id, &of_cases).unwrap();
    assert_eq!(ids(&all(&db)), ids([&of_cases[3], &of_other[0]]));
    let more = [(); 3].map(|()| on(StatsType::Risk, &day));
    db.insert_stats(cases.id, &more).unwrap();
    check(
        &format!("client delete --uuid {uuid}"),
        "Delete the client CASES and all its stats?",
        "Deleted the client CASES and its 4 stats",
        (1, 1),
    );
    check(
        "db empty",
        &format!("Delete all clients and stats in {url}?"),
        &format!("{url}: emptied"),
        (0, 0),
    );
}

on_each_database!(remove_duplicate_also_thins_out_unchanged_stats);
fn remove_duplicate_also_thins_out_unchanged_stats(database: &TestDatabase) {
    let db = database.migrated();
    let analysis = AnalysisId::random();
    let on = |stats_type, date| stat(analysis, stats_type, date);
    let stats = [
        on(StatsType::Risk, "2025-10-01"),
        on(StatsType::Risk, "2026-01-01"),
        on(StatsType::Risk, "2026-01-02"),
        on(StatsType::Risk, "2026-01-02"),
        on(StatsType::Threat, "2026-01-02"),
        on(StatsType::Threat, "2026-01-02"),
    ];
    db.insert_stats(client(&db, "CASES").id, &stats).unwrap();
    for (options, left) in [("", &[0, 1, 3, 4, 5][..]), (" --nb-month 1", &[0, 3, 4, 5])] {
        let line = format!("stats remove-duplicate --type risk --yes{options}");
        let printed = succeed(database, line);
        assert_eq!(printed, "Deleted 1 duplicate stat of type risk\n");
        let left = left.iter().map(|position: &usize| &stats[*position]);
        assert_eq!(ids(&all(&db)), ids(left));
    }
}

on_each_database!(purge_keeps_the_given_number_of_months);
fn purge_keeps_the_given_number_of_months(database: &TestDatabase) {
    let db = database.migrated();
    let today = Local::now().date_naive();
    let stats = [0, 11, 12, 13, 36, 37].map(|months| {
        let date = today - Months::new(months);
        stat(AnalysisId::random(), StatsType::Risk, &date.to_string())
    });
    db.insert_stats(client(&db, "CASES").id, &stats).unwrap();
    for (line, left) in [("stats purge -y", 5), ("stats purge -y --nb-month 12", 3)] {
        assert!(succeed(database, line).starts_with("Deleted "));
        assert_eq!(ids(&all(&db)), ids(&stats[..left]), "{line}");
    }
}
