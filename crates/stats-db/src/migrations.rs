use std::collections::BTreeSet;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::DbConnection;
use crate::db::MIGRATION_LOCK;
use crate::{DatabaseUrl, Db, DbError, Wait};

/// Pause between two attempts to lock the tables.
const PAUSE: Duration = Duration::from_millis(200);

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Calls a generic function with the connection and the migrations of its database.
macro_rules! on_harness {
    ($conn:expr, $function:ident) => {
        match $conn {
            DbConnection::Postgres(conn) => $function(conn, POSTGRES),
            DbConnection::Sqlite(conn) => $function(conn, SQLITE),
        }
    };
}

impl Db {
    /// Applies the pending migrations and returns their versions. Several processes may call it at the same time: one
    /// migrates, the others wait. Without pending migrations it only reads.
    ///
    /// Servers of an earlier version may run meanwhile. On PostgreSQL their writers wait, and readers of changed tables.
    pub fn migrate(&self) -> Result<Vec<String>, DbError> {
        let begun = Instant::now();
        loop {
            match self.require_migrated() {
                Ok(()) => return Ok(Vec::new()),
                Err(DbError::PendingMigrations(_)) => {}
                Err(error) => return Err(error),
            }
            let result = self.write_migrations(|conn| {
                lock_tables(conn)?;
                on_harness!(conn, run_pending)
            });
            match result {
                Err(error) if is_locked(&error) && begun.elapsed() < MIGRATION_LOCK => {
                    log::debug!("The migration waits for other programs: {error}");
                    thread::sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    /// Fails with [`DbError::PendingMigrations`] unless the tables are up to date. It only reads and takes no lock.
    pub fn require_migrated(&self) -> Result<(), DbError> {
        match self.query_tables()?.pending {
            0 => Ok(()),
            pending => Err(DbError::PendingMigrations(pending)),
        }
    }

    /// Whether the database has tables of this service, also those of an older version or of the Python service.
    pub fn has_tables(&self) -> Result<bool, DbError> {
        Ok(self.query_tables()?.exist)
    }

    /// The state of the tables.
    pub(crate) fn query_tables(&self) -> Result<Tables, DbError> {
        let known = match self.url() {
            DatabaseUrl::Postgres(_) => versions::<Pg>(POSTGRES),
            DatabaseUrl::Sqlite(_) => versions::<Sqlite>(SQLITE),
        };
        let known = known.map_err(DbError::Migration)?;
        let applied = self.query(applied_versions)?;
        Ok(Tables {
            pending: known.difference(&applied).count(),
            unknown: applied.difference(&known).count(),
            exist: self.query(has_tables)?,
        })
    }
}

/// The state of the tables of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tables {
    /// The number of migrations to apply.
    pub(crate) pending: usize,
    /// The number of migrations that a newer version of this program applied.
    pub(crate) unknown: usize,
    /// Whether there are clients and stats, also those of the Python service.
    pub(crate) exist: bool,
}

/// Applies the pending migrations to a SQLite file that no other program uses.
pub(crate) fn migrate_file(conn: &mut DbConnection) -> Result<(), DbError> {
    on_harness!(conn, run_pending).map(drop)
}

/// Whether there are clients and stats, also those of the Python service.
pub(crate) fn has_tables(conn: &mut DbConnection) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }

    let count = match conn {
        DbConnection::Postgres(_) => {
            "SELECT count(*) AS number FROM (VALUES (to_regclass('client')), (to_regclass('stats'))) AS found (name) \
             WHERE name IS NOT NULL"
        }
        DbConnection::Sqlite(_) => {
            "SELECT count(*) AS number FROM sqlite_schema WHERE type = 'table' AND name IN ('client', 'stats')"
        }
    };
    let found: Found = diesel::sql_query(count).get_result(conn)?;
    Ok(found.number == 2)
}

/// Stops writers on PostgreSQL, and shortens the lock timeout.
///
/// A program that writes locks the tables in another order than the migrations. The timeout is shorter than PostgreSQL's
/// `deadlock_timeout`: in a deadlock the migration gives way and not the other program. Neither does a migration that waits
/// for a long transaction keep all later ones waiting.
fn lock_tables(conn: &mut DbConnection) -> QueryResult<()> {
    let DbConnection::Postgres(conn) = conn else {
        return Ok(());
    };
    conn.batch_execute(
        "SET LOCAL lock_timeout = '500ms'; \
         DO $$ \
         DECLARE \
             found REGCLASS; \
         BEGIN \
             FOR found IN SELECT oid FROM pg_class \
                 WHERE relkind = 'r' AND oid IN (to_regclass('client'), to_regclass('stats')) ORDER BY relname \
             LOOP \
                 EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', found); \
             END LOOP; \
         END $$",
    )
}

/// Whether another program holds a lock that the migration needs.
fn is_locked(error: &DbError) -> bool {
    let message = match error {
        DbError::Busy(Wait::Lock, _) => return true,
        DbError::Migration(source) | DbError::Query(source) => source.to_string(),
        _ => return false,
    };
    ["deadlock detected", "due to lock timeout"]
        .iter()
        .any(|reason| message.contains(reason))
}

fn versions<DB: Backend>(
    migrations: EmbeddedMigrations,
) -> Result<BTreeSet<String>, Box<dyn Error + Send + Sync>>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let migrations = migrations.migrations()?;
    Ok(migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

/// Diesel's own functions create the migration table if it is missing, which needs write permission.
fn applied_versions(conn: &mut DbConnection) -> QueryResult<BTreeSet<String>> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }

