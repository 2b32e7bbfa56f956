//! The files of `examples/monitoring`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stats_db::{ClientChange, Db, PushCounts};
use stats_testing::TestDatabase;

use crate::support::{start_with, stats};

fn example(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/monitoring");
    Path::new(folder).join(name)
}

/// The names in `text` that look like those of our metrics.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("stats_")).collect()
}

/// The metrics of a server that has stored and processed stats, pushed some, made a release, and looked for a hot standby.
fn metrics(database: &TestDatabase) -> String {
    let settings = [
        ("PUBLIC_MIN_CLIENTS", "3"),
        ("DATABASE_READ_URL", database.url()),
    ];
    drop(database.migrated());
    let server = start_with(database, &settings);
    assert_eq!(server.post(&stats(2)).status(), 201);
    for path in ["/stats/threats.json", "/stats/threats.json"] {
        assert_eq!(server.request(path).status(), 200);
    }
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    let admin = db.clients().unwrap().remove(0);
    let share = ClientChange::Sharing(true);
    db.change_client(admin.uuid, &share).unwrap();
    db.record_push("https://x.example/", PushCounts::default(), None)
        .unwrap();
    server.request("/metrics").text().unwrap()
}

#[test]
fn alerts_and_board_use_metrics_that_exist() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let metrics = metrics(&database);
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeSet<_> = samples
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let alerts = fs::read_to_string(example("alerts.yml")).unwrap();
    let board = fs::read_to_string(example("grafana.json")).unwrap();
    let parsed: Value = serde_json::from_str(&board).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 3);
    for (file, text) in [("alerts.yml", &alerts), ("grafana.json", &board)] {
        let used = names(text);
        assert!(used.len() > 5, "{file}: {used:?}");
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}\n{metrics}");
    }
}

#[test]
fn promtool_accepts_the_alerts() {
    let run = |arguments: &[&str]| Command::new("promtool").args(arguments).output();
    let Ok(_) = run(&["--version"]) else {
        let skipped = "promtool is not installed (Debian: apt-get install prometheus): skipped";
        return writeln!(io::stderr(), "{skipped}").unwrap();
    };
    let alerts = example("alerts.yml");
    let checked = run(&["check", "rules", alerts.to_str().unwrap()]).unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let tested = example("alerts.test.yml");
    let tested = run(&["test", "rules", tested.to_str().unwrap()]).unwrap();
    assert!(tested.status.success(), "{tested:?}");
}
