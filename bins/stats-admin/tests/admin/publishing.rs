//! `stats-admin stats publish`.

use chrono::{Days, Local};
use stats_core::{AnalysisId, RawJson, Stat, StatsType};
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
    assert!(publish("4").stdout.ends_with("risk          0         2\n"));
    let refused = fail(database, "stats publish");
    assert!(
        refused.starts_with("there are no releases, because PUBLIC_MIN_CLIENTS is 1"),
        "{refused}"
    );
    let invalid = message(&publish("0"), 1);
    assert!(invalid.contains("'0' is not a number from 1 to 1000000"));
}
