//! The care of the stats: duplicates, who stopped reporting, exports.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use stats_core::{AnalysisId, RawJson, Stat, StatsFilter, StatsType};
use stats_db::Db;
use stats_testing::{TestDatabase, client, ids, on_each_database, stat};

use crate::support::{fail, run, run_with, succeed};

fn all(db: &Db) -> Vec<Stat> {
    db.stats(&StatsFilter::default()).unwrap()
}

on_each_database!(duplicates_are_counted_and_deleted_after_a_yes);
fn duplicates_are_counted_and_deleted_after_a_yes(database: &TestDatabase) {
    let db = database.migrated();
    let cases = client(&db, "CASES");
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
    db.insert_stats(cases.id, &stats).unwrap();
    let left = |positions: &[usize]| {
        let expected = positions.iter().map(|position| &stats[*position]);
        assert_eq!(ids(&all(&db)), ids(expected));
    };
    let remove = ["stats", "remove-duplicate", "--type", "risk"];
    let refused = run_with(database.url(), &remove, "n\n");
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (1, "Delete 1 duplicate stat of type risk? [y/N]: ")
    );
    left(&[0, 1, 2, 3, 4, 5]);
    let deleted = run_with(database.url(), &remove, "y\n");
    assert!(
        deleted
            .stdout
            .ends_with("Deleted 1 duplicate stat of type risk\n"),
        "{deleted:?}"
    );
    left(&[0, 1, 3, 4, 5]);
    let nothing = succeed(database, "stats_remove_duplicate --type risk");
    assert_eq!(
        nothing.stdout,
        "Nothing to delete: there are no duplicate stats of type risk\n"
    );
    let unchanged = succeed(
        database,
        "stats_remove_duplicate --type risk --nb-month 1 -y",
    );
    assert_eq!(unchanged.stdout, "Deleted 1 duplicate stat of type risk\n");
    left(&[0, 3, 4, 5]);
    for wrong in [
        "",
        " --type bogus",
        " --type risk --nb-month 0",
        " --type risk --nb-month 1201",
    ] {
        fail(database, &format!("stats remove-duplicate -y{wrong}"));
    }
    left(&[0, 3, 4, 5]);
}

/// Two clients that report about one analysis, and a stat of nobody.
struct Reports {
    db: Db,
    zoe: String,
    analysis: AnalysisId,
    stats: [Stat; 5],
}

impl Reports {
    fn new(database: &TestDatabase) -> Self {
        let db = database.migrated();
        let gone = client(&db, "gone");
        let (zoe, adam) = (client(&db, "Zoé \"the, first\""), client(&db, "Adam"));
        let analysis = AnalysisId::random();
        let on = |stats_type, date| stat(analysis, stats_type, date);
        let stats = [
            on(StatsType::Risk, "2025-12-31"),
            on(StatsType::Risk, "2026-01-01"),
            on(StatsType::Threat, "2025-06-01"),
            on(StatsType::Risk, "2026-01-03"),
            Stat {
                data: RawJson::parse("{\"a,b\":\r\n\t[\"é\\n\",\n1.50]}").unwrap(),
                ..on(StatsType::Compliance, "2026-01-02")
            },
        ];
        db.insert_stats(zoe.id, &stats[..3]).unwrap();
        db.insert_stats(adam.id, &stats[3..4]).unwrap();
        db.insert_stats(gone.id, &stats[4..]).unwrap();
        database
            .execute("UPDATE stats SET client_id = NULL, created_at = NULL WHERE client_id = 1");
        database.execute("DELETE FROM client WHERE id = 1");
        Self {
            db,
            zoe: zoe.uuid.to_string(),
            analysis,
            stats,
        }
    }
}

