//! Several servers behind HAProxy, on a PostgreSQL with standbys, with the configurations of `examples/scale`. Each test
//! takes some minutes; `scripts/test-scale.sh` runs them.

mod haproxy;
mod office;
mod pgbouncer;
mod postgres;
mod scenario;
mod servers;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Whether the programs are asked for.
fn is_enabled() -> bool {
    let is_enabled = std::env::var_os("STATS_TEST_SCALE").is_some();
    if !is_enabled {
        eprintln!("STATS_TEST_SCALE is not set, see scripts/test-scale.sh: skipped");
    }
    is_enabled
}

/// A configuration of `examples/scale`, with these texts replaced, each of which has to be there.
fn example(file: &str, replaced: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scale");
    let mut text = fs::read_to_string(path.join(file)).unwrap();
    for (old, new) in replaced {
        assert!(text.contains(old), "{file} lacks {old:?}");
        text = text.replace(old, new);
    }
    text
}

/// Different ports that are free.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A folder of the user `postgres`, as whom some programs have to run instead of root.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            let [user, group] = ["-u", "-g"].map(|option| {
                let id = Command::new("id").args([option, "postgres"]).output();
                String::from_utf8(id.unwrap().stdout).unwrap()
            });
            let id = |text: &str| text.trim().parse().expect("a user postgres");
            chown(folder.path(), Some(id(&user)), Some(id(&group))).unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A command that runs as the owner, in this folder and with its output in a file there.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        use std::os::unix::process::CommandExt;

        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.path().join("log"))
            .unwrap();
        let mut command = Command::new(program.as_ref());
        command
            .env_remove("LC_ALL")
            .env("HOME", self.path())
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if is_root() {
            let owner = fs::metadata(self.path()).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        command
    }

    /// Runs a command to its end.
    fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) {
        let program = program.as_ref();
        let status = self.command(program).args(arguments).status().unwrap();
        assert!(
            status.success(),
            "{} {arguments:?}: {}",
            program.display(),
            self.log()
        );
    }

    /// What the programs have said.
    fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let last = lines.len().saturating_sub(200);
            eprintln!("{}", lines[last..].join("\n"));
        }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}
