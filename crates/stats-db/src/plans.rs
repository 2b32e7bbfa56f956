use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::connection::DbConnection;

/// Makes PostgreSQL plan each query of this transaction for its values. After five runs it would use one plan for any values,
/// which takes a range of days or arrivals for a small part of the table: then it reads all stats of a client to find the
/// few that arrived last.
pub(crate) fn plan_for_values(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        DbConnection::Postgres(conn) => {
            conn.batch_execute("SET LOCAL plan_cache_mode = force_custom_plan")
        }
        DbConnection::Sqlite(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use stats_core::{ClientId, DateRange, NewClient};
    use stats_testing::TestDatabase;

    use crate::outbox::next_in_outbox;
    use crate::transfer::{Row, load};
    use crate::{Arrival, BatchLimit, Db, Outbox, Part};

    const REMOTE: &str = "https://dashboard.example.org/";
    /// More than PostgreSQL plans for their values by itself.
    const RUNS: usize = 10;

    #[test]
    fn queries_for_what_was_pushed_and_what_was_not_are_planned_for_their_values() {
        let Some(database) = TestDatabase::postgres() else {
            return;
        };
        let url = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let db = Db::open(&url).unwrap();
        db.migrate().unwrap();
        let owner = NewClient::user("CASES".parse().unwrap());
        let ClientId(owner) = db.create_client(&owner).unwrap().id;
        database.execute(&format!(
            "UPDATE client SET is_sharing_enabled = true;
             INSERT INTO push_progress (remote, client_id, seq) VALUES ('{REMOTE}', {owner}, 5)"
        ));
        let outbox = Outbox {
            remote: REMOTE.to_owned(),
            owner: ClientId(owner),
            dates: DateRange::default(),
            part: Part::All,
            after: Arrival::default(),
        };
        let limit = BatchLimit {
            stats: 10,
            bytes: 1000,
        };
        // Plans belong to a connection, which a snapshot keeps.
        let plans = db.read(|snapshot| {
            for _ in 0..RUNS {
                snapshot.for_each_pushed(REMOTE, None, DateRange::default(), |_, _| ())?;
                snapshot.run(|conn| next_in_outbox(conn, &outbox, limit))?;
            }
            snapshot.run(|conn| {
                load(
                    conn,
                    r#"SELECT custom_plans::text, generic_plans::text FROM pg_prepared_statements
                       WHERE statement LIKE '%"stats"."data"%'"#,
                )
            })
        });
        let all_custom = Row([RUNS, 0].map(|count| Some(count.to_string())).into());
        assert_eq!(plans.unwrap(), [all_custom.clone(), all_custom]);
    }
}
