use chrono::NaiveDate;
use diesel::prelude::*;
use stats_core::ClientId;

use crate::connection::on_each_backend;
use crate::schema::{stats, stats_tombstone};
use crate::tombstones::delete_with_tombstones;
use crate::{Db, DbError, Snapshot};

/// Stats that a query has found, for [`Db::delete_found`] or [`Db::purge_found`]. Eight bytes each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundStats {
    /// Ascending, the order of the table.
    seqs: Vec<i64>,
}

impl FoundStats {
    pub(crate) fn new(mut seqs: Vec<i64>) -> Self {
        seqs.sort_unstable();
        Self { seqs }
    }

    /// The number of stats found.
    pub fn len(&self) -> usize {
        self.seqs.len()
    }

    /// Whether no stat was found.
    pub fn is_empty(&self) -> bool {
        self.seqs.is_empty()
    }
}

/// Runs a query for the `seq` of the stats to delete.
macro_rules! find {
    ($snapshot:expr, $query:expr) => {
        $snapshot.run(|conn| {
            on_each_backend!(conn, |conn, _Backend, RowByRow| {
                let rows = $query.select(stats::seq).load_iter::<i64, RowByRow>(conn)?;
                Ok(FoundStats::new(rows.collect::<QueryResult<_>>()?))
            })
        })
    };
}

impl Snapshot<'_> {
    /// Finds all stats.
    pub fn find_all_stats(&mut self) -> Result<FoundStats, DbError> {
        find!(self, stats::table)
    }

    /// Finds all stats of a client.
    pub fn find_stats_of(&mut self, owner: ClientId) -> Result<FoundStats, DbError> {
        find!(self, stats::table.filter(stats::client_id.eq(owner.0)))
    }

    /// Finds all stats dated before `date`.
    pub fn find_stats_before(&mut self, date: NaiveDate) -> Result<FoundStats, DbError> {
        find!(self, stats::table.filter(stats::date.lt(date)))
    }
}

/// Stats deleted per transaction, few enough not to block other writers for long.
const STATS_PER_TRANSACTION: usize = 5_000;

impl Db {
    /// Deletes the found stats in several transactions, because somebody asked for it: each leaves a tombstone. Returns the
    /// number of stats that still existed. After an error the remaining stats stay.
    pub fn delete_found(&self, found: &FoundStats) -> Result<usize, DbError> {
        let mut deleted = 0;
        for seqs in found.seqs.chunks(STATS_PER_TRANSACTION) {
            deleted += self.write(|conn| {
                on_each_backend!(conn, |conn| {
                    let these = || stats::table.filter(stats::seq.eq_any(seqs));
                    Ok::<_, DbError>(delete_with_tombstones!(conn, these()))
                })
            })?;
        }
        Ok(deleted)
    }

    /// Deletes the found stats like [`Db::delete_found`], but without tombstones: they are only kept no longer here.
    pub fn purge_found(&self, found: &FoundStats) -> Result<usize, DbError> {
        let mut deleted = 0;
        for seqs in found.seqs.chunks(STATS_PER_TRANSACTION) {
            deleted += self.write(|conn| {
                on_each_backend!(conn, |conn| {
                    let these = stats::table.filter(stats::seq.eq_any(seqs));
                    Ok::<_, DbError>(diesel::delete(these).execute(conn)?)
                })
            })?;
        }
        Ok(deleted)
    }
}
