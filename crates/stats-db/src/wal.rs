//! Keeps the `-wal` file of SQLite small.
//!
//! SQLite copies the file into the database every 16 MB (see `configure_sqlite`) and then starts it again from the
//! beginning, but only if no reader uses it at that moment. Readers that overlap would let it grow without end. A commit
//! that leaves it large is therefore followed by a truncation, which waits for readers of older snapshots to end.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;

use crate::connection::with_suffix;

/// The file is truncated when it is larger than this.
const LIMIT: u64 = 32 << 20;
/// How long truncating may wait for readers to end. New readers do not wait, writers do.
const WAIT: Duration = Duration::from_millis(250);

/// Truncates the `-wal` file. There is one for each connection that writes.
#[derive(Debug, Default)]
pub(crate) struct Wal {
    /// The size of the file when readers kept it from being truncated. It must have grown before the next attempt.
    kept: u64,
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

impl Wal {
    /// Call this after each transaction that has written.
    pub(crate) fn settle(&mut self, conn: &mut SqliteConnection, path: &Path) {
        let size = size(path);
        let was_kept = (self.kept..self.kept + LIMIT / 8).contains(&size);
        if size <= LIMIT || was_kept {
            return;
        }
        match checkpoint(conn) {
            Ok(Checkpoint { busy: 0 }) => self.kept = 0,
            Ok(_) => self.kept = size,
            Err(error) => log::debug!("The file {}-wal is not truncated: {error}", path.display()),
        }
    }
}

fn checkpoint(conn: &mut SqliteConnection) -> QueryResult<Checkpoint> {
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", WAIT.as_millis()))?;
    diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(conn)
}

/// The size of the `-wal` file.
fn size(path: &Path) -> u64 {
    std::fs::metadata(with_suffix(path, "-wal")).map_or(0, |file| file.len())
}
