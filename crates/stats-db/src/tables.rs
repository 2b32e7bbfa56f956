//! The tables whose rows a backup and a copy carry, and the form in which they travel between the databases.
//!
//! A row travels as the text of its columns, so that one description of a table serves both databases, and so that
//! rows of an older service travel too: NULLs, unknown types, the date `infinity`.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::DbError;
use crate::connection::DbConnection;

/// A table. It has a primary key, and rows are copied in its order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The primary key, as SQL.
    pub(crate) key: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// The column that the database numbers.
    pub(crate) numbered: Option<&'static str>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    BigInteger,
    Boolean,
    Double,
    Text,
    Uuid,
    Date,
    Timestamp,
    Json,
}

pub(crate) const CLIENT: Table = Table {
    name: "client",
    key: "id",
    columns: &[
        ("id", Kind::Integer),
        ("uuid", Kind::Uuid),
        ("name", Kind::Text),
        ("token", Kind::Text),
        ("role", Kind::Integer),
        ("latitude", Kind::Double),
        ("longitude", Kind::Double),
        ("last_seen", Kind::Timestamp),
        ("local", Kind::Boolean),
        ("is_sharing_enabled", Kind::Boolean),
        ("created_at", Kind::Timestamp),
        ("updated_at", Kind::Timestamp),
        ("is_active", Kind::Boolean),
        ("is_excluded", Kind::Boolean),
        ("withdraws", Kind::Boolean),
    ],
    numbered: Some("id"),
};

pub(crate) const STATS: Table = Table {
    name: "stats",
    key: "seq",
    columns: &[
        ("seq", Kind::BigInteger),
        ("uuid", Kind::Uuid),
        ("anr", Kind::Uuid),
        ("type", Kind::Text),
        ("date", Kind::Date),
        ("data", Kind::Json),
        ("created_at", Kind::Timestamp),
        ("client_id", Kind::Integer),
    ],
    numbered: Some("seq"),
};

/// The keys of [`STATS`].
pub(crate) const STATS_KEY: Table = Table {
    name: "stats",
    key: "seq",
    columns: &[("seq", Kind::BigInteger), ("uuid", Kind::Uuid)],
    numbered: None,
};

/// The small tables: earlier tokens, tombstones, and the ledger of pushes.
#[rustfmt::skip]
pub(crate) const DEPENDENT: [Table; 6] = [
    Table { name: "client_token", key: "token", numbered: None, columns: &[
        ("token", Kind::Text), ("client_id", Kind::Integer), ("valid_until", Kind::Timestamp),
    ] },
    Table { name: "stats_tombstone", key: "seq", numbered: Some("seq"), columns: &[
        ("seq", Kind::BigInteger), ("client_id", Kind::Integer), ("uuid", Kind::Uuid), ("anr", Kind::Uuid),
        ("arrival", Kind::BigInteger), ("deleted_at", Kind::Timestamp),
    ] },
    Table { name: "push_progress", key: "remote, client_id", numbered: None, columns: &[
        ("remote", Kind::Text), ("client_id", Kind::Integer), ("seq", Kind::BigInteger), ("offered", Kind::BigInteger),
        ("told", Kind::BigInteger), ("withdrawn", Kind::BigInteger),
    ] },
    Table { name: "push_untold", key: "remote, client_id, seq", numbered: None, columns: &[
        ("remote", Kind::Text), ("client_id", Kind::Integer), ("seq", Kind::BigInteger),
    ] },
    Table { name: "push_waiting", key: "remote, client_id, seq", numbered: None, columns: &[
        ("remote", Kind::Text), ("client_id", Kind::Integer), ("seq", Kind::BigInteger), ("reason", Kind::Text),
    ] },
    Table { name: "push_run", key: "remote", numbered: None, columns: &[
        ("remote", Kind::Text), ("finished_at", Kind::Timestamp), ("completed_at", Kind::Timestamp),
        ("failures", Kind::Integer), ("sent", Kind::BigInteger), ("refused", Kind::BigInteger), ("message", Kind::Text),
        ("told", Kind::BigInteger), ("untold", Kind::BigInteger),
    ] },
];

/// The tables that are made from others. Triggers keep the first two; the partials and the
/// release are computed when they are needed.
#[cfg(test)]
const DERIVED: [&str; 5] = [
    "stats_change",
    "stats_day",
    "stats_partial",
    "public_release",
    "public_release_day",
];

/// All tables to copy. A table comes after those that it refers to.
pub(crate) fn all() -> impl DoubleEndedIterator<Item = Table> {
    [CLIENT, STATS].into_iter().chain(DEPENDENT)
}

impl Kind {
    /// The type in casts of PostgreSQL.
    fn postgres_type(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::BigInteger => "bigint",
            Self::Boolean => "boolean",
            Self::Double => "double precision",
            Self::Text => "varchar",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Json => "jsonb",
        }
    }

    /// The text of a column on PostgreSQL.
    fn read_postgres(self, column: &str) -> String {
        match self {
            // SQLite's form.
            Self::Boolean => format!("{column}::integer::text"),
            _ => format!("{column}::text"),
        }
    }

    /// The text of a column on SQLite.
    fn read_sqlite(self, column: &str) -> String {
        match self {
            // All digits that tell a number from others.
            Self::Double => {
                format!("CASE WHEN {column} IS NOT NULL THEN printf('%!.17g', {column}) END")
            }
            // PostgreSQL has microseconds.
            Self::Timestamp => format!("substr({column}, 1, 26)"),
            _ => format!("CAST({column} AS TEXT)"),
        }
    }
}

