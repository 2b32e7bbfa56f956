//! A PostgreSQL database of the Python service is adopted where it stands.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;

use stats_core::{Role, StatsFilter, StatsType};
use stats_db::Db;
use stats_testing::{TestDatabase, client, day, stat};

/// The tables of version 0.3 or 0.4 with rows as they are found in the field: columns that came later are NULL, there
/// is a type that nobody knows, a stat of nobody, and a document that is neither list nor object.
const OLD_TABLES: &str = r#"
    CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('4f6a7c8b9d01');
    CREATE TABLE client (
        id SERIAL PRIMARY KEY, uuid UUID NOT NULL UNIQUE, name VARCHAR(100) UNIQUE, token VARCHAR(100) UNIQUE,
        role INTEGER, last_seen TIMESTAMP, local BOOLEAN, created_at TIMESTAMP, is_active BOOLEAN
    );
    CREATE TABLE stats (
        uuid UUID NOT NULL PRIMARY KEY, anr UUID NOT NULL, type VARCHAR NOT NULL, date DATE NOT NULL,
        data JSONB NOT NULL, created_at TIMESTAMP, client_id INTEGER REFERENCES client (id), UNIQUE (uuid)
    );
    CREATE INDEX ix_stats_date ON stats (date);
    CREATE INDEX ix_stats_type ON stats (type);
    INSERT INTO client (uuid, name, token, role, local, created_at, is_active) VALUES
        ('11111111-0000-4000-8000-000000000001', 'CASES', 'token-of-cases', 2, true, '2020-07-15 09:27:51.701245', true),
        ('11111111-0000-4000-8000-000000000002', 'SMILE', 'token-of-smile', NULL, NULL, NULL, NULL),
        ('11111111-0000-4000-8000-000000000003', NULL, NULL, 7, false, NULL, false);
    INSERT INTO stats VALUES
        ('22222222-0000-4000-8000-000000000001', '33333333-0000-4000-8000-000000000001', 'risk', '2020-10-01',
            '{"risks": {}}', '2020-10-01 10:00:00', 1),
        ('22222222-0000-4000-8000-000000000002', '33333333-0000-4000-8000-000000000001', 'risk', '2020-10-01',
            '[]', '2020-10-01 09:00:00', 1),
        ('22222222-0000-4000-8000-000000000003', '33333333-0000-4000-8000-000000000001', 'bogus', '2020-10-02',
            '{}', NULL, 1),
        ('22222222-0000-4000-8000-000000000004', '33333333-0000-4000-8000-000000000002', 'threat', '2020-10-03',
            '5', NULL, NULL),
        ('22222222-0000-4000-8000-000000000005', '33333333-0000-4000-8000-000000000002', 'threat', 'infinity',
            'null', NULL, 3);
"#;

fn adopted() -> Option<(TestDatabase, Db)> {
    let database = TestDatabase::postgres()?;
    database.execute_on_server("CREATE DATABASE {name}");
    database.execute(OLD_TABLES);
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    assert!(!db.migrate().unwrap().is_empty());
    Some((database, db))
}

fn listed(db: &Db, filter: &StatsFilter) -> BTreeSet<String> {
    let last_digit = |uuid: String| uuid[uuid.len() - 1..].to_owned();
    db.stats(filter)
        .unwrap()
        .iter()
        .map(|stat| last_digit(stat.uuid.to_string()))
        .collect()
}

fn digits(digits: &[&str]) -> BTreeSet<String> {
    digits.iter().map(ToString::to_string).collect()
}

#[test]
fn clients_are_as_they_were() {
    let Some((_database, db)) = adopted() else {
        return;
    };
    let clients = db.clients().unwrap();
    assert_eq!(clients.len(), 3);
    let [cases, smile, nobody] = &clients[..] else {
        unreachable!()
    };
    assert_eq!(
        (cases.name.as_str(), cases.role, cases.is_active),
        ("CASES", Role::Admin, true)
    );
    assert_eq!(
        db.client_by_token(&"token-of-cases".parse().unwrap())
            .unwrap()
            .as_ref(),
        Some(cases)
    );
    assert_eq!(
        (smile.role, smile.is_active, smile.is_local),
        (Role::User, true, true)
    );
    assert!(!smile.is_sharing_enabled, "nobody has said that it shares");
    assert_eq!(
        (nobody.role, nobody.is_active, nobody.token.reveal()),
        (Role::User, false, "")
    );
}

#[test]
fn no_row_makes_a_query_fail() {
    let Some((_database, db)) = adopted() else {
        return;
    };
    let all = StatsFilter::default();
    assert_eq!(
        listed(&db, &all),
        digits(&["1", "2", "4"]),
        "known types and dates"
    );
    assert_eq!(
        listed(
            &db,
            &StatsFilter {
                stats_type: Some(StatsType::Threat),
                ..all.clone()
            }
        ),
        digits(&["4"])
    );
    assert_eq!(
        listed(
            &db,
            &StatsFilter {
                local_only: true,
                ..all.clone()
            }
        ),
        digits(&["1", "2"])
    );
    let newest = StatsFilter {
        newest_only: true,
        ..all.clone()
    };
    assert_eq!(
        listed(&db, &newest),
        digits(&["1", "4"]),
        "arrival is the order of created_at"
    );
    let mut documents = Vec::new();
    db.read(|snapshot| snapshot.for_each_document(&all, |_, data| documents.push(data.to_owned())))
        .map_err(|error: stats_db::DbError| error)
        .unwrap();
    documents.sort();
    assert_eq!(documents, ["5", "[]", r#"{"risks": {}}"#]);
    assert_eq!(db.delete_client(db.clients().unwrap()[2].uuid).unwrap(), 1);
}

#[test]
fn new_stats_join_the_old_ones() {
    let Some((_database, db)) = adopted() else {
        return;
    };
    let owner = client(&db, "new");
    let analysis = "33333333-0000-4000-8000-000000000001".parse().unwrap();
    let new = stat(analysis, StatsType::Risk, "2020-10-01");
    assert!(
        db.insert_stats(db.clients().unwrap()[0].id, std::slice::from_ref(&new))
            .unwrap()
            .is_empty()
    );
    let newest = StatsFilter {
        newest_only: true,
        stats_type: Some(StatsType::Risk),
        ..StatsFilter::default()
    };
    assert_eq!(
        db.stats(&newest).unwrap(),
        std::slice::from_ref(&new),
        "arrived after those that were there"
    );
    assert_eq!(db.insert_stats(owner.id, &[new]).unwrap().len(), 1);
    assert_eq!(
        db.stats(&StatsFilter::default()).unwrap()[0].date,
        day("2020-10-01")
    );
}

#[test]
fn the_tables_may_be_there_already_as_this_program_makes_them() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let tables = include_str!("../../../migrations/postgres/2026-11-20-000000_init/up.sql");
    database.execute_on_server("CREATE DATABASE {name}");
    database.execute(&format!("{tables}\n{tables}"));
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    db.migrate().unwrap();
    client(&db, "CASES");
}
