use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};

use super::{Folder, example, free_ports};
use crate::support::wait_until;

pub(super) struct HaProxy {
    process: Child,
    folder: Folder,
    pub(super) port: u16,
}

impl HaProxy {
    /// Starts it before servers on these ports. With `behind_proxy` it passes the headers of another proxy on.
    pub(super) fn start(servers: [u16; 2], behind_proxy: bool) -> Self {
        let folder = Folder::new();
        let [port] = free_ports();
        let socket = folder.path().join("admin.sock");
        let mut settings = example(
            "haproxy.cfg",
            &[
                (
                    "    log /dev/log local0\n",
                    "    log stdout format raw local0\n",
                ),
                (
                    "    chroot /var/lib/haproxy\n    user haproxy\n    group haproxy\n",
                    "",
                ),
                (
                    "/run/haproxy/admin.sock mode",
                    &format!("{} mode", socket.display()),
                ),
                ("bind :80", &format!("bind 127.0.0.1:{port}")),
                (
                    "stats1.example.org:5000",
                    &format!("127.0.0.1:{}", servers[0]),
                ),
                (
                    "stats2.example.org:5000",
                    &format!("127.0.0.1:{}", servers[1]),
                ),
            ],
        );
        if behind_proxy {
            let is_header = |line: &&str| {
                let line = line.trim_start();
                line.starts_with("http-request set-header X-F")
                    || line.starts_with("http-request del-header X-F")
            };
            assert_eq!(settings.lines().filter(is_header).count(), 5);
            let rest: Vec<_> = settings.lines().filter(|line| !is_header(line)).collect();
            settings = rest.join("\n") + "\n";
        }
        let file = folder.write("haproxy.cfg", &settings);
        folder.run(program(), &["-c", "-f", file.to_str().unwrap()]);
        let process = folder
            .command(program())
            .arg("-db")
            .arg("-f")
            .arg(file)
            .spawn();
        let haproxy = Self {
            process: process.unwrap(),
            folder,
            port,
        };
        wait_until("HAProxy starts", || haproxy.try_ask("show info").is_some());
        haproxy
    }

    pub(super) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until both servers have this state, such as `UP`.
    pub(super) fn wait_for(&self, states: [&str; 2]) {
        wait_until(&format!("HAProxy has {states:?}"), || {
            self.states() == states
        });
    }

    /// `UP` or `DOWN`, without the count of checks.
    fn states(&self) -> [String; 2] {
        let table = self.try_ask("show stat").unwrap();
        ["stats1", "stats2"].map(|server| {
            let start = format!("servers,{server},");
            let row = table.lines().find(|row| row.starts_with(&start));
            row.unwrap().split(',').nth(17).unwrap().to_owned()
        })
    }

    /// Takes a server out of use, or back: `drain` or `ready`.
    pub(super) fn set_state(&self, server: usize, state: &str) {
        let command = format!("set server servers/stats{} state {state}", server + 1);
        self.try_ask(&command).unwrap();
    }

    fn try_ask(&self, command: &str) -> Option<String> {
        let mut socket = UnixStream::connect(self.folder.path().join("admin.sock")).ok()?;
        writeln!(socket, "{command}").ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// One line for each request.
    pub(super) fn log(&self) -> String {
        self.folder.log()
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &id]).status();
        let _ = self.process.wait();
    }
}

fn program() -> PathBuf {
    stats_testing_http::installed("haproxy", "haproxy", "").unwrap()
}
