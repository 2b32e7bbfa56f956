//! `stats-admin db backup`, `restore` and `copy`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use stats_core::{AnalysisId, RawJson, Stat, StatsFilter, StatsType};
use stats_db::{Db, Holdings};
use stats_testing::{TestDatabase, client, on_each_database, stat};

use crate::support::{arguments, fail, message, program, run, run_program, succeed};

fn file_of(database: &TestDatabase) -> PathBuf {
    database.url().strip_prefix("sqlite://").unwrap().into()
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The names of the clients in a database that no program uses.
fn clients(database: &TestDatabase) -> Vec<String> {
    let listed = succeed(database, "client list --json");
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let clients = listed.as_array().unwrap().iter();
    clients
        .map(|client| client["name"].as_str().unwrap().to_owned())
        .collect()
}

fn risks(number: usize) -> Vec<Stat> {
    let data = RawJson::parse(&format!("[\"{}\"]", "x".repeat(500))).unwrap();
    (0..number)
        .map(|_| Stat {
            data: data.clone(),
            ..stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")
        })
        .collect()
}

/// A database with a client of this name and as many stats, which no program uses.
fn fill(database: &TestDatabase, name: &str, stats: usize) {
    succeed(database, "db create");
    succeed(database, "db init");
    let uuid = uuid::Uuid::new_v4();
    succeed(
        database,
        format!("client create --name {name} --uuid {uuid}"),
    );
    let lines = risks(stats);
    let lines: String = lines
        .iter()
        .map(|stat| serde_json::to_string(stat).unwrap() + "\n")
        .collect();
    let imported = run(database, format!("stats import --client {name}"), &lines);
    assert_eq!(imported.code, 0, "{imported:?}");
}

/// The databases to restore into and to copy to.
fn targets() -> impl Iterator<Item = TestDatabase> {
    [Some(TestDatabase::sqlite()), TestDatabase::postgres()]
        .into_iter()
        .flatten()
}

on_each_database!(keep_deletes_the_oldest_backups);
fn keep_deletes_the_oldest_backups(database: &TestDatabase) {
    fill(database, "CASES", 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backups/stats.db");
    let backup = || succeed(database, format!("db backup {} --keep 2", file.display()));
    let printed = backup();
    let backups = file.parent().unwrap();
    let first = &names(backups).pop().unwrap();
    assert!(printed.contains(first), "{printed}");
    let mode = fs::metadata(backups.join(first)).unwrap().mode();
    assert_eq!(mode & 0o777, 0o640);
    let others = [
        "stats.db",
        "stats-20200101T000000Z.db.gz",
        "stats-2020.db",
        "x.db",
    ];
    let old = ["stats-20200101T000000Z.db", "stats-20210101T000000Z.db"];
    for name in others.iter().chain(&old) {
        fs::write(backups.join(name), "old").unwrap();
    }
    // Two backups in one second would have the same name.
    let first_time = &first["stats-".len()..];
    while chrono::Utc::now().format("%Y%m%dT%H%M%SZ.db").to_string() == first_time {
        thread::sleep(Duration::from_millis(20));
    }
    let printed = backup();
    assert_eq!(printed.matches("deleted ").count(), 2, "{printed}");
    let mut left = names(backups);
    left.retain(|name| !others.contains(&name.as_str()));
    assert_eq!(left.len(), 2);
    assert_eq!(&left[0], first);
    assert_eq!(names(backups).len(), 2 + others.len());
}

on_each_database!(restore_asks_and_says_what_is_replaced);
fn restore_asks_and_says_what_is_replaced(database: &TestDatabase) {
    fill(database, "CASES", 2);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    let file = file.display();
    succeed(database, format!("db backup {file}"));
    for target in targets() {
        let created = run(&target, format!("db restore {file}"), "y\n");
        assert_eq!(created.code, 0, "{created:?}");
        assert!(created.stdout.contains("? [y/N]: "), "{created:?}");
        assert_eq!(clients(&target), ["CASES"]);
        succeed(&target, "client create --name LATER");
        let declined = run(&target, format!("db restore {file}"), "n\n");
        message(&declined, 1);
        let expected = "2 clients, 2 stats of 2026-01-01 to 2026-01-01";
        assert!(declined.stdout.contains(expected), "{declined:?}");
        assert_eq!(clients(&target), ["CASES", "LATER"]);
        let restored = succeed(&target, format!("db restore {file} --yes"));
        assert!(
            restored.ends_with(&format!(": restored from {file}\n")),
            "{restored}"
        );
        assert_eq!(clients(&target), ["CASES"]);
    }
}

on_each_database!(a_refused_backup_leaves_the_database_as_it_is);
fn a_refused_backup_leaves_the_database_as_it_is(database: &TestDatabase) {
    fill(database, "CASES", 2);
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.db");
    fs::write(&garbage, "x".repeat(5000)).unwrap();
    let refused = fail(database, format!("db restore {} --yes", garbage.display()));
    assert!(refused.ends_with("it is no SQLite database"), "{refused}");
    assert_eq!(clients(database), ["CASES"]);
}

#[test]
fn restore_over_a_database_in_use_is_refused() {
    let database = TestDatabase::sqlite();
    fill(&database, "CASES", 2);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    let restore = format!("db restore {} --yes", file.display());
    succeed(&database, format!("db backup {}", file.display()));
    succeed(&database, "client create --name LATER");
    // This process must not open the file in another way: closing it would end the locks of SQLite.
    let before = fs::read(file_of(&database)).unwrap();
    let reader = database.hold("SELECT count(*) FROM client");
    let refused = fail(&database, &restore);
    let process = std::process::id();
    let expected = format!("is in use by process {process}; stop the server and other programs");
    assert!(refused.contains(&expected), "{refused}");
    drop(reader);
    assert_eq!(fs::read(file_of(&database)).unwrap(), before);
    succeed(&database, &restore);
    assert_eq!(clients(&database), ["CASES"]);
    let itself = format!("db restore {} --yes", file_of(&database).display());
    assert!(fail(&database, itself).ends_with(" itself"));
}

/// Leaves a database as a power cut does: with stats in its WAL.
fn crash(database: &TestDatabase, name: &str) {
    let path = file_of(database);
    let folder = path.parent().unwrap();
    let db = database.migrated();
    client(&db, name);
    let copies: Vec<_> = ["", "-wal"]
        .map(|suffix| {
            (
                format!("stats.db{suffix}"),
                fs::read(format!("{}{suffix}", path.display())),
            )
        })
        .into_iter()
        .map(|(name, content)| (name, content.unwrap()))
        .collect();
    assert!(!copies[1].1.is_empty());
    // The files of a process that ended without closing them.
    let crashed = folder.join("crashed");
    fs::create_dir(&crashed).unwrap();
    for (name, content) in copies {
        fs::write(crashed.join(name), content).unwrap();
    }
}

#[test]
fn nothing_of_the_old_database_returns_after_a_restore() {
    let backup = tempfile::tempdir().unwrap();
    let file = backup.path().join("backup.db");
    let source = TestDatabase::sqlite();
    fill(&source, "CASES", 2);
    succeed(&source, format!("db backup {}", file.display()));
    #[derive(Debug)]
    enum Old {
        Intact,
        Deleted,
        Garbage,
        DamagedInside,
    }
    for old in [Old::Intact, Old::Deleted, Old::Garbage, Old::DamagedInside] {
        let database = TestDatabase::sqlite();
        crash(&database, "OLD");
        let folder = file_of(&database).parent().unwrap().join("crashed");
        let path = folder.join("stats.db");
        let environment = [("DATABASE_URL", format!("sqlite://{}", path.display()))];
        let environment = environment
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let run = |line: &str| run_program(&mut program(&environment, line), "");
        let mut is_damaged = false;
        match old {
            Old::Intact => {
                assert!(run("client list").stdout.contains("OLD"), "the WAL is read");
            }
            Old::Deleted => fs::remove_file(&path).unwrap(),
            Old::Garbage => {
                // An intact WAL could hold all of a small database.
                for name in ["stats.db", "stats.db-wal"] {
                    fs::write(folder.join(name), [b'x'; 20_000]).unwrap();
                }
                is_damaged = true;
            }
            Old::DamagedInside => {
                fs::remove_file(folder.join("stats.db-wal")).unwrap();
                fs::remove_file(&path).unwrap();
                let inside = TestDatabase::sqlite();
                fill(&inside, "INSIDE", 300);
                succeed(&inside, format!("db backup {}", path.display()));
                let mut bytes = fs::read(&path).unwrap();
                let end = bytes.len();
                bytes[end - 20_000..].fill(0xff);
                fs::write(&path, bytes).unwrap();
                is_damaged = true;
            }
        }
        if path.exists() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let restored = run(&format!("db restore {} --yes", file.display()));
        assert_eq!(restored.code, 0, "{old:?}: {restored:?}");
        let left = names(&folder);
        let aside = left
            .iter()
            .any(|name| name.starts_with("stats.db.damaged-"));
        assert_eq!(aside, is_damaged, "{old:?}: {left:?}");
        assert_eq!(restored.stdout.contains("is kept as "), is_damaged);
        let journals = left.iter().filter(|name| name.starts_with("stats.db-"));
        assert_eq!(journals.count(), 0, "{old:?}: {left:?}");
        let mode = fs::metadata(&path).unwrap().mode() & 0o777;
        let expected = if matches!(old, Old::Deleted) {
            0o640
        } else {
            0o600
        };
        assert_eq!(mode, expected, "{old:?}");
        let listed = run("client list").stdout;
        assert!(
            listed.contains("CASES") && !listed.contains("OLD"),
            "{old:?}"
        );
    }
}

/// The number of times that a command is killed, unless `STATS_TEST_KILLS` says otherwise.
const KILLS: u32 = 3;

/// Runs a command to its end, and then kills it at several times on its way. `check` follows each run.
fn kill_repeatedly(
    environment: &[(&str, &str)],
    line: &str,
    mut prepare: impl FnMut(),
    mut check: impl FnMut(bool),
) {
    let kills = std::env::var("STATS_TEST_KILLS");
    let kills = kills.map_or(KILLS, |kills| kills.parse().unwrap());
    prepare();
    let begun = Instant::now();
    let outcome = run_program(&mut program(environment, line), "");
    assert_eq!(outcome.code, 0, "{line}: {outcome:?}");
    let duration = begun.elapsed();
    check(true);
    for kill in 1..=kills {
        prepare();
        let mut process = program(environment, line).spawn().unwrap();
        // Any moment will do: the result has to be right at all of them.
        thread::sleep(duration * kill / (kills + 1));
        let _ = process.kill();
        let status = process.wait().unwrap();
        assert!(status.success() || status.signal() == Some(9), "{status}");
        check(status.success());
    }
}

/// The names of clients and the number of stats.
fn content(url: &str) -> (Vec<String>, usize) {
    let db = Db::open(&url.parse().unwrap()).unwrap();
    let clients = db.clients().unwrap().into_iter();
    let stats = db.stats(&StatsFilter::default()).unwrap().len();
    (clients.map(|client| client.name).collect(), stats)
}

on_each_database!(a_killed_backup_leaves_no_file);
fn a_killed_backup_leaves_no_file(database: &TestDatabase) {
    fill(database, "CASES", 2000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    kill_repeatedly(
        &[("DATABASE_URL", database.url())],
        &format!("db backup {}", file.display()),
        || {
            let _ = fs::remove_file(&file);
        },
        |is_done| {
            assert!(!is_done || file.exists());
            if file.exists() {
                let copied = content(&format!("sqlite://{}", file.display()));
                assert_eq!(copied, (vec!["CASES".to_owned()], 2000));
            }
        },
    );
}

on_each_database!(a_killed_restore_leaves_the_old_database_or_the_new_one);
fn a_killed_restore_leaves_the_old_database_or_the_new_one(database: &TestDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    let other = TestDatabase::sqlite();
    fill(&other, "NEW", 2000);
    succeed(&other, format!("db backup {}", file.display()));
    fill(database, "OLD", 1000);
    let old = folder.path().join("old.db");
    succeed(database, format!("db backup {}", old.display()));
    kill_repeatedly(
        &[("DATABASE_URL", database.url())],
        &format!("db restore {} --yes", file.display()),
        || {
            // Connections of this process are closed on another thread, and may be so a moment later.
            let begun = Instant::now();
            let line = format!("db restore {} --yes", old.display());
            while run(database, &line, "").code != 0 {
                assert!(
                    begun.elapsed() < Duration::from_secs(20),
                    "{}",
                    fail(database, &line)
                );
            }
        },
        |is_done| {
            let restored = (vec!["NEW".to_owned()], 2000);
            let content = content(database.url());
            let is_old = content == (vec!["OLD".to_owned()], 1000);
            assert!(content == restored || (is_old && !is_done), "{content:?}");
        },
    );
}

on_each_database!(a_killed_copy_is_continued);
fn a_killed_copy_is_continued(database: &TestDatabase) {
    fill(database, "CASES", 2500);
    for target in targets() {
        let line = format!("db copy --to {}", target.url());
        let mut stats = Vec::new();
        kill_repeatedly(
            &[("DATABASE_URL", database.url())],
            &line,
            || {
                if let Ok(db) = Db::open(&target.url().parse().unwrap())
                    && db.require_migrated().is_ok()
                {
                    db.empty().unwrap();
                }
            },
            |_| {
                let db = Db::open(&target.url().parse().unwrap()).unwrap();
                stats.push(Holdings::of(db.url()).unwrap().stats);
                drop(db);
                let continued = succeed(database, &line);
                assert!(
                    continued.ends_with(&format!(
                        "holds the same as {}\n",
                        database.url().replace("postgres@", "")
                    )),
                    "{continued}"
                );
                assert_eq!(content(target.url()), (vec!["CASES".to_owned()], 2500));
            },
        );
        assert_eq!(stats[0], 2500);
    }
}

on_each_database!(copy_names_what_differs_and_refuses_other_targets);
fn copy_names_what_differs_and_refuses_other_targets(database: &TestDatabase) {
    fill(database, "CASES", 3);
    let target = TestDatabase::sqlite();
    let itself = fail(database, format!("db copy --to {}", database.url()));
    assert!(itself.contains("is the database to copy from"), "{itself}");
    let nowhere = fail(database, "db copy");
    assert!(
        nowhere.contains("pass --to URL or set COPY_TO_URL"),
        "{nowhere}"
    );
    let environment = [
        ("DATABASE_URL", database.url()),
        ("COPY_TO_URL", target.url()),
    ];
    let copy = || run_program(&mut program(&environment, "db copy"), "");
    let copied = copy();
    assert_eq!(copied.code, 0, "{copied:?}");
    assert!(
        copied.stdout.contains("3 stats copied, 0 already there"),
        "{copied:?}"
    );
    target.execute("UPDATE stats SET data = '[]' WHERE seq = 2");
    let differs = copy();
    assert_eq!(differs.code, 1, "{differs:?}");
    let expected = "stats of type risk on 2026-01-01: different content\nstats-admin: ";
    assert!(differs.stderr.starts_with(expected), "{differs:?}");
    assert!(differs.stderr.ends_with(" in 1 part\n"), "{differs:?}");
    succeed(&target, "client create --name OTHER");
    let refused = message(&copy(), 1);
    assert!(
        refused.contains("it has the client 'OTHER'; copy to a new"),
        "{refused}"
    );
    let secret = "postgres://me:sesame@127.0.0.1:1/x";
    let away = message(&run(database, format!("db copy --to {secret}"), ""), 75);
    assert!(
        away.contains("127.0.0.1:1") && !away.contains("sesame"),
        "{away}"
    );
}

/// Commands on a disk of 3 MB: first full, then with space.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let big = TestDatabase::sqlite();
    fill(&big, "BIG", 1500);
    let file = folder.path().join("big.db");
    succeed(&big, format!("db backup {}", file.display()));
    let path = folder.path().display();
    let admin = env!("CARGO_BIN_EXE_stats-admin");
    let script = format!(
        "set -e; mkdir {path}/disk; mount -t tmpfs -o size=3m tmpfs {path}/disk; cd {path}/disk
         {admin} db create >/dev/null; {admin} db init >/dev/null; {admin} client create --name SMALL >/dev/null
         head -c 2000000 /dev/zero >ballast
         for command in 'db restore ../big.db --yes' 'db backup copy.db' 'db copy --to sqlite://copy.db'; do
             echo \"== $command\"
             [ \"$command\" = 'db restore ../big.db --yes' ] || export DATABASE_URL=sqlite://../big.db
             {admin} $command 2>&1 || echo \"exit code $?\"
         done
         export DATABASE_URL=sqlite://stats.db
         {admin} client list; ls
         rm -f ballast copy.db*; {admin} db restore ../big.db --yes; {admin} client list"
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    arguments(&mut command, &[], "sh");
    command.env("PATH", std::env::var("PATH").unwrap());
    command.env("DATABASE_URL", "sqlite://stats.db");
    let outcome = run_program(&mut command, "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let printed = outcome.stdout;
    assert_eq!(printed.matches("exit code 1").count(), 3, "{printed}");
    let (full, freed) = printed.split_once("ballast\n").unwrap();
    assert!(
        full.contains("\nSMALL ") && !full.contains(".part"),
        "{printed}"
    );
    assert!(freed.contains("\nBIG "), "{printed}");
}
