//! PostgreSQL stops, crashes, and comes back under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use stats_db::Db;
use stats_testing::TestDatabase;
use stats_testing_http::Server;

use crate::own_postgres::OwnPostgres;
use crate::stored::store_admin;
use crate::support::{
    SetOnDrop, command, illness, is_unavailable, rounds, start_error, start_on, wait_until,
};
use crate::traffic::{Ledger, http, processed, read_until};

/// The time within which the service has to store stats again.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn outages_under_load_lose_nothing() {
    let Some(postgres) = OwnPostgres::start() else {
        return;
    };
    let database = postgres.database();
    Db::create(&database.url().parse().unwrap()).unwrap();
    let server = start_on(&database);
    let base = &server.base;
    let ledger = Ledger::default();
    let flag = AtomicBool::new(false);
    let is_over = || flag.load(Ordering::Relaxed);
    let recovers = |fault: &str| {
        let (start, before) = (Instant::now(), ledger.acknowledged());
        while ledger.acknowledged() < before + 5 {
            assert!(start.elapsed() < SOON, "{fault}: no stats are stored");
            thread::sleep(Duration::from_millis(10));
        }
    };
    thread::scope(|scope| {
        let _end = SetOnDrop(&flag);
        for _ in 0..3 {
            scope.spawn(|| ledger.post_until(base, is_over));
            scope.spawn(|| read_until(base, is_over));
        }
        recovers("start");
        for _ in 0..rounds(1, 10) {
            for signal in ["INT", "QUIT", "KILL"] {
                postgres.stop(signal);
                wait_until("the outage is known", || illness(&server).is_some());
                postgres.resume(&[]);
                recovers(signal);
            }
            // Fewer than the server would open.
            postgres.stop("INT");
            postgres.resume(&[
                "-c",
                "max_connections=4",
                "-c",
                "superuser_reserved_connections=0",
            ]);
            let (sent, refused) = (ledger.sent(), ledger.refused());
            wait_until("the server is used", || {
                ledger.sent() > sent + 20 || ledger.refused() > refused + 2
            });
            postgres.stop("INT");
            postgres.resume(&[]);
            recovers("the connection limit");
            for backend in 0..rounds(2, 5) {
                postgres.kill_connection(&database, backend);
                recovers("kill -9 of a connection");
            }
            disconnect(&database);
            recovers("all connections are terminated");
        }
    });
    ledger.verify(&server);
}

/// The URL of the database for another role of the server.
fn url_of(role: &str, database: &TestDatabase) -> String {
    let (_, host) = database.url().split_once('@').unwrap();
    format!("postgres://{role}@{host}")
}

/// A role that owns the database, and is no superuser.
struct Owner<'a> {
    name: String,
    database: &'a TestDatabase,
}

impl<'a> Owner<'a> {
    fn create(database: &'a TestDatabase) -> Self {
        let (_, name) = database.url().rsplit_once('/').unwrap();
        let name = format!("owner_of_{name}");
        Db::create(&database.url().parse().unwrap()).unwrap();
        database.execute_on_server(&format!("CREATE ROLE {name} LOGIN"));
        database.execute_on_server(&format!("ALTER DATABASE {{name}} OWNER TO {name}"));
        database.execute(&format!("GRANT ALL ON SCHEMA public TO {name}"));
        Self { name, database }
    }

    fn url(&self) -> String {
        url_of(&self.name, self.database)
    }

    fn alter(&self, change: &str) {
        let name = &self.name;
        self.database
            .execute_on_server(&format!("ALTER ROLE {name} {change}"));
    }
}

impl Drop for Owner<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.database
            .execute_on_server("DROP DATABASE {name} WITH (FORCE)");
        self.database
            .execute_on_server(&format!("DROP ROLE {name}"));
    }
}

