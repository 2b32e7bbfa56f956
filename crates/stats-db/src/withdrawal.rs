//! The ledger of deletions: of which deleted and withdrawn stats a remote was told.

use std::collections::HashSet;

use chrono::Utc;
use diesel::dsl::{count_star, max, not};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use stats_core::{AnalysisId, ClientId, Deletion, StatId};

use crate::connection::{DbConnection, on_each_backend};
use crate::outbox::Progress;
use crate::schema::{client, push_untold, push_waiting, stats, stats_tombstone};
use crate::types::DbUuid;
use crate::{Db, DbError};

/// The deletions of a client's stats to tell a remote, in order. Stats that the remote never got are not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The address of the remote.
    pub remote: String,
    /// The client whose stats are to be deleted.
    pub owner: ClientId,
    /// Which deletions.
    pub part: WithdrawalPart,
    /// Only deletions after this one.
    pub after: DeletionSeq,
}

/// A part of the deletions of a client's stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithdrawalPart {
    /// The stats that the client deleted since the last push, whether or not it shares stats now.
    Deleted,
    /// The stats that the client deleted before, of which the remote could not be told.
    Untold,
    /// The stats that are still here, of a client that withdraws them. Empty while the client shares.
    Withdrawn,
}

/// The position of a deletion in its part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeletionSeq(i64);

/// A deletion to tell a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedStat {
    /// Its position.
    pub seq: DeletionSeq,
    /// The analysis of the stat, if it is known.
    pub analysis: Option<AnalysisId>,
    /// The deletion.
    pub deletion: Deletion,
}

/// Some of the deletions of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletionBatch {
    /// The deletions.
    pub deletions: Vec<DeletedStat>,
    /// The last one that this batch covers: there may be some that need not be told.
    pub last: DeletionSeq,
}

impl Db {
    /// The next deletions.
    pub fn next_deletions(
        &self,
        withdrawal: &Withdrawal,
        limit: u32,
    ) -> Result<DeletionBatch, DbError> {
        self.read(|snapshot| snapshot.run(|conn| Ok(next_deletions(conn, withdrawal, limit)?)))
    }

    /// The number of deletions that are left.
    pub fn count_deletions(&self, withdrawal: &Withdrawal) -> Result<u64, DbError> {
        self.read(|snapshot| snapshot.run(|conn| Ok(count_deletions(conn, withdrawal)?)))
    }

    /// Records that the remote was told the deletions of a batch, except those in `untold`. Of [`WithdrawalPart::Withdrawn`],
    /// nothing is recorded unless the remote was told all.
    pub fn settle_deletions(
        &self,
        withdrawal: &Withdrawal,
        batch: &DeletionBatch,
        untold: &HashSet<DeletionSeq>,
    ) -> Result<(), DbError> {
        let (remote, owner) = (withdrawal.remote.as_str(), withdrawal.owner);
        let (untold, told): (Vec<_>, Vec<_>) = batch
            .deletions
            .iter()
            .map(|deletion| deletion.seq.0)
            .partition(|seq| untold.contains(&DeletionSeq(*seq)));
        let last = batch.last.0;
        if withdrawal.part == WithdrawalPart::Deleted && batch.deletions.is_empty() {
            let known = self.query(|conn| Progress::of(conn, remote, owner))?;
            if last <= known.told {
                return Ok(());
            }
        }
        self.write(|conn| {
            let progress = Progress::of(conn, remote, owner)?;
            match withdrawal.part {
                WithdrawalPart::Deleted => {
                    let told = progress.told.max(last);
                    Progress { told, ..progress }.store(conn, remote, owner)?;
                    for seqs in untold.chunks(KEYS_PER_QUERY) {
                        note_untold(conn, remote, owner, seqs)?;
                    }
                }
                WithdrawalPart::Untold => {
                    for seqs in told.chunks(KEYS_PER_QUERY) {
                        let told = push_untold::table
                            .filter(push_untold::remote.eq(remote))
                            .filter(push_untold::client_id.eq(owner.0))
                            .filter(push_untold::seq.eq_any(seqs));
                        diesel::delete(told).execute(conn)?;
                    }
                }
                WithdrawalPart::Withdrawn if untold.is_empty() => {
                    let withdrawn = progress.withdrawn.max(last);
                    let progress = Progress {
                        withdrawn,
                        ..progress
                    };
                    progress.store(conn, remote, owner)?;
                    // The remote refuses them from now on.
                    let refused = push_waiting::table
                        .filter(push_waiting::remote.eq(remote))
                        .filter(push_waiting::client_id.eq(owner.0))
                        .filter(push_waiting::seq.le(last))
                        .filter(push_waiting::reason.is_not_null());
                    diesel::delete(refused).execute(conn)?;
                }
                WithdrawalPart::Withdrawn => {}
            }
            Ok(())
        })
    }

