//! Stats: stored once, and found by every filter.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use chrono::NaiveDate;
use stats_core::{
    AnalysisId, Client, DateRange, Page, RawJson, Stat, StatId, StatsFilter, StatsType, parse_batch,
};
use stats_db::{Db, DbError};
use stats_testing::{TestDatabase, client, day, ids, on_each_database, stat};

fn all() -> StatsFilter {
    StatsFilter::default()
}

on_each_database!(what_goes_in_comes_out);
fn what_goes_in_comes_out(database: &TestDatabase) {
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
        // PostgreSQL writes the same document in its own way.
        let value =
            |stat: &Stat| serde_json::from_str::<serde_json::Value>(stat.data.as_str()).unwrap();
        assert_eq!(value(back), value(stat));
        assert!(database.is_postgres() || back.data == stat.data);
    }
}

// The limits of the payload are those of the stricter database, so that both take whatever gets past them.
on_each_database!(whatever_is_accepted_can_be_stored);
fn whatever_is_accepted_can_be_stored(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let deep = "[".repeat(64) + &"]".repeat(64);
    let wide = format!("[{}1]", "1,".repeat(2_796_000));
    let digits = format!("[0.{}, 0.{}e-308]", "1".repeat(418), "1".repeat(110));
    let many_digits = format!("[{}1]", "1e300,".repeat(27_000));
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
            Stat::from(parse_batch(payload.as_bytes()).unwrap().remove(0))
        })
        .collect();
    db.insert_stats(owner.id, &batch).unwrap();
    let found = db.stats(&all()).unwrap();
    assert_eq!(ids(&found), ids(&batch));
    // What a database makes of them is taken by the next instance.
    for stat in found {
        RawJson::parse(stat.data.as_str()).unwrap();
    }
}

on_each_database!(what_is_stored_already_is_skipped_and_named);
fn what_is_stored_already_is_skipped_and_named(database: &TestDatabase) {
    let db = database.migrated();
    let (owner, other) = (client(&db, "owner"), client(&db, "other"));
    let first = stat(AnalysisId::random(), StatsType::Threat, "2026-01-01");
    assert!(
        db.insert_stats(owner.id, std::slice::from_ref(&first))
            .unwrap()
            .is_empty()
    );

    let again = Stat {
        data: RawJson::parse("{}").unwrap(),
        ..first.clone()
    };
    let new = stat(first.analysis, StatsType::Threat, "2026-01-02");
    let twice = Stat {
        date: day("2026-01-03"),
        ..new.clone()
    };
    let skipped = db
        .insert_stats(other.id, &[again, new.clone(), twice])
        .unwrap();
    assert_eq!(skipped, [0, 2]);

    assert_eq!(
        db.stats(&all()).unwrap(),
        [first.clone(), new.clone()],
        "the first one is kept"
    );
    let of = |client: &Client| StatsFilter {
        owner: Some(client.id),
        ..all()
    };
    assert_eq!(db.stats(&of(&owner)).unwrap(), [first]);
    assert_eq!(db.stats(&of(&other)).unwrap(), [new]);
    assert!(db.insert_stats(owner.id, &[]).unwrap().is_empty());
}

on_each_database!(a_batch_larger_than_a_statement_is_stored_whole);
fn a_batch_larger_than_a_statement_is_stored_whole(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let batch: Vec<_> = (0..1203)
        .map(|_| stat(AnalysisId::random(), StatsType::Threat, "2026-01-01"))
        .collect();
    assert!(
        db.insert_stats(owner.id, &batch[1000..])
            .unwrap()
            .is_empty()
    );
    assert_eq!(db.insert_stats(owner.id, &batch).unwrap().len(), 203);
    assert_eq!(ids(&db.stats(&all()).unwrap()), ids(&batch));
}

