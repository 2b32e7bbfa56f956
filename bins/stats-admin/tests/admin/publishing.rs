//! `stats-admin stats publish`.

use std::thread;
use std::time::Duration;

use chrono::{Days, Local};
use stats_core::{AnalysisId, DateRange, RawJson, Stat, StatsType};
use stats_db::Db;
use stats_partials::{Partials, PartialsError, ReleasedDates};
use stats_processors::Registry;
use stats_testing::{TestDatabase, client, on_each_database, stat};

use crate::support::{fail, message, program, run_program};

on_each_database!(publish_prints_what_is_published_and_withheld);
fn publish_prints_what_is_published_and_withheld(database: &TestDatabase) {
    let db = database.migrated();
    let today = Local::now().date_naive();
    let yesterday = (today - Days::new(1)).to_string();
    let risk = |levels: &[&str]| {
        let levels = levels
            .iter()
            .map(|level| format!(r#"{{"level": "{level}", "value": 1}}"#));
        let levels: Vec<_> = levels.collect();
        let data = format!(
            r#"{{"risks": {{"current": {{"informational": [{}]}}}}}}"#,
            levels.join(",")
        );
        Stat {
            data: RawJson::parse(&data).unwrap(),
            ..stat(AnalysisId::random(), StatsType::Risk, &yesterday)
        }
    };
    for (name, levels) in [
        ("one", &["Low risks", "High risks"][..]),
        ("two", &["Low risks"]),
        ("three", &["Low risks"]),
    ] {
        let owner = client(&db, name).id;
        db.insert_stats(owner, &[risk(levels)]).unwrap();
    }
    let publish = |min_clients| {
        let settings = [
            ("DATABASE_URL", database.url()),
            ("PUBLIC_MIN_CLIENTS", min_clients),
        ];
        run_program(&mut program(&settings, "stats publish"), "")
    };
    let outcome = publish("3");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let expected = format!(
        "Release 1: stats before {today}, each figure of at least 3 clients\n\
         TYPE  PUBLISHED  WITHHELD\n\
         risk          1         1\n"
    );
    assert_eq!(outcome.stdout, expected);
    // Two clients remain.
    let settings = [
        ("DATABASE_URL", database.url()),
        ("PUBLIC_MIN_CLIENTS", "3"),
    ];
    let excluded = run_program(&mut program(&settings, "client exclude three"), "");
    assert_eq!(
        (excluded.code, excluded.stdout.as_str()),
        (
            0,
            "three: excluded from all figures\nThe public statistics are release 2\n"
        )
    );
    let risk = db.disclosed().unwrap().pop().unwrap();
    assert_eq!((risk.published, risk.withheld), (0, 2));
    assert!(publish("4").stdout.ends_with("risk          0         2\n"));
    let refused = fail(database, "stats publish");
    assert!(
        refused.starts_with("there are no releases, because PUBLIC_MIN_CLIENTS is 1"),
        "{refused}"
    );
    let invalid = message(&publish("0"), 1);
    assert!(invalid.contains("'0' is not a number from 1 to 1000000"));
}

/// What is published: the release, and all its partials.
fn published(db: &Db) -> (Option<i64>, Vec<String>) {
    let registry = Registry::default();
    let partials = Partials::new(db.clone(), 0);
    db.read::<_, PartialsError>(|snapshot| {
        let Some(release) = snapshot.release()? else {
            return Ok((None, Vec::new()));
        };
        let mut all = vec![release.figures.clone()];
        for processor in registry.iter() {
            let dates = ReleasedDates::Within(DateRange::default());
            let merged =
                partials.accumulate_released(snapshot, &release, processor, false, dates)?;
            all.push(String::from_utf8(merged.to_json()?).unwrap());
        }
        Ok((Some(release.sequence), all))
    })
    .unwrap()
}

on_each_database!(a_publish_that_is_killed_leaves_the_release_before);
fn a_publish_that_is_killed_leaves_the_release_before(database: &TestDatabase) {
    let db = database.migrated();
    let offices = ["one", "two"].map(|name| client(&db, name));
    let today = Local::now().date_naive();
    let add_stats = |value: u64| {
        for office in &offices {
            let stats: Vec<_> = (1..60)
                .map(|days| {
                    let date = (today - Days::new(days)).to_string();
                    let data = format!(
                        r#"{{"risks": {{"current": {{"informational": [{{"level": "Low risks", "value": {value}}}]}}}}}}"#
                    );
                    Stat {
                        data: RawJson::parse(&data).unwrap(),
                        ..stat(AnalysisId::random(), StatsType::Risk, &date)
                    }
                })
                .collect();
            db.insert_stats(office.id, &stats).unwrap();
        }
    };
    let settings = [
        ("DATABASE_URL", database.url()),
        ("PUBLIC_MIN_CLIENTS", "2"),
    ];
    add_stats(1);
    let mut before = published(&db);
    let (mut killed, mut delay) = (0, Duration::ZERO);
    // The last one was not killed in time.
    loop {
        let mut command = program(&settings, "stats publish");
        let mut process = command.spawn().unwrap();
        // At another moment each time.
        thread::sleep(delay);
        delay = delay * 5 / 4 + Duration::from_millis(1);
        process.kill().unwrap();
        let is_complete = process.wait().unwrap().success();
        let after = published(&db);
        let is_new = after.0 != before.0;
        match is_new {
            // All of it is new.
            true => {
                assert_eq!(after.0, Some(before.0.unwrap_or(0) + 1));
                assert_ne!(after.1, before.1);
                add_stats(killed + 2);
            }
            false => assert!(after == before, "the release before stays"),
        }
        if is_complete {
            assert!(is_new);
            break;
        }
        killed += 1;
        before = after;
    }
    assert!(killed > 0);
    // It can be made again.
    let again = run_program(&mut program(&settings, "stats publish"), "");
    assert_eq!(again.code, 0, "{again:?}");
}
