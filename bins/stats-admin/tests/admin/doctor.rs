//! `stats-admin doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{Days, Utc};
use serde_json::Value;
use stats_core::{AnalysisId, StatsType};
use stats_db::{ClientChange, Db};
use stats_http::HttpConfig;
use stats_testing::{TestDatabase, client, on_each_database, stat, token};
use stats_testing_http::{Remote, Service, answer};

use crate::support::{Outcome, program, run_program, succeed};

/// The report of a run with these settings.
struct Doctor {
    code: i32,
    json: Value,
}

impl Doctor {
    fn run(settings: &[(&str, &str)]) -> Self {
        let outcome = run_program(&mut program(settings, "doctor --json"), "");
        assert_eq!(outcome.stderr, "");
        let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(json["exit_code"], outcome.code);
        assert!(!outcome.stdout.contains("sesame"), "{json:#}");
        Self {
            code: outcome.code,
            json,
        }
    }

    /// The first check with this name that is not well, as level and problem; `ok` if all are.
    fn check(&self, name: &str) -> String {
        let checks = self.json["checks"].as_array().unwrap().iter();
        let mut named = checks.filter(|check| check["name"] == name).peekable();
        assert!(named.peek().is_some(), "no check {name} in {:#}", self.json);
        match named.find(|check| check["level"] != "ok") {
            Some(check) => {
                assert_ne!(check["advice"], "", "{check}");
                let text = |key: &str| check[key].as_str().unwrap().to_owned();
                format!("{}: {}", text("level"), text("problem"))
            }
            None => "ok".to_owned(),
        }
    }

    fn has(&self, name: &str) -> bool {
        let mut checks = self.json["checks"].as_array().unwrap().iter();
        checks.any(|check| check["name"] == name)
    }
}

fn start(db: Db) -> Service {
    Service::start(db, HttpConfig::default())
}

/// The port of a running service, as a setting.
fn port(service: &Service) -> String {
    service.address.port().to_string()
}

on_each_database!(a_healthy_service_is_ok);
fn a_healthy_service_is_ok(database: &TestDatabase) {
    let service = start(database.migrated());
    let remote_database = TestDatabase::sqlite();
    let (port, remote) = (port(&service), start(remote_database.migrated()));
    let account = client(&remote.db, "Testland");
    let settings = [
        ("DATABASE_URL", database.url()),
        ("PORT", &port),
        ("REMOTE_STATS_SERVER", &remote.url()),
        ("REMOTE_STATS_TOKEN", token(&account).reveal()),
    ];
    let doctor = Doctor::run(&settings);
    assert_eq!(doctor.code, 0, "{:#}", doctor.json);
    let mut names = vec![
        "files", "disk", "database", "tables", "rights", "dates", "clients", "push", "remote",
        "server",
    ];
    if database.is_postgres() {
        names.retain(|name| *name != "disk");
    } else {
        names.push("integrity");
    }
    for name in names {
        assert_eq!(doctor.check(name), "ok");
    }
    let text = run_program(&mut program(&settings, "doctor"), "");
    assert!(text.stdout.starts_with("STATS OK - "), "{text:?}");
    assert!(text.stdout.contains("knows this service as Testland"));
}

on_each_database!(what_clients_and_stats_lack_is_a_warning);
fn what_clients_and_stats_lack_is_a_warning(database: &TestDatabase) {
    let db = database.migrated();
    let fresh = client(&db, "Fresh | new");
    let silent = client(&db, "Silent");
    let off = client(&db, "Switched off");
    db.change_client(off.uuid, &ClientChange::Active(false))
        .unwrap();
    let remote = client(&db, "Pulled");
    db.change_client(remote.uuid, &ClientChange::Local(false))
        .unwrap();
    database.execute(
        "UPDATE client SET last_seen = '2026-01-01 00:00:00', created_at = '2026-01-01 00:00:00' \
         WHERE name <> 'Fresh | new'",
    );
    let far = (Utc::now().date_naive() + Days::new(30)).to_string();
    let future = stat(AnalysisId::random(), StatsType::Risk, &far);
    db.insert_stats(fresh.id, &[future]).unwrap();
    let settings = [("DATABASE_URL", database.url()), ("PORT", "0")];
    let doctor = Doctor::run(&settings);
    assert_eq!(doctor.code, 1);
    assert_eq!(
        doctor.check("clients"),
        format!("warning: 1 client silent for 7 days: {}", silent.name)
    );
    assert!(
        doctor
            .check("dates")
            .starts_with("warning: 1 stat dated after ")
    );
    assert_eq!(doctor.json["figures"]["silent_clients"], 1);
    // Nobody pushes: sharing is not asked for.
    assert!(!doctor.has("push") && !doctor.has("remote"));

    let mut patient = program(&settings, "doctor --silent-days 3650 --json");
    let patient = run_program(&mut patient, "");
    assert!(!patient.stdout.contains("silent for 7 days"), "{patient:?}");
    let first = run_program(&mut program(&settings, "doctor"), "").stdout;
    let first = first.lines().next().unwrap();
    assert_eq!(first.matches('|').count(), 1, "{first}");
}

