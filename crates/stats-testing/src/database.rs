use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use stats_db::{DatabaseUrl, Db, Options, Timeouts};
use tempfile::TempDir;
use uuid::Uuid;

const SERVER_VARIABLE: &str = "STATS_TEST_POSTGRES";
const STANDBY_VARIABLE: &str = "STATS_TEST_STANDBY";
const POOL_MODE_VARIABLE: &str = "STATS_TEST_POOL_MODE";
/// The parameter of database URLs that libpq does not know.
const POOL_MODE: &str = "?pool_mode=";

/// A database of one test, which [`TestDatabase::migrated`] creates. Dropping this value drops it.
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

    /// A database on the PostgreSQL server that `STATS_TEST_POSTGRES` names, or `None` if that is `none`.
    pub fn postgres() -> Option<Self> {
        let server = std::env::var(SERVER_VARIABLE).unwrap_or_else(|_| {
            panic!(
                "{SERVER_VARIABLE} is not set: run scripts/test.sh, which starts a PostgreSQL server, or set it to the \
                 URL of a server, or to 'none' to test with SQLite alone"
            )
        });
        if server == "none" {
            eprintln!("{SERVER_VARIABLE}=none: skipped on PostgreSQL");
            return None;
        }
        Some(Self::on_postgres(&server))
    }

    /// A database on the PostgreSQL server at this URL.
    pub fn on_postgres(server: &str) -> Self {
        let name = format!("stats_test_{}", Uuid::new_v4().simple());
        let url = format!("{}/{name}", server.trim_end_matches('/'));
        // To try all tests through a pooler.
        let url = match std::env::var(POOL_MODE_VARIABLE) {
            Ok(mode) => format!("{url}{POOL_MODE}{mode}"),
            Err(_) => url,
        };
        let server = server.to_owned();
        Self {
            url,
            kind: Kind::Postgres { server, name },
        }
    }

    /// Its URL, as `DATABASE_URL` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is on PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres { .. })
    }

    /// Runs SQL on a new connection.
    pub fn execute(&self, sql: &str) {
        drop(self.hold(sql));
    }

    /// Runs SQL in the maintenance database of the PostgreSQL server; does nothing on SQLite. `{name}` stands for the
    /// name of this database.
    pub fn execute_on_server(&self, sql: &str) {
        if let Kind::Postgres { server, name } = &self.kind {
            execute_at(server, &sql.replace("{name}", name));
        }
    }

    /// Creates the database with its tables, and opens it.
    pub fn migrated(&self) -> Db {
        self.migrated_with(Timeouts::default())
    }

    /// Creates the database with its tables, and opens it with these timeouts.
    pub fn migrated_with(&self, timeouts: Timeouts) -> Db {
        let url = self.url.parse().expect("a database URL");
        Db::create(&url).expect("a new database");
        let options = Options {
            replica: self.copy(),
            ..timeouts.into()
        };
        let db = Db::open_with(&url, options).expect("an open database");
        db.migrate().expect("tables");
        db
    }

    /// Its copy on the hot standby that `STATS_TEST_STANDBY` names, to try all tests with one.
    fn copy(&self) -> Option<DatabaseUrl> {
        let standby = std::env::var(STANDBY_VARIABLE).ok()?;
        match &self.kind {
            Kind::Sqlite { .. } => None,
            Kind::Postgres { name, .. } => {
                Some(format!("{standby}/{name}").parse().expect("a URL"))
            }
        }
    }

    /// Takes the lock of writers on another connection, until the value is dropped.
    pub fn hold_write_lock(&self) -> HeldLock {
        self.hold(if self.is_postgres() {
            "BEGIN; SELECT pg_advisory_xact_lock(x'7374617473'::bigint)"
        } else {
            "BEGIN IMMEDIATE"
        })
    }

    /// Runs statements on another connection, and keeps their locks until the value is dropped.
    pub fn hold(&self, sql: &str) -> HeldLock {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut conn = SqliteConnection::establish(path).expect("a connection to SQLite");
                conn.batch_execute(sql).expect("valid SQL");
                HeldLock(Box::new(conn))
            }
            None => HeldLock(Box::new(connect(&self.url, sql))),
        }
    }
}

/// Locks of another connection, released when this value is dropped.
pub struct HeldLock(Box<dyn Held>);

trait Held: SimpleConnection + Send {}

impl<C: SimpleConnection + Send> Held for C {}

impl HeldLock {
    /// Runs further statements on the connection, such as COMMIT, and drops it.
    pub fn end_with(mut self, sql: &str) {
        self.0.batch_execute(sql).expect("valid SQL");
    }
}

/// Connects to PostgreSQL and runs SQL.
fn connect(url: &str, sql: &str) -> PgConnection {
    let url = url.split(POOL_MODE).next().unwrap_or(url);
    let mut conn = PgConnection::establish(url).expect("a connection to PostgreSQL");
    conn.batch_execute(sql).expect("valid SQL");
    conn
}

/// Runs SQL in the maintenance database of a PostgreSQL server.
pub(crate) fn execute_at(server: &str, sql: &str) {
    drop(connect(&maintenance(server), sql));
}

fn maintenance(server: &str) -> String {
    format!("{}/postgres", server.trim_end_matches('/'))
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Kind::Postgres { server, name } = &self.kind {
            // Best effort: the server for tests is temporary.
            if let Ok(mut conn) = PgConnection::establish(&maintenance(server)) {
                let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            }
        }
    }
}

/// Makes two tests of a function that takes a [`TestDatabase`]: `<name>::sqlite` and `<name>::postgres`.
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

/// The PostgreSQL tables of the Python service's 0.3 and 0.4, without what later versions added.
pub const PYTHON_TABLES: &str = "
    CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
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
";
