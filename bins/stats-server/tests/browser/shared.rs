//! The server and the driver that all tests share.

use std::io::BufReader;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use reqwest::blocking::Client as Http;
use stats_testing_http::{LONG, Server, installed, isolate, wait_for};
use tempfile::TempDir;

/// The first test starts the programs, and the last one stops them.
static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// What all tests share.
pub(crate) struct Shared {
    /// A server with the stats of the demo.
    pub(crate) server: Server,
    pub(crate) driver: Driver,
    /// The temporary files of both and the home of the browsers. Removed last.
    _folder: TempDir,
}

impl Shared {
    /// Returns `None` if `STATS_TEST_BROWSER` skips the test.
    pub(crate) fn get() -> Option<Arc<Self>> {
        // A test that could not start the programs has said why, and the next one says it again.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let folder = tempfile::Builder::new().prefix("stats-browser-").tempdir();
        let folder = folder.unwrap();
        let driver = Driver::start(folder.path())?;
        let started = Arc::new(Self {
            server: start_demo(folder.path(), &driver),
            driver,
            _folder: folder,
        });
        *shared = Arc::downgrade(&started);
        Some(started)
    }
}

fn start_demo(folder: &Path, driver: &Driver) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stats-server"));
    command.arg("--demo");
    let folder = folder.to_str().unwrap();
    isolate(&mut command, &[("FIX_PROXY", "1"), ("TMPDIR", folder)]);
    command.process_group(driver.group());
    let server = Server::spawn(command);
    // The first pages fold half a year of stats, for which a build without optimization may take longer than a request.
    let start = Instant::now();
    for path in ["/", "/evolution", "/cartography", "/compliance"] {
        let page = Http::new().get(format!("{}{path}", server.base));
        let is_drawn = || {
            let response = page.try_clone().unwrap().send();
            response.is_ok_and(|response| response.status() == 200)
        };
        while !is_drawn() {
            assert!(start.elapsed() < 4 * LONG, "{path} is not drawn");
        }
    }
    server
}

/// ChromeDriver, which starts a browser for each session. Dropping this value kills them all.
pub(crate) struct Driver {
    /// A shell that leads a process group with the driver and the browsers. It kills the group once its standard input is
    /// closed, which also happens if the tests are killed.
    shell: Child,
    pub(crate) url: String,
    _output: BufReader<ChildStdout>,
}

impl Driver {
    fn start(folder: &Path) -> Option<Self> {
        let program = installed("chromedriver", "chromium-driver", "STATS_TEST_BROWSER")?;
        let mut shell = Command::new("sh")
            .arg("-c")
            .arg(r#""$@" & exec >/dev/null; read -r _; kill -KILL 0"#)
            .arg("sh")
            .arg(program)
            .arg("--port=0")
            .process_group(0)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("TMPDIR", folder)
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(shell.stdout.take().unwrap());
        let log = wait_for(&mut output, "started successfully on port ");
        let port = log.rsplit_once("port ").unwrap().1;
        let port: u16 = port.trim().trim_end_matches('.').parse().unwrap();
        Some(Self {
            shell,
            url: format!("http://127.0.0.1:{port}"),
            _output: output,
        })
    }

    /// The process group that ends with the tests.
    fn group(&self) -> i32 {
        self.shell.id().try_into().unwrap()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
