use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A folder with both programs and nothing else, for `PATH`. Dropping this value deletes it.
pub struct Programs(TempDir);

impl Programs {
    /// Takes the program that Cargo has built for the tests of stats-admin, `env!("CARGO_BIN_EXE_stats-admin")`, and
    /// builds the server beside it.
    ///
    /// Cargo builds the programs of the packages under test only, and has no means to ask for another one. The server is
    /// built as `cargo test --workspace` does, so that after that there is nothing left to do.
    pub fn with_admin(admin: &str) -> Self {
        let admin = Path::new(admin);
        let build = admin.parent().expect("a folder");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["test", "--quiet", "--locked", "--workspace", "--no-run"])
            .args(["--test", "server", "--target-dir"])
            .arg(build.parent().expect("a target folder"))
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        match build.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => {}
            Some(profile) => {
                cargo.args(["--profile", profile]);
            }
        }
        let output = cargo.output().expect("Cargo");
        let server = build.join("stats-server");
        assert!(
            output.status.success() && server.exists(),
            "cannot build stats-server: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (program, name) in [(admin, "stats-admin"), (&server, "stats-server")] {
            symlink(program, folder.path().join(name)).expect("a link");
        }
        Self(folder)
    }

    /// An empty folder.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
