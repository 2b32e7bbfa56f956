//! Storing, listing and deleting stats.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::error::Error;
use std::ops::ControlFlow;

use stats_core::{
    AnalysisId, Client, DateRange, MAX_DATE, Page, RawJson, Stat, StatsFilter, StatsType,
    parse_batch,
};
use stats_db::{ClientChange, Db, DbError, SkipReason};
use stats_testing::{TestDatabase, client, day, days, ids, on_each_database, stat};

fn all() -> StatsFilter {
    StatsFilter::default()
}

fn filter(set: impl FnOnce(&mut StatsFilter)) -> StatsFilter {
    let mut filter = all();
    set(&mut filter);
    filter
}

fn threats(count: usize) -> Vec<Stat> {
    let threat = |_| stat(AnalysisId::random(), StatsType::Threat, "2026-01-01");
    (0..count).map(threat).collect()
}

fn count(db: &Db, filter: &StatsFilter) -> u64 {
    db.read(|snapshot| snapshot.count_stats(filter)).unwrap()
}

on_each_database!(documents_are_returned_as_stored);
fn documents_are_returned_as_stored(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let documents = [
        r#"{"risks": {"current": {"informational": []}}, "a'b": "Écoute — « œ » 日本 🛡 \\ \" </script>"}"#,
        r#"[{"averageRate": "2.82", "count": 12, "maxRisk": 35.5, "deep": [[[[[[]]]]]]}]"#,
        r#"[-0.5, 1e308, 1E-308, 12345678901234567890, 0.1, true, null]"#,
        "[]",
        "{}",
    ];
    let sent: Vec<Stat> = StatsType::ALL
        .into_iter()
        .zip(documents)
        .map(|(stats_type, text)| Stat {
            data: RawJson::parse(text).unwrap(),
            ..stat(AnalysisId::random(), stats_type, "2024-02-29")
        })
        .collect();
    assert!(db.insert_stats(owner.id, &sent).unwrap().is_empty());
    let found = db.stats(&all()).unwrap();
    assert_eq!(found.len(), sent.len());
    for stat in &sent {
        let back = found.iter().find(|back| back.uuid == stat.uuid).unwrap();
        assert_eq!(
            (back.analysis, back.stats_type, back.date),
            (stat.analysis, stat.stats_type, stat.date)
        );
        // PostgreSQL reformats JSON.
        let value =
            |stat: &Stat| serde_json::from_str::<serde_json::Value>(stat.data.as_str()).unwrap();
        assert_eq!(value(back), value(stat));
        assert!(database.is_postgres() || back.data == stat.data);
    }
}

on_each_database!(accepted_documents_can_be_stored_on_both_databases);
fn accepted_documents_can_be_stored_on_both_databases(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    // At the limits of the parser.
    let deep = "[".repeat(64) + &"]".repeat(64);
    let wide = format!("[[{}1]]", "1,".repeat(2_796_000));
    let digits = format!("[0.{}, 0.{}e-308]", "1".repeat(418), "1".repeat(110));
    let many_digits = format!("[[{}1]]", "1e300,".repeat(27_000));
    let extremes = r#"["\u0001\u001f\u007f\uffff\ud83d\udee1", 9e307, 9e-308, -0, 1.7976931348623157e308, 0e308]"#;
    let documents = [
        deep.as_str(),
        &wide,
        &digits,
        &many_digits,
        extremes,
        r#"{"": {"": 1}, "a": 1, "a": 2}"#,
    ];
    let batch: Vec<_> = documents
        .iter()
        .map(|data| {
            let payload = format!(
                r#"[{{"anr":"{}","type":"risk","date":"0001-01-01T00:00:00Z","data":{data}}}]"#,
                AnalysisId::random()
            );
            Stat::from(parse_batch(payload.as_bytes(), MAX_DATE).unwrap().remove(0))
        })
        .collect();
    db.insert_stats(owner.id, &batch).unwrap();
    let found = db.stats(&all()).unwrap();
    assert_eq!(ids(&found), ids(&batch));
    // Another instance accepts them as formatted by the database.
    for stat in found {
        RawJson::parse(stat.data.as_str()).unwrap();
    }
}

