//! PgBouncer between the service and PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use stats_core::{AnalysisId, StatsFilter, StatsType};
use stats_db::{Cancel, Db, DbError};
use stats_testing::{Pooler, TestDatabase, client, ids, stat};

const TRANSACTION: &str = "?pool_mode=transaction";

fn open(url: &str) -> Db {
    Db::open(&url.parse().unwrap()).unwrap()
}

#[test]
fn transaction_mode_is_found_unless_the_url_says_so() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    database.migrated().require_pool_mode().unwrap();
    let session = Pooler::start("session").unwrap();
    open(&session.url_of(&database, ""))
        .require_pool_mode()
        .unwrap();
    let transaction = Pooler::start("transaction").unwrap();
    let found = open(&transaction.url_of(&database, "")).require_pool_mode();
    assert!(
        matches!(found, Err(DbError::TransactionPooling(None))),
        "{found:?}"
    );
    open(&transaction.url_of(&database, TRANSACTION))
        .require_pool_mode()
        .unwrap();
}

#[test]
fn in_transaction_mode_many_clients_share_a_few_connections() {
    const THREADS: usize = 8;
    const STATS: usize = 20;
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let direct = database.migrated();
    let owner = client(&direct, "CASES").id;
    let pooler = Pooler::start("transaction").unwrap();
    let url = pooler.url_of(&database, TRANSACTION);
    // Two servers with ten connections each. PgBouncer has four.
    let servers = [open(&url), open(&url)];
    let has_ended = AtomicBool::new(false);
    let cancelled = thread::scope(|scope| {
        // Work that is cancelled again and again. The cancellation must not hit the work of others.
        let cancelled = scope.spawn(|| {
            let mut number = 0;
            while !has_ended.load(Ordering::SeqCst) {
                let cancel = Cancel::default();
                let (send_begun, begun) = channel();
                let result = thread::scope(|scope| {
                    let work = scope.spawn(|| {
                        servers[0].cancelled_by(&cancel).read(|snapshot| {
                            snapshot.incarnation()?;
                            send_begun.send(()).unwrap();
                            while snapshot.incarnation().is_ok() {}
                            snapshot.incarnation()
                        })
                    });
                    begun.recv().unwrap();
                    cancel.cancel();
                    work.join().unwrap()
                });
                assert!(matches!(result, Err(DbError::Cancelled)), "{result:?}");
                number += 1;
            }
            number
        });
        let writers: Vec<_> = (0..THREADS)
            .map(|number| {
                let db = &servers[number % servers.len()];
                scope.spawn(move || {
                    for _ in 0..STATS {
                        let new = stat(AnalysisId::random(), StatsType::Risk, "2026-11-20");
                        assert!(
                            db.insert_stats(owner, std::slice::from_ref(&new))
                                .unwrap()
                                .is_empty()
                        );
                        let filter = StatsFilter {
                            analyses: Some([new.analysis].into()),
                            ..StatsFilter::default()
                        };
                        assert_eq!(db.stats(&filter).unwrap(), [new]);
                        assert_eq!(db.clients().unwrap().len(), 1);
                    }
                })
            })
            .collect();
        let written: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        has_ended.store(true, Ordering::SeqCst);
        assert!(written.iter().all(Result::is_ok));
        cancelled.join().unwrap()
    });
    assert!(cancelled > 0);
    let all = direct.stats(&StatsFilter::default()).unwrap();
    assert_eq!(ids(&all).len(), THREADS * STATS);
}
