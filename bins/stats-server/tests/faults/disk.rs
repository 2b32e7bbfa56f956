//! A disk that fills up under load.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use stats_db::Db;
use stats_testing_http::Server;

use crate::own_postgres::OwnPostgres;
use crate::support::{SetOnDrop, command_in_namespace, start_on, wait_until};
use crate::traffic::{Ledger, http, processed};

/// Posts until the disk is full, makes room by removing `ballast`, and does so again after filling the room.
fn fill_up(server: &Server, ballast: &Path, size: usize) {
    let ledger = Ledger::default();
    let flag = AtomicBool::new(false);
    let is_over = || flag.load(Ordering::Relaxed);
    thread::scope(|scope| {
        let _end = SetOnDrop(&flag);
        for _ in 0..2 {
            scope.spawn(|| ledger.post_until(&server.base, is_over));
        }
        scope.spawn(|| {
            let http = http();
            while !is_over() {
                let read = http.get(format!("{}{}", server.base, processed()));
                let read = read
                    .header("X-API-KEY", stats_testing_http::ADMIN_TOKEN)
                    .send();
                assert_eq!(read.unwrap().status(), 200, "reading goes on");
            }
        });
        for _ in 0..2 {
            wait_until("the disk is full", || ledger.refused() > 3);
            fs::remove_file(ballast).unwrap();
            let before = ledger.acknowledged();
            wait_until("there is space", || ledger.acknowledged() > before + 5);
            // It takes what is left.
            let _ = fs::write(ballast, vec![0; size]);
            ledger.forget_refused();
        }
        fs::remove_file(ballast).unwrap();
    });
    ledger.verify(server);
}

#[test]
fn a_full_disk_of_sqlite_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    let (disk, url) = (
        disk.display(),
        format!("sqlite://{}/stats.db", disk.display()),
    );
    let commands = format!(
        "mkdir {disk}; mount -t tmpfs -o size=64m tmpfs {disk}; head -c 60000000 /dev/zero >{disk}/ballast"
    );
    let server = Server::spawn(command_in_namespace(&commands, &url));
    let ballast = format!("/proc/{}/root{disk}/ballast", server.process.id());
    fill_up(&server, Path::new(&ballast), 64_000_000);
}

#[test]
fn a_full_disk_of_postgresql_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk: PathBuf = folder.path().join("disk");
    let mount = format!(
        "chmod 755 {0}; mkdir {1}; mount -t tmpfs -o size=24m tmpfs {1}; chown postgres {1}; exec \"$@\"",
        folder.path().display(),
        disk.display()
    );
    // PostgreSQL does not run as the root of a user namespace.
    let is_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    if !is_root {
        eprintln!("mounting a small disk for PostgreSQL needs root: skipped");
        return;
    }
    let wrapper = ["unshare", "--mount", "sh", "-c", &mount, "sh"];
    let Some(postgres) = OwnPostgres::start_in(&wrapper) else {
        return;
    };
    let database = postgres.database();
    database.execute_on_server(&format!(
        "CREATE TABLESPACE small LOCATION '{}'",
        disk.display()
    ));
    Db::create(&database.url().parse().unwrap()).unwrap();
    database.execute_on_server("ALTER DATABASE {name} SET TABLESPACE small");
    let server = start_on(&database);
    let ballast = postgres.in_namespace(&disk.join("ballast"));
    fs::write(&ballast, vec![0; 10_000_000]).unwrap();
    fill_up(&server, &ballast, 20_000_000);
}