on_each_database!(a_batch_that_fails_in_the_middle_leaves_nothing_behind);
fn a_batch_that_fails_in_the_middle_leaves_nothing_behind(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    // As a full disk would, from the 501st stat on.
    database.execute(if database.is_postgres() {
        "CREATE FUNCTION fail() RETURNS trigger AS
            $$ BEGIN IF (SELECT count(*) FROM stats) > 500 THEN RAISE 'disk full'; END IF; RETURN NULL; END $$
            LANGUAGE plpgsql;
         CREATE TRIGGER fail AFTER INSERT ON stats EXECUTE FUNCTION fail();"
    } else {
        "CREATE TRIGGER fail AFTER INSERT ON stats WHEN (SELECT count(*) FROM stats) > 500
            BEGIN SELECT RAISE(ABORT, 'disk full'); END;"
    });
    let batch: Vec<_> = (0..600)
        .map(|_| stat(AnalysisId::random(), StatsType::Threat, "2026-01-01"))
        .collect();
    let error = db.insert_stats(owner.id, &batch).unwrap_err();
    assert!(error.to_string().contains("disk full"), "{error}");
    assert_eq!(db.read(|snapshot| snapshot.count_stats(&all())).unwrap(), 0);
    assert!(
        db.insert_stats(owner.id, &batch[..500]).unwrap().is_empty(),
        "the connection is fit for use"
    );
}

/// Two clients and two analyses; stats of two types over several days.
struct Fleet {
    db: Db,
    a: Client,
    b: Client,
    one: AnalysisId,
    two: AnalysisId,
    /// In the order in which they are listed.
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

