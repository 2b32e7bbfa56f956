//! `stats push` and `stats pull`.
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Command;
use std::sync::{Mutex, mpsc};

use stats_core::{AnalysisId, Client, RawJson, Stat, StatsFilter, StatsType};
use stats_db::{ClientChange, Db};
use stats_http::HttpConfig;
use stats_testing::{Remote, Service, TestDatabase, answer, client, on_each_database, stat};

use crate::support::{Outcome, program, run_in, words};

/// An instance that the program works on.
struct NearSide<'a> {
    database: &'a TestDatabase,
    db: Db,
    owner: Client,
}

impl<'a> NearSide<'a> {
    fn new(database: &'a TestDatabase) -> Self {
        let db = database.migrated();
        let owner = client(&db, "Ministère");
        Self {
            database,
            db,
            owner,
        }
    }

    fn arrive(&self, number: usize) -> Vec<Stat> {
        let new = |_| stat(AnalysisId::random(), StatsType::Risk, "2026-11-20");
        let stats: Vec<_> = (0..number).map(new).collect();
        self.db.insert_stats(self.owner.id, &stats).unwrap();
        stats
    }

    fn settings<'s>(&'s self, remote: &'s str, token: &'s str) -> [(&'s str, &'s str); 3] {
        [
            ("DATABASE_URL", self.database.url()),
            ("REMOTE_STATS_SERVER", remote),
            ("REMOTE_STATS_TOKEN", token),
        ]
    }

    fn run(&self, remote: &str, token: &str, line: &str) -> Outcome {
        run_in(&self.settings(remote, token), &words(line), "")
    }
}

/// The instance that it pushes to and pulls from.
struct FarSide {
    service: Service,
    account: Client,
    _database: TestDatabase,
}

impl FarSide {
    fn start() -> Self {
        let database = TestDatabase::sqlite();
        let service = Service::start(database.migrated(), HttpConfig::default());
        let account = client(&service.db, "the company");
        Self {
            service,
            account,
            _database: database,
        }
    }

    /// What the program makes of it from here.
    fn run(&self, near: &NearSide<'_>, line: &str) -> Outcome {
        near.run(&self.service.url(), self.account.token.reveal(), line)
    }
}

fn all(db: &Db) -> Vec<Stat> {
    db.stats(&StatsFilter::default()).unwrap()
}

on_each_database!(a_push_tells_what_became_of_the_stats);
fn a_push_tells_what_became_of_the_stats(database: &TestDatabase) {
    let near = NearSide::new(database);
    let far = FarSide::start();
    near.arrive(3);
    let outcome = far.run(&near, "stats push");
    let url = far.service.url();
    let summary = format!("Pushed to {url}/\nsent: 3\nalready there: 0\nrefused: 0\nwaiting: 0\n");
    assert_eq!((outcome.code, outcome.stdout), (0, summary));
    assert_eq!(outcome.stderr, "", "nothing that cron would mail");
    assert_eq!(all(&far.service.db), all(&near.db));

    let outcome = far.run(&near, "stats_push");
    assert_eq!((outcome.code, outcome.line("sent: ")), (0, "0"));
    let outcome = far.run(&near, "stats push --all --date-from 2026-11-20");
    assert_eq!((outcome.code, outcome.line("already there: ")), (0, "3"));

    let odd = Stat {
        data: RawJson::from_storage("5".to_owned()),
        ..stat(AnalysisId::random(), StatsType::Threat, "2026-11-19")
    };
    near.db
        .insert_stats(near.owner.id, std::slice::from_ref(&odd))
        .unwrap();
    near.arrive(2);
    let outcome = far.run(&near, "stats push");
    assert_eq!(outcome.code, 65, "{outcome:?}");
    assert_eq!(
        (outcome.line("sent: "), outcome.line("refused: ")),
        ("2", "1")
    );
    let reason = outcome.line("  1: ");
    assert!(
        reason.contains("(400)") && reason.contains("0.data"),
        "{reason}"
    );
    let named = format!("refused: threat {} of 2026-11-19: ", odd.uuid);
    assert!(outcome.stderr.starts_with(&named), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("1 stat refused; the next push tries again"),
        "{outcome:?}"
    );
}

