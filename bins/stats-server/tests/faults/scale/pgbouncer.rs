use std::fs;
use std::net::TcpStream;
use std::process::Child;

use super::postgres::Cluster;
use super::{Folder, example, free_ports};
use crate::support::wait_until;

/// One in front of each server of a [`Cluster`].
pub(super) struct PgBouncers {
    folder: Folder,
    pub(super) ports: [u16; 3],
    processes: [Option<Child>; 3],
}

impl PgBouncers {
    pub(super) fn start(cluster: &Cluster, mode: &str) -> Self {
        let mut all = Self {
            folder: Folder::new(),
            ports: free_ports(),
            processes: [None, None, None],
        };
        let folder = all.folder.path().display().to_string();
        all.folder.write("userlist.txt", "\"stats\" \"secret\"\n");
        for (server, (port, database)) in all.ports.into_iter().zip(cluster.ports).enumerate() {
            let settings = example(
                "pgbouncer.ini",
                &[
                    ("port=5432", &format!("port={database}")),
                    ("listen_addr = *", "listen_addr = 127.0.0.1"),
                    ("listen_port = 6432", &format!("listen_port = {port}")),
                    ("unix_socket_dir = /var/run/postgresql", "unix_socket_dir ="),
                    (
                        "/var/run/postgresql/pgbouncer.pid",
                        &format!("{folder}/{port}.pid"),
                    ),
                    (
                        "/var/log/postgresql/pgbouncer.log",
                        &format!("{folder}/{port}.log"),
                    ),
                    (
                        "/etc/pgbouncer/userlist.txt",
                        &format!("{folder}/userlist.txt"),
                    ),
                    ("pool_mode = session", &format!("pool_mode = {mode}")),
                ],
            );
            all.folder.write(&format!("{port}.ini"), &settings);
            all.resume(server);
        }
        all
    }

    /// Starts one that is not running.
    pub(super) fn resume(&mut self, server: usize) {
        let port = self.ports[server];
        let mut command = self.folder.command("pgbouncer");
        let process = command
            .arg(self.folder.path().join(format!("{port}.ini")))
            .spawn();
        self.processes[server] = Some(process.unwrap());
        wait_until("PgBouncer starts", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    /// Restarts one whose server was promoted: it would go on telling clients that this is a standby.
    pub(super) fn restart(&mut self, server: usize) {
        self.stop(server);
        self.resume(server);
    }

    /// Ends one, as systemd does when its PostgreSQL ends.
    pub(super) fn stop(&mut self, server: usize) {
        if let Some(mut process) = self.processes[server].take() {
            let _ = process.kill();
            let _ = process.wait();
            // A killed one leaves its file behind.
            let _ = fs::remove_file(
                self.folder
                    .path()
                    .join(format!("{}.pid", self.ports[server])),
            );
        }
    }
}

impl Drop for PgBouncers {
    fn drop(&mut self) {
        for server in 0..3 {
            self.stop(server);
        }
    }
}
