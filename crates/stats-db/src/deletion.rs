use chrono::NaiveDate;
use diesel::prelude::*;
use stats_core::ClientId;

use crate::connection::on_each_backend;
use crate::schema::stats;
use crate::{Db, DbError, Snapshot};

/// Stats that are to be deleted: just those that were found, whatever arrives afterwards. It holds eight bytes each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundStats {
    /// In ascending order, which is the order of the table.
    seqs: Vec<i64>,
}

impl FoundStats {
    pub(crate) fn new(mut seqs: Vec<i64>) -> Self {
        seqs.sort_unstable();
        Self { seqs }
    }

    /// Takes what a query gives row by row.
    fn collect(seqs: impl Iterator<Item = QueryResult<i64>>) -> Result<Self, DbError> {
        Ok(Self::new(seqs.collect::<QueryResult<_>>()?))
    }

    /// How many stats were found.
    pub fn len(&self) -> usize {
        self.seqs.len()
    }

    /// Whether none was found.
    pub fn is_empty(&self) -> bool {
        self.seqs.is_empty()
    }
}

impl Snapshot<'_> {
    /// Finds all stats that a client sent.
    pub fn find_stats_of(&mut self, owner: ClientId) -> Result<FoundStats, DbError> {
        on_each_backend!(self.conn, |conn, _Backend, RowByRow| {
            let of_client = stats::table
                .filter(stats::client_id.eq(owner.0))
                .select(stats::seq);
            FoundStats::collect(of_client.load_iter::<i64, RowByRow>(conn)?)
        })
    }

    /// Finds the stats of all days before `date`, whoever sent them.
    pub fn find_stats_before(&mut self, date: NaiveDate) -> Result<FoundStats, DbError> {
        on_each_backend!(self.conn, |conn, _Backend, RowByRow| {
            let old = stats::table.filter(stats::date.lt(date)).select(stats::seq);
            FoundStats::collect(old.load_iter::<i64, RowByRow>(conn)?)
        })
    }
}

/// Stats that one transaction deletes: few enough that everybody else who writes gets a turn soon.
const STATS_PER_TRANSACTION: usize = 5_000;

impl Db {
    /// Deletes what was found; tells how many of them were still there. It takes one transaction after the other, so
    /// that an error leaves some deleted and the rest in place.
    pub fn delete_found(&self, found: &FoundStats) -> Result<usize, DbError> {
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
