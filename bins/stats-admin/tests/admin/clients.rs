//! `stats-admin client`.

use chrono::{NaiveDateTime, Utc};
use serde_json::{Value, json};
use stats_core::{AnalysisId, Client, Coordinates, Role, StatsType, Token, TokenHash};
use stats_testing::{TestDatabase, client, on_each_database, stat, token};

use crate::support::{fail, program, run, run_program, succeed, value};

on_each_database!(create_prints_what_the_python_service_prints);
fn create_prints_what_the_python_service_prints(database: &TestDatabase) {
    let db = database.migrated();
    let first = succeed(database, "client create --name CASES");
    let client = db.clients().unwrap().remove(0);
    let (uuid, token) = (client.uuid, token(&client).reveal());
    let time = value(&first, "Created at: ");
    assert_eq!(time.len(), "2020-07-15 09:27:51.701245".len());
    let expected = format!(
        "UUID: {uuid}\nName: CASES\nRole: 1\nToken: {token}\nSharing Enabled: True\nCreated at: {time}\n"
    );
    assert_eq!(first, expected);

    let uuid = "11111111-0000-4000-8000-000000000001";
    let options = format!("--name boss --role admin --token -sesame --uuid {uuid} --remote");
    let second = run(database, format!("client create {options}"), "");
    assert_eq!(second.code, 0, "{second:?}");
    let warning = "The token of the new client boss has fewer than 32 characters";
    assert!(second.stderr.contains(warning), "{second:?}");
    assert!(!second.stderr.contains("sesame"), "{second:?}");
    let boss = db.clients().unwrap().remove(1);
    assert_eq!((boss.role, boss.is_local), (Role::Admin, false));
    assert_eq!(value(&second.stdout, "UUID: "), uuid);
    assert_eq!(value(&second.stdout, "Role: "), "2");
    assert_eq!(value(&second.stdout, "Token: "), "-sesame");

    let same_name = fail(database, "client create --name CASES");
    assert_eq!(same_name, "a client with this name exists already");
    let same_token = fail(database, "client create --name x --token -sesame");
    assert_eq!(same_token, "a client with this token exists already");
    assert_eq!(db.clients().unwrap().len(), 2);
}

on_each_database!(list_prints_a_table);
fn list_prints_a_table(database: &TestDatabase) {
    let db = database.migrated();
    assert_eq!(succeed(database, "client list"), "");
    let [cases, tokyo] = ["CASES", "東京"].map(|name| client(&db, name));
    let stats: Vec<_> = (0..1_000)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(cases.id, &stats).unwrap();
    database.execute(
        "UPDATE client SET latitude = 49.61, longitude = -6.13, last_seen = '2026-01-02 03:04:05', role = 2 \
         WHERE name = 'CASES'",
    );
    database.execute("UPDATE client SET is_active = false, is_sharing_enabled = false, is_excluded = true, local = false WHERE id = 2");
    let expected = "NAME   ROLE   ACTIVE  SHARING  COUNTED  LAST SEEN         STATS  PLACE\n\
                    CASES  admin  yes     yes      yes      2026-01-02 03:04  1,000  local, 49.61, -6.13\n\
                    東京   user   no      no       no       never                 0  remote\n";
    assert_eq!(succeed(database, "client list"), expected);

    database.execute("UPDATE client SET token = NULL WHERE id = 2");
    let list = succeed(database, "client list --tokens");
    let lines: Vec<_> = list.lines().collect();
    assert!(
        lines[1].ends_with(&format!("-6.13  {}", token(&cases).reveal())),
        "{list}"
    );
    assert!(lines[2].ends_with("remote               none"), "{list}");
    assert!(!list.contains(token(&tokyo).reveal()));
}

