//! Databases, clients, MOSP, and the program itself.
use std::io::{Read, Write};
use std::net::TcpListener;

use chrono::{Local, Months};
use stats_core::{AnalysisId, Client, Role, StatsFilter, StatsType};
use stats_db::Db;
use stats_testing::{TestDatabase, client, on_each_database, stat};

use crate::support::{fail, run_in, run_with, succeed};

fn open(database: &TestDatabase) -> Db {
    Db::open(&database.url().parse().unwrap()).unwrap()
}

fn reload(db: &Db, client: &Client) -> Client {
    db.client(client.uuid).unwrap().unwrap()
}

on_each_database!(a_database_is_made_step_by_step);
fn a_database_is_made_step_by_step(database: &TestDatabase) {
    let missing = fail(database, "client list");
    assert!(missing.contains("does not exist"), "{missing}");
    assert!(succeed(database, "db create").stdout.contains("created"));
    assert!(
        succeed(database, "db_create")
            .stdout
            .contains("was there already")
    );
    let old = fail(database, "client list");
    assert!(old.contains("stats-admin db upgrade"), "{old}");
    assert!(succeed(database, "db_init").stdout.contains("migrated to"));
    assert!(succeed(database, "db init").stdout.contains("up to date"));
    assert!(
        succeed(database, "db upgrade")
            .stdout
            .contains("up to date")
    );
    assert_eq!(succeed(database, "client list").stdout, "");
    assert_eq!(succeed(database, "client list --json").stdout, "[]\n");
}

on_each_database!(a_database_is_emptied_after_a_yes);
fn a_database_is_emptied_after_a_yes(database: &TestDatabase) {
    let db = database.migrated();
    client(&db, "CASES");
    for (arguments, typed, code, left) in [
        (&["db_empty"][..], "n\n", 1, 1),
        (&["db", "empty"], "", 1, 1),
        (&["db", "empty"], "y\n", 0, 0),
    ] {
        let outcome = run_with(database.url(), arguments, typed);
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert!(
            outcome
                .stdout
                .starts_with("Delete all clients and stats in "),
            "{outcome:?}"
        );
        assert_eq!(db.clients().unwrap().len(), left);
    }
    client(&db, "CASES");
    succeed(database, "db empty --yes");
    assert_eq!(db.clients().unwrap(), []);
}

on_each_database!(a_client_is_created_and_printed_as_documented);
fn a_client_is_created_and_printed_as_documented(database: &TestDatabase) {
    let db = database.migrated();
    let created = succeed(database, "client_create --name CASES");
    let labels: Vec<_> = created
        .stdout
        .lines()
        .map(|line| line.split_once(": ").unwrap().0)
        .collect();
    assert_eq!(
        labels,
        [
            "UUID",
            "Name",
            "Role",
            "Token",
            "Sharing Enabled",
            "Created at"
        ]
    );
    let client = db.clients().unwrap().remove(0);
    assert_eq!(created.line("UUID: "), client.uuid.to_string());
    assert_eq!(created.line("Name: "), "CASES");
    assert_eq!(created.line("Role: "), "1");
    assert_eq!(created.line("Token: "), client.token.reveal());
    assert_eq!(created.line("Sharing Enabled: "), "True");
    assert_eq!(
        created.line("Created at: ").len(),
        "2020-07-15 09:27:51.701245".len()
    );
    assert_eq!(succeed(database, "client_list").stdout, created.stdout);

    let uuid = "11111111-0000-4000-8000-000000000001";
    let admin = succeed(
        database,
        &format!("client create --name boss --role admin --token sesame --uuid {uuid}"),
    );
    assert_eq!(
        (
            admin.line("UUID: "),
            admin.line("Role: "),
            admin.line("Token: ")
        ),
        (uuid, "2", "sesame")
    );
    assert_eq!(db.clients().unwrap()[1].role, Role::Admin);
    assert_eq!(
        succeed(database, "client list").stdout,
        format!("{}\n{}", created.stdout, admin.stdout)
    );

    assert!(
        fail(database, "client create --name CASES")
            .contains("a client with this name exists already")
    );
    assert!(fail(database, "client create --name x --token sesame").contains("with this token"));
    for wrong in [
        "",
        " --name x --role boss",
        " --name x --uuid zz",
        " --name ",
    ] {
        fail(database, &format!("client create{wrong}"));
    }
    assert_eq!(db.clients().unwrap().len(), 2);
}

