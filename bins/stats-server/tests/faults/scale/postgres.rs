use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::{Folder, example, free_ports};
use crate::support::wait_until;

/// The names of the servers in the examples.
pub(super) const NAMES: [&str; 3] = ["db1", "db2", "db3"];

/// A primary, at first the first server, and standbys.
pub(super) struct Cluster {
    folder: Folder,
    pub(super) ports: [u16; 3],
    processes: [Option<Child>; 3],
}

impl Cluster {
    pub(super) fn start() -> Self {
        let mut cluster = Self {
            folder: Folder::new(),
            ports: free_ports(),
            processes: [None, None, None],
        };
        let folder = &cluster.folder;
        let data = cluster.data(0);
        let data = data.to_str().unwrap();
        folder.run(
            program("initdb"),
            &[
                "--pgdata",
                data,
                "--username",
                "postgres",
                "--auth-local",
                "trust",
                "--auth-host",
                "reject",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
                "--no-sync",
            ],
        );
        cluster.configure(0);
        cluster.resume(0);
        cluster.query(
            0,
            "CREATE ROLE replicator REPLICATION LOGIN PASSWORD 'secret'; CREATE ROLE stats LOGIN PASSWORD 'secret'; \
             ALTER ROLE postgres PASSWORD 'secret'",
        );
        cluster.query(0, "CREATE DATABASE stats OWNER stats");
        for standby in [1, 2] {
            let target = cluster.data(standby);
            let source = format!(
                "host=127.0.0.1 port={} user=replicator password=secret",
                cluster.ports[0]
            );
            cluster.folder.run(
                program("pg_basebackup"),
                &[
                    "--pgdata",
                    target.to_str().unwrap(),
                    "--dbname",
                    &source,
                    "--checkpoint=fast",
                    "--no-sync",
                ],
            );
            cluster.configure(standby);
            cluster.follow(standby);
            cluster.resume(standby);
        }
        cluster
    }

    fn data(&self, server: usize) -> PathBuf {
        self.folder.path().join(NAMES[server])
    }

    /// Writes the settings of a server.
    fn configure(&self, server: usize) {
        let name = format!("cluster_name = '{}'", NAMES[server]);
        let [one, two, three] = self.ports;
        let nodes = format!("host=127.0.0.1,127.0.0.1,127.0.0.1 port={one},{two},{three}");
        let mut settings = example(
            "postgresql.conf",
            &[
                ("cluster_name = 'db1'", &name),
                ("listen_addresses = '*'", "listen_addresses = '127.0.0.1'"),
                ("host=db1,db2,db3 port=5432", &nodes),
            ],
        );
        settings += &format!(
            "\nport = {}\nunix_socket_directories = '{}'\nfsync = off\nlog_line_prefix = '%m {} '\n\
             wal_retrieve_retry_interval = 1s\n",
            self.ports[server],
            self.folder.path().display(),
            NAMES[server]
        );
        let data = self.data(server);
        // Not among the files that pg_rewind copies.
        self.folder
            .write(&format!("{}.conf", NAMES[server]), &settings);
        let own = format!(
            "include '{}'\n",
            self.folder
                .path()
                .join(format!("{}.conf", NAMES[server]))
                .display()
        );
        fs::write(data.join("postgresql.conf"), own).unwrap();
        let access = example("pg_hba.conf", &[("192.0.2.0/24", "127.0.0.1/32")]);
        fs::write(
            data.join("pg_hba.conf"),
            format!("local all all trust\n{access}"),
        )
        .unwrap();
    }

    /// Makes a stopped server a standby.
    fn follow(&self, server: usize) {
        let signal = self.data(server).join("standby.signal");
        self.folder.run("touch", &[signal.to_str().unwrap()]);
    }