on_each_database!(list_prints_all_properties_as_json);
fn list_prints_all_properties_as_json(database: &TestDatabase) {
    let db = database.migrated();
    assert_eq!(succeed(database, "client list --json"), "[]\n");
    let client = client(&db, "Économie \"x\"");
    let uuid = client.uuid;
    let options = format!("--uuid {uuid} --latitude -49.5 --longitude 6");
    succeed(database, format!("client coordinates-set {options}"));
    let list = |options: &str| -> Value {
        let list = succeed(database, format!("client list --json{options}"));
        serde_json::from_str(&list).unwrap()
    };
    let mut expected = json!([{
        "uuid": uuid,
        "name": "Économie \"x\"",
        "role": "1",
        "is_sharing_enabled": true,
        "withdraws": false,
        "is_active": true,
        "is_excluded": false,
        "local": true,
        "latitude": -49.5,
        "longitude": 6.0,
        "last_seen": null,
        "created_at": client.created_at,
        "stats": 0,
        "last_stat": null,
    }]);
    assert_eq!(list(""), expected);
    expected[0]["token"] = json!(token(&client).reveal());
    assert_eq!(list(" --tokens"), expected);

    let stats =
        ["2026-01-02", "2026-01-01"].map(|date| stat(AnalysisId::random(), StatsType::Risk, date));
    db.insert_stats(client.id, &stats).unwrap();
    expected[0]["stats"] = json!(2);
    expected[0]["last_stat"] = json!("2026-01-02");
    assert_eq!(list(" --tokens"), expected);
}

on_each_database!(show_prints_all_properties);
fn show_prints_all_properties(database: &TestDatabase) {
    let db = database.migrated();
    client(&db, "bystander");
    let client = client(&db, "CASES");
    let (uuid, token) = (client.uuid, token(&client).reveal());
    let shown = succeed(database, "client show cases");
    let time = value(&shown, "Created at: ");
    let created = format!(
        "UUID: {uuid}\nName: CASES\nRole: 1\nToken: {token}\nSharing Enabled: True\nCreated at: {time}\n"
    );
    assert_eq!(
        shown,
        format!(
            "{created}Withdraws while sharing is off: False\nActive: True\nExcluded: False\nLast seen: never\nPlace: local\nStats: none\n"
        )
    );

    let stats =
        ["2026-01-02", "2026-01-01"].map(|date| stat(AnalysisId::random(), StatsType::Risk, date));
    db.insert_stats(client.id, &stats).unwrap();
    database.execute("UPDATE client SET last_seen = '2026-01-02 03:04:05' WHERE name = 'CASES'");
    let rotated = succeed(database, "client rotate-token CASES --keep-old 7");
    let until = value(&rotated, "Old token valid until: ");
    let until_time = NaiveDateTime::parse_from_str(until, "%F %T").unwrap();
    assert_eq!((until_time - Utc::now().naive_utc()).num_days(), 6);
    let created = created.replace(token, value(&rotated, "Token: "));
    let rest = format!(
        "Old token valid until: {until}\nWithdraws while sharing is off: False\nActive: True\nExcluded: False\nLast seen: 2026-01-02 03:04:05\nPlace: local\n\
         Stats: 2 stats, dated 2026-01-01 to 2026-01-02\n"
    );
    assert_eq!(
        succeed(database, format!("client show {uuid}")),
        format!("{created}{rest}")
    );
}