impl Table {
    /// The names of the columns, separated by commas.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// A query for the text of all columns, in the order of the key.
    pub(crate) fn select(&self, conn: &DbConnection, condition: &str) -> String {
        let columns = self.columns.iter().map(|(name, kind)| match conn {
            DbConnection::Postgres(_) => kind.read_postgres(name),
            DbConnection::Sqlite(_) => kind.read_sqlite(name),
        });
        // The columns of the result have names of their own: ORDER BY means those of the table.
        let columns: Vec<_> = (0..)
            .zip(columns)
            .map(|(position, column)| format!("{column} AS c{position}"))
            .collect();
        let (columns, name, key) = (columns.join(", "), self.name, self.key);
        format!("SELECT {columns} FROM {name} WHERE {condition} ORDER BY {key}")
    }

    /// `INSERT … SELECT` from an array of text for each column, on PostgreSQL.
    pub(crate) fn insert_arrays(&self) -> String {
        let (mut values, mut arrays) = (Vec::new(), Vec::new());
        for (number, (_, kind)) in (1..).zip(self.columns) {
            values.push(format!("c{number}::{}", kind.postgres_type()));
            arrays.push(format!("unnest(${number}) AS c{number}"));
        }
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM (SELECT {}) AS rows",
            self.name,
            self.names(),
            values.join(", "),
            arrays.join(", ")
        )
    }

    /// What follows an `INSERT` so that it changes the rows that exist.
    pub(crate) fn or_update(&self) -> String {
        let columns = self.columns.iter();
        let set: Vec<_> = columns
            .map(|(name, _)| format!("{name} = excluded.{name}"))
            .collect();
        format!(
            " ON CONFLICT ({}) DO UPDATE SET {}",
            self.key,
            set.join(", ")
        )
    }

    /// Makes PostgreSQL number new rows after all others. It never goes back: a number of a deleted row is not used
    /// again. SQLite does the same by itself.
    pub(crate) fn advance_numbers(&self, conn: &mut DbConnection) -> Result<(), DbError> {
        #[derive(QueryableByName)]
        struct Sequence {
            #[diesel(sql_type = Text)]
            name: String,
        }

        let (Some(column), DbConnection::Postgres(conn)) = (self.numbered, conn) else {
            return Ok(());
        };
        let table = self.name;
        let sequence: Sequence = diesel::sql_query(format!(
            "SELECT pg_get_serial_sequence('{table}', '{column}') AS name"
        ))
        .get_result(conn)?;
        diesel::sql_query(format!(
            "SELECT setval($1::regclass, greatest((SELECT max({column}) FROM {table}), nextval($1::regclass)))"
        ))
        .bind::<Text, _>(sequence.name)
        .execute(conn)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use stats_testing::{TestDatabase, on_each_database};

    use super::*;
    use crate::transfer::{self, Row};
    use crate::{DatabaseUrl, Db};

    fn open(database: &TestDatabase) -> Db {
        let url: DatabaseUrl = database.url().parse().unwrap();
        Db::create(&url).unwrap();
        let db = Db::open(&url).unwrap();
        db.migrate().unwrap();
        db
    }

    on_each_database!(every_column_is_copied_or_derived);
    fn every_column_is_copied_or_derived(database: &TestDatabase) {
        let columns = match database.is_postgres() {
            true => {
                "SELECT table_name || '.' || column_name AS name FROM information_schema.columns
                 WHERE table_schema = 'public'"
            }
            false => {
                "SELECT tables.name || '.' || columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'"
            }
        };
        let found = open(database)
            .read(|snapshot| snapshot.run(|conn| transfer::load(conn, columns)))
            .unwrap();
        let found = found.into_iter().filter_map(|Row(mut name)| name.pop()?);
        let is_derived = |name: &str| {
            let table = name.split('.').next();
            DERIVED.map(Some).contains(&table) || table == Some("__diesel_schema_migrations")
        };
        let found: BTreeSet<String> = found.filter(|name| !is_derived(name)).collect();
        let copied = all().flat_map(|table| {
            let columns = table.columns.iter();
            columns.map(move |(column, _)| format!("{}.{column}", table.name))
        });
        assert_eq!(copied.collect::<BTreeSet<_>>(), found);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn sqlite_reads_and_writes_all_digits_of_a_number(number in -180.0..180.0_f64) {
            use diesel::connection::SimpleConnection;

            let mut conn = SqliteConnection::establish(":memory:").unwrap();
            conn.batch_execute("CREATE TABLE place (latitude DOUBLE)").unwrap();
            let mut conn = DbConnection::Sqlite(conn);
            let place = Table { name: "place", key: "latitude", columns: &[("latitude", Kind::Double)], numbered: None };
            // As PostgreSQL writes it: the fewest digits.
            let row = Row(vec![Some(number.to_string())]);
            transfer::insert(&mut conn, &place, &[row], transfer::OnConflict::Fail).unwrap();
            transfer::for_each_row(&mut conn, &place, "true", |Row(values)| {
                let read: f64 = values[0].as_ref().unwrap().parse().unwrap();
                assert_eq!(read.to_bits(), number.to_bits());
                Ok(())
            }).unwrap();
        }
    }
}
