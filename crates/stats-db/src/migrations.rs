use diesel::backend::Backend;
use diesel::migration::MigrationSource;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::DbConnection;
use crate::{Db, DbError};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Calls a function that is generic over the database with the connection and its migrations.
macro_rules! on_harness {
    ($conn:expr, $function:ident) => {
        match $conn {
            DbConnection::Postgres(conn) => $function(conn, POSTGRES),
            DbConnection::Sqlite(conn) => $function(conn, SQLITE),
        }
    };
}

impl Db {
    /// Brings the tables up to date, and names the migrations that this took. Several processes may do so at once: one
    /// does it, the others wait and find nothing left to do.
    pub fn migrate(&self) -> Result<Vec<String>, DbError> {
        self.write(|conn| on_harness!(conn, run_pending))
    }

    /// Fails with [`DbError::PendingMigrations`] unless the tables are up to date.
    pub fn require_migrated(&self) -> Result<(), DbError> {
        match self.write(|conn| on_harness!(conn, count_pending))? {
            0 => Ok(()),
            pending => Err(DbError::PendingMigrations(pending)),
        }
    }
}

fn run_pending<DB, C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<Vec<String>, DbError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let applied = conn.run_pending_migrations(migrations).map_err(failed)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

fn count_pending<DB, C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<usize, DbError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    Ok(conn.pending_migrations(migrations).map_err(failed)?.len())
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> DbError {
    DbError::Migration(error.to_string())
}

#[cfg(test)]
mod tests {
    use diesel::RunQueryDsl;
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
            .map_err(failed)?
            .len())
    }

    on_each_database!(migrations_run_up_down_and_up_again);
    fn migrations_run_up_down_and_up_again(database: &TestDatabase) {
        let url = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let db = Db::open(&url).unwrap();
        assert!(matches!(
            db.require_migrated(),
            Err(DbError::PendingMigrations(2))
        ));
        let all = db.migrate().unwrap();
        assert_eq!(all, ["20261120000000", "20261120100000"]);
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

    /// What costs a thousand times more if SQLite guesses wrong. The connections are older than the tables.
    #[test]
    fn sqlite_knows_which_index_is_the_narrow_one() {
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
        ] {
            let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}"))
                .load(&mut *db.reader().unwrap())
                .unwrap();
            assert!(steps[0].detail.contains(index), "{query}: {}", steps[0].detail);
        }
    }
}
