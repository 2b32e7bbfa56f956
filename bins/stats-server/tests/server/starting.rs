//! Starting: settings, errors, the administrator, and restarts.

use std::net::TcpListener;
use std::time::Duration;

use reqwest::blocking::Client as Http;
use serde_json::json;
use stats_core::{StoredToken, TokenHash};
use stats_db::Db;
use stats_testing::{TestDatabase, on_each_database};
use stats_testing_http::{ADMIN_TOKEN, wait_for};

use crate::support::{command, count_stats, start, start_error, start_on, start_with, stats};

on_each_database!(a_restart_keeps_the_data);
fn a_restart_keeps_the_data(database: &TestDatabase) {
    // The server creates databases only on SQLite.
    if database.is_postgres() {
        let missing = start_error(&[("DATABASE_URL", database.url())]);
        assert!(missing.contains("does not exist"), "{missing}");
        Db::create(&database.url().parse().unwrap()).unwrap();
    }
    let server = start_on(database);
    assert_eq!(server.get("/health"), json!({"status": "ok"}));
    assert_eq!(server.get("/api/v1/client/me")["role"], "2");
    assert_eq!(server.post(&stats(3)).status(), 201);
    drop(server);
    let again = start_on(database);
    assert_eq!(count_stats(&again), 3);
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    assert_eq!(db.clients().unwrap().len(), 1, "the admin is created once");
}

on_each_database!(servers_that_start_at_once_share_the_database);
fn servers_that_start_at_once_share_the_database(database: &TestDatabase) {
    Db::create(&database.url().parse().unwrap()).unwrap();
    let servers = std::thread::scope(|scope| {
        let starts = [(); 3].map(|()| scope.spawn(|| start_on(database)));
        starts.map(|start| start.join().unwrap())
    });
    for server in &servers {
        assert_eq!(server.post(&stats(1)).status(), 201);
    }
    assert_eq!(count_stats(&servers[0]), 3);
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    assert_eq!(db.clients().unwrap().len(), 1, "one admin");
}

on_each_database!(answered_posts_survive_sigkill);
fn answered_posts_survive_sigkill(database: &TestDatabase) {
    Db::create(&database.url().parse().unwrap()).unwrap();
    let server = start_on(database);
    let acknowledged = std::thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let url = format!("{}/api/v1/stats/", server.base);
            let (http, batch) = (Http::new(), stats(10));
            let post = || {
                let request = http.post(&url).header("X-API-KEY", ADMIN_TOKEN);
                let response = request.json(&batch).send().ok()?;
                (response.status() == 201).then_some(())
            };
            std::iter::from_fn(post).take(100_000).count()
        });
        std::thread::sleep(Duration::from_millis(300));
        server.signal("KILL");
        posting.join().unwrap()
    });
    drop(server);
    assert!(acknowledged > 0);
    let stored = count_stats(&start_on(database));
    // The batch in flight may be stored without a response, but not in part.
    assert!(
        [0, 10].contains(&(stored - 10 * acknowledged)),
        "{stored} of {acknowledged}"
    );
}

