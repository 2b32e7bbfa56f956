//! A disk that fills up under load.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use stats_db::Db;
use stats_testing_http::Server;

use crate::own_postgres::OwnPostgres;
use crate::support::{SetOnDrop, command_in_namespace, rounds, start_on, wait_until};
use crate::traffic::{Ledger, http, processed};

/// Runs `work` while two front offices post and somebody reads, and checks that no acknowledged batch is lost.
fn under_load(server: &Server, work: impl FnOnce(&Ledger)) {
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
        work(&ledger);
    });
    ledger.verify(server);
}

/// Waits until the disk is full, removes `ballast`, and waits until so many batches are stored.
fn make_room(ledger: &Ledger, ballast: &Path, batches: usize) {
    ledger.forget_refused();
    wait_until("the disk is full", || ledger.refused() > 3);
    let before = ledger.acknowledged();
    fs::remove_file(ballast).unwrap();
    wait_until("there is space", || {
        ledger.acknowledged() > before + batches
    });
}

/// Posts until the disk is full, makes room by removing `ballast`, and does so again after filling the room.
fn fill_up(server: &Server, ballast: &Path, size: usize) {
    under_load(server, |ledger| {
        for _ in 0..2 {
            make_room(ledger, ballast, 5);
            // It takes what is left.
            let _ = fs::write(ballast, vec![0; size]);
        }
        fs::remove_file(ballast).unwrap();
    });
}

/// A server with SQLite on a disk of so many MB, and the folder of the disk as others see it. `prepare` is a command of a
/// shell that runs in that folder before.
fn start_on_small_disk(folder: &Path, megabytes: usize, prepare: &str) -> (Server, PathBuf) {
    let disk = folder.join("disk");
    let disk = disk.display();
    let url = format!("sqlite://{disk}/stats.db");
    let commands = format!(
        "mkdir {disk}; mount -t tmpfs -o size={megabytes}m tmpfs {disk}; (cd {disk}; {prepare})"
    );
    let server = Server::spawn(command_in_namespace(&commands, &url));
    let seen = format!("/proc/{}/root{disk}", server.process.id());
    (server, seen.into())
}

#[test]
fn a_full_disk_of_sqlite_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let prepare = "head -c 60000000 /dev/zero >ballast";
    let (server, disk) = start_on_small_disk(folder.path(), 64, prepare);
    fill_up(&server, &disk.join("ballast"), 64_000_000);
}

/// The space that SQLite's `-wal` file takes must not be lost, although it can be copied into the database only while the
/// database can grow.
#[test]
fn a_disk_that_stats_fill_takes_stats_after_a_little_is_freed() {
    let folder = tempfile::tempdir().unwrap();
    let rounds = rounds(2, 5);
    let prepare =
        format!("for i in $(seq {rounds}); do head -c 1000000 /dev/zero >ballast$i; done");
    let (server, disk) = start_on_small_disk(folder.path(), 4 + rounds, &prepare);
    under_load(&server, |ledger| {
        for round in 1..=rounds {
            // A batch takes 10 kB of the database, and 200 kB of the -wal file.
            make_room(ledger, &disk.join(format!("ballast{round}")), 20);
        }
    });
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