on_each_database!(pushes_that_fail_are_a_warning_until_one_is_complete);
fn pushes_that_fail_are_a_warning_until_one_is_complete(database: &TestDatabase) {
    let db = database.migrated();
    let office = client(&db, "CASES");
    let share = ClientChange::Sharing(true);
    db.change_client(office.uuid, &share).unwrap();
    let today = Utc::now().date_naive().to_string();
    let new = || stat(AnalysisId::random(), StatsType::Risk, &today);
    db.insert_stats(office.id, &[new(), new()]).unwrap();
    let remote_database = TestDatabase::sqlite();
    let remote = start(remote_database.migrated());
    let account = client(&remote.db, "Testland");
    let address = remote.url();
    let with_token = |token| {
        [
            ("DATABASE_URL", database.url()),
            ("PORT", "0"),
            ("REMOTE_STATS_SERVER", &address),
            ("REMOTE_STATS_TOKEN", token),
        ]
    };
    let bad = with_token("sesame");
    let never = Doctor::run(&bad).check("push");
    let expected = format!("warning: 2 stats wait, and none was ever pushed to {address}/");
    assert_eq!(never, expected);

    let push = |settings: &[(&str, &str)]| -> Outcome {
        run_program(&mut program(settings, "stats push"), "")
    };
    for failed in [
        format!("warning: the last push to {address}/ failed, at "),
        format!("warning: the last 2 pushes to {address}/ failed, at "),
    ] {
        assert_eq!(push(&bad).code, 1);
        let doctor = Doctor::run(&bad);
        assert_eq!(doctor.code, 2, "the token is wrong");
        let check = doctor.check("push");
        assert!(check.starts_with(&failed), "{check}");
        assert!(check.contains("Authentication failed"), "{check}");
        let check = doctor.check("remote");
        assert!(
            check.starts_with("failure: ") && check.contains("403"),
            "{check}"
        );
        assert_eq!(doctor.json["figures"]["waiting_stats"], 2);
    }
    let good = with_token(token(&account).reveal());
    assert_eq!(push(&good).code, 0);
    let doctor = Doctor::run(&good);
    assert_eq!((doctor.code, doctor.check("push")), (0, "ok".to_owned()));
    let run = db.push_runs().unwrap().remove(0);
    assert_eq!((run.sent, run.failures, run.message), (2, 0, None));
    // New stats wait for the next push, which is overdue after two days.
    db.insert_stats(office.id, &[new()]).unwrap();
    assert_eq!(Doctor::run(&good).check("push"), "ok");
    database.execute("UPDATE push_run SET finished_at = '2026-01-01 00:00:00'");
    let overdue = Doctor::run(&good).check("push");
    let expected =
        format!("warning: no push to {address}/ since 2026-01-01 00:00 UTC, and 1 stat wait");
    assert_eq!(overdue, expected);
    // So do deletions.
    let found = db.read(|snapshot| snapshot.find_stats_of(office.id));
    db.delete_found(&found.unwrap()).unwrap();
    let overdue = Doctor::run(&good).check("push");
    let expected = format!(
        "warning: no push to {address}/ since 2026-01-01 00:00 UTC, and it was not told 2 deletions"
    );
    assert_eq!(overdue, expected);
    // The remote is away.
    drop(remote);
    let check = Doctor::run(&good).check("remote");
    assert!(check.starts_with("warning: "), "{check}");
}

