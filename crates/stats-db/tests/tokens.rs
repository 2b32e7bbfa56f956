//! Plain and hashed tokens, and the rotation of tokens.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;

use chrono::{NaiveDateTime, TimeDelta, Utc};
use stats_core::{Client, ClientUuid, NewClient, StoredToken, Token, TokenHash, TokenStorage};
use stats_db::{ClientChange, ClientConflict, Db, DbError};
use stats_testing::{TestDatabase, client, on_each_database, token};

fn in_days(days: i64) -> Option<NaiveDateTime> {
    Some(Utc::now().naive_utc() + TimeDelta::days(days))
}

fn hashed(db: &Db) -> Db {
    db.with_token_storage(TokenStorage::Hashed)
}

fn owner(db: &Db, token: &Token) -> Option<ClientUuid> {
    let found = db.client_by_token(token).unwrap();
    found.map(|client| client.uuid)
}

fn is_hash_of(client: &Client, token: &Token) -> bool {
    client.token == Some(StoredToken::Hashed(TokenHash::of(token)))
}

on_each_database!(a_token_authenticates_whether_it_is_stored_plain_or_hashed);
fn a_token_authenticates_whether_it_is_stored_plain_or_hashed(database: &TestDatabase) {
    let db = database.migrated();
    let [plain, secret] = ["plain", "secret"].map(|name| NewClient::user(name.parse().unwrap()));
    db.create_client(&plain).unwrap();
    let created = hashed(&db).create_client(&secret).unwrap();
    assert!(is_hash_of(&created, &secret.token));
    for db in [&db, &hashed(&db)] {
        assert_eq!(owner(db, &plain.token), Some(plain.uuid));
        assert_eq!(
            db.client_by_token(&secret.token).unwrap(),
            Some(created.clone())
        );
        assert_eq!(owner(db, &Token::generate()), None);
    }
}

on_each_database!(a_token_is_unique_in_all_its_forms);
fn a_token_is_unique_in_all_its_forms(database: &TestDatabase) {
    let db = database.migrated();
    let [plain, secret] = ["plain", "secret"].map(|name| NewClient::user(name.parse().unwrap()));
    db.create_client(&plain).unwrap();
    let created = hashed(&db).create_client(&secret).unwrap();
    hashed(&db).rotate_token(created.uuid, in_days(1)).unwrap();
    for token in [plain.token, secret.token] {
        for db in [&db, &hashed(&db)] {
            let new = NewClient {
                token: token.clone(),
                ..NewClient::user("other".parse().unwrap())
            };
            let error = db.create_client(&new).unwrap_err();
            let expected = DbError::ClientExists(ClientConflict::Token);
            assert_eq!(error.to_string(), expected.to_string());
        }
    }
}

on_each_database!(tokens_are_converted_to_hashes_in_one_transaction);
fn tokens_are_converted_to_hashes_in_one_transaction(database: &TestDatabase) {
    let db = database.migrated();
    let [one, two, none, last] = ["one", "two", "none", "last"].map(|name| client(&db, name));
    let new_token = db.rotate_token(two.uuid, in_days(1)).unwrap();
    hashed(&db)
        .create_client(&NewClient::user("hashed".parse().unwrap()))
        .unwrap();
    database.execute("UPDATE client SET token = NULL WHERE name = 'none'");
    // The last update fails.
    database.execute(if database.is_postgres() {
        "CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN RAISE 'stopped'; END $$ LANGUAGE plpgsql;
         CREATE TRIGGER fail BEFORE UPDATE ON client FOR EACH ROW WHEN (OLD.name = 'last') EXECUTE FUNCTION fail();"
    } else {
        "CREATE TRIGGER fail BEFORE UPDATE ON client WHEN OLD.name = 'last'
            BEGIN SELECT RAISE(ABORT, 'stopped'); END;"
    });
    db.hash_tokens().unwrap_err();
    assert_eq!(db.client(one.uuid).unwrap(), Some(one.clone()));
    database.execute(if database.is_postgres() {
        "DROP TRIGGER fail ON client"
    } else {
        "DROP TRIGGER fail"
    });

    // Those of three clients, and one of before a rotation.
    assert_eq!(db.hash_tokens().unwrap(), 4);
    let clients = db.clients().unwrap();
    let plain = clients.iter().filter_map(Client::plain_token);
    assert_eq!(plain.count(), 0);
    assert_eq!(
        clients
            .iter()
            .filter(|client| client.token.is_none())
            .count(),
        1
    );
    assert!(is_hash_of(&clients[0], token(&one)));
    for (token, uuid) in [
        (token(&one), one.uuid),
        (token(&two), two.uuid),
        (&new_token, two.uuid),
        (token(&last), last.uuid),
    ] {
        assert_eq!(owner(&db, token), Some(uuid));
    }
    assert_eq!(owner(&db, token(&none)), None);
    assert_eq!(db.hash_tokens().unwrap(), 0);
}

