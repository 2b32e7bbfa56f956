//! `stats-admin client`.

use serde_json::{Value, json};
use stats_core::{Client, Coordinates, Role};
use stats_testing::{TestDatabase, client, on_each_database};

use crate::support::{fail, succeed, value};

on_each_database!(create_and_list_print_what_the_python_service_prints);
fn create_and_list_print_what_the_python_service_prints(database: &TestDatabase) {
    let db = database.migrated();
    let first = succeed(database, "client create --name CASES");
    let client = db.clients().unwrap().remove(0);
    let (uuid, token) = (client.uuid, client.token.reveal());
    let time = value(&first, "Created at: ");
    assert_eq!(time.len(), "2020-07-15 09:27:51.701245".len());
    let expected = format!(
        "UUID: {uuid}\nName: CASES\nRole: 1\nToken: {token}\nSharing Enabled: True\nCreated at: {time}\n"
    );
    assert_eq!(first, expected);

    let uuid = "11111111-0000-4000-8000-000000000001";
    let options = format!("--name boss --role admin --token -sesame --uuid {uuid} --remote");
    let second = succeed(database, format!("client create {options}"));
    let boss = db.clients().unwrap().remove(1);
    assert_eq!((boss.role, boss.is_local), (Role::Admin, false));
    assert_eq!(value(&second, "UUID: "), uuid);
    assert_eq!(value(&second, "Role: "), "2");
    assert_eq!(value(&second, "Token: "), "-sesame");
    assert_eq!(
        succeed(database, "client list"),
        format!("{first}\n{second}")
    );

    let same_name = fail(database, "client create --name CASES");
    assert_eq!(same_name, "a client with this name exists already");
    let same_token = fail(database, "client create --name x --token -sesame");
    assert_eq!(same_token, "a client with this token exists already");
    assert_eq!(db.clients().unwrap().len(), 2);
}

on_each_database!(list_prints_all_properties_as_json);
fn list_prints_all_properties_as_json(database: &TestDatabase) {
    let db = database.migrated();
    assert_eq!(succeed(database, "client list --json"), "[]\n");
    let client = client(&db, "Économie \"x\"");
    let uuid = client.uuid;
    let options = format!("--uuid {uuid} --latitude -49.5 --longitude 6");
    succeed(database, format!("client coordinates-set {options}"));
    let list: Value = serde_json::from_str(&succeed(database, "client list --json")).unwrap();
    let expected = json!([{
        "uuid": uuid,
        "name": "Économie \"x\"",
        "role": "1",
        "token": client.token.reveal(),
        "is_sharing_enabled": true,
        "is_active": true,
        "local": true,
        "latitude": -49.5,
        "longitude": 6.0,
        "last_seen": null,
        "created_at": client.created_at,
    }]);
    assert_eq!(list, expected);
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
            "sharing-activate",
            "CASES: sharing enabled",
            original.clone(),
        ),
        (
            "deactivate",
            "CASES: deactivated",
            set(|client| client.is_active = false),
        ),
        ("activate", "CASES: active", original.clone()),
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
    assert_eq!(value(&printed, "Token: "), rotated.token.reveal());
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
