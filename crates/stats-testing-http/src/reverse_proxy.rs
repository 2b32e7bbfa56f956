use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::installed;

/// A program that can be a proxy before the service.
#[derive(Clone, Copy, Debug)]
pub enum ProxyKind {
    /// nginx, with `examples/deploy/nginx.conf`.
    Nginx,
    /// Apache, with `examples/deploy/apache.conf`.
    Apache,
}

/// A running program. Dropping this value ends it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // On SIGTERM, Apache ends its children.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl ProxyKind {
    /// The program, or `None` if `STATS_TEST_PROXIES` skips the test.
    fn program(self) -> Option<PathBuf> {
        let name = match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache2",
        };
        installed(name, name, "STATS_TEST_PROXIES")
    }

    /// Writes the configuration of `examples/deploy` with other ports to `folder`, and returns a main configuration that
    /// includes it.
    fn configure(self, folder: &Path, port: u16, upstream: u16) -> String {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/deploy");
        let (file, listen, listen_here) = match self {
            Self::Nginx => (
                "nginx.conf",
                "listen 80;",
                format!("listen 127.0.0.1:{port};"),
            ),
            Self::Apache => (
                "apache.conf",
                "<VirtualHost *:80>",
                format!("<VirtualHost 127.0.0.1:{port}>"),
            ),
        };
        let site = fs::read_to_string(examples.join(file)).expect("an example");
        assert_eq!(site.matches(listen).count(), 1, "{file}");
        let site = site
            .replace(listen, &listen_here)
            .replace("127.0.0.1:5000", &format!("127.0.0.1:{upstream}"));
        fs::write(folder.join("site.conf"), site).expect("a writable folder");
        let folder = folder.display();
        match self {
            Self::Nginx => {
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|name| format!("{name}_temp_path {folder}/{name};"))
                    .concat();
                format!(
                    "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n\
                     events {{}}\nhttp {{ access_log off; {temporary}\ninclude {folder}/site.conf; }}\n"
                )
            }
            Self::Apache => {
                let modules: String = [
                    "mpm_event",
                    "authz_core",
                    "alias",
                    "headers",
                    "proxy",
                    "proxy_http",
                    "reqtimeout",
                ]
                .map(|name| {
                    format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
                })
                .concat();
                format!(
                    "ServerRoot {folder}\nServerName localhost\nPidFile {folder}/pid\nDefaultRuntimeDir {folder}\n\
                     ErrorLog {folder}/error.log\nListen 127.0.0.1:{port}\n{modules}\
                     User www-data\nGroup www-data\nInclude {folder}/site.conf\n"
                )
            }
        }
    }
}

/// A proxy that publishes a service under `/dashboardBO/`. Dropping this value ends it.
pub struct ReverseProxy {
    _process: Running,
    folder: TempDir,
    /// The URL of the host, without a slash at the end.
    pub base: String,
}

impl ReverseProxy {
    /// Starts a proxy on a free port, before the service on the port `upstream`. Returns `None` if the environment has
    /// `STATS_TEST_PROXIES=none` and the program is not installed.
    pub fn start(kind: ProxyKind, upstream: u16) -> Option<Self> {
        let program = kind.program()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Another process may take the port before the proxy binds it. Retry.
        for _ in 0..5 {
            let port = free_port();
            let main = folder.path().join("main.conf");
            let configuration = kind.configure(folder.path(), port, upstream);
            fs::write(&main, configuration).expect("a writable folder");
            let mut command = Command::new(&program);
            match kind {
                ProxyKind::Nginx => command.arg("-p").arg(folder.path()).arg("-c").arg(&main),
                ProxyKind::Apache => command.arg("-f").arg(&main).args(["-D", "FOREGROUND"]),
            };
            let process = command.stdin(Stdio::null()).spawn();
            let mut process = Running(process.expect("a proxy"));
            let start = Instant::now();
            let timeout = Duration::from_secs(10);
            while start.elapsed() < timeout && matches!(process.0.try_wait(), Ok(None)) {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self {
                        _process: process,
                        folder,
                        base: format!("http://127.0.0.1:{port}"),
                    });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("{kind:?} does not start: {}", error_log(folder.path()));
    }

    /// The errors that the proxy has logged.
    pub fn error_log(&self) -> String {
        error_log(self.folder.path())
    }
}

fn error_log(folder: &Path) -> String {
    fs::read_to_string(folder.join("error.log")).unwrap_or_default()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
