//! `stats-admin stats import`.

use std::fs;

use stats_core::{AnalysisId, RawJson, Stat, StatsFilter, StatsType};
use stats_db::Db;
use stats_testing::{TestDatabase, client, on_each_database, stat};

use crate::support::{message, run, succeed};

/// Two clients with stats of several types, and documents that need quoting in CSV.
fn filled(database: &TestDatabase) -> (Db, [stats_core::Client; 2]) {
    let db = database.migrated();
    let clients = ["Zoé", "Adam"].map(|name| client(&db, name));
    for client in &clients {
        let stats = [StatsType::Risk, StatsType::Threat].map(|stats_type| Stat {
            data: RawJson::parse("{\"a,b\":\r\n\t[\"é\\n\",\n1.50, 1e2]}").unwrap(),
            ..stat(AnalysisId::random(), stats_type, "2026-01-02")
        });
        db.insert_stats(client.id, &stats).unwrap();
    }
    (db, clients)
}

fn stats_of(db: &Db, owner: &stats_core::Client) -> Vec<Stat> {
    let filter = StatsFilter {
        owner: Some(owner.id),
        ..StatsFilter::default()
    };
    db.stats(&filter).unwrap()
}

fn assert_same(ours: &[Stat], theirs: &[Stat]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!(ours.data.is_same_value(&theirs.data));
        let data = theirs.data.clone();
        assert_eq!(
            &Stat {
                data,
                ..ours.clone()
            },
            theirs
        );
    }
}

on_each_database!(import_stores_what_export_has_written);
fn import_stores_what_export_has_written(database: &TestDatabase) {
    let (db, clients) = filled(database);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let export = |options: &str, name: &str| {
        let outcome = run(
            database,
            format!("stats export{options} --output {}", file(name)),
            "",
        );
        assert_eq!(outcome.code, 0, "{outcome:?}");
    };
    export(" --format csv", "all.csv");
    for (client, name) in clients.iter().zip(["zoe.jsonl", "adam.jsonl"]) {
        export(&format!(" --client-uuid {}", client.uuid), name);
    }
    let others = [Some(TestDatabase::sqlite()), TestDatabase::postgres()];
    for other in others.into_iter().flatten() {
        let to = other.migrated();
        let copies = clients.each_ref().map(|client| {
            let new = stats_core::NewClient {
                uuid: client.uuid,
                ..stats_core::NewClient::user(client.name.parse().unwrap())
            };
            to.create_client(&new).unwrap()
        });
        let skipped = succeed(
            &other,
            format!("stats import {} --client Adam", file("adam.jsonl")),
        );
        assert_eq!(
            skipped,
            "2 stats imported, 0 stats skipped that are stored already\n"
        );
        let mixed = succeed(&other, format!("stats import {}", file("all.csv")));
        assert_eq!(
            mixed,
            "2 stats imported, 2 stats skipped that are stored already\n"
        );
        for (client, copy) in clients.iter().zip(&copies) {
            assert_same(&stats_of(&db, client), &stats_of(&to, copy));
        }
        to.empty().unwrap();
        // All stats of the file for one client, from standard input.
        let heir = client(&to, "heir");
        let lines = fs::read_to_string(file("all.csv")).unwrap();
        let line = format!("stats import --format csv --client {}", heir.uuid);
        assert_eq!(run(&other, line, &lines).code, 0);
        assert_eq!(stats_of(&to, &heir).len(), 4);
    }
}

on_each_database!(a_wrong_line_is_named_and_its_batch_is_not_stored);
fn a_wrong_line_is_named_and_its_batch_is_not_stored(database: &TestDatabase) {
    let db = database.migrated();
    let adam = client(&db, "Adam");
    let line = |number: usize| {
        let stat = stat(AnalysisId::random(), StatsType::Risk, "2026-01-02");
        let json = serde_json::to_string(&stat).unwrap() + "\n";
        assert!(number < 10_000);
        json
    };
    let fails = |options: &str, typed: &str| {
        let outcome = run(database, format!("stats import {options}"), typed);
        message(&outcome, 1)
    };
    let good = line(0);
    for (wrong, reason) in [
        ("{", "line 2: the payload is not JSON"),
        ("5\n", "line 2: a stat must be an object"),
        ("{}\n", "line 2: anr is missing"),
        (
            &good.replace("2026", "2999"),
            "line 2: date 2999-01-02 is in the future",
        ),
        (&good.replace("risk", "risk\\u0000"), "line 2: type 'risk"),
        (
            &good.replace("\"uuid\"", "\"uid\""),
            "line 2: uid is not a field",
        ),
        (&good.replace("[]", "null"), "line 2: data is missing"),
        (
            &format!("{},{good}", good.trim()),
            "line 2: must hold one stat, not 2",
        ),
        (
            &format!("\n{}\n", "x".repeat(9_000_000)),
            "line 3 is longer than a stat can be",
        ),
    ] {
        let failed = fails("--client Adam", &format!("{good}{wrong}"));
        assert!(failed.contains(reason), "{failed}");
        assert!(
            failed.starts_with("-: 0 stats imported, 0 stats skipped"),
            "{failed}"
        );
        assert_eq!(stats_of(&db, &adam), []);
    }
    let many: String = (0..2_005).map(line).collect();
    let failed = fails("--client Adam", &format!("{many}nonsense\n"));
    assert!(failed.starts_with("-: 2,000 stats imported, "), "{failed}");
    assert!(failed.contains("line 2006: "), "{failed}");
    assert_eq!(stats_of(&db, &adam).len(), 2_000);
    let stored = run(database, "stats import --client Adam", &many);
    assert!(
        stored
            .stdout
            .starts_with("5 stats imported, 2,000 stats skipped"),
        "{stored:?}"
    );

    let header = "uuid,anr,type,date,client,data\n";
    let record = |client: &str, data: &str| {
        let [uuid, anr] = [(); 2].map(|()| AnalysisId::random());
        format!("{header}{uuid},{anr},risk,2026-01-02,{client},\"{data}\"\n")
    };
    let uuid = adam.uuid.to_string();
    let other = AnalysisId::random().to_string();
    for (typed, reason) in [
        (String::new(), "line 1 must have the columns uuid,anr,type"),
        (record("", "[]"), "line 2: names no client; --client names"),
        (record(&other, "[]"), "line 2: there is no client '"),
        (
            record(&uuid, "[],\"\"date\"\":5"),
            "line 2: data is not JSON",
        ),
        (
            record(&uuid, "5"),
            "line 2: data must be an object or a list",
        ),
        (
            format!("{header}a,b\n"),
            "(line: 2, byte: 31): found record with 2 fields",
        ),
    ] {
        let failed = fails("--format csv", &typed);
        assert!(failed.contains(reason), "{failed}");
    }
    for (options, reason) in [
        ("-", "JSON lines do not name a client"),
        ("--client Eve", "there is no client 'Eve'"),
        (
            "/no/such/file --client Adam",
            "cannot read /no/such/file: No such file",
        ),
    ] {
        let failed = fails(options, "");
        assert!(failed.contains(reason), "{failed}");
    }
}
