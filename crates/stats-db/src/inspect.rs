//! What monitoring asks. Nothing here changes the database.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::connection::SimpleConnection;
use diesel::dsl::count;
use diesel::prelude::*;
use diesel::sql_types::Text;
use stats_core::{ClientId, DateRange, StatsType};

use crate::connection::{Access, DbConnection, WRITE_LOCK};
use crate::schema::{client, push_progress, push_waiting, stats, stats_day};
use crate::withdrawal::{DeletionSeq, Withdrawal, WithdrawalPart, count_deletions};
use crate::{DatabaseUrl, Db, DbError};

/// The stats of sharing clients that a push to a remote would send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Those that arrived since the last push.
    pub new: u64,
    /// Those that the remote refused.
    pub refused: u64,
    /// Those that a push of other dates left out.
    pub left_out: u64,
    /// The deleted and withdrawn stats, of any client, of which the next push would tell the remote.
    pub deletions: u64,
}

impl Waiting {
    /// The number of all stats to send.
    pub fn total(&self) -> u64 {
        self.new + self.refused + self.left_out
    }
}

/// Statements that write to the tables of the service, but no row. PostgreSQL checks the permissions of each.
const WRITE_NOTHING: &str = "\
    UPDATE client SET name = name WHERE 1 = 0; \
    DELETE FROM client WHERE 1 = 0; \
    DELETE FROM client_token WHERE 1 = 0; \
    INSERT INTO stats_tombstone SELECT * FROM stats_tombstone WHERE 1 = 0; \
    DELETE FROM stats_tombstone WHERE 1 = 0; \
    INSERT INTO stats SELECT * FROM stats WHERE 1 = 0; \
    UPDATE stats SET anr = anr WHERE 1 = 0; \
    DELETE FROM stats WHERE 1 = 0; \
    UPDATE stats_change SET counter = counter WHERE 1 = 0; \
    UPDATE stats_day SET version = version WHERE 1 = 0; \
    DELETE FROM stats_partial WHERE 1 = 0; \
    DELETE FROM public_release WHERE 1 = 0; \
    DELETE FROM public_release_day WHERE 1 = 0; \
    UPDATE push_progress SET seq = seq WHERE 1 = 0; \
    DELETE FROM push_waiting WHERE 1 = 0; \
    DELETE FROM push_untold WHERE 1 = 0; \
    UPDATE push_run SET failures = failures WHERE 1 = 0";

impl Db {
    /// Checks that this user may write: takes the lock of writers, runs statements that change no row, and rolls back.
    pub fn check_write(&self) -> Result<(), DbError> {
        let lock = self.lock_timeout();
        // A connection for writing would switch the file to WAL.
        let mut session = self.session(Access::Read)?;
        session.run(|conn| {
            let is_sqlite = matches!(conn, DbConnection::Sqlite(_));
            let begin = match is_sqlite {
                true => "PRAGMA query_only = OFF; BEGIN IMMEDIATE".to_owned(),
                false => format!(
                    "BEGIN; SET LOCAL lock_timeout = {}; SELECT pg_advisory_xact_lock({WRITE_LOCK})",
                    lock.as_millis()
                ),
            };
            let written = conn
                .batch_execute(&begin)
                .and_then(|()| conn.batch_execute(WRITE_NOTHING));
            // Fails on SQLite if no transaction began.
            let _ = conn.batch_execute("ROLLBACK");
            if is_sqlite {
                conn.batch_execute("PRAGMA query_only = ON")?;
            }
            Ok(written?)
        })
    }

    /// Looks for damage in a SQLite file, and returns the first one. The statement timeout bounds the time.
    pub fn find_damage(&self) -> Result<Option<String>, DbError> {
        #[derive(QueryableByName)]
        struct Found {
            #[diesel(sql_type = Text)]
            quick_check: String,
        }

        if let DatabaseUrl::Postgres(_) = self.url() {
            return Ok(None);
        }
        let found = self
            .query(|conn| diesel::sql_query("PRAGMA quick_check(1)").get_result::<Found>(conn))?;
        Ok(Some(found.quick_check).filter(|found| found != "ok"))
    }

    /// The number of stats dated after `last_date`.
    pub fn count_dated_after(&self, last_date: NaiveDate) -> Result<u64, DbError> {
        let counts: Vec<i64> = self.query(|conn| {
            stats_day::table
                .filter(stats_day::date.gt(last_date))
                .select(stats_day::count)
                .load(conn)
        })?;
        Ok(counts.iter().sum::<i64>().unsigned_abs())
    }

    /// When the last stat arrived (UTC), if that is known.
    pub fn last_arrival(&self) -> Result<Option<NaiveDateTime>, DbError> {
        let last = self.query(|conn| {
            stats::table
                .order(stats::seq.desc())
                .select(stats::created_at)
                .first::<Option<NaiveDateTime>>(conn)
                .optional()
        })?;
        Ok(last.flatten())
    }

    /// Counts the stats that the next push to `remote` would send. The time depends on their number.
    pub fn count_waiting(&self, remote: &str) -> Result<Waiting, DbError> {
        self.read(|snapshot| snapshot.run(|conn| Ok(count_waiting(conn, remote)?)))
    }
}

fn count_waiting(conn: &mut DbConnection, remote: &str) -> QueryResult<Waiting> {
    let sharing: Vec<i32> = client::table
        .filter(client::is_sharing_enabled.eq(true))
        .select(client::id)
        .load(conn)?;
    let pushed: Vec<(i32, i64)> = push_progress::table
        .filter(push_progress::remote.eq(remote))
        .select((push_progress::client_id, push_progress::seq))
        .load(conn)?;
    let pushed: HashMap<_, _> = pushed.into_iter().collect();
    let types = StatsType::ALL.map(StatsType::as_str);
    let dates = DateRange::default();
    let mut waiting = Waiting::default();
    for id in &sharing {
        // One client at a time: it reads the end of an index.
        let new: i64 = stats::table
            .filter(stats::client_id.eq(id))
            .filter(stats::seq.gt(pushed.get(id).copied().unwrap_or(0)))
            .filter(stats::kind.eq_any(types))
            .filter(stats::date.between(dates.from(), dates.to()))
            .count()
            .get_result(conn)?;
        waiting.new += new.unsigned_abs();
    }
    // Without progress, the remote got nothing.
    for id in pushed.keys() {
        for part in [WithdrawalPart::Deleted, WithdrawalPart::Withdrawn] {
            let withdrawal = Withdrawal {
                remote: remote.to_owned(),
                owner: ClientId(*id),
                part,
                after: DeletionSeq::default(),
            };
            waiting.deletions += count_deletions(conn, &withdrawal)?;
        }
    }
    let rest: Vec<(i32, i64, i64)> = push_waiting::table
        .filter(push_waiting::remote.eq(remote))
        .group_by(push_waiting::client_id)
        .select((
            push_waiting::client_id,
            count(push_waiting::seq),
            count(push_waiting::reason),
        ))
        .load(conn)?;
    for (id, all, refused) in rest {
        if sharing.contains(&id) {
            waiting.refused += refused.unsigned_abs();
            waiting.left_out += (all - refused).unsigned_abs();
        }
    }
    Ok(waiting)
}
