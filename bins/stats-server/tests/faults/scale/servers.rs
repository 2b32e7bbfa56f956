use std::path::PathBuf;
use std::process::Command;

use stats_testing_http::{ADMIN_TOKEN, Server, isolate};

use super::{Folder, example, free_ports};

/// Two servers on one database.
pub(super) struct Servers {
    folder: Folder,
    pub(super) ports: [u16; 2],
    settings: PathBuf,
    database: String,
    running: [Option<Server>; 2],
}

impl Servers {
    /// For a database on these ports. None is started.
    pub(super) fn new(databases: [u16; 3], mode: &str) -> Self {
        let [one, two, three] = databases;
        let hosts = format!("127.0.0.1:{one},127.0.0.1:{two},127.0.0.1:{three}");
        let read_write = "target_session_attrs=read-write";
        let parameters = match mode {
            "transaction" => format!("{read_write}&pool_mode={mode}"),
            _ => read_write.to_owned(),
        };
        let of_standby = |parameters: &str| parameters.replace("read-write", "prefer-standby");
        let settings = example(
            "stats.toml",
            &[
                ("HOST = \"0.0.0.0\"", "HOST = \"127.0.0.1\""),
                ("PORT = 5000\n", ""),
                ("db1:5432,db2:5432,db3:5432", &hosts),
                (read_write, &parameters),
                (&of_standby(read_write), &of_standby(&parameters)),
            ],
        );
        let folder = Folder::new();
        Self {
            settings: folder.write("stats.toml", &settings),
            folder,
            ports: free_ports(),
            database: format!("postgres://stats:secret@{hosts}/stats?{read_write}"),
            running: [None, None],
        }
    }

    pub(super) fn start(&mut self, server: usize) {
        let settings = ("STATS_CONFIG", self.settings.to_str().unwrap());
        let program = env!("CARGO_BIN_EXE_stats-server");
        self.running[server] = Some(self.spawn(server, program, &[settings]));
    }

    /// Starts another program, without the settings that it may not know.
    pub(super) fn start_old(&mut self, server: usize, program: &str) {
        let settings = [
            ("DATABASE_URL", self.database.as_str()),
            ("FIX_PROXY", "1"),
            ("PUBLIC_MIN_CLIENTS", "3"),
        ];
        self.running[server] = Some(self.spawn(server, program, &settings));
    }

    fn spawn(&self, server: usize, program: &str, settings: &[(&str, &str)]) -> Server {
        let port = self.ports[server].to_string();
        let common = [("PORT", port.as_str()), ("ADMIN_TOKEN", ADMIN_TOKEN)];
        let mut command = Command::new(program);
        isolate(&mut command, &[&common, settings].concat());
        command.current_dir(self.folder.path());
        Server::spawn(command)
    }

    pub(super) fn get(&self, server: usize) -> &Server {
        self.running[server].as_ref().unwrap()
    }

    /// Stops a server in order, and returns its log.
    pub(super) fn stop(&mut self, server: usize) -> Vec<String> {
        self.running[server].take().unwrap().stop()
    }

    /// Kills a server.
    pub(super) fn kill(&mut self, server: usize) {
        drop(self.running[server].take());
    }
}
