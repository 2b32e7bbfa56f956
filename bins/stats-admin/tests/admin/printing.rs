//! `stats-admin stats list-last` and `export`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use stats_core::{AnalysisId, Client, RawJson, Stat, StatsType};
use stats_db::Db;
use stats_testing::{TestDatabase, client, on_each_database, stat};

use crate::support::{fail, program, run, succeed};

/// The stats of two clients about one analysis, and a stat without a client.
struct Reports {
    db: Db,
    zoe: Client,
    analysis: AnalysisId,
    stats: [Stat; 5],
}

impl Reports {
    fn new(database: &TestDatabase) -> Self {
        let db = database.migrated();
        let [gone, zoe, adam] =
            ["gone", "Zoé \"the, first\"", "Adam"].map(|name| client(&db, name));
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
        // The Python service leaves such rows.
        database
            .execute("UPDATE stats SET client_id = NULL, created_at = NULL WHERE client_id = 1");
        database.execute("DELETE FROM client WHERE id = 1");
        Self {
            db,
            zoe,
            analysis,
            stats,
        }
    }
}

on_each_database!(list_last_lists_the_newest_stat_of_each_client_and_type);
fn list_last_lists_the_newest_stat_of_each_client_and_type(database: &TestDatabase) {
    let Reports {
        zoe,
        analysis,
        stats,
        ..
    } = &Reports::new(database);
    let uuid = zoe.uuid;
    let list = |options: &str| succeed(database, format!("stats list-last{options}"));
    let printed = list("");
    let arrival = |line: &str| line[12..32].trim_end().to_owned();
    let arrivals: Vec<_> = printed.lines().map(arrival).collect();
    assert_eq!(arrivals[3], "unknown");
    let arrived: DateTime<Utc> = arrivals[0].parse().unwrap();
    assert!((Utc::now() - arrived).abs() < TimeDelta::minutes(5));
    let expected = [
        format!("2026-01-03  risk           {analysis}  Adam\n"),
        format!("2026-01-01  risk           {analysis}  Zoé \"the, first\"\n"),
        format!("2025-06-01  threat         {analysis}  Zoé \"the, first\"\n"),
        format!("2026-01-02  compliance     {analysis}  (no client)\n"),
    ];
    for (options, expected) in [
        (String::new(), &expected[..]),
        (format!(" --client-uuid {uuid}"), &expected[1..3]),
        (" --type risk".to_owned(), &expected[..2]),
        (" --type vulnerability".to_owned(), &[]),
    ] {
        let printed = list(&options);
        let without_arrival = printed
            .lines()
            .map(|line| format!("{}{}\n", &line[..12], &line[34..]));
        assert_eq!(
            without_arrival.collect::<String>(),
            expected.concat(),
            "{options}"
        );
    }

    assert_eq!(list(" --type vulnerability --json"), "[]\n");
    let mut json: Value = serde_json::from_str(&list(" --json")).unwrap();
    assert!(json[1]["created_at"].take().is_string());
    let entry = |stat: &Stat, client: Value, name: Value| {
        json!({
            "client": client, "name": name, "uuid": stat.uuid, "anr": analysis, "type": stat.stats_type,
            "date": stat.date, "created_at": null,
        })
    };
    assert_eq!(json[1], entry(&stats[1], json!(uuid), json!(zoe.name)));
    assert_eq!(json[3], entry(&stats[4], Value::Null, Value::Null));
    assert_eq!(json.as_array().unwrap().len(), 4);
}

/// The output of an export of this number of stats.
fn export(database: &TestDatabase, options: &str, number: usize) -> String {
    let outcome = run(database, format!("stats export{options}"), "");
    let plural = if number == 1 { "" } else { "s" };
    let notice = format!("Exported {number} stat{plural}\n");
    assert_eq!((outcome.code, outcome.stderr), (0, notice), "{options}");
    outcome.stdout
}