on_each_database!(clients_are_listed_as_json);
fn clients_are_listed_as_json(database: &TestDatabase) {
    let db = database.migrated();
    let cases = client(&db, "Économie \"x\"");
    succeed(
        database,
        &format!(
            "client coordinates-set --uuid {} --latitude -49.5 --longitude 6",
            cases.uuid
        ),
    );
    let list: serde_json::Value =
        serde_json::from_str(&succeed(database, "client list --json").stdout).unwrap();
    assert_eq!(list[0]["name"], "Économie \"x\"");
    assert_eq!(list[0]["token"], cases.token.reveal());
    assert_eq!(
        (&list[0]["latitude"], &list[0]["is_active"]),
        (&(-49.5).into(), &true.into())
    );
    assert_eq!(list.as_array().unwrap().len(), 1);
}

on_each_database!(a_client_is_changed_in_one_way_at_a_time);
fn a_client_is_changed_in_one_way_at_a_time(database: &TestDatabase) {
    let db = database.migrated();
    let (before, bystander) = (client(&db, "CASES"), client(&db, "bystander"));
    let change =
        |command: &str| succeed(database, &format!("{command} --uuid {}", before.uuid)).stdout;

    assert_eq!(change("client is-sharing-enabled"), "True\n");
    change("client_sharing_deactivate");
    assert_eq!(
        reload(&db, &before),
        Client {
            is_sharing_enabled: false,
            ..before.clone()
        }
    );
    assert_eq!(change("client_is_sharing_enabled"), "False\n");
    change("client sharing-activate");
    assert_eq!(reload(&db, &before), before);

    change("client deactivate");
    assert_eq!(
        reload(&db, &before),
        Client {
            is_active: false,
            ..before.clone()
        }
    );
    change("client activate");
    assert_eq!(reload(&db, &before), before);

    let rotated = change("client rotate-token");
    let after = reload(&db, &before);
    assert_ne!(after.token, before.token);
    assert_eq!(
        rotated.trim_end(),
        format!("Token: {}", after.token.reveal())
    );

    succeed(
        database,
        &format!(
            "client_coordinates_set --latitude 49.61 --longitude -6.13 --uuid {}",
            before.uuid
        ),
    );
    let place = reload(&db, &before).coordinates.unwrap();
    assert_eq!((place.latitude(), place.longitude()), (49.61, -6.13));
    change("client coordinates-unset");
    assert_eq!(reload(&db, &before).coordinates, None);
    assert_eq!(reload(&db, &bystander), bystander);
    let off_the_globe = format!(
        "client coordinates-set --latitude 91 --longitude 0 --uuid {}",
        before.uuid
    );
    assert!(fail(database, &off_the_globe).contains("'91' is not a latitude"));
}

