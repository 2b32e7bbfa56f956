//! A clock that jumps.

use std::fs;
use std::path::PathBuf;

use chrono::{Days, NaiveDate, TimeDelta, Utc};
use serde_json::json;
use stats_db::Db;
use stats_testing::{TestDatabase, on_each_database};
use stats_testing_http::Server;

use crate::support::{command, illness, wait_until};

/// A server whose clock the test sets.
struct Shifted {
    server: Server,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Shifted {
    /// Returns `None` if libfaketime is not installed.
    fn start(database: &TestDatabase) -> Option<Self> {
        let folders = fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
        let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        let Some(library) = libraries.find(|library| library.exists()) else {
            eprintln!("libfaketime is not installed (Debian: apt-get install faketime): skipped");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("time");
        fs::write(&file, "+0").unwrap();
        Db::create(&database.url().parse().unwrap()).unwrap();
        let mut command = command(database.url());
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("VISITOR_REQUESTS_PER_MINUTE", "1000");
        Some(Self {
            server: Server::spawn(command),
            file,
            _folder: folder,
        })
    }

    /// Shifts the clock to so many days from now.
    fn shift(&self, days: i64) {
        // The server may read the file at any time.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{days:+}d")).unwrap();
        fs::rename(new, &self.file).unwrap();
    }

    /// Posts a stat of this date, and asks for what depends on the time.
    fn use_on(&self, date: NaiveDate) {
        let stat = json!({"anr": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1", "type": "threat", "date": date, "data": []});
        assert_eq!(self.server.post(&json!([stat])).status(), 201, "{date}");
        for path in [
            "/",
            "/evolution",
            "/stats/risks.json",
            "/stats/threats.json?days=7",
            "/map/clients.json",
            "/metrics",
            "/api/v1/client/me",
            "/api/v1/stats/?get_last=true",
            "/api/v1/stats/processed/?type=threat&processor=threat_average_on_date",
        ] {
            assert_eq!(self.server.request(path).status(), 200, "{path} on {date}");
        }
        assert_eq!(illness(&self.server), None);
    }
}

on_each_database!(a_clock_that_jumps_breaks_nothing);
fn a_clock_that_jumps_breaks_nothing(database: &TestDatabase) {
    let Some(shifted) = Shifted::start(database) else {
        return;
    };
    let today = Utc::now().date_naive();
    shifted.use_on(today);
    // Front offices with a good clock go on sending stats of today.
    shifted.shift(-1);
    shifted.use_on(today);
    shifted.use_on(today - Days::new(1));
    shifted.shift(30);
    shifted.use_on(today + Days::new(30));
    shifted.use_on(today);
    let db = Db::open(&database.url().parse().unwrap()).unwrap();
    let last_seen = || db.clients().unwrap()[0].last_seen.unwrap() - Utc::now().naive_utc();
    wait_until("the client is seen in a month", || {
        last_seen() > TimeDelta::days(29)
    });
    shifted.shift(0);
    wait_until("the client is seen today", || {
        shifted.use_on(today);
        last_seen() < TimeDelta::days(1)
    });
    let log = shifted.server.stop();
    assert!(!log.iter().any(|line| line.contains("panicked")), "{log:?}");
}
