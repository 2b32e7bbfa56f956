//! The newest stat of each client, analysis and type.

use chrono::NaiveDate;
use diesel::backend::Backend;
use diesel::dsl::EqAny;
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, Date, HasSqlType, Integer, Nullable};
use diesel::sqlite::Sqlite;
use stats_core::{ClientId, StatsFilter, StatsType};

use crate::types::DbUuid;

diesel::table! {
    use crate::types::sql::PortableUuid;

    /// The analyses of each owner, a table of the query itself.
    analysis (anr) {
        anr -> PortableUuid,
    }
}

/// The owner of the stats without a client. They form one group.
pub(crate) const NO_CLIENT: ClientId = ClientId(0);

/// A condition on `stats`: the stat is the newest of its owner, analysis and type within the dates of a filter. The
/// newest has the latest date, then the latest arrival.
///
/// It walks `stats_newest_idx` from analysis to analysis and reads the last entry of each group: the time depends on
/// the number of groups, not on the number of stats.
pub(crate) struct IsNewest {
    owner: Option<i32>,
    analyses: Option<EqAny<analysis::anr, Vec<DbUuid>>>,
    types: String,
    from: NaiveDate,
    to: NaiveDate,
}

impl IsNewest {
    /// The newest stats of the owner, the analyses and the type of `filter`, within its dates. [`NO_CLIENT`] is an
    /// owner too.
    pub(crate) fn new(filter: &StatsFilter) -> Self {
        let analyses = filter.analyses.as_ref().map(|analyses| {
            let ids: Vec<_> = analyses.iter().map(|analysis| DbUuid(analysis.0)).collect();
            analysis::anr.eq_any(ids)
        });
        let types = match filter.stats_type {
            Some(stats_type) => vec![stats_type],
            None => StatsType::ALL.to_vec(),
        };
        let types: Vec<_> = types.iter().map(|known| format!("('{known}')")).collect();
        Self {
            owner: filter.owner.map(|ClientId(id)| id),
            analyses,
            types: types.join(", "),
            from: filter.dates.from(),
            to: filter.dates.to(),
        }
    }

    fn walk<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<Integer> + HasSqlType<Date>,
        Option<i32>: ToSql<Nullable<Integer>, DB>,
        NaiveDate: ToSql<Date, DB>,
        EqAny<analysis::anr, Vec<DbUuid>>: QueryFragment<DB>,
    {
        // `id + 0` has no affinity: SQLite would not look up the affinity of a column in an index on an expression.
        out.push_sql(
            "WITH RECURSIVE \
             owner (id) AS (SELECT id + 0 FROM client UNION ALL SELECT 0), \
             analysis (owner, anr) AS ( \
                SELECT id, (SELECT anr FROM stats WHERE coalesce(client_id, 0) = id ORDER BY anr LIMIT 1) \
                FROM owner WHERE id = coalesce(",
        );
        out.push_bind_param::<Nullable<Integer>, _>(&self.owner)?;
        out.push_sql(
            ", id) \
             UNION ALL \
                SELECT owner, (SELECT stats.anr FROM stats \
                    WHERE coalesce(client_id, 0) = owner AND stats.anr > analysis.anr ORDER BY stats.anr LIMIT 1) \
                FROM analysis WHERE anr IS NOT NULL), \
             known (type) AS (VALUES ",
        );
        out.push_sql(&self.types);
        out.push_sql(
            ") \
             SELECT (SELECT seq FROM stats \
                WHERE coalesce(client_id, 0) = owner AND stats.anr = analysis.anr AND stats.type = known.type \
                    AND date BETWEEN ",
        );
        out.push_bind_param::<Date, _>(&self.from)?;
        out.push_sql(" AND ");
        out.push_bind_param::<Date, _>(&self.to)?;
        out.push_sql(
            " ORDER BY date DESC, seq DESC LIMIT 1) \
             FROM analysis CROSS JOIN known WHERE anr IS NOT NULL",
        );
        if let Some(analyses) = &self.analyses {
            out.push_sql(" AND ");
            analyses.walk_ast(out.reborrow())?;
        }
        Ok(())
    }
}

impl Expression for IsNewest {
    type SqlType = Bool;
}

impl<Table> AppearsOnTable<Table> for IsNewest {}

impl ValidGrouping<()> for IsNewest {
    type IsAggregate = is_aggregate::Never;
}

impl QueryFragment<Pg> for IsNewest {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // An array: PostgreSQL overestimates the number of rows and would join them with a scan of all stats.
        out.push_sql("stats.seq = ANY (ARRAY(");
        self.walk(out.reborrow())?;
        out.push_sql("))");
        Ok(())
    }
}

impl QueryFragment<Sqlite> for IsNewest {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("stats.seq IN (");
        self.walk(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
