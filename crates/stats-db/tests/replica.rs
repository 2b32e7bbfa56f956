//! Reads from a hot standby: they find all that was acknowledged, whatever the state of the standby.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::ops::ControlFlow;
use std::thread::sleep;
use std::time::{Duration, Instant};

use stats_core::{AnalysisId, ClientId, StatId, StatsFilter, StatsType};
use stats_db::{Db, DbError, Options, ReplicaUse, Snapshot};
use stats_testing::{Replicated, TestDatabase, client, stat};

/// A database with a client, at a primary with a hot standby.
struct Setup {
    db: Db,
    owner: ClientId,
    database: TestDatabase,
    servers: Replicated,
}

fn open(database: &TestDatabase, replica: &str) -> Db {
    let options = Options {
        replica: Some(replica.parse().unwrap()),
        ..Options::default()
    };
    Db::open_with(&database.url().parse().unwrap(), options).unwrap()
}

impl Setup {
    fn new() -> Option<Self> {
        let servers = Replicated::start()?;
        let database = servers.database();
        let owner = client(&database.migrated(), "CASES").id;
        let db = open(&database, &servers.url_of_copy(&database));
        Some(Self {
            db,
            owner,
            database,
            servers,
        })
    }

    fn store(&self) -> StatId {
        let stat = stat(AnalysisId::random(), StatsType::Risk, "2026-11-20");
        let uuid = stat.uuid;
        let skipped = self.db.insert_stats(self.owner, &[stat]).unwrap();
        assert!(skipped.is_empty());
        uuid
    }

    /// Stores a stat, and asserts that a read finds it at once. Returns the numbers of reads of each server.
    fn write_and_read(&self) -> ReplicaUse {
        let before = self.db.replica_use().unwrap();
        let uuid = self.store();
        let found = self.db.read_replica(ids).unwrap();
        assert!(found.contains(&uuid));
        let after = self.db.replica_use().unwrap();
        ReplicaUse {
            replica: after.replica - before.replica,
            primary: after.primary - before.primary,
        }
    }

    /// Writes and reads until the replica is used.
    fn wait_for_replica(&self) {
        let begun = Instant::now();
        while self.write_and_read().replica == 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "it stays unused");
            sleep(Duration::from_millis(10));
        }
    }
}

fn ids(snapshot: &mut Snapshot<'_>) -> Result<Vec<StatId>, DbError> {
    let mut ids = Vec::new();
    snapshot.for_each_stat(&StatsFilter::default(), |stat| {
        ids.push(stat.uuid);
        ControlFlow::Continue(())
    })?;
    Ok(ids)
}

const PRIMARY: ReplicaUse = ReplicaUse {
    replica: 0,
    primary: 1,
};

#[test]
fn a_read_finds_what_was_just_written_whatever_the_replica_does() {
    let Some(setup) = Setup::new() else { return };
    setup.wait_for_replica();

    // It lags.
    setup
        .servers
        .execute_on_standby("SELECT pg_wal_replay_pause()");
    // A pause is requested, and begins with the next record.
    while setup.write_and_read() != PRIMARY {}
    assert_eq!(setup.write_and_read(), PRIMARY);
    setup
        .servers
        .execute_on_standby("SELECT pg_wal_replay_resume()");
    setup.wait_for_replica();

    // It is away.
    setup.servers.kill_standby();
    while setup.write_and_read() != PRIMARY {}
    assert_eq!(setup.write_and_read(), PRIMARY);
    let url = setup.servers.url_of_copy(&setup.database);
    let db = open(&setup.database, &url);
    assert!(!db.read_replica(ids).unwrap().is_empty());
    assert_eq!(db.replica_use(), Some(PRIMARY));
}

#[test]
fn a_read_that_the_replica_breaks_off_runs_on_the_primary() {
    let Some(setup) = Setup::new() else { return };
    // A replica that lags is not asked: try until it is.
    let mut runs = 0;
    while runs != 2 {
        setup.wait_for_replica();
        let uuid = setup.store();
        runs = 0;
        let found = setup.db.read_replica(|snapshot| {
            runs += 1;
            if runs == 1 {
                setup.servers.execute_on_standby(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
                );
            }
            ids(snapshot)
        });
        assert!(found.unwrap().contains(&uuid));
    }
    // An error of the caller is no failure of the replica.
    setup.wait_for_replica();
    runs = 0;
    let refused = setup.db.read_replica(|_| {
        runs += 1;
        Err::<(), _>(DbError::NoSuchClient)
    });
    assert!(matches!(refused, Err(DbError::NoSuchClient)));
    assert_eq!(runs, 1);
}

#[test]
fn sqlite_has_no_replica() {
    let database = TestDatabase::sqlite();
    drop(database.migrated());
    let options = Options {
        replica: Some("postgres://localhost/stats".parse().unwrap()),
        ..Options::default()
    };
    let refused = Db::open_with(&database.url().parse().unwrap(), options).err();
    let refused = refused.unwrap().to_string();
    assert!(
        refused.contains("only PostgreSQL has replicas"),
        "{refused}"
    );
}

#[test]
fn another_server_is_not_read_from() {
    let Some(setup) = Setup::new() else { return };
    let is_used = |replica: &str| {
        let db = open(&setup.database, replica);
        let uuid = setup.store();
        assert!(db.read_replica(ids).unwrap().contains(&uuid));
        db.replica_use() != Some(PRIMARY)
    };
    assert!(!is_used(setup.database.url()), "the primary itself");
    let another = Setup::new().unwrap();
    // Its log is longer.
    for _ in 0..3 {
        another.store();
        another.database.execute("SELECT pg_switch_wal()");
    }
    another.wait_for_replica();
    let copy = another.servers.url_of_copy(&another.database);
    assert!(!is_used(&copy), "a standby of another server");

    // A promoted standby goes its own way.
    setup.wait_for_replica();
    setup.servers.execute_on_standby("SELECT pg_promote()");
    assert!(!is_used(&setup.servers.url_of_copy(&setup.database)));
    assert_eq!(setup.write_and_read(), PRIMARY);
}