#[test]
fn converted_tokens_are_no_longer_in_the_file() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    // More than a page of the file.
    let clients: Vec<_> = (0..100)
        .map(|number| client(&db, &format!("client {number}")))
        .collect();
    let path = database.url().strip_prefix("sqlite://").unwrap();
    let count_tokens = || {
        // Writes the WAL to the file.
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
        let file = fs::read(path).unwrap();
        let is_in_file = |client: &&Client| {
            let secret = token(client).reveal().as_bytes();
            file.windows(secret.len()).any(|part| part == secret)
        };
        clients.iter().filter(is_in_file).count()
    };
    assert_eq!(count_tokens(), clients.len());
    db.hash_tokens().unwrap();
    assert_eq!(count_tokens(), 0);
}

on_each_database!(an_old_token_is_valid_until_a_time);
fn an_old_token_is_valid_until_a_time(database: &TestDatabase) {
    let db = database.migrated();
    for (name, db) in [("plain", db.clone()), ("hashed", hashed(&db))] {
        let (client, bystander) = (client(&db, name), client(&db, &format!("other {name}")));
        let first = db.rotate_token(client.uuid, None).unwrap();
        assert_eq!(db.old_token_expiry(client.id).unwrap(), None);
        let bystanders = db.rotate_token(bystander.uuid, in_days(1)).unwrap();

        let until = in_days(7);
        let second = db.rotate_token(client.uuid, until).unwrap();
        let expiry = db.old_token_expiry(client.id).unwrap().unwrap();
        assert!((expiry - until.unwrap()).abs() < TimeDelta::milliseconds(1));
        for token in [&first, &second] {
            assert_eq!(owner(&db, token), Some(client.uuid));
        }
        db.change_client(client.uuid, &ClientChange::Active(false))
            .unwrap();
        for token in [&first, &second] {
            assert!(!db.client_by_token(token).unwrap().unwrap().is_active);
        }

        let third = db.rotate_token(client.uuid, until).unwrap();
        assert_eq!(owner(&db, &first), None);
        assert_eq!(owner(&db, &second), Some(client.uuid));
        let fourth = db.rotate_token(client.uuid, None).unwrap();
        for (token, expected) in [(second, None), (third, None), (fourth, Some(client.uuid))] {
            assert_eq!(owner(&db, &token), expected);
        }
        assert!(owner(&db, &bystanders).is_some());
        assert!(db.old_token_expiry(bystander.id).unwrap().is_some());
        db.delete_client(bystander.uuid).unwrap();
        assert_eq!(owner(&db, &bystanders), None);
    }
    let unknown = db.rotate_token(ClientUuid::random(), None).unwrap_err();
    assert!(matches!(unknown, DbError::NoSuchClient), "{unknown}");
}

on_each_database!(an_expired_token_is_rejected_and_deleted_by_the_next_rotation);
fn an_expired_token_is_rejected_and_deleted_by_the_next_rotation(database: &TestDatabase) {
    let db = database.migrated();
    let (one, other) = (client(&db, "one"), client(&db, "other"));
    let new = db.rotate_token(one.uuid, in_days(-1)).unwrap();
    assert_eq!(owner(&db, token(&one)), None);
    assert_eq!(owner(&db, &new), Some(one.uuid));
    assert_eq!(db.old_token_expiry(one.id).unwrap(), None);
    // Nobody authenticates with an expired token, so it may be given again.
    let again = NewClient {
        token: token(&one).clone(),
        ..NewClient::user("again".parse().unwrap())
    };
    db.create_client(&again).unwrap();
    db.rotate_token(again.uuid, in_days(1)).unwrap();
    assert_eq!(owner(&db, &again.token), Some(again.uuid));
    db.rotate_token(other.uuid, None).unwrap();
    database.execute("UPDATE client_token SET valid_until = '2020-01-01 00:00:00'");
    db.rotate_token(other.uuid, None).unwrap();
    // Violates NOT NULL if a row is left.
    database.execute(
        "INSERT INTO client_token SELECT 'x', 1, NULL WHERE EXISTS (SELECT 1 FROM client_token)",
    );
}