#[test]
fn refused_stats_are_a_warning() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let office = client(&db, "CASES");
    let share = ClientChange::Sharing(true);
    db.change_client(office.uuid, &share).unwrap();
    let today = Utc::now().date_naive().to_string();
    let new = stat(AnalysisId::random(), StatsType::Risk, &today);
    db.insert_stats(office.id, &[new]).unwrap();
    let remote = Remote::answering(answer("400 Bad Request", r#"{"message": "no"}"#));
    let address = remote.url();
    let settings = [
        ("DATABASE_URL", database.url()),
        ("PORT", "0"),
        ("REMOTE_STATS_SERVER", &address),
        ("REMOTE_STATS_TOKEN", "sesame"),
    ];
    assert_eq!(
        run_program(&mut program(&settings, "stats push"), "").code,
        65
    );
    let doctor = Doctor::run(&settings);
    let expected = format!("warning: {address}/ refused 1 stat");
    assert_eq!(doctor.check("push"), expected);
    assert_eq!(doctor.json["figures"]["refused_stats"], 1);
}

on_each_database!(a_database_that_is_missing_or_old_is_a_failure);
fn a_database_that_is_missing_or_old_is_a_failure(database: &TestDatabase) {
    let url = [("DATABASE_URL", database.url()), ("PORT", "0")];
    let missing = Doctor::run(&url);
    assert_eq!(missing.code, 2);
    let check = missing.check("database");
    assert!(
        check.starts_with("failure: ") && check.contains("does not exist"),
        "{check}"
    );
    assert!(!missing.has("tables"));

    Db::create(&database.url().parse().unwrap()).unwrap();
    for (auto, level) in [("1", "warning"), ("0", "failure")] {
        let old = Doctor::run(&[url[0], url[1], ("DB_AUTO_MIGRATE", auto)]);
        let check = old.check("tables");
        assert!(
            check.starts_with(level) && check.ends_with("migrations pending"),
            "{check}"
        );
    }
    // It did not migrate.
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    assert!(db.require_migrated().is_err());
}

#[test]
fn rights_are_checked_on_postgres() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    drop(database.migrated());
    // The role is dropped with the server for tests.
    let role = format!("reader_{}", std::process::id());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let (start, _) = database.url().split_once("://").unwrap();
    let rest = database.url().split_once('@').map_or_else(
        || database.url().split_once("://").unwrap().1,
        |(_, rest)| rest,
    );
    let url = format!("{start}://{role}@{rest}");
    let doctor = Doctor::run(&[("DATABASE_URL", &url), ("PORT", "0")]);
    let check = doctor.check("rights");
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let expected = "failure: this user may not write: ";
    assert!(
        check.starts_with(expected) && check.contains("permission denied"),
        "{check}"
    );
}

on_each_database!(a_held_lock_is_a_warning_within_the_time_limit);
fn a_held_lock_is_a_warning_within_the_time_limit(database: &TestDatabase) {
    drop(database.migrated());
    let _lock = database.hold_write_lock();
    let started = Instant::now();
    let doctor = Doctor::run(&[("DATABASE_URL", database.url()), ("PORT", "0")]);
    assert!(started.elapsed() < Duration::from_secs(10));
    let check = doctor.check("rights");
    assert!(
        check.starts_with("warning: the database is busy"),
        "{check}"
    );
    assert_eq!(doctor.check("tables"), "ok");
}

#[test]
fn a_damaged_file_is_a_failure() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let office = client(&db, "CASES");
    let stats: Vec<_> = (0..500)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(office.id, &stats).unwrap();
    drop(db);
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    let path = database.url().strip_prefix("sqlite://").unwrap();
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x5a);
    fs::write(path, &bytes).unwrap();
    let doctor = Doctor::run(&[("DATABASE_URL", database.url()), ("PORT", "0")]);
    assert_eq!(doctor.code, 2);
    let check = doctor.check("integrity");
    assert!(
        check.starts_with("failure: the database file is damaged: "),
        "{check}"
    );
    assert!(fs::read(path).unwrap() == bytes, "it was changed");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn files_that_others_may_read_are_a_warning() {
    let database = TestDatabase::sqlite();
    drop(database.migrated());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (file, secret) = (path("stats.toml"), path("token"));
    fs::write(
        &file,
        format!("PORT = 0\nDATABASE_URL = '{}'", database.url()),
    )
    .unwrap();
    fs::write(&secret, "sesame").unwrap();
    set_mode(&file, 0o644);
    set_mode(&secret, 0o640);
    let run = |settings: &[(&str, &str)]| {
        let mut all = vec![("STATS_CONFIG", file.to_str().unwrap())];
        all.extend(settings);
        Doctor::run(&all).check("files")
    };
    // The file has no secret, and the URL of SQLite is none.
    assert_eq!(run(&[]), "ok");
    let by_file = [("ADMIN_TOKEN_FILE", secret.to_str().unwrap())];
    assert_eq!(run(&by_file), "ok");
    set_mode(&secret, 0o644);
    let problem = "can be read by every user of this machine";
    let expected = format!("warning: {} with ADMIN_TOKEN {problem}", secret.display());
    assert_eq!(run(&by_file), expected);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\nMOSP_TOKEN = 'sesame'")).unwrap();
    let expected = format!("warning: {} with MOSP_TOKEN {problem}", file.display());
    assert_eq!(run(&[]), expected);
    set_mode(&file, 0o640);
    assert_eq!(run(&[]), "ok");
    let sqlite = database.url().strip_prefix("sqlite://").unwrap();
    set_mode(Path::new(sqlite), 0o666);
    let problem = "can be written by every user of this machine";
    let expected = format!("warning: the database file {sqlite} {problem}");
    assert_eq!(run(&[]), expected);
}