on_each_database!(the_newest_stats_tell_who_stopped_reporting);
fn the_newest_stats_tell_who_stopped_reporting(database: &TestDatabase) {
    let Reports {
        zoe,
        analysis,
        stats,
        ..
    } = &Reports::new(database);
    let list = |options: &str| succeed(database, &format!("stats list-last{options}")).stdout;
    // The time of arrival aside, which is now.
    let lines = |options: &str| -> Vec<String> {
        list(options)
            .lines()
            .map(|line| format!("{}{}", &line[..12], &line[34..]))
            .collect()
    };
    let adam = format!("2026-01-03  risk           {analysis}  Adam");
    let of_zoe = [
        format!("2026-01-01  risk           {analysis}  Zoé \"the, first\""),
        format!("2025-06-01  threat         {analysis}  Zoé \"the, first\""),
    ];
    let of_nobody = format!("2026-01-02  compliance     {analysis}  (nobody)");
    assert_eq!(
        lines(""),
        [&adam, &of_zoe[0], &of_zoe[1], &of_nobody].map(Clone::clone)
    );
    assert_eq!(lines(&format!(" --client-uuid {zoe}")), of_zoe);
    assert_eq!(lines(" --type risk"), [&adam, &of_zoe[0]].map(Clone::clone));
    assert_eq!(list(" --type vulnerability"), "");
    assert_eq!(list(" --type vulnerability --json"), "[]\n");
    let printed = list("");
    let words: Vec<_> = printed.lines().next().unwrap().split("  ").collect();
    let arrived = words[1].parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!((chrono::Utc::now() - arrived).abs() < chrono::TimeDelta::minutes(5));
    assert!(printed.lines().last().unwrap().contains("  unknown  "));

    let json: serde_json::Value = serde_json::from_str(&list(" --json")).unwrap();
    let json = json.as_array().unwrap();
    assert_eq!(json.len(), 4);
    assert_eq!(
        (&json[1]["client"], &json[1]["type"]),
        (&zoe.as_str().into(), &"risk".into())
    );
    assert_eq!(json[1]["uuid"], stats[1].uuid.to_string());
    assert_eq!(json[1]["anr"], analysis.to_string());
    assert_eq!(json[1]["date"], "2026-01-01");
    assert_eq!(json[1]["name"], "Zoé \"the, first\"");
    assert!(json[1]["created_at"].is_string());
    for key in ["client", "name", "created_at"] {
        assert!(json[3][key].is_null(), "{key}: {json:?}");
    }
    let nobody = "11111111-0000-4000-8000-000000000001";
    for command in ["list-last", "export"] {
        let error = fail(database, &format!("stats {command} --client-uuid {nobody}"));
        assert!(error.contains(&format!("no client {nobody}")), "{error}");
    }
}

/// The stats that an export wrote, and what it said.
fn export(database: &TestDatabase, options: &str) -> (String, String) {
    let outcome = run(database, &format!("stats export{options}"));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    (outcome.stdout, outcome.stderr)
}

on_each_database!(stats_are_exported_one_a_line);
fn stats_are_exported_one_a_line(database: &TestDatabase) {
    let Reports { db, zoe, stats, .. } = &Reports::new(database);
    let lines = |options: &str| -> Vec<Stat> {
        let (lines, said) = export(database, options);
        let stats: Vec<_> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let plural = if stats.len() == 1 { "" } else { "s" };
        assert_eq!(said, format!("Exported {} stat{plural}\n", stats.len()));
        stats
    };
    let by_type = [0, 1, 3, 2, 4].map(|position| &stats[position]);
    let exported = lines("");
    for (exported, stat) in exported.iter().zip(by_type) {
        assert_eq!(
            (exported.uuid, exported.stats_type, exported.date),
            (stat.uuid, stat.stats_type, stat.date)
        );
        let value =
            |stat: &Stat| serde_json::from_str::<serde_json::Value>(stat.data.as_str()).unwrap();
        assert_eq!(value(exported), value(stat));
    }
    assert_eq!(exported.len(), 5);
    let count = |options: &str| lines(options).len();
    assert_eq!(count(&format!(" --client-uuid {zoe}")), 3);
    assert_eq!(count(" --type risk"), 3);
    assert_eq!(count(" --date-from 2026-01-01"), 3);
    assert_eq!(count(" --date-from 2025-12-31 --date-to 2026-01-01"), 2);
    assert_eq!(
        count(&format!(
            " --client-uuid {zoe} --type risk --date-to 2025-12-31"
        )),
        1
    );
    assert_eq!(count(" --type vulnerability"), 0);

    // What was exported can be posted elsewhere.
    let other = client(db, "other");
    let skipped = db.insert_stats(other.id, &exported).unwrap();
    assert_eq!(skipped, [0, 1, 2, 3, 4]);
    let backwards = fail(
        database,
        "stats export --date-from 2026-01-02 --date-to 2026-01-01",
    );
    assert!(
        backwards.contains("--date-from 2026-01-02 is after --date-to 2026-01-01"),
        "{backwards}"
    );
    for wrong in ["--date-from tomorrow", "--format xml", "--type bogus"] {
        fail(database, &format!("stats export {wrong}"));
    }
}

