//! Keeps the `-wal` file of SQLite small.
//!
//! SQLite copies the file into the database every 16 MB (see `configure_sqlite`) and then starts it again from the
//! beginning, but only if no reader uses it at that moment. Readers that overlap would let it grow without end. A commit
//! that leaves it large is therefore followed by a truncation, which waits for readers of older snapshots to end.
//!
//! On a disk with little space it is truncated earlier: what it holds must first be copied into the database file, which
//! cannot grow on a full disk.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};

use crate::DbError;
use crate::connection::with_suffix;

/// The file is truncated when it is larger than this or than half of the free space.
const LIMIT: u64 = 32 << 20;
/// How long truncating may wait for readers to end. New readers do not wait, writers do.
const WAIT: Duration = Duration::from_millis(250);
/// The same on a disk with little space, where the file must not grow while readers follow each other.
const LONG_WAIT: Duration = Duration::from_secs(2);

/// Truncates the `-wal` file. There is one for each connection that writes.
#[derive(Debug, Default)]
pub(crate) struct Wal {
    /// The size of the file when readers kept it from being truncated. It must have grown before the next attempt.
    kept: u64,
    /// Whether the last transaction failed because the disk is full.
    is_full: bool,
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

impl Wal {
    /// Call this before each transaction. If the disk was full, space that was freed meanwhile is best used to truncate
    /// the file, which makes more space.
    pub(crate) fn prepare(&mut self, conn: &mut SqliteConnection, path: &Path) {
        if self.is_full {
            self.truncate(conn, path, free_space(path), LONG_WAIT);
        }
    }

    /// Call this after each transaction, with its error.
    pub(crate) fn settle(
        &mut self,
        conn: &mut SqliteConnection,
        path: &Path,
        error: Option<&DbError>,
    ) {
        self.is_full = matches!(error, Some(DbError::Disk(_)));
        let (size, free) = (size(path), free_space(path));
        let limit = LIMIT.min(free / 2);
        let was_kept = (self.kept..self.kept + limit / 8).contains(&size);
        if error.is_none() && size > limit && !was_kept {
            let wait = if limit < LIMIT { LONG_WAIT } else { WAIT };
            self.truncate(conn, path, free, wait);
        }
    }

    fn truncate(&mut self, conn: &mut SqliteConnection, path: &Path, free: u64, wait: Duration) {
        let result = growth(conn, path).and_then(|growth| match growth <= free {
            // It would fail after using up the free space.
            false => Ok(()),
            true => {
                let is_kept = checkpoint(conn, wait)?.busy != 0;
                self.kept = if is_kept { size(path) } else { 0 };
                Ok(())
            }
        });
        if let Err(error) = result {
            log::debug!("The file {}-wal is not truncated: {error}", path.display());
        }
    }
}

/// By how much the database file must grow to take what the `-wal` file holds.
fn growth(conn: &mut SqliteConnection, path: &Path) -> QueryResult<u64> {
    let query = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
    let size: Size = diesel::sql_query(query).get_result(conn)?;
    let file = std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(u64::try_from(size.bytes).unwrap_or(0).saturating_sub(file))
}

fn checkpoint(conn: &mut SqliteConnection, wait: Duration) -> QueryResult<Checkpoint> {
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", wait.as_millis()))?;
    diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(conn)
}

/// The size of the `-wal` file.
fn size(path: &Path) -> u64 {
    std::fs::metadata(with_suffix(path, "-wal")).map_or(0, |file| file.len())
}

/// The free space of the disk.
#[cfg(unix)]
fn free_space(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(u64::MAX, |space| {
        space.f_bavail.saturating_mul(space.f_frsize)
    })
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> u64 {
    u64::MAX
}
