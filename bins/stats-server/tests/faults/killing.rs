//! `kill -9` of the server in the middle of batches.

use std::thread;
use std::time::Duration;

use stats_db::Db;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{rounds, start_on, wait_until};
use crate::traffic::{Ledger, read_until};

on_each_database!(acknowledged_batches_survive_kills);
fn acknowledged_batches_survive_kills(database: &TestDatabase) {
    Db::create(&database.url().parse().unwrap()).unwrap();
    let ledger = Ledger::default();
    for round in 0..rounds(10, 100) {
        let server = start_on(database);
        let (base, before) = (&server.base, ledger.acknowledged());
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| ledger.post_until_killed(base));
            }
            scope.spawn(|| read_until(base, || false));
            wait_until("a batch is stored", || ledger.acknowledged() > before);
            // At another moment of a batch each time.
            thread::sleep(Duration::from_micros(round as u64 * 1700 % 20_000));
            server.signal("KILL");
        });
    }
    ledger.verify(&start_on(database));
}
