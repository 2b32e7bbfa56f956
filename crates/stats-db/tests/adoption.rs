//! Adopting a PostgreSQL database of the Python service in place.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeSet, HashMap};

use stats_core::{Role, Stat, StatsFilter, StatsType};
use stats_db::{ClientTotals, Db, DbError};
use stats_testing::{PYTHON_TABLES, TestDatabase, client, day, stat};

/// Rows as found in production: NULL in columns that were added later, an unknown type, a stat without a client, and a
/// document that is neither list nor object.
const OLD_ROWS: &str = r#"
    INSERT INTO alembic_version VALUES ('4f6a7c8b9d01');
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
    database.execute(PYTHON_TABLES);
    database.execute(OLD_ROWS);
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    assert!(!db.migrate().unwrap().is_empty());
    Some((database, db))
}

/// The last digits of the selected ids.
fn listed(db: &Db, filter: &StatsFilter) -> String {
    let last_digit = |stat: &Stat| stat.uuid.to_string().pop().unwrap();
    let digits: BTreeSet<_> = db.stats(filter).unwrap().iter().map(last_digit).collect();
    digits.into_iter().collect()
}

#[test]
fn adopted_clients_keep_their_properties() {
    let Some((_database, db)) = adopted() else {
        return;
    };
    let clients = db.clients().unwrap();
    let [cases, smile, unnamed] = &clients[..] else {
        panic!("{clients:?}")
    };
    assert_eq!(
        (cases.name.as_str(), cases.role, cases.is_active),
        ("CASES", Role::Admin, true)
    );
    let by_token = db.client_by_token(&"token-of-cases".parse().unwrap());
    assert_eq!(by_token.unwrap().as_ref(), Some(cases));
    assert_eq!(
        (smile.role, smile.is_active, smile.is_local),
        (Role::User, true, true)
    );
    assert!(!smile.is_sharing_enabled, "NULL is not consent");
    assert_eq!(
        (unnamed.role, unnamed.is_active, &unnamed.token),
        (Role::User, false, &None)
    );
}

#[test]
fn rows_with_unknown_types_or_dates_are_skipped() {
    let Some((_database, db)) = adopted() else {
        return;
    };
    let all = StatsFilter::default();
    let threats = StatsFilter {
        stats_type: Some(StatsType::Threat),
        ..all.clone()
    };
    let local = StatsFilter {
        local_only: true,
        ..all.clone()
    };
    // Stats arrived in the order of created_at.
    let newest = StatsFilter {
        newest_only: true,
        ..all.clone()
    };
    for (filter, digits) in [
        (&all, "124"),
        (&threats, "4"),
        (&local, "12"),
        (&newest, "14"),
    ] {
        assert_eq!(listed(&db, filter), digits, "{filter:?}");
    }
    let mut documents = Vec::new();
    db.read::<_, DbError>(|snapshot| {
        snapshot.for_each_client_day(&all, None, &mut |_, of_client| {
            documents.extend(of_client.map(|(_, document)| document.into_owned()));
        })
    })
    .unwrap();
    documents.sort();
    assert_eq!(documents, ["5", "[]", r#"{"risks": {}}"#]);
    let clients = db.clients().unwrap();
    let totals = db.read(|snapshot| snapshot.client_totals(None)).unwrap();
    let of_cases = ClientTotals {
        stats: 2,
        first_date: day("2020-10-01"),
        last_date: day("2020-10-01"),
    };
    assert_eq!(totals, HashMap::from([(clients[0].id, of_cases)]));
    assert_eq!(db.delete_client(clients[2].uuid).unwrap(), 1);
}

#[test]
fn new_stats_arrive_after_adopted_ones() {
    let Some((_database, db)) = adopted() else {
        return;
    };
    let owner = client(&db, "new");
    let analysis = "33333333-0000-4000-8000-000000000001".parse().unwrap();
    let new = stat(analysis, StatsType::Risk, "2020-10-01");
    let skipped = db.insert_stats(db.clients().unwrap()[0].id, std::slice::from_ref(&new));
    assert!(skipped.unwrap().is_empty());
    let newest = StatsFilter {
        newest_only: true,
        stats_type: Some(StatsType::Risk),
        ..StatsFilter::default()
    };
    assert_eq!(db.stats(&newest).unwrap(), std::slice::from_ref(&new));
    assert_eq!(db.insert_stats(owner.id, &[new]).unwrap().len(), 1);
    assert_eq!(
        db.stats(&StatsFilter::default()).unwrap()[0].date,
        day("2020-10-01")
    );
}

#[test]
fn the_first_migration_accepts_existing_tables() {
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
