use std::path::PathBuf;

/// Finds a program that tests need, in `PATH` or `/usr/sbin`. Returns `None` if it is missing and the environment variable
/// `skip` is `none`.
///
/// # Panics
///
/// If the program is missing and no variable skips the test. The message names the Debian `package`.
pub fn installed(program: &str, package: &str, skip: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders
        .map(|folder| folder.join(program))
        .find(|path| path.is_file());
    assert!(
        found.is_some() || std::env::var(skip).is_ok_and(|value| value == "none"),
        "{program} is not installed: install it (Debian: apt-get install {package}), or set {skip}=none to skip this test"
    );
    found
}