on_each_database!(stats_are_exported_as_a_table);
fn stats_are_exported_as_a_table(database: &TestDatabase) {
    let Reports {
        zoe,
        analysis,
        stats,
        ..
    } = &Reports::new(database);
    let (table, said) = export(database, " --format csv");
    assert_eq!(said, "Exported 5 stats\n");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header: Vec<_> = reader.headers().unwrap().iter().collect();
    assert_eq!(header, ["uuid", "anr", "type", "date", "client", "data"]);
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let first: Vec<_> = rows[0].iter().collect();
    let uuid = stats[0].uuid.to_string();
    assert_eq!(
        first,
        [
            &uuid,
            &analysis.to_string(),
            "risk",
            "2025-12-31",
            zoe,
            "[]"
        ]
    );
    let last = &rows[4];
    assert_eq!((&last[2], &last[4]), ("compliance", ""));
    let data: serde_json::Value = serde_json::from_str(&last[5]).unwrap();
    assert_eq!(data, serde_json::json!({"a,b": ["é\n", 1.50]}));
    assert_eq!(table.lines().count(), 6, "a line each: {table}");
    let (empty, _) = export(database, " --format csv --type vulnerability");
    assert_eq!(empty, "uuid,anr,type,date,client,data\n");
}

on_each_database!(an_export_goes_to_a_new_file);
fn an_export_goes_to_a_new_file(database: &TestDatabase) {
    Reports::new(database);
    let folder = tempfile::tempdir().unwrap();
    let names = || std::fs::read_dir(folder.path()).unwrap().count();
    let path = folder.path().join("stats.jsonl");
    let line = |path: &Path| format!("stats export --output {}", path.display());
    let outcome = run(database, &line(&path));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    assert_eq!(
        outcome.stderr,
        format!("Exported 5 stats to {}\n", path.display())
    );
    let (printed, _) = export(database, "");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), printed);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{mode:o}");
    }
    let again = fail(database, &line(&path));
    assert!(again.contains("there is a file"), "{again}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), printed);
    // A row that cannot be read makes it fail half way through.
    let other = folder.path().join("other.jsonl");
    if !database.is_postgres() {
        database
            .execute("UPDATE stats SET anr = 'junk' WHERE type = 'risk' AND date = '2026-01-03'");
        fail(database, &line(&other));
        assert_eq!(names(), 1);
    }
    let nowhere = fail(database, &line(&folder.path().join("none").join("x")));
    assert!(nowhere.contains("none/x: No such file"), "{nowhere}");
}

/// A reader that has seen enough, such as `head`, is no failure.
#[test]
fn a_reader_may_go_away() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let stats: Vec<_> = (0..20_000)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(owner.id, &stats).unwrap();
    for arguments in [
        &["stats", "export"][..],
        &["stats", "export", "--format", "csv"],
        &["stats", "list-last"],
        &["stats", "list-last", "--json"],
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_stats-admin"))
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", database.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        // Far more is to come than fits into a pipe.
        BufReader::new(program.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let mut said = String::new();
        let status = program.wait().unwrap();
        program
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(
            (status.code(), said.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}