on_each_database!(a_client_is_deleted_with_its_stats_after_a_yes);
fn a_client_is_deleted_with_its_stats_after_a_yes(database: &TestDatabase) {
    let db = database.migrated();
    let cases = client(&db, "CASES");
    db.insert_stats(
        cases.id,
        &[stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")],
    )
    .unwrap();
    let uuid = cases.uuid.to_string();
    let delete = ["client_delete", "--uuid", &uuid];
    let refused = run_with(database.url(), &delete, "no\n");
    assert_eq!((refused.code, db.clients().unwrap().len()), (1, 1));
    let deleted = run_with(database.url(), &delete, "yes\n");
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert!(
        deleted
            .stdout
            .ends_with("Deleted the client CASES and its 1 stat\n"),
        "{deleted:?}"
    );
    assert_eq!(db.clients().unwrap(), []);
}

on_each_database!(a_client_that_is_not_there_is_named);
fn a_client_that_is_not_there_is_named(database: &TestDatabase) {
    database.migrated();
    let uuid = "11111111-0000-4000-8000-000000000001";
    for command in [
        "delete --yes",
        "activate",
        "deactivate",
        "rotate-token",
        "sharing-activate",
        "sharing-deactivate",
        "is-sharing-enabled",
        "coordinates-unset",
        "coordinates-set --latitude 1 --longitude 1",
    ] {
        let error = fail(database, &format!("client {command} --uuid {uuid}"));
        assert!(
            error.contains(&format!("there is no client {uuid}")),
            "{command}: {error}"
        );
        fail(database, &format!("client {command}"));
    }
    assert_eq!(open(database).clients().unwrap(), []);
}

on_each_database!(stats_of_a_client_are_deleted_and_the_client_stays);
fn stats_of_a_client_are_deleted_and_the_client_stays(database: &TestDatabase) {
    let db = database.migrated();
    let (cases, other) = (client(&db, "CASES"), client(&db, "other"));
    let kept = stat(AnalysisId::random(), StatsType::Risk, "2026-01-01");
    db.insert_stats(other.id, std::slice::from_ref(&kept))
        .unwrap();
    db.insert_stats(
        cases.id,
        &[stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")],
    )
    .unwrap();
    let uuid = cases.uuid.to_string();
    let delete = ["stats_delete", "--client-uuid", &uuid];
    let refused = run_with(database.url(), &delete, "n\n");
    assert_eq!(refused.stdout, "Delete 1 stat of CASES? [y/N]: ");
    assert_eq!(refused.code, 1);
    assert_eq!(db.stats(&StatsFilter::default()).unwrap().len(), 2);
    let deleted = succeed(
        database,
        &format!("stats delete --yes --client-uuid {uuid}"),
    );
    assert_eq!(deleted.stdout, "Deleted 1 stat of CASES\n");
    assert_eq!(db.stats(&StatsFilter::default()).unwrap(), [kept]);
    assert_eq!(db.clients().unwrap().len(), 2);
    let again = succeed(database, &format!("stats delete --client-uuid {uuid}"));
    assert_eq!(
        again.stdout,
        "Nothing to delete: there are no stats of CASES\n"
    );
    let nobody = "11111111-0000-4000-8000-000000000001";
    let error = fail(
        database,
        &format!("stats delete --yes --client-uuid {nobody}"),
    );
    assert!(
        error.contains(&format!("there is no client {nobody}")),
        "{error}"
    );
}

on_each_database!(old_stats_are_purged);
fn old_stats_are_purged(database: &TestDatabase) {
    let db = database.migrated();
    let cases = client(&db, "CASES");
    let today = Local::now().date_naive();
    let stats = [0, 11, 12, 13, 37].map(|months| {
        let date = today - Months::new(months);
        stat(AnalysisId::random(), StatsType::Risk, &date.to_string())
    });
    db.insert_stats(cases.id, &stats).unwrap();
    let left = || db.stats(&StatsFilter::default()).unwrap().len();
    let before = today - Months::new(36);
    let unanswered = run_with(database.url(), &["stats", "purge"], "");
    assert_eq!(
        (unanswered.code, unanswered.stdout.trim_end()),
        (
            1,
            format!("Delete 1 stat of days before {before}? [y/N]:").as_str()
        )
    );
    assert_eq!(left(), 5);
    assert_eq!(
        succeed(database, "stats purge --yes").stdout,
        format!("Deleted 1 stat of days before {before}\n")
    );
    assert_eq!(
        succeed(database, "stats purge").stdout,
        format!("Nothing to delete: there are no stats of days before {before}\n")
    );
    assert!(
        succeed(database, "stats_purge --nb-month 12 -y")
            .stdout
            .starts_with("Deleted 1 stat of")
    );
    assert_eq!(left(), 3);
    for wrong in ["0", "-1", "x", "1201"] {
        fail(database, &format!("stats purge -y --nb-month {wrong}"));
    }
    assert_eq!(left(), 3);
}

/// A sharing platform that answers once, with this.
fn mosp(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let length = socket.read(&mut head).unwrap();
        let head = String::from_utf8_lossy(&head[..length]).into_owned();
        assert!(
            head.starts_with("GET /api/v2/object/?uuid=f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07 "),
            "{head}"
        );
        let length = answer.len();
        write!(
            socket,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
        )
        .unwrap();
    });
    address
}