on_each_database!(export_prints_stats_as_json_lines);
fn export_prints_stats_as_json_lines(database: &TestDatabase) {
    let Reports { db, zoe, stats, .. } = &Reports::new(database);
    let printed = export(database, "", 5);
    let lines = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let exported: Vec<Stat> = lines.collect();
    for (exported, position) in exported.iter().zip([0, 1, 3, 2, 4]) {
        let value = |stat: &Stat| -> (Value, Stat) {
            let data = RawJson::parse("[]").unwrap();
            let document = serde_json::from_str(stat.data.as_str()).unwrap();
            (
                document,
                Stat {
                    data,
                    ..stat.clone()
                },
            )
        };
        assert_eq!(value(exported), value(&stats[position]));
    }
    for (options, number) in [
        (format!(" --client-uuid {}", zoe.uuid), 3),
        (" --type risk".to_owned(), 3),
        (" --type vulnerability".to_owned(), 0),
        (" --date-from 2026-01-01".to_owned(), 3),
        (" --date-from 2025-12-31 --date-to 2026-01-01".to_owned(), 2),
        (
            format!(
                " --client-uuid {} --type risk --date-to 2025-12-31",
                zoe.uuid
            ),
            1,
        ),
    ] {
        assert_eq!(export(database, &options, number).lines().count(), number);
    }
    let skipped = db.insert_stats(zoe.id, &exported).unwrap();
    assert_eq!(skipped.len(), 5, "the lines can be stored again");
}

on_each_database!(export_prints_stats_as_csv);
fn export_prints_stats_as_csv(database: &TestDatabase) {
    let Reports {
        zoe,
        analysis,
        stats,
        ..
    } = &Reports::new(database);
    let header = "uuid,anr,type,date,client,data\n";
    assert_eq!(
        export(database, " --format csv --type vulnerability", 0),
        header
    );
    let table = export(database, " --format csv", 5);
    let first = format!(
        "{header}{},{analysis},risk,2025-12-31,{},[]\n",
        stats[0].uuid, zoe.uuid
    );
    assert!(table.starts_with(&first), "{table}");
    assert_eq!(table.lines().count(), 6, "{table}");
    let rows = csv::Reader::from_reader(table.as_bytes()).into_records();
    let last = rows.last().unwrap().unwrap();
    assert_eq!((&last[2], &last[4]), ("compliance", ""));
    let document: Value = serde_json::from_str(&last[5]).unwrap();
    assert_eq!(document, json!({"a,b": ["é\n", 1.50]}));
}

#[test]
fn export_writes_a_complete_private_file_or_none() {
    let database = TestDatabase::sqlite();
    Reports::new(&database);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stats.jsonl");
    let line = format!("stats export --output {}", path.display());
    let outcome = run(&database, &line, "");
    let notice = format!("Exported 5 stats to {}\n", path.display());
    assert_eq!(
        (outcome.code, outcome.stdout, outcome.stderr),
        (0, String::new(), notice)
    );
    let printed = export(&database, "", 5);
    assert_eq!(fs::read_to_string(&path).unwrap(), printed);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o007, 0);

    let again = fail(&database, &line);
    assert_eq!(
        again,
        format!("cannot write {}: the file exists already", path.display())
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), printed);
    let nowhere = fail(
        &database,
        format!("stats export --output {}/x", path.display()),
    );
    assert!(
        nowhere.contains("stats.jsonl/x: Not a directory"),
        "{nowhere}"
    );
    // The export fails at this row, after others.
    database.execute("UPDATE stats SET anr = 'junk' WHERE type = 'risk' AND date = '2026-01-03'");
    let other = folder.path().join("other.jsonl");
    fail(
        &database,
        format!("stats export --output {}", other.display()),
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn closed_standard_output_is_not_an_error() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    // Their list is far larger than the buffer of a pipe.
    let stats: Vec<_> = (0..10_000)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(client(&db, "CASES").id, &stats).unwrap();
    for line in [
        "stats export",
        "stats export --format csv",
        "stats list-last",
        "stats list-last --json",
    ] {
        let environment = [("DATABASE_URL", database.url())];
        let mut program = program(&environment, line).spawn().unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(program.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        drop(stdout);
        let output = program.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.as_slice()),
            (Some(0), &b""[..]),
            "{line}"
        );
    }
}