on_each_database!(each_change_affects_one_property_of_one_client);
fn each_change_affects_one_property_of_one_client(database: &TestDatabase) {
    let db = database.migrated();
    let (original, bystander) = (client(&db, "CASES"), client(&db, "bystander"));
    let uuid = original.uuid;
    let run = |command: &str| {
        let printed = succeed(database, format!("client {command} --uuid {uuid}"));
        (printed, db.client(uuid).unwrap().unwrap())
    };
    let set = |change: fn(&mut Client)| {
        let mut client = original.clone();
        change(&mut client);
        client
    };
    for (command, printed, expected) in [
        ("is-sharing-enabled", "True", original.clone()),
        (
            "sharing-deactivate",
            "CASES: sharing disabled",
            set(|client| client.is_sharing_enabled = false),
        ),
        (
            "is-sharing-enabled",
            "False",
            set(|client| client.is_sharing_enabled = false),
        ),
        (
            "sharing-deactivate --withdraw",
            "CASES: sharing disabled; the next push withdraws what was pushed",
            set(|client| (client.is_sharing_enabled, client.withdraws) = (false, true)),
        ),
        (
            "sharing-activate",
            "CASES: sharing enabled",
            set(|client| client.withdraws = true),
        ),
        (
            "sharing-deactivate --keep",
            "CASES: sharing disabled",
            set(|client| client.is_sharing_enabled = false),
        ),
        (
            "sharing-activate",
            "CASES: sharing enabled",
            original.clone(),
        ),
        (
            "sharing-withdraw",
            "CASES: while sharing is off, what was pushed is withdrawn",
            set(|client| client.withdraws = true),
        ),
        (
            "sharing-keep",
            "CASES: while sharing is off, what was pushed stays",
            original.clone(),
        ),
        (
            "deactivate",
            "CASES: deactivated",
            set(|client| client.is_active = false),
        ),
        ("activate", "CASES: active", original.clone()),
        (
            "exclude",
            "CASES: excluded from all figures",
            set(|client| client.is_excluded = true),
        ),
        ("include", "CASES: included in figures", original.clone()),
        (
            "mark-remote",
            "CASES: remote",
            set(|client| client.is_local = false),
        ),
        ("mark-local", "CASES: local", original.clone()),
        (
            "coordinates-set --latitude 49.61 --longitude -6.13",
            "CASES: at 49.61, -6.13",
            set(|client| client.coordinates = Coordinates::new(49.61, -6.13).ok()),
        ),
        (
            "coordinates-unset",
            "CASES: not on the map",
            original.clone(),
        ),
    ] {
        assert_eq!(
            run(command),
            (format!("{printed}\n"), expected),
            "{command}"
        );
    }
    let (printed, rotated) = run("rotate-token");
    assert_eq!(printed, format!("Token: {}\n", token(&rotated).reveal()));
    assert_ne!(rotated.token, original.token);
    assert_eq!(
        Client {
            token: original.token.clone(),
            ..rotated
        },
        original
    );
    assert_eq!(db.client(bystander.uuid).unwrap().unwrap(), bystander);

    let options = format!("--latitude 91 --longitude 0 --uuid {uuid}");
    let error = fail(database, format!("client coordinates-set {options}"));
    assert!(error.starts_with("'91' is not a latitude"), "{error}");
}

on_each_database!(an_old_token_is_rejected_at_once_or_after_some_days);
fn an_old_token_is_rejected_at_once_or_after_some_days(database: &TestDatabase) {
    let db = database.migrated();
    let client = client(&db, "CASES");
    let is_valid = |token: &Token| db.client_by_token(token).unwrap().is_some();
    let rotate = |options: &str| -> Token {
        let printed = succeed(database, format!("client rotate-token CASES{options}"));
        value(&printed, "Token: ").parse().unwrap()
    };
    let second = rotate(" --keep-old 1");
    assert!(is_valid(token(&client)) && is_valid(&second));
    let third = rotate("");
    assert!(!is_valid(token(&client)) && !is_valid(&second) && is_valid(&third));
}