#[test]
fn an_object_is_published_or_not() {
    let ask = |url: &str, option: &str| {
        let line =
            format!("mosp_is_object_published --uuid f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07{option}");
        let arguments: Vec<_> = line.split(' ').collect();
        // No database is needed for it.
        run_in(&[("MOSP_URL", url)], &arguments, "")
    };
    let object = r#"{"data": [{"name": "é", "json_object": {"uuid": "f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07"}}]}"#;
    assert_eq!(ask(&mosp(object), "").stdout, "True\n");
    let shown = ask(&mosp(object), " -v").stdout;
    let json: serde_json::Value =
        serde_json::from_str(shown.strip_suffix("True\n").unwrap()).unwrap();
    assert_eq!(json["name"], "é");
    let missing = ask(&mosp(r#"{"data": []}"#), " -v");
    assert_eq!((missing.code, missing.stdout.as_str()), (0, "False\n"));
    for (url, code) in [(mosp("<html>"), 1), ("http://127.0.0.1:1".to_owned(), 75)] {
        let failed = ask(&url, "");
        assert_eq!(
            (failed.code, failed.stdout.as_str()),
            (code, ""),
            "{failed:?}"
        );
        assert!(failed.stderr.starts_with("stats-admin: "), "{failed:?}");
    }
}

#[test]
fn what_is_wrong_with_the_settings_is_told() {
    for (url, what) in [
        ("mysql://localhost/x", "DATABASE_URL in the environment"),
        (
            "postgres://me:sesame@127.0.0.1:1/x",
            "cannot connect to the database postgres://127.0.0.1:1/x",
        ),
        ("sqlite:///no/such/folder/stats.db", "does not exist"),
    ] {
        let outcome = run_with(url, &["client", "list"], "");
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(
            outcome.stderr.starts_with("stats-admin: ") && outcome.stderr.contains(what),
            "{outcome:?}"
        );
        assert!(!outcome.stderr.contains("sesame"), "{outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
}

#[test]
fn a_database_is_copied_to_a_new_file() {
    let database = TestDatabase::sqlite();
    client(&database.migrated(), "CASES");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    let line = format!("db backup {}", path.display());
    assert!(succeed(&database, &line).stdout.contains("copied to"));
    assert!(fail(&database, &line).contains("there is a file of this name"));
    let copy = run_with(
        &format!("sqlite://{}", path.display()),
        &["client", "list"],
        "",
    );
    assert_eq!(copy.line("Name: "), "CASES");
}

#[test]
fn completions_and_manuals_are_generated() {
    let script = run_in(&[], &["completions", "bash"], "");
    assert!(
        script.code == 0 && script.stdout.contains("rotate-token"),
        "{script:?}"
    );
    let page = run_in(&[], &["man"], "");
    assert!(
        page.code == 0 && page.stdout.contains(".TH stats-admin 1"),
        "{page:?}"
    );
    let folder = tempfile::tempdir().unwrap();
    let written = run_in(&[], &["man", folder.path().to_str().unwrap()], "");
    assert_eq!(written.code, 0, "{written:?}");
    assert!(folder.path().join("stats-admin-client-create.1").exists());
    assert_eq!(run_in(&[], &["man", "/no/such/folder"], "").code, 1);
}

#[test]
fn help_and_version_need_no_database() {
    for (arguments, what) in [
        (&["--help"][..], "client_create is client create"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["client", "--help"], "rotate-token"),
        (&["client_coordinates_set", "--help"], "Degrees north"),
    ] {
        let outcome = run_with("mysql://nothing", arguments, "");
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.stdout.contains(what), "{outcome:?}");
    }
    assert_eq!(run_with("mysql://nothing", &["client", "make"], "").code, 2);
}
