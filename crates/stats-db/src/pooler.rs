//! Detects a pooler in transaction mode, which breaks connections that expect to keep their backend.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::connection::{Access, Backend, Connector, DbConnection};
use crate::{DatabaseUrl, Db, DbError, PoolMode, Timeouts};

/// The wait for the comparison. A pooler with one backend lets the second connection wait for the first one.
const WAIT: Duration = Duration::from_secs(3);

impl Db {
    /// Fails with [`DbError::TransactionPooling`] if there is a pooler in transaction mode and the URL does not say so.
    pub fn require_pool_mode(&self) -> Result<(), DbError> {
        let is_kept = match self.pool_mode() {
            PoolMode::Session => keeps_backends(self.url())?,
            PoolMode::Transaction => true,
        };
        match is_kept {
            true => Ok(()),
            false => Err(DbError::TransactionPooling(None)),
        }
    }
}

/// Whether each of two connections keeps its backend when their transactions overlap in another order.
///
/// A pooler in transaction mode gives a transaction a free backend: the one that became free last, or in turn. After two
/// transactions overlapped, the connection that begins first gets the backend of the other one in one of the two orders.
fn keeps_backends(url: &DatabaseUrl) -> Result<bool, DbError> {
    if let DatabaseUrl::Sqlite(_) = url {
        return Ok(true);
    }
    let connect = || Connector::new(url, Access::Read, &Timeouts::server()).open();
    let (mut first, mut second) = (connect()?.conn, connect()?.conn);
    let (send, results) = channel();
    thread::spawn(move || {
        let mut compare = || -> Result<bool, DbError> {
            let (a, b) = overlapping(&mut first, &mut second)?;
            let (again_a, again_b) = overlapping(&mut first, &mut second)?;
            let (other_b, other_a) = overlapping(&mut second, &mut first)?;
            Ok([(again_a, again_b), (other_a, other_b)] == [(a, b); 2])
        };
        let _ = send.send(compare());
    });
    // A database that is slow must not look like a pooler. The errors of prepared statements still tell one.
    results.recv_timeout(WAIT).unwrap_or(Ok(true))
}

/// The backends of two transactions that are open at the same time.
fn overlapping(
    first: &mut DbConnection,
    second: &mut DbConnection,
) -> Result<(Backend, Backend), DbError> {
    first.batch_execute("BEGIN")?;
    let of_first = Backend::of(first)?;
    second.batch_execute("BEGIN")?;
    let of_second = Backend::of(second)?;
    first.batch_execute("COMMIT")?;
    second.batch_execute("COMMIT")?;
    Ok((of_first, of_second))
}
