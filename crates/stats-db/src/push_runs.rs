//! How the last push to each remote ended.

use chrono::{NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::connection::on_each_backend;
use crate::schema::push_run;
use crate::{Db, DbError};

/// The last push to a remote.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct PushRun {
    /// The address of the remote.
    pub remote: String,
    /// When it ended (UTC).
    pub finished_at: NaiveDateTime,
    /// When the last complete push ended (UTC), if there was one.
    pub completed_at: Option<NaiveDateTime>,
    /// The number of pushes since then. They ended early.
    pub failures: i32,
    /// The number of stats that the remote stored.
    pub sent: i64,
    /// The number of stats that the remote refused.
    pub refused: i64,
    /// Why it ended early; `None` if it was complete.
    pub message: Option<String>,
    /// The number of deletions that the remote was told.
    pub told: i64,
    /// The number of deletions that the remote cannot be told.
    pub untold: i64,
}

/// What a push has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PushCounts {
    /// The number of stats that the remote stored.
    pub sent: u64,
    /// The number of stats that the remote refused.
    pub refused: u64,
    /// The number of deletions that the remote was told.
    pub told: u64,
    /// The number of deletions that the remote cannot be told.
    pub untold: u64,
}

impl Db {
    /// Records the end of a push to `remote`: what it has done, and why it ended early, if it did.
    pub fn record_push(
        &self,
        remote: &str,
        counts: PushCounts,
        failure: Option<&str>,
    ) -> Result<(), DbError> {
        let now = Utc::now().naive_utc();
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let row = (
            push_run::remote.eq(remote),
            push_run::finished_at.eq(now),
            push_run::completed_at.eq(failure.is_none().then_some(now)),
            push_run::failures.eq(i32::from(failure.is_some())),
            push_run::sent.eq(signed(counts.sent)),
            push_run::refused.eq(signed(counts.refused)),
            push_run::message.eq(failure),
            push_run::told.eq(signed(counts.told)),
            push_run::untold.eq(signed(counts.untold)),
        );
        let latest = (
            push_run::finished_at.eq(excluded(push_run::finished_at)),
            push_run::sent.eq(excluded(push_run::sent)),
            push_run::refused.eq(excluded(push_run::refused)),
            push_run::message.eq(excluded(push_run::message)),
            push_run::told.eq(excluded(push_run::told)),
            push_run::untold.eq(excluded(push_run::untold)),
        );
        self.write(|conn| {
            on_each_backend!(conn, |conn| {
                let insert = diesel::insert_into(push_run::table)
                    .values(row)
                    .on_conflict(push_run::remote)
                    .do_update();
                match failure {
                    Some(_) => insert
                        .set((latest, push_run::failures.eq(push_run::failures + 1)))
                        .execute(conn)?,
                    None => insert
                        .set((
                            latest,
                            push_run::failures.eq(0),
                            push_run::completed_at.eq(excluded(push_run::completed_at)),
                        ))
                        .execute(conn)?,
                }
            });
            Ok(())
        })
    }

    /// The last push to each remote, by remote.
    pub fn push_runs(&self) -> Result<Vec<PushRun>, DbError> {
        self.query(|conn| push_run::table.order(push_run::remote).load(conn))
    }
}
