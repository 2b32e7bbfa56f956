//! Restoring a backup into either database.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use diesel::connection::SimpleConnection;

use crate::connection::{Access, Connector, DbConnection, with_suffix};
use crate::error::BoxedError;
use crate::migrations::{Tables, has_tables, migrate_file};
use crate::part::{self, Part};
use crate::schema::stats_partial;
use crate::transfer::{self, Row};
use crate::{DatabaseUrl, Db, DbError, Timeouts, releases, tables};

/// A backup, or any other SQLite database of this service, that was found to be intact.
pub struct Backup {
    path: PathBuf,
    db: Db,
    tables: Tables,
}

/// What a database holds, in short: "2 clients, 31 stats of 2026-01-01 to 2026-01-31".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The number of clients.
    pub clients: u64,
    /// The number of stats.
    pub stats: u64,
    /// The first and the last day of stats, as the database writes them.
    pub dates: Option<(String, String)>,
}

/// What a restoration has done besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// The damaged database that was replaced, under its new name.
    pub set_aside: Option<PathBuf>,
}

/// The files that SQLite keeps beside a database. They must not be applied to another one.
const JOURNALS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The start of a SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// How long replacing a SQLite database waits for short commands that use it, and the pause between two attempts.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

impl Backup {
    /// Opens and checks a backup: it has to be an intact SQLite database with the tables of this version or an earlier
    /// one.
    pub fn open(path: &Path) -> Result<Self, DbError> {
        let open = || -> Result<Self, BoxedError> {
            let mut start = Vec::new();
            let length = MAGIC.len() as u64;
            File::open(path)?.take(length).read_to_end(&mut start)?;
            if !start.is_empty() && start != MAGIC {
                return Err("it is no SQLite database".into());
            }
            let db = Db::open(&DatabaseUrl::sqlite(path))?;
            let tables = db.query_tables()?;
            if !tables.exist {
                return Err("it is no database of the stats service".into());
            }
            if tables.unknown > 0 {
                return Err(DbError::NewerTables(tables.unknown).into());
            }
            part::check(&mut Self::connect(path)?)?;
            Ok(Self {
                path: path.to_owned(),
                db,
                tables,
            })
        };
        open().map_err(|error| Self::refused(path, error))
    }

    /// What it holds.
    pub fn holdings(&self) -> Result<Holdings, DbError> {
        Holdings::of(self.db.url())
    }

    /// Replaces the database with this backup, and creates the database if it does not exist. All or nothing: after an
    /// error, or when the program is killed, the database is as it was.
    ///
    /// A SQLite file is replaced by another file, with the same owner and permissions. Fails with [`DbError::InUse`]
    /// while another program has it open. If it is damaged, it is kept under another name.
    ///
    /// In a PostgreSQL database, all rows are replaced in one transaction, so a server can run meanwhile. It sees either
    /// the old rows or the new ones, and its caches notice the change.
    pub fn restore(&self, to: &DatabaseUrl) -> Result<Restored, DbError> {
        let restored = match to {
            DatabaseUrl::Sqlite(path) => self.replace_file(to, path),
            DatabaseUrl::Postgres(_) => self.replace_rows(to).map(|()| Restored::default()),
        };
        restored.map_err(|error| match error.downcast::<DbError>() {
            Ok(error) if matches!(*error, DbError::InUse { .. }) => *error,
            Ok(error) => Self::refused(&self.path, error),
            Err(error) => Self::refused(&self.path, error),
        })
    }

    fn refused(from: &Path, source: BoxedError) -> DbError {
        // Damage of a backup and of a database are told apart by what is said about a backup.
        let source = match source.downcast::<DbError>() {
            Ok(error) => match *error {
                DbError::Damaged(damage) => format!("it is damaged: {damage}").into(),
                error => error.into(),
            },
            Err(source) => source,
        };
        DbError::Restore {
            from: from.to_owned(),
            source,
        }
    }

    fn connect(path: &Path) -> Result<DbConnection, DbError> {
        let url = DatabaseUrl::sqlite(path);
        let connector = Connector::new(&url, Access::Read, &Timeouts::default());
        Ok(connector.open()?.conn)
    }