on_each_database!(hashed_tokens_are_printed_once);
fn hashed_tokens_are_printed_once(database: &TestDatabase) {
    let db = database.migrated();
    let old = client(&db, "old");
    let is_valid = |token: &str| {
        db.client_by_token(&token.parse().unwrap())
            .unwrap()
            .is_some()
    };
    let declined = run(database, "client hash-tokens", "n\n");
    assert_eq!(
        (declined.code, db.client(old.uuid).unwrap().as_ref()),
        (1, Some(&old))
    );
    assert!(
        declined
            .stdout
            .contains("the Python service no longer authenticates"),
        "{declined:?}"
    );
    let expected =
        "Replaced 1 token by hashes\nNew tokens are stored plain: set TOKEN_STORAGE to hashed\n";
    assert_eq!(succeed(database, "client hash-tokens --yes"), expected);
    assert!(is_valid(token(&old).reveal()));

    let environment = [
        ("DATABASE_URL", database.url()),
        ("TOKEN_STORAGE", "hashed"),
    ];
    let run = |line: &str| {
        let outcome = run_program(&mut program(&environment, line), "");
        assert_eq!(outcome.code, 0, "{outcome:?}");
        outcome.stdout
    };
    assert_eq!(
        run("client hash-tokens --yes"),
        "Replaced 0 tokens by hashes\n"
    );
    let given = "x".repeat(32);
    let created = run(&format!("client create --name new --token {given}"));
    assert_eq!(value(&created, "Token: "), given);
    let rotated = run("client rotate-token old --keep-old 1");
    let fresh = value(&rotated, "Token: ");
    assert!([given.as_str(), fresh, token(&old).reveal()].map(is_valid) == [true; 3]);

    let clients = db.clients().unwrap();
    let stored: Vec<_> = clients.iter().map(|client| client.plain_token()).collect();
    assert_eq!(stored, [None, None]);
    let fingerprint = TokenHash::of(&given.parse().unwrap()).fingerprint();
    assert_eq!(value(&run("client show new"), "Token: "), fingerprint);
    let list = run("client list --tokens");
    assert!(
        list.contains(&fingerprint) && !list.contains(&given),
        "{list}"
    );
    let list: Value = serde_json::from_str(&run("client list --tokens --json")).unwrap();
    assert_eq!(list[1]["token"], json!(fingerprint));

    // Nobody can use a hash from a stolen backup.
    let hash = TokenHash::of(&given.parse().unwrap());
    let line = format!("client create --name x --token {hash}");
    let refused = run_program(&mut program(&environment, &line), "");
    let reason = "a token does not begin with 'sha256:'";
    assert!(
        refused.code == 2 && refused.stderr.contains(reason),
        "{refused:?}"
    );
}

on_each_database!(clients_are_named_by_name_or_uuid);
fn clients_are_named_by_name_or_uuid(database: &TestDatabase) {
    let db = database.migrated();
    let cases = client(&db, "CASES");
    let uuid = cases.uuid;
    let stats = [stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")];
    db.insert_stats(cases.id, &stats).unwrap();
    for key in [
        "CASES",
        "cases",
        &uuid.to_string(),
        &format!("--uuid {uuid}"),
    ] {
        assert_eq!(
            succeed(database, format!("client activate {key}")),
            "CASES: active\n"
        );
        assert_eq!(
            succeed(database, format!("client_activate {key}")),
            "CASES: active\n"
        );
    }
    for option in [
        "--client CASES",
        "--client-uuid cases",
        &format!("--local-client-uuid {uuid}"),
    ] {
        let listed = succeed(database, format!("stats list-last {option}"));
        assert_eq!(listed.lines().count(), 1, "{listed}");
    }
    let error = fail(database, "client deactivate CASSE");
    let expected = "there is no client 'CASSE'; did you mean 'CASES'? 'stats-admin client list' lists all clients";
    assert_eq!(error, expected);

    client(&db, &uuid.to_string());
    let outcome = run(database, format!("client deactivate {uuid}"), "");
    assert_eq!(outcome.stdout, "CASES: deactivated\n");
    let note = format!(
        "stats-admin: {uuid} is the UUID of the client CASES, which is meant here, and the name of another one\n"
    );
    assert_eq!(outcome.stderr, note);
}

on_each_database!(unknown_client_is_named_in_the_error);
fn unknown_client_is_named_in_the_error(database: &TestDatabase) {
    database.migrated();
    let uuid = "11111111-0000-4000-8000-000000000001";
    for command in [
        "client delete --yes --uuid",
        "client activate --uuid",
        "client deactivate --uuid",
        "client rotate-token --uuid",
        "client sharing-activate --uuid",
        "client sharing-deactivate --uuid",
        "client is-sharing-enabled --uuid",
        "client mark-local --uuid",
        "client mark-remote --uuid",
        "client coordinates-unset --uuid",
        "client coordinates-set --latitude 1 --longitude 1 --uuid",
        "stats delete --yes --client-uuid",
        "stats list-last --client-uuid",
        "stats export --client-uuid",
        "stats push --local-client-uuid",
        "stats pull --token sesame --client-uuid",
    ] {
        let error = fail(database, format!("{command} {uuid}"));
        let expected =
            format!("there is no client {uuid}; 'stats-admin client list' lists all clients");
        assert_eq!(error, expected, "{command}");
    }
}
