//! Creating, finding, changing and deleting clients.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use chrono::{TimeDelta, Utc};
use stats_core::{
    AnalysisId, Client, ClientUuid, Coordinates, NewClient, Role, StatsFilter, StatsType, Token,
};
use stats_db::{ClientChange, ClientConflict, DbError};
use stats_testing::{TestDatabase, client, ids, on_each_database, stat};

on_each_database!(a_created_client_is_found);
fn a_created_client_is_found(database: &TestDatabase) {
    let db = database.migrated();
    assert!(!db.has_admin().unwrap());
    let new = NewClient {
        role: Role::Admin,
        is_sharing_enabled: false,
        ..NewClient::user("Économie & co '; --".parse().unwrap())
    };
    let created = db.create_client(&new).unwrap();
    assert_eq!(
        (created.uuid, created.name.as_str(), created.plain_token()),
        (new.uuid, new.name.as_str(), Some(&new.token))
    );
    assert_eq!(
        (created.role, created.is_sharing_enabled),
        (Role::Admin, false)
    );
    assert_eq!(
        (created.is_local, created.is_active, created.coordinates),
        (true, true, None)
    );
    let age = Utc::now().naive_utc() - created.created_at.unwrap();
    assert!(
        (TimeDelta::zero()..TimeDelta::minutes(1)).contains(&age),
        "{age}"
    );
    let by_token = db.client_by_token(&new.token).unwrap();
    assert_eq!(by_token.as_ref(), Some(&created));
    assert_eq!(db.client(new.uuid).unwrap(), Some(created.clone()));
    assert_eq!(db.clients().unwrap(), [created]);
    assert!(db.has_admin().unwrap());

    assert_eq!(db.client_by_token(&Token::generate()).unwrap(), None);
    assert_eq!(db.client(ClientUuid::random()).unwrap(), None);
}

on_each_database!(name_token_and_uuid_are_unique);
fn name_token_and_uuid_are_unique(database: &TestDatabase) {
    let db = database.migrated();
    let first = NewClient::user("first".parse().unwrap());
    db.create_client(&first).unwrap();
    let other = NewClient::user("other".parse().unwrap());
    let conflict = |result: Result<Client, DbError>| match result.unwrap_err() {
        DbError::ClientExists(conflict) => conflict,
        error => unreachable!("{error:?}"),
    };
    let [mut name, mut token, mut uuid] = [(); 3].map(|()| other.clone());
    name.name = first.name.clone();
    token.token = first.token.clone();
    uuid.uuid = first.uuid;
    for (new, expected) in [
        (&name, ClientConflict::Name),
        (&token, ClientConflict::Token),
        (&uuid, ClientConflict::Uuid),
        (&first, ClientConflict::Name),
    ] {
        assert_eq!(conflict(db.create_client(new)), expected);
    }
    db.create_client(&other).unwrap();
}

on_each_database!(a_change_affects_one_property_of_one_client);
fn a_change_affects_one_property_of_one_client(database: &TestDatabase) {
    let db = database.migrated();
    let before = client(&db, "CASES");
    let other = client(&db, "other");
    let place = Coordinates::new(49.61, 6.13).unwrap();
    let mut expected = before.clone();
    for change in [
        ClientChange::Sharing(false),
        ClientChange::Withdraws(true),
        ClientChange::Active(false),
        ClientChange::Local(false),
        ClientChange::Coordinates(Some(place)),
        ClientChange::Excluded(true),
        ClientChange::Active(true),
        ClientChange::Coordinates(None),
        ClientChange::Excluded(false),
    ] {
        match change.clone() {
            ClientChange::Sharing(is_enabled) => expected.is_sharing_enabled = is_enabled,
            ClientChange::Withdraws(withdraws) => expected.withdraws = withdraws,
            ClientChange::Active(is_active) => expected.is_active = is_active,
            ClientChange::Excluded(is_excluded) => expected.is_excluded = is_excluded,
            ClientChange::Local(is_local) => expected.is_local = is_local,
            ClientChange::Coordinates(place) => expected.coordinates = place,
        }
        assert_eq!(db.change_client(before.uuid, &change).unwrap(), expected);
    }

    assert_eq!(db.client(other.uuid).unwrap(), Some(other));
    let error = db
        .change_client(ClientUuid::random(), &ClientChange::Local(true))
        .unwrap_err();
    assert!(matches!(error, DbError::NoSuchClient), "{error}");
}

