use std::error::Error;
use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::Builder;

/// Writes a new file that nobody else may read. It gets its name when it is whole: a failure leaves nothing behind,
/// and a program that is killed leaves a file that cannot be taken for it.
pub(crate) fn write_new_file<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let explain = |error: Box<dyn Error>| match error.downcast_ref::<io::Error>() {
        Some(error) => format!("cannot write {}: {error}", path.display()).into(),
        None => error,
    };
    let is_taken = || format!("there is a file {} already; name a new one", path.display());
    // Said before all the work is done; what happens meanwhile is found below.
    if path.symlink_metadata().is_ok() {
        return Err(is_taken().into());
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut unfinished = Builder::new();
    unfinished.prefix(".stats-admin-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        unfinished.permissions(std::fs::Permissions::from_mode(0o640));
    }
    let mut unfinished = unfinished
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(|error| explain(error.into()))?;
    let written = write(unfinished.as_file_mut()).map_err(explain)?;
    unfinished
        .as_file()
        .sync_all()
        .map_err(|error| explain(error.into()))?;
    match unfinished.persist_noclobber(path) {
        Ok(_) => Ok(written),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(is_taken().into()),
        Err(error) => Err(explain(error.error.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_there_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stats.csv");
        let written = write_new_file(&path, |file| {
            file.write_all(b"half")?;
            assert!(!path.exists());
            file.write_all(b" and half")?;
            Ok(7)
        });
        assert_eq!(written.unwrap(), 7);
        assert_eq!(std::fs::read(&path).unwrap(), b"half and half");
        assert_eq!(names(folder.path()), ["stats.csv"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o007, 0, "{mode:o}");
        }
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stats.csv");
        let fail = |error: Box<dyn Error>| {
            let result = write_new_file(&path, |file| -> Result<(), _> {
                file.write_all(b"half")?;
                Err(error)
            });
            result.unwrap_err().to_string()
        };
        let full = fail(io::Error::other("disk full").into());
        assert_eq!(full, format!("cannot write {}: disk full", path.display()));
        assert_eq!(fail("no database".into()), "no database");
        assert_eq!(names(folder.path()), [""; 0]);
        let nowhere = folder.path().join("none").join("stats.csv");
        let error = write_new_file(&nowhere, |_| Ok(())).unwrap_err();
        assert!(
            error.to_string().contains("none/stats.csv: No such file"),
            "{error}"
        );
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stats.csv");
        let late = write_new_file(&path, |_| Ok(std::fs::write(&path, "other")?));
        let early = write_new_file(&path, |_| -> Result<(), _> { unreachable!() });
        for error in [late.unwrap_err(), early.unwrap_err()] {
            assert!(error.to_string().contains("stats.csv already"), "{error}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"other");
        assert_eq!(names(folder.path()), ["stats.csv"]);
    }
}