    /// Forgets that a remote could not be told the deletions of an analysis, because it has deleted the analysis.
    pub fn settle_analysis(
        &self,
        remote: &str,
        owner: ClientId,
        analysis: AnalysisId,
    ) -> Result<(), DbError> {
        self.write(|conn| {
            let of_analysis = stats_tombstone::table
                .filter(stats_tombstone::client_id.eq(owner.0))
                .filter(stats_tombstone::anr.eq(DbUuid(analysis.0)))
                .select(stats_tombstone::seq);
            let told = push_untold::table
                .filter(push_untold::remote.eq(remote))
                .filter(push_untold::client_id.eq(owner.0))
                .filter(push_untold::seq.eq_any(of_analysis));
            diesel::delete(told).execute(conn)?;
            Ok(())
        })
    }

    /// The number of deletions that a remote could not be told.
    pub fn count_untold(&self, remote: &str) -> Result<u64, DbError> {
        let count: i64 = self.query(|conn| {
            push_untold::table
                .filter(push_untold::remote.eq(remote))
                .count()
                .get_result(conn)
        })?;
        Ok(count.unsigned_abs())
    }

    /// Whether no stats of an analysis are here, except those of clients that withdraw them.
    pub fn is_analysis_gone(&self, analysis: AnalysisId) -> Result<bool, DbError> {
        let count: i64 = self.query(|conn| {
            let withdrawing = client::table
                .filter(client::withdraws.eq(true))
                .filter(
                    client::is_sharing_enabled
                        .eq(false)
                        .or(client::is_sharing_enabled.is_null()),
                )
                .select(client::id);
            stats::table
                .filter(stats::anr.eq(DbUuid(analysis.0)))
                .filter(
                    stats::client_id
                        .is_null()
                        .or(not(stats::client_id.assume_not_null().eq_any(withdrawing))),
                )
                .count()
                .get_result(conn)
        })?;
        Ok(count == 0)
    }
}

/// Keys per query. SQLite binds at most 32,766 values.
const KEYS_PER_QUERY: usize = 1000;

/// Whether a client's stats are to be withdrawn.
fn is_withdrawing(conn: &mut DbConnection, ClientId(owner): ClientId) -> QueryResult<bool> {
    let found: Option<(Option<bool>, Option<bool>)> = client::table
        .find(owner)
        .select((client::is_sharing_enabled, client::withdraws))
        .first(conn)
        .optional()?;
    let (is_sharing, withdraws) = found.unwrap_or_default();
    Ok(!is_sharing.unwrap_or(false) && withdraws.unwrap_or(false))
}

/// Evaluates to a query for the deletions of a part. `$progress` is what the remote has.
macro_rules! deletions {
    (Deleted, $withdrawal:expr, $progress:expr) => {
        stats_tombstone::table
            .filter(stats_tombstone::client_id.eq($withdrawal.owner.0))
            .filter(stats_tombstone::seq.gt($withdrawal.after.0.max($progress.told)))
            .filter(stats_tombstone::arrival.le($progress.offered))
    };
    (Untold, $withdrawal:expr) => {
        stats_tombstone::table
            .inner_join(push_untold::table.on(push_untold::seq.eq(stats_tombstone::seq)))
            .filter(push_untold::remote.eq(&$withdrawal.remote))
            .filter(push_untold::client_id.eq($withdrawal.owner.0))
            .filter(push_untold::seq.gt($withdrawal.after.0))
    };
    // A push of other dates may have left out stats.
    (Withdrawn, $withdrawal:expr, $progress:expr) => {
        stats::table
            .filter(stats::client_id.eq($withdrawal.owner.0))
            .filter(stats::seq.gt($withdrawal.after.0.max($progress.withdrawn)))
            .filter(stats::seq.le($progress.offered))
            .filter(not(stats::seq.eq_any(
                push_waiting::table
                    .filter(push_waiting::remote.eq(&$withdrawal.remote))
                    .filter(push_waiting::client_id.eq($withdrawal.owner.0))
                    .filter(push_waiting::reason.is_null())
                    .select(push_waiting::seq),
            )))
    };
}