    /// Starts a server that is not running.
    pub(super) fn resume(&mut self, server: usize) {
        let mut command = self.folder.command(program("postgres"));
        let process = command.arg("-D").arg(self.data(server)).spawn();
        self.processes[server] = Some(process.unwrap());
        wait_until("PostgreSQL starts", || {
            self.try_query(server, "SELECT 1").is_some()
        });
    }

    /// Ends a server with this signal: KILL, or INT for a stop in order.
    pub(super) fn stop(&mut self, server: usize, signal: &str) {
        let mut process = self.processes[server].take().unwrap();
        let id = process.id().to_string();
        let children = Command::new("pgrep").args(["-P", &id]).output().unwrap();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        process.wait().unwrap();
        // Those of a killed server end when they notice.
        let children = String::from_utf8(children.stdout).unwrap();
        wait_until("PostgreSQL stops", || {
            let mut children = children.lines();
            !children.any(|child| Path::new(&format!("/proc/{child}")).exists())
        });
    }

    /// Of the running standbys, the one that has received most.
    pub(super) fn furthest(&self) -> usize {
        let received = |server: &usize| -> u64 {
            let position = "SELECT pg_last_wal_receive_lsn() - '0/0'";
            self.query(*server, position).parse().unwrap()
        };
        let standbys = (0..3).filter(|server| {
            self.processes[*server].is_some()
                && self.query(*server, "SELECT pg_is_in_recovery()") == "t"
        });
        standbys.max_by_key(received).unwrap()
    }

    /// Makes a standby the primary.
    pub(super) fn promote(&self, server: usize) {
        let data = self.data(server);
        self.folder.run(
            program("pg_ctl"),
            &["promote", "--pgdata", data.to_str().unwrap()],
        );
    }

    /// Makes an old primary, which is stopped, a standby.
    pub(super) fn rejoin(&mut self, server: usize, primary: usize) {
        let source = format!(
            "host=127.0.0.1 port={} user=postgres password=secret dbname=postgres",
            self.ports[primary]
        );
        // Before a checkpoint, pg_rewind of PostgreSQL 15 takes a promoted server for one that was not.
        self.query(primary, "CHECKPOINT");
        let data = self.data(server);
        self.folder.run(
            program("pg_rewind"),
            &[
                "--target-pgdata",
                data.to_str().unwrap(),
                "--source-server",
                &source,
                "--no-sync",
            ],
        );
        self.configure(server);
        self.follow(server);
        self.resume(server);
    }

    /// The number of standbys that a server streams to.
    pub(super) fn followers(&self, server: usize) -> usize {
        let streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        self.query(server, streams).parse().unwrap()
    }

    /// Runs SQL as a superuser, and returns the text of its result.
    pub(super) fn query(&self, server: usize, sql: &str) -> String {
        self.query_in("postgres", server, sql)
            .unwrap_or_else(|| panic!("{sql}: {}", self.log()))
    }

    fn try_query(&self, server: usize, sql: &str) -> Option<String> {
        self.query_in("postgres", server, sql)
    }

    pub(super) fn query_in(&self, database: &str, server: usize, sql: &str) -> Option<String> {
        let mut command = Command::new("psql");
        let output = command
            // There may be no standby.
            .env("PGOPTIONS", "-c synchronous_commit=local")
            .arg("-h")
            .arg(self.folder.path())
            .args([
                "-p",
                &self.ports[server].to_string(),
                "-U",
                "postgres",
                "-XAtqc",
                sql,
                database,
            ])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then(|| text.trim().to_owned())
    }

    pub(super) fn log(&self) -> String {
        self.folder.log()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().flatten() {
            let id = process.id().to_string();
            let _ = Command::new("kill").args(["-s", "QUIT", &id]).status();
            let _ = process.wait();
        }
    }
}

/// A program of the newest PostgreSQL.
fn program(name: &str) -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = installed.filter_map(|folder| Some(folder.ok()?.path().join("bin").join(name)));
    let newest = folders.filter(|program| program.exists()).max();
    newest.unwrap_or_else(|| name.into())
}