on_each_database!(stats_with_a_known_id_are_skipped_and_reported);
fn stats_with_a_known_id_are_skipped_and_reported(database: &TestDatabase) {
    let db = database.migrated();
    let (owner, other) = (client(&db, "owner"), client(&db, "other"));
    let first = stat(AnalysisId::random(), StatsType::Threat, "2026-01-01");
    let skipped = db.insert_stats(owner.id, std::slice::from_ref(&first));
    assert_eq!(skipped.unwrap(), []);

    let again = Stat {
        data: RawJson::parse("{}").unwrap(),
        ..first.clone()
    };
    let new = stat(first.analysis, StatsType::Threat, "2026-01-02");
    let twice = Stat {
        date: day("2026-01-03"),
        ..new.clone()
    };
    let skipped = db.insert_stats(other.id, &[again, new.clone(), twice]);
    let skipped: Vec<_> = skipped
        .unwrap()
        .into_iter()
        .map(|skipped| (skipped.position, skipped.reason))
        .collect();
    assert_eq!(
        skipped,
        [0, 2].map(|position| (position, SkipReason::Stored))
    );

    let listed = db.stats(&all()).unwrap();
    assert_eq!(listed, [first.clone(), new.clone()], "not overwritten");
    let of = |client: &Client| filter(|filter| filter.owner = Some(client.id));
    assert_eq!(db.stats(&of(&owner)).unwrap(), [first]);
    assert_eq!(db.stats(&of(&other)).unwrap(), [new]);
    assert_eq!(db.insert_stats(owner.id, &[]).unwrap(), []);
}

on_each_database!(large_batches_are_stored_once);
fn large_batches_are_stored_once(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let batch = threats(1203);
    assert_eq!(db.insert_stats(owner.id, &batch[1000..]).unwrap(), []);
    assert_eq!(db.insert_stats(owner.id, &batch).unwrap().len(), 203);
    assert_eq!(ids(&db.stats(&all()).unwrap()), ids(&batch));
}

on_each_database!(a_failed_batch_is_rolled_back);
fn a_failed_batch_is_rolled_back(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    database.execute(if database.is_postgres() {
        "CREATE FUNCTION fail() RETURNS trigger AS
            $$ BEGIN IF (SELECT count(*) FROM stats) > 500 THEN RAISE 'on purpose'; END IF; RETURN NULL; END $$
            LANGUAGE plpgsql;
         CREATE TRIGGER fail AFTER INSERT ON stats EXECUTE FUNCTION fail();"
    } else {
        "CREATE TRIGGER fail AFTER INSERT ON stats WHEN (SELECT count(*) FROM stats) > 500
            BEGIN SELECT RAISE(ABORT, 'on purpose'); END;"
    });
    let batch = threats(600);
    let error = db.insert_stats(owner.id, &batch).unwrap_err();
    let cause = error.source().unwrap().to_string();
    assert_eq!(cause, "on purpose", "{error}");
    assert_eq!(count(&db, &all()), 0);
    // The connection can still be used.
    assert_eq!(db.insert_stats(owner.id, &batch[..500]).unwrap(), []);
}

/// Two clients, two analyses, and stats of two types on several days.
struct Fleet {
    db: Db,
    a: Client,
    b: Client,
    one: AnalysisId,
    two: AnalysisId,
    /// In list order.
    stats: Vec<Stat>,
}

impl Fleet {
    fn new(database: &TestDatabase) -> Self {
        let db = database.migrated();
        let (a, b) = (client(&db, "a"), client(&db, "b"));
        let (one, two) = (AnalysisId::random(), AnalysisId::random());
        let of_a = [
            stat(one, StatsType::Threat, "2026-01-01"),
            stat(one, StatsType::Threat, "2026-01-03"),
            stat(one, StatsType::Risk, "2026-01-02"),
            stat(two, StatsType::Threat, "2026-01-04"),
        ];
        let of_b = [
            stat(two, StatsType::Threat, "2026-01-05"),
            stat(two, StatsType::Risk, "2026-01-03"),
        ];
        db.insert_stats(a.id, &of_a).unwrap();
        db.insert_stats(b.id, &of_b).unwrap();
        let mut stats = [of_a.as_slice(), &of_b].concat();
        stats.sort_by_key(|stat| (stat.date, stat.uuid));
        Self {
            db,
            a,
            b,
            one,
            two,
            stats,
        }
    }