on_each_database!(deleting_a_client_deletes_its_stats);
fn deleting_a_client_deletes_its_stats(database: &TestDatabase) {
    let db = database.migrated();
    let (gone, stays) = (client(&db, "gone"), client(&db, "stays"));
    let analysis = AnalysisId::random();
    let batch = || [0, 1].map(|_| stat(analysis, StatsType::Risk, "2026-01-01"));
    db.insert_stats(gone.id, &batch()).unwrap();
    let kept = batch();
    db.insert_stats(stays.id, &kept).unwrap();
    assert_eq!(db.delete_client(gone.uuid).unwrap(), 2);
    assert_eq!(db.clients().unwrap(), [stays]);
    assert_eq!(ids(&db.stats(&StatsFilter::default()).unwrap()), ids(&kept));
    assert!(matches!(
        db.delete_client(gone.uuid),
        Err(DbError::NoSuchClient)
    ));
}

on_each_database!(deleting_a_client_takes_several_transactions);
fn deleting_a_client_takes_several_transactions(database: &TestDatabase) {
    let db = database.migrated();
    let gone = client(&db, "gone");
    let batch: Vec<_> = (0..6_000)
        .map(|_| stat(AnalysisId::random(), StatsType::Risk, "2026-01-01"))
        .collect();
    db.insert_stats(gone.id, &batch).unwrap();
    // The second transaction fails, as if the server were stopped.
    database.execute(if database.is_postgres() {
        "CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN RAISE 'stopped'; END $$ LANGUAGE plpgsql;
         CREATE TRIGGER fail BEFORE DELETE ON stats FOR EACH ROW WHEN (OLD.seq > 5500) EXECUTE FUNCTION fail();"
    } else {
        "CREATE TRIGGER fail BEFORE DELETE ON stats WHEN OLD.seq > 5500
            BEGIN SELECT RAISE(ABORT, 'stopped'); END;"
    });
    db.delete_client(gone.uuid).unwrap_err();
    let left = db.read(|snapshot| snapshot.count_stats(&StatsFilter::default()));
    assert_eq!(left.unwrap(), 1_000);
    assert!(!db.client(gone.uuid).unwrap().unwrap().is_active);
    database.execute(if database.is_postgres() {
        "DROP TRIGGER fail ON stats"
    } else {
        "DROP TRIGGER fail"
    });
    assert_eq!(db.delete_client(gone.uuid).unwrap(), 1_000);
    assert_eq!(db.clients().unwrap(), []);
}

on_each_database!(last_seen_is_updated_every_few_minutes);
fn last_seen_is_updated_every_few_minutes(database: &TestDatabase) {
    let db = database.migrated();
    let created = client(&db, "CASES");
    assert_eq!(created.last_seen, None);
    db.note_seen(&created).unwrap();
    let seen = db.client(created.uuid).unwrap().unwrap();
    assert!(seen.last_seen.is_some());
    db.note_seen(&seen).unwrap();
    assert_eq!(db.client(created.uuid).unwrap(), Some(seen));
}

on_each_database!(empty_deletes_all_rows);
fn empty_deletes_all_rows(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let batch = [stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")];
    db.insert_stats(owner.id, &batch).unwrap();
    db.empty().unwrap();
    assert_eq!(db.clients().unwrap(), []);
    assert_eq!(db.stats(&StatsFilter::default()).unwrap(), []);
    client(&db, "CASES");
}