    fn replace_rows(&self, to: &DatabaseUrl) -> Result<(), BoxedError> {
        if self.tables.pending > 0 {
            // Read from a migrated copy.
            let folder = tempfile::tempdir()?;
            let copy = folder.path().join("stats.db");
            self.write_migrated(&copy)?;
            return Self::open(&copy)?.replace_rows(to);
        }
        Db::create(to)?;
        let target = Db::open(to)?;
        let unknown = target.query_tables()?.unknown;
        if unknown > 0 {
            return Err(DbError::NewerTables(unknown).into());
        }
        target.migrate()?;
        self.db.read(|snapshot| {
            target.write(|conn| {
                // Other programs write without the lock of this one.
                let names: Vec<_> = tables::all().map(|table| table.name).collect();
                let names = names.join(", ");
                transfer::execute(
                    conn,
                    &format!("LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"),
                )?;
                transfer::clear(conn, tables::all())?;
                diesel::RunQueryDsl::execute(diesel::delete(stats_partial::table), conn)?;
                releases::clear(conn)?;
                snapshot.fill(conn, |_, _| {})
            })
        })?;
        Ok(())
    }

    /// Writes the backup to an empty file, migrated to this version.
    fn write_migrated(&self, to: &Path) -> Result<(), BoxedError> {
        part::vacuum_into(&mut Self::connect(&self.path)?, to)?;
        let mut copy = part::open(to)?;
        migrate_file(&mut copy)?;
        // A program that has a database in this mode open holds a lock, also while it does nothing.
        copy.batch_execute("PRAGMA journal_mode = WAL")?;
        part::check(&mut copy)
    }

    fn replace_file(&self, url: &DatabaseUrl, path: &Path) -> Result<Restored, BoxedError> {
        // A symbolic link stays, and the file that it names is replaced.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let old = match fs::metadata(path) {
            Ok(old) if !old.is_file() => return Err(format!("{url} is not a file").into()),
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        if old.is_some() && fs::canonicalize(&self.path)? == *path {
            return Err(format!("it is the database {url} itself").into());
        }
        let old = match old {
            Some(metadata) => Some(OldFile::lock(url, path, metadata)?),
            None => None,
        };
        let part = Part::beside(path)?;
        self.write_migrated(part.path())?;
        give_owner(&part, path, old.as_ref().map(|old| &old.metadata))?;
        let set_aside = match &old {
            Some(old) if old.is_damaged => Some(set_aside(path)?),
            // Nothing may be left of a database that was deleted. SQLite has removed that of an existing one.
            _ => {
                for journal in JOURNALS {
                    remove_if_exists(&with_suffix(path, journal))?;
                }
                None
            }
        };
        part.replace(path)?;
        // The locks of the old file end after the new one has its name.
        drop(old);
        Ok(Restored { set_aside })
    }
}

/// The SQLite file to replace.
struct OldFile {
    metadata: Metadata,
    is_damaged: bool,
    /// A connection that locks it. A damaged file may have none.
    _lock: Option<DbConnection>,
}

