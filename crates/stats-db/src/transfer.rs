//! Reading and writing the rows of [`tables`](crate::tables), whichever the database.

use std::hash::{DefaultHasher, Hash, Hasher};

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::deserialize::{self, FromSql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::row::{Field, NamedRow};
use diesel::sql_types::{Array, Nullable, Text};
use diesel::sqlite::Sqlite;
use stats_core::RawJson;

use crate::connection::{DbConnection, on_each_backend};
use crate::tables::{self, Kind, Table};
use crate::{DbError, Snapshot};

/// The columns of a row as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row(pub(crate) Vec<Option<String>>);

impl<DB: Backend> QueryableByName<DB> for Row
where
    String: FromSql<Text, DB>,
{
    fn build<'a>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self> {
        let values = (0..row.field_count()).map(|position| {
            let field = diesel::row::Row::get(row, position).ok_or("a column is missing")?;
            field.value().map(FromSql::<Text, DB>::from_sql).transpose()
        });
        Ok(Self(values.collect::<deserialize::Result<_>>()?))
    }
}

impl Row {
    /// The text of a column; `None` for NULL.
    pub(crate) fn get(&self, table: &Table, column: &str) -> Option<&str> {
        let mut columns = table.columns.iter();
        let position = columns.position(|(name, _)| *name == column)?;
        self.0.get(position)?.as_deref()
    }

    fn size(&self) -> usize {
        self.0.iter().flatten().map(String::len).sum()
    }

    /// A hash of the values of the columns, the same on both databases: also of documents, unless they are compared by
    /// their text, which is faster.
    pub(crate) fn hash_values(&self, table: &Table, documents: Documents) -> u64 {
        let mut state = DefaultHasher::new();
        for (value, (_, kind)) in self.0.iter().zip(table.columns) {
            value.is_some().hash(&mut state);
            let Some(value) = value else { continue };
            match kind {
                Kind::Json if documents == Documents::Values => {
                    RawJson::from_storage(value.clone()).hash_value(&mut state);
                }
                // The databases write other digits of the same number.
                Kind::Double => value.parse().map(f64::to_bits).ok().hash(&mut state),
                // PostgreSQL leaves out zeros at the end of a fraction.
                Kind::Timestamp if value.contains('.') => {
                    let value = value.trim_end_matches('0').trim_end_matches('.');
                    value.hash(&mut state);
                }
                _ => value.hash(&mut state),
            }
        }
        state.finish()
    }
}

/// How JSON documents are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Documents {
    Values,
    Texts,
}

/// The size of a batch of rows in memory, of which the last row may exceed it.
pub(crate) const BATCH_ROWS: usize = 1_000;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Collects rows, to write them in batches of bounded size.
#[derive(Default)]
pub(crate) struct Batch {
    rows: Vec<Row>,
    size: usize,
}

impl Batch {
    /// Adds a row, and writes the batch if it is full.
    pub(crate) fn add(
        &mut self,
        row: Row,
        write: impl FnOnce(&[Row]) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        self.size += row.size();
        self.rows.push(row);
        if self.rows.len() >= BATCH_ROWS || self.size >= BATCH_BYTES {
            write(&self.rows)?;
            self.rows.clear();
            self.size = 0;
        }
        Ok(())
    }

    /// Writes the last rows.
    pub(crate) fn finish(
        self,
        write: impl FnOnce(&[Row]) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        match self.rows.is_empty() {
            true => Ok(()),
            false => write(&self.rows),
        }
    }
}

/// What to do with a row that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConflict {
    Fail,
    Update,
}

/// Makes PostgreSQL print dates and numbers in the form of SQLite, in this transaction.
fn begin_reading(conn: &mut DbConnection) -> Result<(), DbError> {
    if let DbConnection::Postgres(conn) = conn {
        conn.batch_execute("SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL extra_float_digits = 1")?;
    }
    Ok(())
}

/// Visits the rows of a table that meet a condition in SQL, one by one in the order of its key.
pub(crate) fn for_each_row(
    conn: &mut DbConnection,
    table: &Table,
    condition: &str,
    mut visit: impl FnMut(Row) -> Result<(), DbError>,
) -> Result<(), DbError> {
    begin_reading(conn)?;
    let query = diesel::sql_query(table.select(conn, condition));
    on_each_backend!(conn, |conn, _Backend, RowByRow| {
        for row in query.load_iter::<Row, RowByRow>(conn)? {
            visit(row?)?;
        }
    });
    Ok(())
}