    let exists = match conn {
        DbConnection::Postgres(_) => {
            "SELECT 'yes' AS version WHERE to_regclass('__diesel_schema_migrations') IS NOT NULL"
        }
        DbConnection::Sqlite(_) => {
            "SELECT 'yes' AS version FROM sqlite_schema WHERE name = '__diesel_schema_migrations'"
        }
    };
    if diesel::sql_query(exists).load::<Version>(conn)?.is_empty() {
        return Ok(BTreeSet::new());
    }
    let applied = diesel::sql_query("SELECT version FROM __diesel_schema_migrations");
    let applied = applied.load::<Version>(conn)?.into_iter();
    Ok(applied.map(|row| row.version).collect())
}

fn run_pending<DB, C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<Vec<String>, DbError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let applied = conn
        .run_pending_migrations(migrations)
        .map_err(DbError::Migration)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use stats_testing::{TestDatabase, on_each_database};

    use super::*;

    fn revert_all<DB, C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<usize, DbError>
    where
        DB: Backend,
        C: MigrationHarness<DB>,
        EmbeddedMigrations: MigrationSource<DB>,
    {
        Ok(conn
            .revert_all_migrations(migrations)
            .map_err(DbError::Migration)?
            .len())
    }

    on_each_database!(migrations_run_up_down_up);
    fn migrations_run_up_down_up(database: &TestDatabase) {
        let url = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let db = Db::open(&url).unwrap();
        assert!(matches!(
            db.require_migrated(),
            Err(DbError::PendingMigrations(9))
        ));
        let all = db.migrate().unwrap();
        assert_eq!(
            all,
            [
                "20261120000000",
                "20261120100000",
                "20261121100000",
                "20261121200000",
                "20261130100000",
                "20261130300000",
                "20261130400000",
                "20261130500000",
                "20261130600000"
            ]
        );
        db.require_migrated().unwrap();
        assert_eq!(db.migrate().unwrap(), [""; 0]);
        assert_eq!(
            db.write(|conn| on_harness!(conn, revert_all)).unwrap(),
            all.len()
        );
        assert!(db.require_migrated().is_err());
        assert_eq!(db.migrate().unwrap(), all);
    }

    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }

    /// The wrong index is a thousand times slower. The connections are older than the tables.
    #[test]
    fn sqlite_chooses_the_narrow_index() {
        let database = TestDatabase::sqlite();
        let url = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let db = Db::open(&url).unwrap();
        db.migrate().unwrap();
        let known = "type IN ('risk', 'threat', 'vulnerability', 'cartography', 'compliance') \
                     AND date BETWEEN '0001-01-01' AND '9999-12-31'";
        for (query, index) in [
            (
                format!("SELECT data FROM stats WHERE {known} AND client_id = 1 AND anr = 'x' ORDER BY date, uuid"),
                "stats_anr_type_date_idx",
            ),
            (
                "DELETE FROM stats WHERE client_id = 1 AND anr = 'x'".to_owned(),
                "stats_anr_type_date_idx",
            ),
            (
                "SELECT data FROM stats WHERE type = 'risk' AND date > '2026-01-01' AND client_id = 1 ORDER BY date, uuid"
                    .to_owned(),
                "stats_client_type_date_idx",
            ),
            (
                format!("SELECT data FROM stats WHERE {known} AND client_id = 1 AND seq > 9 ORDER BY seq LIMIT 9"),
                "stats_client_seq_idx",
            ),
            (
                format!("SELECT count(*) FROM stats WHERE {known} AND client_id = 1 AND seq > 9"),
                "stats_client_seq_idx",
            ),
            (
                format!("SELECT client_id, count(*), max(date) FROM stats WHERE {known} GROUP BY client_id"),
                "COVERING INDEX stats_client_type_date_idx",
            ),
            (
                format!("SELECT client_id, count(*), max(date) FROM stats WHERE {known} AND client_id = 1 GROUP BY client_id"),
                "COVERING INDEX stats_client_type_date_idx",
            ),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {query}");
            let steps: Vec<Step> = db
                .query(|conn| diesel::sql_query(&explain).load(conn))
                .unwrap();
            assert!(steps[0].detail.contains(index), "{query}: {}", steps[0].detail);
        }
    }
}