#[test]
fn the_connection_limit_is_an_outage_that_ends() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let owner = Owner::create(&database);
    owner.alter("CONNECTION LIMIT 0");
    let error = start_error(command(&owner.url()));
    assert!(error.contains("too many connections"), "{error}");
    owner.alter("CONNECTION LIMIT -1");
    let server = Server::spawn(command(&owner.url()));
    let ledger = Ledger::default();
    let post = || ledger.post(&http(), &server.base).unwrap();
    assert_eq!(post().status(), 201);

    // No connection at all.
    owner.alter("CONNECTION LIMIT 0");
    disconnect(&database);
    let refused = post();
    assert!(is_unavailable(&refused), "{refused:?}");
    assert!(illness(&server).unwrap().contains("too many connections"));
    owner.alter("CONNECTION LIMIT -1");
    wait_until("the server connects", || illness(&server).is_none());
    assert_eq!(post().status(), 201);

    // Fewer than the server would open. A request may wait for ten seconds.
    owner.alter("CONNECTION LIMIT 4");
    disconnect(&database);
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let response = post();
                let is_right = response.status() == 201 || is_unavailable(&response);
                assert!(is_right, "{response:?}");
            });
        }
    });
    owner.alter("CONNECTION LIMIT -1");
    wait_until("the server connects", || illness(&server).is_none());
    ledger.verify(&server);
}

/// Ends the connections of the server to its database.
fn disconnect(database: &TestDatabase) {
    database.execute_on_server(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    );
}

#[test]
fn a_role_without_rights_is_told_so() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let owner = Owner::create(&database);
    // The tables belong to another role.
    drop(database.migrated());
    store_admin(&database);
    let error = start_error(command(&owner.url()));
    assert!(error.contains("permission denied for"), "{error}");
    database.execute(&format!(
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}",
        owner.name
    ));
    let mut command = command(&owner.url());
    command.env("DB_AUTO_MIGRATE", "0");
    let server = Server::spawn(command);
    assert_eq!(server.request("/").status(), 200);
    let refused = Ledger::default().post(&http(), &server.base).unwrap();
    assert!(is_unavailable(&refused), "{refused:?}");
    assert_eq!(illness(&server), None, "it can be read");
    let log = server.stop();
    let explains = |line: &String| line.contains("permission denied for table stats");
    assert!(log.iter().any(explains), "{log:?}");
}

#[test]
fn another_content_is_read_anew() {
    let [Some(one), Some(other)] = [(); 2].map(|()| TestDatabase::postgres()) else {
        return;
    };
    let [(server, result), (_, other_result)] = [(&one, 1), (&other, 2)].map(|(database, count)| {
        Db::create(&database.url().parse().unwrap()).unwrap();
        let server = start_on(database);
        let stat = json!({"anr": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1", "type": "threat", "date": "2026-02-02",
            "data": [{"uuid": "b402d4e0-4576-11e9-9173-0800277f0571", "count": count, "maxRisk": 1, "averageRate": 1}]});
        assert_eq!(server.post(&json!([stat])).status(), 201);
        let result = server.get(&processed());
        (server, result)
    });
    assert_ne!(result, other_result);
    for database in [&one, &other] {
        database.execute_on_server("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        disconnect(database);
    }
    let name = |database: &TestDatabase| database.url().rsplit_once('/').unwrap().1.to_owned();
    one.execute_on_server("ALTER DATABASE {name} RENAME TO moved_{name}");
    other.execute_on_server(&format!("ALTER DATABASE {{name}} RENAME TO {}", name(&one)));
    one.execute_on_server("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
    wait_until("the server connects", || illness(&server).is_none());
    assert_eq!(server.get(&processed()), other_result);

    // Without tables.
    one.execute_on_server("DROP DATABASE {name} WITH (FORCE)");
    one.execute_on_server("ALTER DATABASE moved_{name} RENAME TO {name}");
    one.execute_on_server("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
    one.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    wait_until("the server connects", || {
        illness(&server).is_some_and(|message| message.contains("lacks a table"))
    });
    let response = server.request("/api/v1/client/me");
    assert!(is_unavailable(&response), "{response:?}");
    Db::open(&one.url().parse().unwrap())
        .unwrap()
        .migrate()
        .unwrap();
    wait_until("there are tables", || illness(&server).is_none());
    assert_eq!(server.request("/api/v1/client/me").status(), 403);
    assert_eq!(server.request("/").status(), 200);
}
