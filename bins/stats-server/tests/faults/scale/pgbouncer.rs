use std::net::TcpStream;
use std::process::Child;

use super::postgres::Cluster;
use super::{Folder, example, free_ports};
use crate::support::wait_until;

/// One in front of each server of a [`Cluster`].
pub(super) struct PgBouncers {
    folder: Folder,
    pub(super) ports: [u16; 3],
    processes: Vec<Child>,
}

impl PgBouncers {
    pub(super) fn start(cluster: &Cluster, mode: &str) -> Self {
        let mut all = Self {
            folder: Folder::new(),
            ports: free_ports(),
            processes: Vec::new(),
        };
        let folder = all.folder.path().display().to_string();
        all.folder.write("userlist.txt", "\"stats\" \"secret\"\n");
        for (port, server) in all.ports.into_iter().zip(cluster.ports) {
            let settings = example(
                "pgbouncer.ini",
                &[
                    ("port=5432", &format!("port={server}")),
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
            let file = all.folder.write(&format!("{port}.ini"), &settings);
            let process = all.folder.command("pgbouncer").arg(file).spawn();
            all.processes
                .push(process.expect("pgbouncer (Debian: apt-get install pgbouncer)"));
            wait_until("PgBouncer starts", || {
                TcpStream::connect(("127.0.0.1", port)).is_ok()
            });
        }
        all
    }
}

impl Drop for PgBouncers {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
