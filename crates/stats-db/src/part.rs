//! A SQLite file that is written under a temporary name, and gets its own name when it is complete and on disk.

use std::fs::File;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tempfile::NamedTempFile;

use crate::DbError;
use crate::connection::{DbConnection, sqlite_uri};
use crate::create::private_folder;
use crate::error::BoxedError;

/// The permissions of a database: it contains tokens, so other users may not read it.
#[cfg(unix)]
const MODE: u32 = 0o640;

/// An incomplete file, which is deleted when it is dropped.
pub(crate) struct Part {
    file: NamedTempFile,
    folder: PathBuf,
}

impl Part {
    /// A new file in the folder of `to`, which is created if it is missing.
    pub(crate) fn beside(to: &Path) -> Result<Self, BoxedError> {
        let to = std::path::absolute(to)?;
        let folder = to.parent().ok_or("it names no file")?.to_owned();
        private_folder().create(&folder)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".stats-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(MODE));
        let file = builder.tempfile_in(&folder)?;
        Ok(Self { file, folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name. Fails if that exists.
    pub(crate) fn name(self, to: &Path) -> Result<(), BoxedError> {
        self.file.as_file().sync_all()?;
        self.file.persist_noclobber(to)?;
        // The new name is durable only after its folder is synced.
        Ok(File::open(self.folder)?.sync_all()?)
    }

    /// Gives the file its name, in place of the file that may have it.
    pub(crate) fn replace(self, to: &Path) -> Result<(), BoxedError> {
        self.file.as_file().sync_all()?;
        self.file.persist(to)?;
        Ok(File::open(self.folder)?.sync_all()?)
    }
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Opens a SQLite file that no other program uses, for reading and writing.
pub(crate) fn open(path: &Path) -> Result<DbConnection, DbError> {
    let conn = SqliteConnection::establish(&sqlite_uri(path, "mode=rw"));
    let mut conn = conn.map_err(|error| DbError::Connect {
        database: path.display().to_string(),
        source: error.into(),
    })?;
    conn.batch_execute("PRAGMA foreign_keys = ON")?;
    Ok(DbConnection::Sqlite(conn))
}

/// Copies the database of an open connection to an empty file, as one snapshot and without gaps.
pub(crate) fn vacuum_into(source: &mut DbConnection, to: &Path) -> Result<(), BoxedError> {
    let path = to.to_str().ok_or("its path is not UTF-8")?;
    source.batch_execute("PRAGMA query_only = OFF")?;
    diesel::sql_query("VACUUM INTO $1")
        .bind::<Text, _>(path)
        .execute(source)?;
    Ok(())
}

/// Fails if the database is damaged, or if an index lacks a row.
pub(crate) fn check(conn: &mut DbConnection) -> Result<(), BoxedError> {
    run_check(conn, "integrity_check")
}

/// Fails if the database is damaged. It reads the file once, while [`check`] also searches each index for each row, which
/// takes long if the file is larger than the cache.
pub(crate) fn check_pages(conn: &mut DbConnection) -> Result<(), BoxedError> {
    run_check(conn, "quick_check")
}

fn run_check(conn: &mut DbConnection, pragma: &str) -> Result<(), BoxedError> {
    let query = format!("SELECT {pragma} AS text FROM pragma_{pragma} LIMIT 1");
    let check: TextRow = diesel::sql_query(query).get_result(conn)?;
    match check.text.as_str() {
        "ok" => Ok(()),
        damage => Err(format!("it is damaged: {}", damage.replace('\n', " ")).into()),
    }
}