impl OldFile {
    /// Locks the file, so that no other program can open it. Writes the rest of its WAL to it, and deletes that.
    fn lock(url: &DatabaseUrl, path: &Path, metadata: Metadata) -> Result<Self, BoxedError> {
        let in_use = |process| DbError::InUse {
            database: url.to_string(),
            process,
        };
        if let Some(process) = process_that_uses(path)? {
            return Err(in_use(Some(process)).into());
        }
        let lock = || -> Result<_, DbError> {
            let mut conn = part::open(path)?;
            // Leaving WAL mode needs an exclusive lock, which even a reader that does nothing prevents.
            conn.batch_execute(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE",
            )?;
            let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
            Ok((transfer::load(&mut conn, tables)?, conn))
        };
        let begun = Instant::now();
        let locked = loop {
            match lock() {
                Err(DbError::Busy(..)) if begun.elapsed() < LOCK_TIMEOUT => {
                    thread::sleep(LOCK_PAUSE);
                }
                result => break result,
            }
        };
        match locked {
            Ok((tables, mut conn)) => {
                let is_ours = |Row(name): &Row| name.contains(&Some("stats".to_owned()));
                if !tables.is_empty() && !tables.iter().any(is_ours) {
                    return Err(format!("{url} has the tables of another program").into());
                }
                Ok(Self {
                    metadata,
                    is_damaged: part::check(&mut conn).is_err(),
                    _lock: Some(conn),
                })
            }
            Err(DbError::Damaged(_)) => Ok(Self {
                metadata,
                is_damaged: true,
                _lock: None,
            }),
            Err(DbError::Busy(..)) => Err(in_use(None).into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A process that has a SQLite file open. SQLite locks these bytes of it; a reader of a database in WAL mode holds its
/// lock as long as it has the file open.
#[cfg(unix)]
fn process_that_uses(path: &Path) -> io::Result<Option<i32>> {
    use rustix::process::{Flock, FlockType, fcntl_getlk};

    const PENDING_BYTE: u64 = 0x4000_0000;
    const LOCK_BYTES: u64 = 512;
    let lock = Flock {
        start: PENDING_BYTE,
        length: LOCK_BYTES,
        ..Flock::from(FlockType::WriteLock)
    };
    let holder = fcntl_getlk(File::open(path)?, &lock)?;
    Ok(holder
        .and_then(|lock| lock.pid)
        .map(|pid| pid.as_raw_nonzero().get()))
}

#[cfg(not(unix))]
fn process_that_uses(_: &Path) -> io::Result<Option<i32>> {
    Ok(None)
}

/// Gives a new file the owner and permissions of the file that it replaces, or else the owner of its folder: an
/// administrator restores the database of the service's user.
#[cfg(unix)]
fn give_owner(part: &Part, path: &Path, old: Option<&Metadata>) -> Result<(), BoxedError> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let folder = part.path().parent().unwrap_or(path);
    let model = match old {
        Some(old) => old.clone(),
        None => fs::metadata(folder)?,
    };
    let ours = part.file().metadata()?;
    if (ours.uid(), ours.gid()) != (model.uid(), model.gid()) {
        fchown(part.file(), Some(model.uid()), Some(model.gid())).map_err(|error| {
            format!(
                "{} cannot be given to its owner, user {} and group {}: {error}; run the command as that user or as root",
                path.display(),
                model.uid(),
                model.gid()
            )
        })?;
    }
    match old {
        Some(old) => Ok(part.file().set_permissions(old.permissions())?),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn give_owner(_: &Part, _: &Path, _: Option<&Metadata>) -> Result<(), BoxedError> {
    Ok(())
}

/// Gives a second name to a damaged database, and moves its journals there.
fn set_aside(path: &Path) -> Result<PathBuf, BoxedError> {
    let time = Utc::now().format("%Y%m%dT%H%M%SZ");
    let aside = with_suffix(path, &format!(".damaged-{time}"));
    fs::hard_link(path, &aside)?;
    for journal in JOURNALS {
        match fs::rename(with_suffix(path, journal), with_suffix(&aside, journal)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(aside)
}

fn remove_if_exists(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

impl Holdings {
    /// What a database holds, with the tables of any version; without tables it holds nothing.
    ///
    /// Reads over one connection, which is closed afterwards. A [`Db`] replaces a connection that finds damage by
    /// another one, in the background, and that could open the file which replaces the damaged one.
    pub fn of(url: &DatabaseUrl) -> Result<Self, DbError> {
        let mut conn = Connector::new(url, Access::Read, &Timeouts::default())
            .open()?
            .conn;
        if !has_tables(&mut conn)? {
            return Ok(Self::default());
        }
        let count = "SELECT CAST((SELECT count(*) FROM client) AS TEXT), CAST((SELECT count(*) FROM stats) AS TEXT), \
                     CAST((SELECT min(date) FROM stats) AS TEXT), CAST((SELECT max(date) FROM stats) AS TEXT)";
        let Row(values) = transfer::load(&mut conn, count)?
            .into_iter()
            .next()
            .unwrap_or_default();
        let mut values = values.into_iter();
        let mut number = || values.next().flatten().and_then(|value| value.parse().ok());
        let (clients, stats) = (number().unwrap_or_default(), number().unwrap_or_default());
        let mut date = || values.next().flatten();
        Ok(Self {
            clients,
            stats,
            dates: date().zip(date()),
        })
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            clients,
            stats,
            dates,
        } = self;
        let plural = |number: &u64| if *number == 1 { "" } else { "s" };
        write!(
            f,
            "{clients} client{}, {stats} stat{}",
            plural(clients),
            plural(stats)
        )?;
        match dates {
            Some((first, last)) => write!(f, " of {first} to {last}"),
            None => Ok(()),
        }
    }
}
