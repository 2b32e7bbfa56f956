//! Copying a database to a SQLite file.

use std::path::Path;

use diesel::connection::SimpleConnection;

use crate::connection::{Access, Connector, DbConnection};
use crate::digest::Digests;
use crate::error::BoxedError;
use crate::part::{self, Part};
use crate::transfer::{self, Documents, Row};
use crate::{DatabaseUrl, Db, DbError, Timeouts, migrations, tables};

impl Db {
    /// Copies the database to a new SQLite file while it is in use: all clients, stats and the ledger of pushes, as one
    /// snapshot. The file can be served from, and [`Backup`](crate::Backup) restores it into either database.
    ///
    /// The file gets its name after the copy is complete, checked and on disk: an interrupted backup leaves no file.
    pub fn backup(&self, to: &Path) -> Result<(), DbError> {
        let refused = |source: BoxedError| DbError::Backup {
            to: to.to_owned(),
            source,
        };
        if to.symlink_metadata().is_ok() {
            return Err(refused("a file of this name exists".into()));
        }
        let copy = || {
            let part = Part::beside(to)?;
            match self.url() {
                DatabaseUrl::Sqlite(_) => self.copy_file(part.path())?,
                DatabaseUrl::Postgres(_) => self.copy_rows(part.path())?,
            }
            part.name(to)
        };
        copy().map_err(refused)
    }

    fn copy_file(&self, to: &Path) -> Result<(), BoxedError> {
        let connector = Connector::new(self.url(), Access::Read, &Timeouts::default());
        let mut source = connector.open()?.conn;
        part::vacuum_into(&mut source, to)?;
        part::check(&mut part::open(to)?)
    }

    fn copy_rows(&self, to: &Path) -> Result<(), BoxedError> {
        let mut copy = part::open(to)?;
        // Nothing reads an incomplete file, so it needs no journal.
        copy.batch_execute(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768",
        )?;
        migrations::migrate_file(&mut copy)?;
        let indexes = drop_indexes(&mut copy)?;
        let sent = self.read(|snapshot| -> Result<_, DbError> {
            copy.batch_execute("BEGIN")?;
            let mut sent = Digests::default();
            snapshot.fill(&mut copy, |table, row| {
                sent.add(table, row, Documents::Texts);
            })?;
            copy.batch_execute(&indexes)?;
            copy.batch_execute("COMMIT")?;
            Ok(sent)
        })?;
        // Its indexes have just been made of its rows, which are compared below.
        part::check_pages(&mut copy)?;
        let mut stored = Digests::default();
        for table in tables::all() {
            transfer::for_each_row(&mut copy, &table, "true", |row| {
                stored.add(&table, &row, Documents::Texts);
                Ok(())
            })?;
        }
        match sent.differences(&stored).first() {
            None => Ok(()),
            Some(difference) => Err(format!("the copy is wrong: {difference}").into()),
        }
    }
}

/// Drops the indexes of stats, and returns the statements that make them. An index that is made of all rows is sorted, while
/// each new row would change a page anywhere in it.
fn drop_indexes(copy: &mut DbConnection) -> Result<String, DbError> {
    // Those of a constraint have no statement.
    let indexes = "SELECT name, sql FROM sqlite_schema \
        WHERE type = 'index' AND tbl_name = 'stats' AND sql IS NOT NULL";
    let mut statements = String::new();
    for Row(columns) in transfer::load(copy, indexes)? {
        if let [Some(name), Some(sql)] = columns.as_slice() {
            transfer::execute(copy, &format!("DROP INDEX {name}"))?;
            statements += &format!("{sql};\n");
        }
    }
    Ok(statements)
}