impl Snapshot<'_> {
    /// Visits the rows of a table that meet a condition in SQL, one by one in the order of its key.
    pub(crate) fn for_each_row(
        &mut self,
        table: &Table,
        condition: &str,
        visit: impl FnMut(Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        self.run(|conn| for_each_row(conn, table, condition, visit))
    }

    /// All rows of a small table.
    pub(crate) fn rows(&mut self, table: &Table) -> Result<Vec<Row>, DbError> {
        let mut rows = Vec::new();
        self.for_each_row(table, "true", |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The number of rows of a table.
    pub(crate) fn count_rows(&mut self, table: &Table) -> Result<u64, DbError> {
        let count = format!("SELECT CAST(count(*) AS TEXT) FROM {}", table.name);
        self.run(|conn| Ok(number(conn, &count)?.unwrap_or_default().unsigned_abs()))
    }

    /// The key of the last stat.
    pub(crate) fn last_key(&mut self) -> Result<Option<i64>, DbError> {
        self.run(|conn| number(conn, "SELECT CAST(max(seq) AS TEXT) FROM stats"))
    }

    /// Writes the rows of all tables to an empty database, in the transaction of `target`. `note` sees each row.
    pub(crate) fn fill(
        &mut self,
        target: &mut DbConnection,
        mut note: impl FnMut(&Table, &Row),
    ) -> Result<(), DbError> {
        for table in tables::all() {
            let mut batch = Batch::default();
            let mut write = |rows: &[Row]| insert(target, &table, rows, OnConflict::Fail);
            self.for_each_row(&table, "true", |row| {
                note(&table, &row);
                batch.add(row, &mut write)
            })?;
            batch.finish(write)?;
            table.advance_numbers(target)?;
        }
        Ok(())
    }
}

/// The result of a query for the text of one number.
fn number(conn: &mut DbConnection, query: &str) -> Result<Option<i64>, DbError> {
    let Row(values) = load(conn, query)?.into_iter().next().unwrap_or_default();
    let value = values.into_iter().next().flatten();
    Ok(value.and_then(|value| value.parse().ok()))
}

/// The rows of a query for text.
pub(crate) fn load(conn: &mut DbConnection, query: &str) -> Result<Vec<Row>, DbError> {
    let query = diesel::sql_query(query);
    on_each_backend!(conn, |conn| Ok(query.load::<Row>(conn)?))
}

/// Runs statements.
pub(crate) fn execute(conn: &mut DbConnection, statements: &str) -> Result<(), DbError> {
    Ok(conn.batch_execute(statements)?)
}

/// Deletes all rows of the tables.
pub(crate) fn clear(
    conn: &mut DbConnection,
    tables: impl DoubleEndedIterator<Item = Table>,
) -> Result<(), DbError> {
    for table in tables.rev() {
        execute(conn, &format!("DELETE FROM {}", table.name))?;
    }
    Ok(())
}

/// Inserts rows.
pub(crate) fn insert(
    conn: &mut DbConnection,
    table: &Table,
    rows: &[Row],
    on_conflict: OnConflict,
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let end = match on_conflict {
        OnConflict::Fail => String::new(),
        OnConflict::Update => table.or_update(),
    };
    match conn {
        DbConnection::Postgres(conn) => {
            let mut insert = diesel::sql_query(table.insert_arrays() + &end).into_boxed();
            for position in 0..table.columns.len() {
                let values = rows.iter().map(|row| row.0.get(position)?.as_deref());
                let values: Vec<Option<&str>> = values.collect();
                insert = insert.bind::<Array<Nullable<Text>>, _>(values);
            }
            insert.execute(conn)?;
        }
        DbConnection::Sqlite(conn) => {
            let begin = format!("INSERT INTO {} ({}) VALUES (", table.name, table.names());
            let end = format!("){end}");
            for Row(values) in rows {
                InsertRow {
                    begin: &begin,
                    values,
                    end: &end,
                }
                .execute(conn)?;
            }
        }
    }
    Ok(())
}

/// Inserts a row into SQLite, which converts the text to the type of the column. Unlike `sql_query`, the statement is
/// prepared once.
struct InsertRow<'a> {
    begin: &'a str,
    values: &'a [Option<String>],
    end: &'a str,
}

impl QueryFragment<Sqlite> for InsertRow<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.begin);
        for (position, value) in self.values.iter().enumerate() {
            if position > 0 {
                out.push_sql(", ");
            }
            out.push_bind_param::<Nullable<Text>, _>(value)?;
        }
        out.push_sql(self.end);
        Ok(())
    }
}

impl QueryId for InsertRow<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<SqliteConnection> for InsertRow<'_> {}
