//! A PostgreSQL server that a test may stop and kill.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use stats_testing::TestDatabase;

use crate::support::wait_until;

/// A server of `scripts/with-postgres.sh`. Dropping this value stops it and removes its files.
pub(crate) struct OwnPostgres {
    /// The script, which removes the files when its standard input ends.
    script: Child,
    url: String,
    /// The folder of its data.
    folder: PathBuf,
    /// The command that the script started the server with.
    command: Vec<String>,
}

impl OwnPostgres {
    /// Starts a server, or returns `None` if `STATS_TEST_POSTGRES` is `none`.
    pub(crate) fn start() -> Option<Self> {
        Self::start_in(&[])
    }

    /// Starts a server like [`OwnPostgres::start`], with `wrapper` in front of the script.
    pub(crate) fn start_in(wrapper: &[&str]) -> Option<Self> {
        // Panics, or prints that tests are skipped.
        TestDatabase::postgres()?;
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../scripts/with-postgres.sh"
        );
        let print = ["sh", "-c", "echo $STATS_TEST_POSTGRES; cat"];
        let words = [wrapper, &[script], &print].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        let mut script = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        output.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("postgres://"), "no server: {url:?}");
        let port = url.rsplit(':').next().unwrap();
        let (process, command) = find_server(port);
        let folder = fs::read_link(format!("/proc/{process}/cwd")).unwrap();
        Some(Self {
            script,
            url,
            folder,
            command,
        })
    }

    /// A new database of the server.
    pub(crate) fn database(&self) -> TestDatabase {
        TestDatabase::on_postgres(&self.url)
    }

    /// The process id of the server.
    pub(crate) fn process(&self) -> Option<u32> {
        let file = fs::read_to_string(self.folder.join("postmaster.pid")).ok()?;
        let process = file.lines().next()?.trim().parse().ok()?;
        Path::new(&format!("/proc/{process}"))
            .exists()
            .then_some(process)
    }

    /// A path as others see it, which the server sees as `path`.
    pub(crate) fn in_namespace(&self, path: &Path) -> PathBuf {
        format!("/proc/{}/root{}", self.script.id(), path.display()).into()
    }

    /// Kills the connection with this number, or a process that works on the database in the background. Waits until
    /// the server has ended all others, as it then does.
    pub(crate) fn kill_connection(&self, database: &TestDatabase, number: usize) {
        let mut backends = Vec::new();
        // One may end before it is killed.
        wait_until("a connection is killed", || {
            backends = self.backends(database);
            let backend = number % backends.len().max(1);
            backends
                .get(backend)
                .is_some_and(|process| kill("KILL", *process))
        });
        wait_until("PostgreSQL ends all connections", || {
            !backends.iter().any(|process| is_running(*process))
        });
    }

    /// The process ids of the connections to a database.
    fn backends(&self, database: &TestDatabase) -> Vec<u32> {
        let (_, name) = database.url().rsplit_once('/').unwrap();
        let mut children = children_of(self.process().unwrap());
        children.retain(|child| {
            let title = fs::read_to_string(format!("/proc/{child}/cmdline"));
            title.is_ok_and(|title| title.contains(name))
        });
        children
    }

    /// Sends a signal to the server: INT stops it, QUIT without closing connections in order, KILL kills it. Waits until
    /// it and its children have ended.
    pub(crate) fn stop(&self, signal: &str) {
        let process = self.process().unwrap();
        let children = children_of(process);
        assert!(kill(signal, process));
        wait_until("PostgreSQL stops", || {
            let mut all = children.iter().chain([&process]);
            !all.any(|process| is_running(*process))
        });
    }

    /// Starts the server again, with further options. Waits until it accepts connections.
    pub(crate) fn resume(&self, options: &[&str]) {
        let owner = fs::metadata(&self.folder).unwrap();
        let log = fs::File::options()
            .append(true)
            .open(self.folder.join("server.log"))
            .unwrap();
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .args(options)
            // The path of the data may be relative.
            .current_dir(self.folder.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .uid(owner.uid())
            .gid(owner.gid());
        let mut server = command.spawn().unwrap();
        let process = server.id().to_string();
        // Its end is waited for, so that its process id does not look like a running one.
        std::thread::spawn(move || server.wait());
        wait_until("PostgreSQL starts", || {
            // A killed server leaves its file behind.
            let file = fs::read_to_string(self.folder.join("postmaster.pid")).unwrap_or_default();
            let lines: Vec<_> = file.lines().map(str::trim).collect();
            lines.first() == Some(&process.as_str()) && lines.get(7) == Some(&"ready")
        });
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

/// The process and the command of the PostgreSQL server at a port.
fn find_server(port: &str) -> (u32, Vec<String>) {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let servers = processes.filter_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let words: Vec<_> = line.split_terminator('\0').map(str::to_owned).collect();
        let is_server = words.first()?.ends_with("/postgres");
        let has_port = words.windows(2).any(|pair| pair == ["-p", port]);
        (is_server && has_port).then_some((process, words))
    });
    servers.last().expect("a running PostgreSQL")
}

fn children_of(process: u32) -> Vec<u32> {
    let file = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(file).unwrap();
    children
        .split_whitespace()
        .map(|child| child.parse().unwrap())
        .collect()
}

/// Whether a process exists and is no zombie.
fn is_running(process: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat"));
    state.is_ok_and(|state| !state.contains(") Z "))
}

/// Sends the signal with this name to a process. Returns whether there is one.
fn kill(signal: &str, process: u32) -> bool {
    let process = process.to_string();
    let kill = Command::new("kill").args(["-s", signal, &process]).status();
    kill.unwrap().success()
}
