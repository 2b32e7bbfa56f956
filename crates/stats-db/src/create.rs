//! Creating and emptying a database.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::{Access, Connector};
use crate::schema::{client, stats, stats_partial};
use crate::{DatabaseUrl, Db, DbError, Timeouts, releases};

impl Db {
    /// Creates the database if it does not exist: the file and its folder, or the database on its server. Returns
    /// whether it was created. [`Db::migrate`] creates the tables.
    pub fn create(url: &DatabaseUrl) -> Result<bool, DbError> {
        match url {
            DatabaseUrl::Sqlite(path) => create_file(path).map_err(|error| DbError::Connect {
                database: url.to_string(),
                source: error.into(),
            }),
            DatabaseUrl::Postgres(server) => {
                let Some(name) = server.database_name() else {
                    return Err(DbError::Url(format!("{server} names no database")));
                };
                let maintenance = DatabaseUrl::Postgres(server.with_database("postgres"));
                let maintenance = Connector::new(&maintenance, Access::Write, &Timeouts::default());
                let mut conn = maintenance.open()?.conn;
                let found = diesel::sql_query("SELECT 1 FROM pg_database WHERE datname = $1")
                    .bind::<Text, _>(&name)
                    .execute(&mut conn)?;
                if found > 0 {
                    return Ok(false);
                }
                let quoted = name.replace('"', "\"\"");
                conn.batch_execute(&format!(
                    "CREATE DATABASE \"{quoted}\" ENCODING 'UTF8' TEMPLATE template0"
                ))?;
                Ok(true)
            }
        }
    }

    /// Deletes all clients and stats, some thousand stats per transaction.
    pub fn empty(&self) -> Result<(), DbError> {
        let all = self.read(|snapshot| snapshot.find_all_stats())?;
        self.purge_found(&all)?;
        self.write(|conn| {
            // Stats that arrived in between.
            diesel::delete(stats::table).execute(conn)?;
            diesel::delete(stats_partial::table).execute(conn)?;
            releases::clear(conn)?;
            diesel::delete(client::table).execute(conn)?;
            Ok(())
        })
    }
}

/// Creates an empty file and its folder. Other users may not read them, because the database contains tokens. Returns
/// whether the file is new.
fn create_file(path: &Path) -> io::Result<bool> {
    if let Some(parent) = path.parent() {
        private_folder().create(parent)?;
    }
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o640);
    match file.write(true).create_new(true).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_file() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates folders that other users may not read.
pub(crate) fn private_folder() -> DirBuilder {
    let mut folder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o750);
    folder.recursive(true);
    folder
}