#[test]
fn an_error_at_start_is_one_line_without_secrets() {
    let database = TestDatabase::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stats.toml");
    std::fs::write(&file, "PORT = 'x'\nADMIN_TOKEN = 'secret'").unwrap();
    let file = file.to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (environment, error) in [
        (
            &[("DATABASE_URL", "postgres://me:sec/ret@127.0.0.1/x")][..],
            "invalid DATABASE_URL in the environment: the database URL has a character that must be percent-encoded",
        ),
        (
            &[("DATABASE_URL", "postgres://me:secret@127.0.0.1:1/x")],
            "cannot connect to the database postgres://127.0.0.1:1/x",
        ),
        (
            &[("DATABASE_URL", database.url()), ("PORT", &port)],
            "cannot listen on 127.0.0.1, port ",
        ),
        (
            &[("STATS_CONFIG", file), ("PORT", "")],
            &format!("invalid PORT in {file}: 'x' is not a number from 0 to 65535"),
        ),
        (
            &[("STATS_CONFIG", "no/such.toml")],
            "cannot read the settings file no/such.toml; STATS_CONFIG can name another one: No such file",
        ),
        (
            &[("STATS_CONFIG", "production.py")],
            "the settings file production.py (STATS_CONFIG) is one of the Python service",
        ),
    ] {
        let text = start_error(environment);
        let start = format!("stats-server: {error}");
        assert!(text.starts_with(&start), "{text}");
        assert!(!text.contains("sec") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn pending_migrations_are_an_error_without_db_auto_migrate() {
    let database = TestDatabase::sqlite();
    let environment = [("DATABASE_URL", database.url()), ("DB_AUTO_MIGRATE", "0")];
    assert!(start_error(&environment).contains("stats-admin db upgrade"));
    database.migrated();
    start(&[], &environment).get("/health");
}

#[test]
fn an_ignored_admin_token_is_a_warning() {
    let database = TestDatabase::sqlite();
    let created = &start_on(&database).start_log;
    assert!(created.contains("Created the administrator ADMIN"));
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    let user = stats_testing::client(&db, "CASES");
    database.execute("UPDATE client SET name = 'Boss' WHERE name = 'ADMIN'");
    for (token, is_ignored) in [
        (ADMIN_TOKEN, false),
        ("another", true),
        (stats_testing::token(&user).reveal(), true),
    ] {
        let log = &start_with(&database, &[("ADMIN_TOKEN", token)]).start_log;
        assert_eq!(log.contains("ADMIN_TOKEN is ignored"), is_ignored, "{log}");
        assert!(!log.contains(token), "{log}");
    }
    database.execute("UPDATE client SET is_active = false WHERE name = 'Boss'");
    let log = &start_on(&database).start_log;
    assert!(log.contains("WARN") && log.contains("ADMIN_TOKEN is ignored"));
    assert_eq!(db.clients().unwrap().len(), 2);
}

#[test]
fn the_token_of_the_administrator_is_hashed_if_the_settings_say_so() {
    let database = TestDatabase::sqlite();
    let log = &start_with(&database, &[("TOKEN_STORAGE", "hashed")]).start_log;
    let warning = "The token of the new client ADMIN has fewer than 32 characters";
    assert!(log.contains(warning) && !log.contains(ADMIN_TOKEN), "{log}");
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    let stored = db.clients().unwrap().remove(0).token;
    let hash = TokenHash::of(&ADMIN_TOKEN.parse().unwrap());
    assert_eq!(stored, Some(StoredToken::Hashed(hash)));
    for storage in ["hashed", "plain"] {
        let log = &start_with(&database, &[("TOKEN_STORAGE", storage)]).start_log;
        assert!(!log.contains("ADMIN_TOKEN is ignored"), "{log}");
    }
}

#[test]
fn an_administrator_that_cannot_be_created_is_an_error() {
    for (name, problem) in [
        ("CASES", "ADMIN_TOKEN is the token of a client that is not"),
        ("ADMIN", "a client that is not one has the name ADMIN"),
    ] {
        let database = TestDatabase::sqlite();
        let client = stats_testing::client(&database.migrated(), name);
        let token = stats_testing::token(&client).reveal();
        let error = start_error(&[("DATABASE_URL", database.url()), ("ADMIN_TOKEN", token)]);
        assert!(error.contains(problem) && !error.contains(token), "{error}");
    }
}

#[test]
fn the_log_says_what_is_public() {
    let database = TestDatabase::sqlite();
    let recommended = "because PUBLIC_MIN_CLIENTS is 1: 3 or more is recommended";
    let server = start_with(&database, &[]);
    assert!(server.start_log.contains(recommended));
    drop(server);
    let mut server = start_with(&database, &[("PUBLIC_MIN_CLIENTS", "3")]);
    assert!(!server.start_log.contains(recommended));
    let published = "Published release 1: stats before ";
    if !server.start_log.contains(published) {
        wait_for(&mut server.log, published);
    }
}

#[test]
fn documentation_and_sample_settings_need_no_settings() {
    let invalid = [("DATABASE_URL", "mysql://invalid")];
    for (argument, text) in [
        ("--help", "--demo"),
        ("--version", env!("CARGO_PKG_VERSION")),
        ("--sample-settings", "#PORT = 5000"),
        ("--man", ".TH stats-server 1"),
        ("--completions=bash", "complete -F"),
    ] {
        let output = command(&[argument], &invalid).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8(output.stdout).unwrap().contains(text));
    }
}

#[test]
fn a_closed_standard_output_is_not_an_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(&["--sample-settings"], &[]);
    let output = command.stdout(writer).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
}

#[test]
fn the_files_of_the_instance_are_read_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let database = format!("sqlite://{}", path("stats.db"));
    let (logo, text) = (path("logo.svg"), path("text.txt"));
    std::fs::write(&logo, "GIF89a").unwrap();
    std::fs::write(&text, "caf\u{e9}\0").unwrap();
    for (key, file, problem) in [
        (
            "INSTANCE_LOGO",
            &logo,
            "it is neither an SVG nor a PNG image",
        ),
        ("INSTANCE_TEXT", &text, "it holds a control character"),
    ] {
        let error = start_error(&[("DATABASE_URL", &database), (key, file)]);
        let expected = format!("stats-server: cannot use the file {file} ({key}): {problem}\n");
        assert_eq!(error, expected);
    }
    assert!(!folder.path().join("stats.db").exists());

    std::fs::write(&logo, "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    std::fs::write(&text, "One\n\nTwo\n").unwrap();
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("INSTANCE_NAME", "Stats of Testland"),
        ("INSTANCE_LOGO", &logo),
        ("INSTANCE_TEXT", &text),
        ("SOURCE_URL", "https://example.org/fork"),
    ];
    let server = start(&[], &settings);
    let browser = server.request("/api/v1/").text().unwrap();
    assert!(browser.contains("← Stats of Testland"), "{browser}");
    let human = server.request("/human.txt").text().unwrap();
    assert!(human.contains("https://example.org/fork\n"), "{human}");
}
