//! Servers that the scripts of this repository start.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::TestDatabase;
use crate::database::execute_at;

/// Servers of a script, which stops them when this value is dropped.
struct Servers(Child);

impl Servers {
    /// Runs a script of the folder `scripts`. Returns the values of environment variables that it sets for its command.
    fn start<const N: usize>(
        script: &str,
        arguments: &[&str],
        variables: [&str; N],
    ) -> (Self, [String; N]) {
        let print: String = variables.map(|name| format!("echo ${name}; ")).concat();
        let path = format!("{}/../../scripts/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(path)
            .args(arguments)
            // The script ends when its standard input does.
            .args(["sh", "-c", &format!("{print} exec cat")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a script");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let values = variables.map(|name| {
            let line = lines.next().and_then(Result::ok);
            line.unwrap_or_else(|| panic!("{script} does not set {name}"))
        });
        (Self(child), values)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A PostgreSQL server of one test with a hot standby. Dropping this value stops both and removes their files.
pub struct Replicated {
    _servers: Servers,
    primary: String,
    standby: String,
}

impl Replicated {
    /// Starts the servers, or returns `None` if the tests run without PostgreSQL.
    pub fn start() -> Option<Self> {
        // Panics, or prints that tests are skipped.
        TestDatabase::postgres()?;
        let variables = ["STATS_TEST_POSTGRES", "STATS_TEST_STANDBY"];
        let (servers, [primary, standby]) =
            Servers::start("with-postgres.sh", &["--standby"], variables);
        Some(Self {
            _servers: servers,
            primary,
            standby,
        })
    }

    /// A new database, at the primary.
    pub fn database(&self) -> TestDatabase {
        TestDatabase::on_postgres(&self.primary)
    }

    /// The URL of the copy of a database at the standby.
    pub fn url_of_copy(&self, database: &TestDatabase) -> String {
        database.url().replace(&self.primary, &self.standby)
    }

    /// Runs SQL at the standby.
    pub fn execute_on_standby(&self, sql: &str) {
        execute_at(&self.standby, sql);
    }

    /// Kills the standby.
    pub fn kill_standby(&self) {
        // A child of the server runs this in the folder of the data.
        self.execute_on_standby(
            "COPY (SELECT 1) TO PROGRAM 'kill -KILL $(head -1 postmaster.pid)'",
        );
    }
}

/// PgBouncer in front of the PostgreSQL server of the tests. Dropping this value stops it.
pub struct Pooler {
    _servers: Servers,
    url: String,
}

impl Pooler {
    /// Starts it in a mode, `session` or `transaction`, or returns `None` if the tests run without PostgreSQL.
    pub fn start(mode: &str) -> Option<Self> {
        TestDatabase::postgres()?;
        let (servers, [url]) = Servers::start("with-pooler.sh", &[mode], ["STATS_TEST_POSTGRES"]);
        Some(Self {
            _servers: servers,
            url,
        })
    }

    /// The URL of a database through it, with these parameters.
    pub fn url_of(&self, database: &TestDatabase, parameters: &str) -> String {
        let (_, name) = database.url().rsplit_once('/').expect("a URL");
        let name = name.split('?').next().unwrap_or_default();
        format!("{}/{name}{parameters}", self.url)
    }
}