#[test]
fn a_remote_that_wants_to_be_left_alone_is_and_a_script_can_tell() {
    let database = TestDatabase::sqlite();
    let near = NearSide::new(&database);
    near.arrive(2);
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let remote = Remote::answering(busy);
    let outcome = near.run(&remote.url(), "sesame", "stats push");
    assert_eq!((outcome.code, outcome.line("waiting: ")), (75, "2"));
    assert!(outcome.stderr.contains("(503)"), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .ends_with("; 2 stats left for the next push\n"),
        "{outcome:?}"
    );
    let uuid = near.owner.uuid;
    let line =
        format!("stats pull --client-uuid {uuid} --date-from 2026-11-20 --date-to 2026-11-21");
    let outcome = near.run(&remote.url(), "sesame", &line);
    assert_eq!(outcome.code, 75, "{outcome:?}");
    assert!(
        outcome.stderr.contains("--date-from 2026-11-20 goes on"),
        "{outcome:?}"
    );
}

#[test]
fn what_cannot_work_is_said_before_anything_is_sent() {
    let database = TestDatabase::sqlite();
    let near = NearSide::new(&database);
    near.arrive(1);
    let remote = Remote::answering("");
    let shy = client(&near.db, "shy");
    let change = ClientChange {
        is_sharing_enabled: Some(false),
        ..ClientChange::default()
    };
    near.db.change_client(shy.uuid, &change).unwrap();
    let (uuid, shy, nobody) = (near.owner.uuid, shy.uuid, AnalysisId::random());
    for (line, what) in [
        (
            format!("stats push --local-client-uuid {nobody}"),
            format!("there is no client {nobody}"),
        ),
        (
            format!("stats push --local-client-uuid {shy}"),
            "shy does not share its stats".to_owned(),
        ),
        (
            "stats push --date-from 2026-11-20 --date-to 2026-11-19".to_owned(),
            "is after --date-to".to_owned(),
        ),
        (
            format!("stats pull --client-uuid {nobody} --token sesame"),
            format!("there is no client {nobody}"),
        ),
        (
            format!("stats pull --client-uuid {uuid} --stats-type bogus"),
            "'bogus' is not one of risk".to_owned(),
        ),
        ("stats pull".to_owned(), "--client-uuid".to_owned()),
    ] {
        let outcome = near.run(&remote.url(), "sesame", &line);
        assert!([1, 2].contains(&outcome.code), "{line}: {outcome:?}");
        assert!(outcome.stderr.contains(&what), "{line}: {outcome:?}");
    }
    let url = remote.url();
    let without_token = [near.settings(&url, "")[0], near.settings(&url, "")[1]];
    for line in [
        "stats push".to_owned(),
        format!("stats pull --client-uuid {uuid}"),
    ] {
        let outcome = run_in(&without_token, &words(&line), "");
        assert_eq!(outcome.code, 1, "{line}: {outcome:?}");
        assert!(
            outcome.stderr.contains("set REMOTE_STATS_TOKEN"),
            "{outcome:?}"
        );
    }
    assert!(remote.requests().is_empty());
}

#[test]
fn a_dry_run_prints_what_goes_out_to_the_byte() {
    let database = TestDatabase::sqlite();
    let near = NearSide::new(&database);
    near.arrive(700);
    let remote = Remote::start(true, |mut stream, _, _| {
        let known = answer("207 Multi-Status", r#"{"data": []}"#);
        stream.write_all(known.as_bytes()).unwrap();
    });
    let url = remote.url();
    let unasked = [near.settings(&url, "")[0], near.settings(&url, "")[1]];
    let outcome = run_in(&unasked, &words("stats push --dry-run"), "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(remote.requests().is_empty());
    let summary = format!("700 stats would go to {url}/ in 2 requests\n");
    assert_eq!(outcome.stderr, summary);

    let pushed = near.run(&url, "sesame", "stats push");
    assert_eq!((pushed.code, pushed.line("already there: ")), (0, "700"));
    let bodies: Vec<_> = remote
        .requests()
        .into_iter()
        .map(|it| it.body + "\n")
        .collect();
    assert_eq!(outcome.stdout, bodies.concat());
    let nothing = run_in(&unasked, &words("stats push --dry-run"), "");
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""));
}