    /// Asserts that `filter` selects the expected stats in lists, counts and client days.
    fn check(&self, filter: &StatsFilter, expected: impl Fn(&Stat) -> bool) {
        let expected = self.stats.iter().filter(|stat| expected(stat)).cloned();
        let expected: Vec<_> = expected.collect();
        assert_eq!(self.db.stats(filter).unwrap(), expected, "{filter:?}");
        let (count, mut documents) = self
            .db
            .read(|snapshot| {
                let mut documents = Vec::new();
                let count = snapshot.count_stats(filter)?;
                snapshot.for_each_client_day(filter, None, &mut |date, of_client| {
                    documents.extend(of_client.map(|(_, document)| (date, document.into_owned())));
                })?;
                Ok::<_, DbError>((count, documents))
            })
            .unwrap();
        assert_eq!(count, expected.len() as u64, "{filter:?}");
        documents.sort();
        let dates: Vec<_> = expected
            .iter()
            .map(|stat| (stat.date, stat.data.as_str().to_owned()))
            .collect();
        assert_eq!(documents, dates, "{filter:?}");
    }
}

on_each_database!(each_part_of_a_filter_narrows_the_result);
fn each_part_of_a_filter_narrows_the_result(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let of_b = fleet.db.stats(&filter(|it| it.owner = Some(fleet.b.id)));
    let of_b = of_b.unwrap();
    let is_of_a = |stat: &Stat| !of_b.contains(stat);
    assert_eq!(of_b.len(), 2);

    fleet.check(&all(), |_| true);
    fleet.check(&filter(|it| it.owner = Some(fleet.a.id)), is_of_a);
    let is_risk = |stat: &Stat| stat.stats_type == StatsType::Risk;
    fleet.check(&filter(|it| it.stats_type = Some(StatsType::Risk)), is_risk);
    let of = |analyses: &[AnalysisId]| Some(BTreeSet::from_iter(analyses.iter().copied()));
    let is_about_one = |stat: &Stat| stat.analysis == fleet.one;
    fleet.check(&filter(|it| it.analyses = of(&[fleet.one])), is_about_one);
    let both = of(&[fleet.one, fleet.two]);
    fleet.check(&filter(|it| it.analyses = both), |_| true);
    fleet.check(&filter(|it| it.analyses = of(&[])), |_| false);
    let mut many = BTreeSet::from_iter((0..9_999).map(|_| AnalysisId::random()));
    many.insert(fleet.one);
    fleet.check(&filter(|it| it.analyses = Some(many)), is_about_one);
    let dates = days("2026-01-02", "2026-01-03");
    fleet.check(&filter(|it| it.dates = dates), |stat| {
        (dates.from()..=dates.to()).contains(&stat.date)
    });
    let remote = ClientChange::Local(false);
    fleet.db.change_client(fleet.b.uuid, &remote).unwrap();
    fleet.check(&filter(|it| it.local_only = true), is_of_a);
    let combined = StatsFilter {
        owner: Some(fleet.a.id),
        stats_type: Some(StatsType::Threat),
        analyses: of(&[fleet.two]),
        dates: days("2026-01-04", "2026-01-05"),
        local_only: true,
        newest_only: true,
        page: Page::default(),
    };
    fleet.check(&combined, |stat| stat.date == day("2026-01-04"));
}

on_each_database!(newest_only_selects_per_client_analysis_and_type);
fn newest_only_selects_per_client_analysis_and_type(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let mut newest = filter(|it| it.newest_only = true);
    let is_oldest = |stat: &Stat| stat.date == day("2026-01-01");
    fleet.check(&newest, |stat| !is_oldest(stat));
    newest.dates = DateRange::until(day("2026-01-01"));
    fleet.check(&newest, is_oldest);
}

on_each_database!(newest_only_prefers_the_later_arrival);
fn newest_only_prefers_the_later_arrival(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let analysis = AnalysisId::random();
    let newest = filter(|it| it.newest_only = true);
    for _ in 0..10 {
        let batch = [(); 2].map(|()| stat(analysis, StatsType::Risk, "2026-01-01"));
        db.insert_stats(owner.id, &batch).unwrap();
        assert_eq!(db.stats(&newest).unwrap(), batch[1..]);
    }
}

on_each_database!(newest_limits_client_days_to_the_newest_stats);
fn newest_limits_client_days_to_the_newest_stats(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let newest = |filter: &StatsFilter, newest: u32| {
        let mut days = Vec::new();
        let result = fleet.db.read::<_, DbError>(|snapshot| {
            snapshot.for_each_client_day(filter, Some(newest), &mut |date, of_client| {
                days.extend(of_client.map(|_| date.to_string()));
            })
        });
        result.unwrap();
        days.join(" ")
    };
    assert_eq!(newest(&all(), 3), "2026-01-03 2026-01-04 2026-01-05");
    let of_a = StatsFilter {
        owner: Some(fleet.a.id),
        stats_type: Some(StatsType::Threat),
        ..all()
    };
    assert_eq!(newest(&of_a, 9), "2026-01-01 2026-01-03 2026-01-04");
    assert_eq!(newest(&of_a, 0), "");
}

