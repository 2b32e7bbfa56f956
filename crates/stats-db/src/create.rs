//! Creating, emptying and copying a database.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::{Access, Connector};
use crate::error::BoxedError;
use crate::schema::{client, stats, stats_partial};
use crate::{DatabaseUrl, Db, DbError, Timeouts};

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

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
                let found = diesel::sql_query(
                    "SELECT datname::text AS text FROM pg_database WHERE datname = $1",
                )
                .bind::<Text, _>(&name)
                .load::<TextRow>(&mut conn)?;
                if !found.is_empty() {
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
        self.delete_found(&all)?;
        self.write(|conn| {
            // Stats that arrived in between.
            diesel::delete(stats::table).execute(conn)?;
            diesel::delete(stats_partial::table).execute(conn)?;
            diesel::delete(client::table).execute(conn)?;
            Ok(())
        })
    }

    /// Copies a SQLite database to a new file while it is in use. PostgreSQL has `pg_dump`.
    ///
    /// The file gets its name after the copy is complete, checked and on disk: an interrupted backup leaves no file.
    pub fn backup(&self, to: &Path) -> Result<(), DbError> {
        let refused = |source: BoxedError| DbError::Backup {
            to: to.to_owned(),
            source,
        };
        if let DatabaseUrl::Postgres(_) = self.url() {
            return Err(refused("use pg_dump for a PostgreSQL database".into()));
        }
        if to.exists() {
            return Err(refused("a file of this name exists".into()));
        }
        self.copy_sqlite(to).map_err(refused)
    }

    fn copy_sqlite(&self, to: &Path) -> Result<(), BoxedError> {
        let to = std::path::absolute(to)?;
        let folder = to.parent().ok_or("it names no file")?;
        private_folder().create(folder)?;
        // The copy contains tokens: other users may not read it.
        let mut builder = tempfile::Builder::new();
        builder.prefix(".stats-backup-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o640));
        let part = builder.tempfile_in(folder)?;
        let connect = |url: DatabaseUrl| Connector {
            url,
            access: Access::Read,
            timeouts: Timeouts::default(),
        };
        let path = part.path().to_str().ok_or("its path is not UTF-8")?;
        let mut source = connect(self.url().clone()).open()?.conn;
        source.batch_execute("PRAGMA query_only = OFF")?;
        diesel::sql_query("VACUUM INTO $1")
            .bind::<Text, _>(path)
            .execute(&mut source)?;
        let mut copy = connect(DatabaseUrl::sqlite(path)).open()?.conn;
        let check: TextRow =
            diesel::sql_query("SELECT integrity_check AS text FROM pragma_integrity_check")
                .get_result(&mut copy)?;
        if check.text != "ok" {
            return Err(format!("the copy is damaged: {}", check.text).into());
        }
        drop(copy);
        part.as_file().sync_all()?;
        part.persist_noclobber(&to)?;
        // The new name is durable only after its folder is synced.
        Ok(File::open(folder)?.sync_all()?)
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

fn private_folder() -> DirBuilder {
    let mut folder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o750);
    folder.recursive(true);
    folder
}