/// The second batch is on its way when somebody presses Ctrl-C.
#[test]
fn ctrl_c_ends_it_after_the_batch_in_flight() {
    let database = TestDatabase::sqlite();
    let near = NearSide::new(&database);
    near.arrive(1700);
    let (send_arrived, arrived) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let remote = Remote::start(true, move |mut stream, _, number| {
        if number == 1 {
            send_arrived.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
        }
        let known = answer("207 Multi-Status", r#"{"data": []}"#);
        stream.write_all(known.as_bytes()).unwrap();
    });
    let url = remote.url();
    let mut push = program(&near.settings(&url, "sesame"), &words("stats push"))
        .spawn()
        .unwrap();
    arrived.recv().unwrap();
    let kill = Command::new("kill")
        .args(["-INT", &push.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let mut stderr = BufReader::new(push.stderr.take().unwrap());
    let mut notice = String::new();
    while !notice.contains("stopping after the request in flight") {
        assert_ne!(stderr.read_line(&mut notice).unwrap(), 0, "{notice}");
    }
    release.send(()).unwrap();
    let mut stdout = String::new();
    push.stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    assert_eq!(push.wait().unwrap().code(), Some(75), "{stdout}");
    assert!(
        stdout.contains("already there: 1000\n") && stdout.contains("waiting: 700\n"),
        "{stdout}"
    );
    assert_eq!(remote.requests().len(), 2);

    let rest = near.run(&url, "sesame", "stats push");
    assert_eq!((rest.code, rest.line("already there: ")), (0, "700"));
}

on_each_database!(a_pull_fills_an_instance_and_finds_it_filled);
fn a_pull_fills_an_instance_and_finds_it_filled(database: &TestDatabase) {
    let near = NearSide::new(database);
    let far = FarSide::start();
    let stats: Vec<_> = ["2026-11-18", "2026-11-19"]
        .iter()
        .flat_map(|date| StatsType::ALL.map(|kind| stat(AnalysisId::random(), kind, date)))
        .collect();
    far.service.db.insert_stats(far.account.id, &stats).unwrap();
    let uuid = near.owner.uuid;
    let of_threats = format!(
        "stats_pull --client-uuid {uuid} --token {} --stats-type threat --date-from 2026-11-18 --date-to 2026-11-20",
        far.account.token.reveal()
    );
    let outcome = near.run(&far.service.url(), "", &of_threats);
    let url = far.service.url();
    let summary = format!("Pulled from {url}/\nnew: 2\nalready here: 0\nrefused: 0\n");
    assert_eq!(
        (outcome.code, outcome.stdout),
        (0, summary),
        "{}",
        outcome.stderr
    );
    let of_all = format!(
        "stats pull --local-client-uuid {uuid} --date-from 2026-11-18 --date-to 2026-11-20"
    );
    let outcome = far.run(&near, &of_all);
    assert_eq!(
        (outcome.line("new: "), outcome.line("already here: ")),
        ("8", "2")
    );
    assert_eq!(all(&near.db), all(&far.service.db));
    let owned = StatsFilter {
        owner: Some(near.owner.id),
        ..StatsFilter::default()
    };
    assert_eq!(near.db.stats(&owned).unwrap().len(), 10);
}

#[test]
fn a_pull_of_nonsense_says_so_and_stores_nothing() {
    let database = TestDatabase::sqlite();
    let near = NearSide::new(&database);
    let line = format!("stats pull --client-uuid {}", near.owner.uuid);
    for (answer, what) in [
        (answer("200 OK", "<html>"), "a page instead of JSON"),
        (
            "HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example.org/\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "redirects to https://elsewhere.example.org/",
        ),
        (answer("403 Forbidden", r#"{"Error": "no"}"#), "(403): no"),
    ] {
        let remote = Remote::answering(answer);
        let outcome = near.run(&remote.url(), "sesame", &line);
        assert_eq!((outcome.code, outcome.line("new: ")), (1, "0"));
        assert!(outcome.stderr.contains(what), "{outcome:?}");
    }
    assert_eq!(all(&near.db), []);
}
