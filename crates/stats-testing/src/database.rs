use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use stats_db::Db;
use tempfile::TempDir;
use uuid::Uuid;

const SERVER_VARIABLE: &str = "STATS_TEST_POSTGRES";

/// A database that does not exist yet and is gone with this value.
pub struct TestDatabase {
    url: String,
    kind: Kind,
}

enum Kind {
    Sqlite { _folder: TempDir },
    Postgres { server: String, name: String },
}

impl TestDatabase {
    /// A SQLite file in a temporary folder.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}/stats.db", folder.path().display());
        Self {
            url,
            kind: Kind::Sqlite { _folder: folder },
        }
    }

    /// A database on the PostgreSQL server for tests; `None` where there is none on purpose.
    pub fn postgres() -> Option<Self> {
        let server = std::env::var(SERVER_VARIABLE).unwrap_or_else(|_| {
            panic!(
                "{SERVER_VARIABLE} is not set: run scripts/test.sh, which starts a PostgreSQL, or set it to the URL \
                 of a server, or to 'none' to test with SQLite alone"
            )
        });
        if server == "none" {
            eprintln!("{SERVER_VARIABLE}=none: left out on PostgreSQL");
            return None;
        }
        let name = format!("stats_test_{}", Uuid::new_v4().simple());
        let url = format!("{}/{name}", server.trim_end_matches('/'));
        Some(Self {
            url,
            kind: Kind::Postgres { server, name },
        })
    }

    /// Its URL, as `DATABASE_URL` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is on PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres { .. })
    }

    /// Runs SQL in it, as another program would.
    pub fn execute(&self, sql: &str) {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut conn = SqliteConnection::establish(path).expect("a connection to SQLite");
                conn.batch_execute(sql).expect("SQL that works");
            }
            None => execute(&self.url, sql),
        }
    }

    /// Runs SQL on the PostgreSQL server outside of any test's database; nothing on SQLite. `{name}` stands for the
    /// name of this database.
    pub fn execute_on_server(&self, sql: &str) {
        if let Kind::Postgres { server, name } = &self.kind {
            execute(&maintenance(server), &sql.replace("{name}", name));
        }
    }

    /// Creates it with its tables, and opens it.
    pub fn migrated(&self) -> Db {
        let url = self.url.parse().expect("a database URL");
        Db::create(&url).expect("a new database");
        let db = Db::open(&url).expect("an open database");
        db.migrate().expect("tables");
        db
    }
}

fn execute(url: &str, sql: &str) {
    let mut conn = PgConnection::establish(url).expect("a connection to PostgreSQL");
    conn.batch_execute(sql).expect("SQL that works");
}

fn maintenance(server: &str) -> String {
    format!("{}/postgres", server.trim_end_matches('/'))
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Kind::Postgres { server, name } = &self.kind {
            // A test that failed has said why; a database left behind is gone with the server.
            if let Ok(mut conn) = PgConnection::establish(&maintenance(server)) {
                let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            }
        }
    }
}

/// Makes two tests out of a function that takes a [`TestDatabase`]: `<name>::sqlite` and `<name>::postgres`.
#[macro_export]
macro_rules! on_each_database {
    ($test:ident) => {
        mod $test {
            #[test]
            fn sqlite() {
                super::$test(&$crate::TestDatabase::sqlite());
            }

            #[test]
            fn postgres() {
                if let Some(database) = $crate::TestDatabase::postgres() {
                    super::$test(&database);
                }
            }
        }
    };
}
