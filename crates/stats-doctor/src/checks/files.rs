//! The files that the settings name: those of the instance, the log, secrets, and the disks.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};
use rustix::process::geteuid;
use stats_core::WithCauses;
use stats_db::DatabaseUrl;
use stats_settings::{LoadedSettings, Origin, Settings, SettingsError, read_logo, read_paragraphs};

use crate::check::{Check, Findings};

/// Free space below which a warning and a failure are reported. A batch of stats has up to 64 MiB.
const LITTLE_SPACE: u64 = 512 << 20;
const NO_SPACE: u64 = 64 << 20;

pub(crate) fn check(loaded: &LoadedSettings, findings: &mut Findings) {
    let settings = loaded.settings.clone();
    if let Some(check) = findings.bounded("instance", move || instance(&settings)) {
        findings.checks.extend(check);
    }
    let secrets = secrets(loaded);
    let database = database_files(&loaded.settings);
    if let Some(checks) = findings.bounded("files", move || modes(&secrets, &database)) {
        findings.checks.extend(checks);
    }
    if let Some(path) = loaded.settings.log_path.clone()
        && let Some(check) = findings.bounded("log", move || log(&path))
    {
        findings.add(check);
    }
    let folders = folders(&loaded.settings);
    if let Some((checks, free)) = findings.bounded("disk", move || disks(&folders)) {
        findings.checks.extend(checks);
        if let Some(free) = free {
            findings.count("free_bytes", free);
        }
    }
}

fn instance(settings: &Settings) -> Option<Check> {
    let logo = settings.instance_logo.as_deref();
    let text = settings.instance_text.as_deref();
    logo.or(text)?;
    let read = || {
        logo.map(read_logo).transpose()?;
        text.map(read_paragraphs).transpose()?;
        Ok::<_, SettingsError>(())
    };
    Some(match read() {
        Ok(()) => Check::ok("instance", "logo and text can be used"),
        Err(error) => Check::failure(
            "instance",
            WithCauses(&error).to_string(),
            "the server does not start: correct the file, or remove the setting",
        ),
    })
}

/// The files that contain secrets: each with the setting. The URL of a SQLite file is none.
fn secrets(loaded: &LoadedSettings) -> Vec<(&'static str, PathBuf)> {
    let is_sqlite = matches!(loaded.settings.database_url, DatabaseUrl::Sqlite(_));
    let secrets = loaded
        .entries()
        .filter(|entry| entry.is_secret && !(is_sqlite && entry.key == "DATABASE_URL"));
    let files = secrets.filter_map(|entry| match entry.origin {
        Origin::SettingsFile(path) | Origin::SecretFile(path) => Some((entry.key, path)),
        _ => None,
    });
    files.collect()
}

/// The SQLite file, and those that SQLite keeps beside it.
fn database_files(settings: &Settings) -> Vec<PathBuf> {
    let DatabaseUrl::Sqlite(path) = settings.database_url.absolute() else {
        return Vec::new();
    };
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    vec![path.clone(), beside("-wal"), beside("-shm")]
}

fn modes(secrets: &[(&'static str, PathBuf)], database: &[PathBuf]) -> Vec<Check> {
    const NAME: &str = "files";
    let of_secrets = secrets
        .iter()
        .filter_map(|(key, path)| open_to_others(path, format!("{} with {key}", path.display())));
    let of_database = database
        .iter()
        .filter_map(|path| open_to_others(path, format!("the database file {}", path.display())));
    let open = of_secrets.chain(of_database);
    let mut checks: Vec<_> = open
        .map(|(problem, advice)| Check::warning(NAME, problem, advice))
        .collect();
    let owner = |path| Some(fs::metadata(path).ok()?.uid());
    let mut owners = database
        .iter()
        .filter_map(|path| Some((path, owner(path)?)));
    if let Some((first, owner)) = owners.next()
        && let Some((other, _)) = owners.find(|(_, other)| *other != owner)
    {
        checks.push(Check::warning(
            NAME,
            format!(
                "{} has another owner than {}",
                other.display(),
                first.display()
            ),
            "a server of either user may fail to write: stop it, and chown the file",
        ));
    }
    if checks.is_empty() {
        let found = "no other user of this machine reads secrets or the database";
        checks.push(Check::ok(NAME, found));
    }
    checks
}

/// The problem of a file that all users may read or write, and what to do.
fn open_to_others(path: &Path, what: String) -> Option<(String, String)> {
    const FOR_OTHERS: u32 = 0o007;
    const WRITABLE_BY_OTHERS: u32 = 0o002;
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.mode() & FOR_OTHERS == 0 {
        return None;
    }
    let may = match metadata.mode() & WRITABLE_BY_OTHERS {
        0 => "read",
        _ => "written",
    };
    Some((
        format!("{what} can be {may} by every user of this machine"),
        format!("run 'chmod o= {}'", path.display()),
    ))
}

/// Checks that the log can be written, without creating it.
fn log(path: &Path) -> Check {
    let result = match OpenOptions::new().append(true).open(path) {
        // The server creates the file and its folders.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            let folder = existing(&absolute);
            access(&folder, Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from)
        }
        result => result.map(drop),
    };
    let file = path.display();
    match result {
        Ok(()) => Check::ok("log", format!("{file} can be written")),
        Err(error) => Check::failure(
            "log",
            format!("the log file {file} cannot be written: {error}"),
            "the server does not start: give its user the right, or change LOG_PATH",
        ),
    }
}

/// The nearest existing folder of an absolute path.
fn existing(path: &Path) -> PathBuf {
    let mut ancestors = path.ancestors().skip(1);
    let folder = ancestors.find(|folder| folder.exists());
    folder.unwrap_or(Path::new("/")).to_owned()
}

/// The folders that grow.
fn folders(settings: &Settings) -> Vec<PathBuf> {
    let database = match settings.database_url.absolute() {
        DatabaseUrl::Sqlite(path) => Some(path),
        DatabaseUrl::Postgres(_) => None,
    };
    let log = settings.log_path.as_deref().map(std::path::absolute);
    let paths = database.into_iter().chain(log.and_then(Result::ok));
    paths.map(|path| existing(&path)).collect()
}

/// Checks the free space of each folder, and returns the least.
fn disks(folders: &[PathBuf]) -> (Vec<Check>, Option<u64>) {
    const NAME: &str = "disk";
    const ADVICE: &str = "free some, for example from old backups and logs, or enlarge the disk";

    let mut checks = Vec::new();
    let mut least = None;
    for folder in folders {
        let path = folder.display();
        let free = match statvfs(folder) {
            Ok(space) => space.f_bavail.saturating_mul(space.f_frsize),
            Err(error) => {
                let problem = format!("the free space of {path} is unknown: {error}");
                checks.push(Check::warning(NAME, problem, "look at the file system"));
                continue;
            }
        };
        least = Some(free.min(least.unwrap_or(u64::MAX)));
        let found = format!("{} MiB free for {path}", free >> 20);
        checks.push(match free {
            free if free < NO_SPACE => Check::failure(NAME, found, ADVICE),
            free if free < LITTLE_SPACE => Check::warning(NAME, found, ADVICE),
            _ => Check::ok(NAME, found),
        });
    }
    checks.dedup();
    (checks, least)
}

/// Whether this process is of root, and the file of somebody else. It may then do more than the server.
pub(crate) fn is_root_for_another(path: &Path) -> bool {
    let owner = fs::metadata(path).map(|metadata| metadata.uid());
    geteuid().is_root() && owner.is_ok_and(|owner| owner != 0)
}