on_each_database!(client_days_group_by_client_and_day);
fn client_days_group_by_client_and_day(database: &TestDatabase) {
    let db = database.migrated();
    let clients = ["a", "b", "gone"].map(|name| client(&db, name));
    let numbered = |date, number: usize| Stat {
        data: RawJson::parse(&format!("[{number}]")).unwrap(),
        ..stat(AnalysisId::random(), StatsType::Risk, date)
    };
    let (first, second) = ("2026-01-01", "2026-01-02");
    // Clients and days are mixed.
    for (client, date, number) in [
        (0, second, 1),
        (1, first, 2),
        (0, first, 3),
        (2, first, 4),
        (1, first, 5),
        (0, first, 6),
        (2, first, 7),
    ] {
        db.insert_stats(clients[client].id, &[numbered(date, number)])
            .unwrap();
    }
    database.execute("UPDATE stats SET client_id = NULL WHERE client_id = 3");
    let mut days = Vec::new();
    db.read::<_, DbError>(|snapshot| {
        snapshot.for_each_client_day(&all(), None, &mut |date, documents| {
            // Leave the last day unread.
            let documents = documents.take(if date == day(first) { 9 } else { 0 });
            let mut documents: Vec<_> = documents
                .map(|(_, document)| document.into_owned())
                .collect();
            documents.sort();
            days.push((date, documents.join("")));
        })
    })
    .unwrap();
    days[..3].sort();
    let expected = [
        (first, "[2][5]"),
        (first, "[3][6]"),
        (first, "[4][7]"),
        (second, ""),
    ];
    let expected = expected.map(|(date, documents)| (day(date), documents.to_owned()));
    assert_eq!(days, expected);
}

on_each_database!(pages_cover_the_list_once);
fn pages_cover_the_list_once(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let page = |offset, limit| StatsFilter {
        page: Page { offset, limit },
        ..all()
    };
    let mut walked = Vec::new();
    for offset in (0..8).step_by(2) {
        walked.extend(fleet.db.stats(&page(offset, Some(2))).unwrap());
    }
    assert_eq!(walked, fleet.stats);
    assert_eq!(fleet.db.stats(&page(4, None)).unwrap(), fleet.stats[4..]);
    assert_eq!(fleet.db.stats(&page(100, None)).unwrap(), []);
    assert_eq!(count(&fleet.db, &page(4, Some(1))), 6, "ignores the page");
}

on_each_database!(a_visitor_can_break);
fn a_visitor_can_break(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let mut visited = Vec::new();
    let result = fleet.db.read::<_, DbError>(|snapshot| {
        snapshot.for_each_stat(&all(), |stat| {
            visited.push(stat);
            match visited.len() {
                2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })
    });
    result.unwrap();
    assert_eq!(visited, fleet.stats[..2]);
    fleet.check(&all(), |_| true);
}

on_each_database!(a_snapshot_does_not_see_later_writes);
fn a_snapshot_does_not_see_later_writes(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let (before, after) = fleet
        .db
        .read(|snapshot| {
            let before = snapshot.count_stats(&all())?;
            let late = stat(fleet.one, StatsType::Threat, "2026-03-01");
            fleet.db.insert_stats(fleet.a.id, &[late])?;
            Ok::<_, DbError>((before, snapshot.count_stats(&all())?))
        })
        .unwrap();
    assert_eq!((before, after), (6, 6));
    assert_eq!(count(&fleet.db, &all()), 7);
}

on_each_database!(delete_stats_deletes_one_analysis_of_one_client);
fn delete_stats_deletes_one_analysis_of_one_client(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    assert_eq!(fleet.db.delete_stats(fleet.b.id, fleet.one).unwrap(), 0);
    assert_eq!(fleet.db.delete_stats(fleet.a.id, fleet.two).unwrap(), 1);
    let mut left = fleet.stats;
    left.retain(|stat| stat.date != day("2026-01-04"));
    assert_eq!(fleet.db.stats(&all()).unwrap(), left);
}
