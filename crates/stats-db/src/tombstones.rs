//! Stats that clients deleted: each leaves a tombstone, so that a replay of it is refused, and other instances are told.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::prelude::*;
use stats_core::{ClientId, Deletion};

use crate::connection::DbConnection;
use crate::schema::{stats, stats_tombstone};
use crate::types::DbUuid;
use crate::{Db, DbError};

/// Deletes the stats that `$these` selects, and leaves a tombstone for each that has an owner. Evaluates to their number.
macro_rules! delete_with_tombstones {
    ($conn:expr, $these:expr) => {{
        let now = chrono::Utc::now().naive_utc();
        let tombstones = $these.filter(stats::client_id.is_not_null()).select((
            stats::client_id.assume_not_null(),
            stats::uuid,
            stats::anr.nullable(),
            stats::seq.nullable(),
            now.into_sql::<diesel::sql_types::Timestamp>(),
        ));
        diesel::insert_into(stats_tombstone::table)
            .values(tombstones)
            .into_columns((
                stats_tombstone::client_id,
                stats_tombstone::uuid,
                stats_tombstone::anr,
                stats_tombstone::arrival,
                stats_tombstone::deleted_at,
            ))
            .on_conflict_do_nothing()
            .execute($conn)?;
        diesel::delete($these).execute($conn)?
    }};
}
pub(crate) use delete_with_tombstones;

/// Ids per query. SQLite binds at most 32,766 values.
pub(crate) const IDS_PER_QUERY: usize = 1000;

/// Evaluates to the set of ids among these that a client deleted.
macro_rules! deleted_among {
    ($conn:expr, $owner:expr, $ids:expr) => {{
        let of_client = || stats_tombstone::table.filter(stats_tombstone::client_id.eq($owner.0));
        let first: Option<i64> = of_client()
            .select(stats_tombstone::seq)
            .first($conn)
            .optional()?;
        let mut deleted = std::collections::HashSet::new();
        if first.is_some() {
            let ids: Vec<_> = $ids.map(|id: stats_core::StatId| DbUuid(id.0)).collect();
            for ids in ids.chunks(crate::tombstones::IDS_PER_QUERY) {
                let found: Vec<DbUuid> = of_client()
                    .filter(stats_tombstone::uuid.eq_any(ids))
                    .select(stats_tombstone::uuid)
                    .load($conn)?;
                deleted.extend(found.into_iter().map(|uuid| stats_core::StatId(uuid.0)));
            }
        }
        deleted
    }};
}
pub(crate) use deleted_among;

impl Db {
    /// Deletes stats of a client by their ids, in one transaction. Returns their number.
    ///
    /// Each id leaves a tombstone, also one that is not stored. Stats of other clients are as if they were not there.
    pub fn delete_by_ids(&self, owner: ClientId, deletions: &[Deletion]) -> Result<usize, DbError> {
        // The clock of another instance may be fast.
        let now = Utc::now().naive_utc();
        self.write(|conn| {
            let mut deleted = 0;
            for deletions in deletions.chunks(IDS_PER_QUERY) {
                deleted += delete_by_ids(conn, owner, deletions, now)?;
            }
            Ok(deleted)
        })
    }

    /// Deletes the tombstones of stats that were deleted before `date`. Returns their number.
    pub fn purge_tombstones(&self, date: NaiveDate) -> Result<usize, DbError> {
        let before = date.and_time(NaiveTime::MIN);
        self.write(|conn| {
            let old = stats_tombstone::table.filter(stats_tombstone::deleted_at.lt(before));
            Ok(diesel::delete(old).execute(conn)?)
        })
    }

    /// The number of tombstones of stats that were deleted before `date`.
    pub fn count_tombstones_before(&self, date: NaiveDate) -> Result<u64, DbError> {
        let before = date.and_time(NaiveTime::MIN);
        let count: i64 = self.query(|conn| {
            stats_tombstone::table
                .filter(stats_tombstone::deleted_at.lt(before))
                .count()
                .get_result(conn)
        })?;
        Ok(count.unsigned_abs())
    }
}

fn delete_by_ids(
    conn: &mut DbConnection,
    owner: ClientId,
    deletions: &[Deletion],
    now: NaiveDateTime,
) -> Result<usize, DbError> {
    let ids: Vec<_> = deletions.iter().map(|each| DbUuid(each.uuid.0)).collect();
    let stored = || {
        stats::table
            .filter(stats::uuid.eq_any(&ids))
            .filter(stats::client_id.eq(owner.0))
    };
    let found: Vec<(DbUuid, DbUuid, i64)> = stored()
        .select((stats::uuid, stats::anr, stats::seq))
        .load(conn)?;
    let found: HashMap<_, _> = found
        .into_iter()
        .map(|(uuid, anr, seq)| (uuid, (anr, seq)))
        .collect();
    let rows: Vec<_> = deletions
        .iter()
        .map(|deletion| {
            let uuid = DbUuid(deletion.uuid.0);
            let stat = found.get(&uuid);
            (
                stats_tombstone::client_id.eq(owner.0),
                stats_tombstone::uuid.eq(uuid),
                stats_tombstone::anr.eq(stat.map(|(anr, _)| *anr)),
                stats_tombstone::arrival.eq(stat.map(|(_, seq)| *seq)),
                stats_tombstone::deleted_at.eq(deletion.deleted_at.min(now)),
            )
        })
        .collect();
    match conn {
        DbConnection::Postgres(conn) => {
            diesel::insert_into(stats_tombstone::table)
                .values(&rows)
                .on_conflict_do_nothing()
                .execute(conn)?;
        }
        DbConnection::Sqlite(conn) => {
            for row in rows {
                diesel::insert_into(stats_tombstone::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(conn)?;
            }
        }
    }
    Ok(diesel::delete(stored()).execute(conn)?)
}