fn next_deletions(
    conn: &mut DbConnection,
    withdrawal: &Withdrawal,
    limit: u32,
) -> QueryResult<DeletionBatch> {
    type Row = (i64, DbUuid, Option<DbUuid>, chrono::NaiveDateTime);

    let progress = Progress::of(conn, &withdrawal.remote, withdrawal.owner)?;
    let columns = (
        stats_tombstone::seq,
        stats_tombstone::uuid,
        stats_tombstone::anr,
        stats_tombstone::deleted_at,
    );
    let (rows, end): (Vec<Row>, i64) = match withdrawal.part {
        WithdrawalPart::Deleted => {
            let rows = deletions!(Deleted, withdrawal, progress)
                .select(columns)
                .order(stats_tombstone::seq)
                .limit(limit.into())
                .load(conn)?;
            let last: Option<i64> = stats_tombstone::table
                .filter(stats_tombstone::client_id.eq(withdrawal.owner.0))
                .select(max(stats_tombstone::seq))
                .first(conn)?;
            (rows, last.unwrap_or(0))
        }
        WithdrawalPart::Untold => {
            let rows = deletions!(Untold, withdrawal)
                .select(columns)
                .order(push_untold::seq)
                .limit(limit.into())
                .load(conn)?;
            (rows, withdrawal.after.0)
        }
        WithdrawalPart::Withdrawn if is_withdrawing(conn, withdrawal.owner)? => {
            let rows: Vec<(i64, DbUuid, DbUuid)> = deletions!(Withdrawn, withdrawal, progress)
                .select((stats::seq, stats::uuid, stats::anr))
                .order(stats::seq)
                .limit(limit.into())
                .load(conn)?;
            let now = Utc::now().naive_utc();
            let rows = rows.into_iter();
            let rows = rows.map(|(seq, uuid, anr)| (seq, uuid, Some(anr), now));
            (rows.collect(), progress.offered)
        }
        WithdrawalPart::Withdrawn => (Vec::new(), 0),
    };
    let is_end = rows.len() < limit as usize;
    let last = rows.last().map_or(0, |(seq, ..)| *seq);
    let deletions = rows.into_iter().map(|(seq, uuid, anr, deleted_at)| {
        let uuid = StatId(uuid.0);
        DeletedStat {
            seq: DeletionSeq(seq),
            analysis: anr.map(|anr| AnalysisId(anr.0)),
            deletion: Deletion { uuid, deleted_at },
        }
    });
    Ok(DeletionBatch {
        deletions: deletions.collect(),
        last: DeletionSeq(if is_end { end.max(last) } else { last }),
    })
}

pub(crate) fn count_deletions(
    conn: &mut DbConnection,
    withdrawal: &Withdrawal,
) -> QueryResult<u64> {
    let progress = Progress::of(conn, &withdrawal.remote, withdrawal.owner)?;
    let count: i64 = match withdrawal.part {
        WithdrawalPart::Deleted => deletions!(Deleted, withdrawal, progress)
            .select(count_star())
            .first(conn)?,
        WithdrawalPart::Untold => deletions!(Untold, withdrawal)
            .select(count_star())
            .first(conn)?,
        WithdrawalPart::Withdrawn if is_withdrawing(conn, withdrawal.owner)? => {
            deletions!(Withdrawn, withdrawal, progress)
                .select(count_star())
                .first(conn)?
        }
        WithdrawalPart::Withdrawn => 0,
    };
    Ok(count.unsigned_abs())
}

fn note_untold(
    conn: &mut DbConnection,
    remote: &str,
    ClientId(owner): ClientId,
    seqs: &[i64],
) -> QueryResult<()> {
    // Selected from the tombstones, which may have been deleted in the meantime.
    let untold = stats_tombstone::table
        .filter(stats_tombstone::seq.eq_any(seqs))
        .select((
            remote.into_sql::<Text>(),
            owner.into_sql::<Integer>(),
            stats_tombstone::seq,
        ));
    on_each_backend!(conn, |conn| {
        diesel::insert_into(push_untold::table)
            .values(untold)
            .into_columns((
                push_untold::remote,
                push_untold::client_id,
                push_untold::seq,
            ))
            .on_conflict_do_nothing()
            .execute(conn)
    })?;
    Ok(())
}