#[test]
fn a_log_that_cannot_be_written_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::sqlite();
    drop(database.migrated());
    let log = folder.path().join("a/b/stats.log");
    let run = |path: &Path| {
        let settings = [
            ("DATABASE_URL", database.url()),
            ("PORT", "0"),
            ("LOG_PATH", path.to_str().unwrap()),
        ];
        Doctor::run(&settings).check("log")
    };
    assert_eq!(run(&log), "ok");
    assert!(!folder.path().join("a").exists(), "it was created");
    let check = run(folder.path());
    assert!(check.starts_with("failure: the log file "), "{check}");
}

#[test]
fn an_unused_replica_is_a_warning() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    drop(database.migrated());
    let check = |replica| {
        let settings = [
            ("DATABASE_URL", database.url()),
            ("DATABASE_READ_URL", replica),
            ("PORT", "0"),
        ];
        Doctor::run(&settings).check("replica")
    };
    let away = check("postgres://127.0.0.1:1/stats");
    assert!(
        away.starts_with("warning: postgres://127.0.0.1:1/stats: "),
        "{away}"
    );
    let primary = check(database.url());
    assert!(
        primary.contains("it is no replica of the database"),
        "{primary}"
    );
}

on_each_database!(an_old_release_is_a_warning);
fn an_old_release_is_a_warning(database: &TestDatabase) {
    drop(database.migrated());
    let settings = |min_clients| {
        [
            ("DATABASE_URL", database.url()),
            ("PORT", "0"),
            ("PUBLIC_MIN_CLIENTS", min_clients),
        ]
    };
    assert!(!Doctor::run(&settings("1")).has("release"));
    let check = |min_clients| Doctor::run(&settings(min_clients)).check("release");
    assert_eq!(check("3"), "warning: none was made yet");
    let publish = &mut program(&settings("3"), "stats publish");
    assert_eq!(run_program(publish, "").code, 0);
    assert_eq!(check("3"), "ok");
    assert_eq!(check("2"), "ok");
    let lower = check("4");
    let expected = "made 0 hours ago, of at least 3 clients: fewer than PUBLIC_MIN_CLIENTS, 4";
    assert!(lower.ends_with(expected), "{lower}");
    let earlier = Utc::now().naive_utc() - chrono::TimeDelta::hours(26);
    let earlier = earlier.format("%F %T");
    database.execute(&format!("UPDATE public_release SET made_at = '{earlier}'"));
    let old = check("3");
    assert!(old.contains("made 26 hours ago"), "{old}");
}

#[test]
fn a_server_that_does_not_answer_is_a_failure() {
    let database = TestDatabase::sqlite();
    drop(database.migrated());
    let run = |port: &str| {
        let settings = [("DATABASE_URL", database.url()), ("PORT", port)];
        Doctor::run(&settings).check("server")
    };
    let check = run("1");
    let expected = "failure: no answer from http://127.0.0.1:1/health: ";
    assert!(check.starts_with(expected), "{check}");
    let other = Remote::answering(answer("200 OK", "hi"));
    let check = run(other.url().rsplit_once(':').unwrap().1);
    assert!(
        check.contains("is not that of this service (status 200)"),
        "{check}"
    );
}

#[test]
fn settings_that_cannot_be_read_exit_with_3() {
    let outcome = run_program(&mut program(&[("PORT", "x")], "doctor"), "");
    let expected =
        "STATS UNKNOWN - invalid PORT in the environment: 'x' is not a number from 0 to 65535\n";
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, expected));
}

#[test]
fn doctor_leaves_the_files_of_a_database_as_they_are() {
    let database = TestDatabase::sqlite();
    succeed(&database, "db init");
    let path = Path::new(database.url().strip_prefix("sqlite://").unwrap());
    let before = fs::read(path).unwrap();
    let settings = [("DATABASE_URL", database.url()), ("PORT", "0")];
    assert_eq!(Doctor::run(&settings).code, 0);
    assert!(fs::read(path).unwrap() == before);
    let folder = fs::read_dir(path.parent().unwrap()).unwrap();
    let names: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["stats.db"]);
}
