use std::fs::File;
use std::path::Path;

use anyhow::{Context, bail};
use tempfile::Builder;

/// Writes a new file that only its owner and group can read. The file gets its name when it is complete and on disk: a
/// failure leaves no file.
pub(crate) fn write_new_file<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let write_and_rename = || {
        // `persist_noclobber` checks this again, but only after the work is done.
        if path.symlink_metadata().is_ok() {
            bail!("the file exists already");
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let mut builder = Builder::new();
        builder.prefix(".stats-admin-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o640));
        let mut part = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        let written = write(part.as_file_mut())?;
        part.as_file().sync_all()?;
        part.persist_noclobber(path).map_err(|error| error.error)?;
        Ok(written)
    };
    write_and_rename().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_appears_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stats.csv");
        let result = write_new_file(&path, |_| Ok(std::fs::write(&path, "other")?));
        let error = format!("{:#}", result.unwrap_err());
        assert!(error.contains("stats.csv: File exists"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"other");
    }
}
