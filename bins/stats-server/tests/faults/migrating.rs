//! Servers that migrate: several at once, from every earlier schema, and killed on the way.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use stats_db::Db;
use stats_testing::{PYTHON_TABLES, TestDatabase, on_each_database};
use stats_testing_http::Server;

use crate::stored::{store_admin, store_stats};
use crate::support::{SetOnDrop, command, illness, rounds, start_on};
use crate::traffic::{listed, process, processed};

/// The versions of all migrations of a database, and their SQL, in order.
fn migrations(database: &TestDatabase) -> Vec<(String, String)> {
    let backend = if database.is_postgres() {
        "postgres"
    } else {
        "sqlite"
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../migrations")
        .join(backend);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut migrations: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let (date, _) = name.split_once('_').unwrap();
            let sql = fs::read_to_string(entry.path().join("up.sql")).unwrap();
            (date.replace('-', ""), sql)
        })
        .collect();
    migrations.sort();
    migrations
}

/// Creates the database with the tables of the first `applied` migrations, or those of the Python service.
fn create(database: &TestDatabase, applied: Option<usize>) {
    let url = database.url().parse().unwrap();
    Db::create(&url).unwrap();
    if !database.is_postgres() {
        // As a server leaves it.
        database.execute("PRAGMA journal_mode = WAL");
    }
    let Some(applied) = applied else {
        return database.execute(PYTHON_TABLES);
    };
    database.execute(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    );
    for (version, sql) in &migrations(database)[..applied] {
        database.execute(&format!(
            "BEGIN; {sql}; INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}'); COMMIT"
        ));
    }
}

/// The number of stats.
fn count(server: &Server) -> usize {
    let response = server.request("/api/v1/stats/?limit=1&date_from=2026-01-01&date_to=2026-12-31");
    let total = response.headers()["x-total-count"].to_str().unwrap();
    total.parse().unwrap()
}

/// Asserts that a server has so many stats, and that its processor counts all of them.
#[track_caller]
fn verify(server: &Server, expected: usize) {
    assert_eq!(illness(server), None);
    assert_eq!(count(server), expected);
    if expected < 50_000 {
        let list = "/api/v1/stats/?type=threat&date_from=2026-01-01&date_to=2026-12-31";
        let stats = listed(&server.request(list).text().unwrap());
        assert_eq!(stats.len(), expected);
        assert_eq!(server.get(&processed())["data"], process(&stats));
    }
}

fn post(server: &Server) {
    let stat = json!({"anr": "33333333-0000-4000-8000-000000000001", "type": "threat", "date": "2026-02-02",
        "data": [{"uuid": "b402d4e0-4576-11e9-9173-0800277f0571", "count": 1, "maxRisk": 5, "averageRate": "3.5"}]});
    assert_eq!(server.post(&json!([stat])).status(), 201);
}

/// Starts so many servers on a database with so many stats, while an older one goes on writing.
fn upgrade(database: &TestDatabase, schema: &str, stored: usize, servers: usize) {
    store_stats(database, 0, stored);
    let is_over = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let old_server = scope.spawn(|| {
            let mut written = 0;
            while !is_over.load(Ordering::Relaxed) {
                written += 1;
                store_stats(database, written, 1);
                // SQLite has no queue of writers.
                thread::sleep(Duration::from_millis(3));
            }
            written
        });
        let _end = SetOnDrop(&is_over);
        let begun = Instant::now();
        let starts: Vec<_> = (0..servers)
            .map(|_| scope.spawn(|| start_on(database)))
            .collect();
        let started: Vec<_> = starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect();
        eprintln!(
            "{schema}, {stored} stats, {servers} servers on {}: all have started after {:.1} s",
            if database.is_postgres() {
                "PostgreSQL"
            } else {
                "SQLite"
            },
            begun.elapsed().as_secs_f64()
        );
        started.iter().for_each(post);
        is_over.store(true, Ordering::Relaxed);
        old_server.join().unwrap()
    });
    let expected = stored + written + servers;
    verify(&start_on(database), expected);
}

/// On PostgreSQL and SQLite, with a database for each schema.
fn each_database() -> Vec<fn() -> Option<TestDatabase>> {
    vec![|| Some(TestDatabase::sqlite()), TestDatabase::postgres]
}

#[test]
fn an_upgrade_from_every_schema_loses_nothing() {
    for new in each_database() {
        let Some(database) = new() else {
            return;
        };
        let all = migrations(&database).len();
        assert!(all > 3);
        let python = database.is_postgres().then_some(None);
        for schema in python.into_iter().chain((1..all).map(Some)) {
            let database = new().unwrap();
            create(&database, schema);
            store_admin(&database);
            let name = match schema {
                Some(applied) => format!("{applied} of {all} migrations"),
                None => "Python service".to_owned(),
            };
            let servers = if schema == Some(1) { 10 } else { 2 };
            upgrade(&database, &name, rounds(1000, 1_000_000), servers);
        }
    }
}

on_each_database!(ten_servers_migrate_an_empty_database_at_once);
fn ten_servers_migrate_an_empty_database_at_once(database: &TestDatabase) {
    create(database, Some(0));
    let servers: Vec<_> = thread::scope(|scope| {
        let starts: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| start_on(database)))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    servers.iter().for_each(post);
    verify(&servers[0], 10);
}

on_each_database!(a_killed_migration_is_as_if_it_had_not_begun);
fn a_killed_migration_is_as_if_it_had_not_begun(database: &TestDatabase) {
    create(database, Some(1));
    store_admin(database);
    let stored = rounds(5000, 200_000);
    store_stats(database, 0, stored);
    for delay in 0..rounds(8, 50) {
        let mut process = command(database.url()).spawn().unwrap();
        thread::sleep(Duration::from_millis(15 * delay as u64));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let server = start_on(database);
    verify(&server, stored);
    post(&server);
    verify(&server, stored + 1);
}