    /// Asserts that `filter` lets through just the stats for which `expected` holds, in order, however it is asked.
    fn check(&self, filter: &StatsFilter, expected: impl Fn(&Stat) -> bool) {
        let expected: Vec<_> = self
            .stats
            .iter()
            .filter(|stat| expected(stat))
            .cloned()
            .collect();
        assert_eq!(self.db.stats(filter).unwrap(), expected, "{filter:?}");
        let (count, mut documents) = self
            .db
            .read(|snapshot| {
                let mut documents = Vec::new();
                let count = snapshot.count_stats(filter)?;
                snapshot.for_each_document(filter, |date, data| {
                    documents.push((date, data.to_owned()))
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

on_each_database!(each_part_of_a_filter_leaves_some_out);
fn each_part_of_a_filter_leaves_some_out(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let of_b = fleet
        .db
        .stats(&StatsFilter {
            owner: Some(fleet.b.id),
            ..all()
        })
        .unwrap();
    let is_of_b = |stat: &Stat| of_b.contains(stat);
    assert_eq!(of_b.len(), 2);

    fleet.check(&all(), |_| true);
    fleet.check(
        &StatsFilter {
            owner: Some(fleet.a.id),
            ..all()
        },
        |stat| !is_of_b(stat),
    );
    let risk = StatsFilter {
        stats_type: Some(StatsType::Risk),
        ..all()
    };
    fleet.check(&risk, |stat| stat.stats_type == StatsType::Risk);
    let of = |analyses: &[AnalysisId]| Some(BTreeSet::from_iter(analyses.iter().copied()));
    fleet.check(
        &StatsFilter {
            analyses: of(&[fleet.one]),
            ..all()
        },
        |stat| stat.analysis == fleet.one,
    );
    fleet.check(
        &StatsFilter {
            analyses: of(&[fleet.one, fleet.two]),
            ..all()
        },
        |_| true,
    );
    fleet.check(
        &StatsFilter {
            analyses: of(&[]),
            ..all()
        },
        |_| false,
    );
    let dates = DateRange {
        from: day("2026-01-02"),
        to: day("2026-01-03"),
    };
    fleet.check(&StatsFilter { dates, ..all() }, |stat| {
        (dates.from..=dates.to).contains(&stat.date)
    });
    let backwards = DateRange {
        from: dates.to,
        to: dates.from,
    };
    fleet.check(
        &StatsFilter {
            dates: backwards,
            ..all()
        },
        |_| false,
    );
    fleet.check(
        &StatsFilter {
            local_only: true,
            ..all()
        },
        |_| true,
    );
    let together = StatsFilter {
        owner: Some(fleet.a.id),
        stats_type: Some(StatsType::Threat),
        analyses: of(&[fleet.two]),
        dates: DateRange {
            from: day("2026-01-04"),
            to: day("2026-01-05"),
        },
        local_only: true,
        newest_only: true,
        page: Page::default(),
    };
    fleet.check(&together, |stat| stat.date == day("2026-01-04"));
}

on_each_database!(a_thousand_analyses_make_a_filter);
fn a_thousand_analyses_make_a_filter(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let mut analyses = BTreeSet::from_iter((0..9_999).map(|_| AnalysisId::random()));
    analyses.insert(fleet.one);
    fleet.check(
        &StatsFilter {
            analyses: Some(analyses),
            ..all()
        },
        |stat| stat.analysis == fleet.one,
    );
}

on_each_database!(the_newest_of_each_analysis_and_type);
fn the_newest_of_each_analysis_and_type(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let newest = |filter: StatsFilter| StatsFilter {
        newest_only: true,
        ..filter
    };
    let oldest_threat = |stat: &Stat| stat.date == day("2026-01-01");
    fleet.check(&newest(all()), |stat| !oldest_threat(stat));
    let up_to_first = DateRange {
        to: day("2026-01-01"),
        ..DateRange::default()
    };
    fleet.check(
        &newest(StatsFilter {
            dates: up_to_first,
            ..all()
        }),
        oldest_threat,
    );

    let same_day = [
        stat(fleet.one, StatsType::Threat, "2026-02-01"),
        stat(fleet.one, StatsType::Threat, "2026-02-01"),
        stat(fleet.one, StatsType::Threat, "2026-02-01"),
    ];
    for stat in &same_day {
        fleet
            .db
            .insert_stats(fleet.a.id, std::slice::from_ref(stat))
            .unwrap();
    }
    let in_one_batch = [0, 1, 2].map(|_| stat(fleet.two, StatsType::Threat, "2026-02-01"));
    fleet.db.insert_stats(fleet.a.id, &in_one_batch).unwrap();
    let threats = StatsFilter {
        owner: Some(fleet.a.id),
        stats_type: Some(StatsType::Threat),
        ..all()
    };
    let last = [&same_day[2], &in_one_batch[2]];
    assert_eq!(
        ids(&fleet.db.stats(&newest(threats)).unwrap()),
        ids(last),
        "the one stored last"
    );
}

on_each_database!(the_newest_documents_come_first);
fn the_newest_documents_come_first(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let newest = |filter: &StatsFilter, newest: u32| {
        let mut dates = Vec::new();
        let visit = |date: NaiveDate, _: &str| dates.push(date.to_string());
        fleet
            .db
            .read(|snapshot| snapshot.for_each_newest_document(filter, newest, visit))
            .map_err(|error: DbError| error)
            .unwrap();
        dates
    };
    assert_eq!(
        newest(&all(), 3),
        ["2026-01-05", "2026-01-04", "2026-01-03"]
    );
    let of_a = StatsFilter {
        owner: Some(fleet.a.id),
        stats_type: Some(StatsType::Threat),
        ..all()
    };
    assert_eq!(newest(&of_a, 9), ["2026-01-04", "2026-01-03", "2026-01-01"]);
    assert_eq!(newest(&of_a, 0), [""; 0]);
}

on_each_database!(pages_walk_the_list_once);
fn pages_walk_the_list_once(database: &TestDatabase) {
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
    let count = fleet
        .db
        .read(|snapshot| snapshot.count_stats(&page(4, Some(1))))
        .unwrap();
    assert_eq!(count, 6, "the page does not count");
}

on_each_database!(a_visit_may_end_early);
fn a_visit_may_end_early(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    let mut visited = Vec::new();
    fleet
        .db
        .read(|snapshot| {
            snapshot.for_each_stat(&all(), |stat| {
                visited.push(stat);
                if visited.len() == 2 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        })
        .map_err(|error: DbError| error)
        .unwrap();
    assert_eq!(visited, fleet.stats[..2]);
    fleet.check(&all(), |_| true);
}

on_each_database!(a_snapshot_sees_one_moment);
fn a_snapshot_sees_one_moment(database: &TestDatabase) {
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
    assert_eq!(
        fleet
            .db
            .read(|snapshot| snapshot.count_stats(&all()))
            .unwrap(),
        7
    );
}

on_each_database!(only_own_stats_of_one_analysis_are_deleted);
fn only_own_stats_of_one_analysis_are_deleted(database: &TestDatabase) {
    let fleet = Fleet::new(database);
    assert_eq!(fleet.db.delete_stats(fleet.b.id, fleet.one).unwrap(), 0);
    assert_eq!(fleet.db.delete_stats(fleet.a.id, fleet.two).unwrap(), 1);
    let left: Vec<StatId> = ids(fleet
        .stats
        .iter()
        .filter(|stat| stat.date != day("2026-01-04")));
    assert_eq!(ids(&fleet.db.stats(&all()).unwrap()), left);
}
