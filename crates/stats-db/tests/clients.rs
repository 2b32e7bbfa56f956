//! Clients: created, found, changed and deleted.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use chrono::{TimeDelta, Utc};
use stats_core::{
    AnalysisId, ClientUuid, Coordinates, NewClient, Role, StatsFilter, StatsType, Token,
};
use stats_db::{ClientChange, ClientConflict, DbError};
use stats_testing::{TestDatabase, client, ids, on_each_database, stat};

on_each_database!(a_client_is_found_as_it_was_created);
fn a_client_is_found_as_it_was_created(database: &TestDatabase) {
    let db = database.migrated();
    assert!(!db.has_admin().unwrap());
    let new = NewClient {
        role: Role::Admin,
        is_sharing_enabled: false,
        ..NewClient::user("Économie & co '; --".parse().unwrap())
    };
    let created = db.create_client(&new).unwrap();
    assert_eq!(
        (created.uuid, created.name.as_str(), &created.token),
        (new.uuid, new.name.as_str(), &new.token)
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
        age >= TimeDelta::zero() && age < TimeDelta::minutes(1),
        "{age}"
    );
    assert_eq!(
        db.client_by_token(&new.token).unwrap(),
        Some(created.clone())
    );
    assert_eq!(db.client(new.uuid).unwrap(), Some(created.clone()));
    assert_eq!(db.clients().unwrap(), [created]);
    assert!(db.has_admin().unwrap());

    assert_eq!(db.client_by_token(&Token::generate()).unwrap(), None);
    assert_eq!(db.client(ClientUuid::random()).unwrap(), None);
}

on_each_database!(name_token_and_id_are_unique);
fn name_token_and_id_are_unique(database: &TestDatabase) {
    let db = database.migrated();
    let first = NewClient::user("first".parse().unwrap());
    db.create_client(&first).unwrap();
    let other = NewClient::user("other".parse().unwrap());
    for (new, conflict) in [
        (
            NewClient {
                name: first.name.clone(),
                ..other.clone()
            },
            ClientConflict::Name,
        ),
        (
            NewClient {
                token: first.token.clone(),
                ..other.clone()
            },
            ClientConflict::Token,
        ),
        (
            NewClient {
                uuid: first.uuid,
                ..other.clone()
            },
            ClientConflict::Uuid,
        ),
        (first.clone(), ClientConflict::Name),
    ] {
        let error = db.create_client(&new).unwrap_err();
        assert!(
            matches!(error, DbError::ClientExists(found) if found == conflict),
            "{error}"
        );
    }
    db.create_client(&other).unwrap();
    let taken = ClientChange {
        token: Some(first.token),
        ..ClientChange::default()
    };
    let error = db.change_client(other.uuid, &taken).unwrap_err();
    assert!(
        matches!(error, DbError::ClientExists(ClientConflict::Token)),
        "{error}"
    );
}

on_each_database!(a_change_leaves_the_rest_alone);
fn a_change_leaves_the_rest_alone(database: &TestDatabase) {
    let db = database.migrated();
    let before = client(&db, "CASES");
    let bystander = client(&db, "bystander");
    let place = Coordinates::new(49.61, 6.13).unwrap();
    let token = Token::generate();

    let off = ClientChange {
        is_sharing_enabled: Some(false),
        is_active: Some(false),
        ..ClientChange::default()
    };
    let after = db.change_client(before.uuid, &off).unwrap();
    assert_eq!((after.is_sharing_enabled, after.is_active), (false, false));
    let moved = ClientChange {
        coordinates: Some(Some(place)),
        token: Some(token.clone()),
        ..ClientChange::default()
    };
    let after = db.change_client(before.uuid, &moved).unwrap();
    assert_eq!((after.coordinates, &after.token), (Some(place), &token));
    assert_eq!(
        (after.is_sharing_enabled, after.is_active, after.name),
        (false, false, before.name.clone())
    );
    assert_eq!(db.client_by_token(&before.token).unwrap(), None);
    let removed = ClientChange {
        coordinates: Some(None),
        ..ClientChange::default()
    };
    assert_eq!(
        db.change_client(before.uuid, &removed).unwrap().coordinates,
        None
    );

    assert_eq!(db.client(bystander.uuid).unwrap(), Some(bystander));
    let error = db
        .change_client(ClientUuid::random(), &removed)
        .unwrap_err();
    assert!(matches!(error, DbError::NoSuchClient), "{error}");
}

on_each_database!(a_deleted_client_takes_its_stats_along);
fn a_deleted_client_takes_its_stats_along(database: &TestDatabase) {
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

on_each_database!(being_seen_is_noted_once_in_a_while);
fn being_seen_is_noted_once_in_a_while(database: &TestDatabase) {
    let db = database.migrated();
    let created = client(&db, "CASES");
    assert_eq!(created.last_seen, None);
    db.note_seen(&created).unwrap();
    let seen = db.client(created.uuid).unwrap().unwrap();
    assert!(seen.last_seen.is_some());
    db.note_seen(&seen).unwrap();
    assert_eq!(
        db.client(created.uuid).unwrap().unwrap(),
        seen,
        "it was noted a moment ago"
    );
}

on_each_database!(emptying_leaves_tables_without_rows);
fn emptying_leaves_tables_without_rows(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    db.insert_stats(
        owner.id,
        &[stat(AnalysisId::random(), StatsType::Risk, "2026-01-01")],
    )
    .unwrap();
    db.empty().unwrap();
    assert_eq!(db.clients().unwrap(), []);
    assert_eq!(db.stats(&StatsFilter::default()).unwrap(), []);
    client(&db, "CASES");
}
