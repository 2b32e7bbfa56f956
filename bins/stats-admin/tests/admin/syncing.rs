//! `stats push` and `stats pull`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Command;
use std::sync::{Mutex, mpsc};

use reqwest::blocking::Client as HttpClient;
use serde_json::{Value, json};
use stats_core::{AnalysisId, Client, RawJson, Stat, StatsFilter, StatsType};
use stats_db::{ClientChange, Db, DbError};
use stats_http::HttpConfig;
use stats_testing::{TestDatabase, client, on_each_database, stat};
use stats_testing_http::{Remote, Service, answer};

use crate::support::{Outcome, message, program, run_program, succeed, value};

/// The instance that the program works on.
struct Local<'a> {
    database: &'a TestDatabase,
    db: Db,
    owner: Client,
}

impl<'a> Local<'a> {
    fn new(database: &'a TestDatabase) -> Self {
        let db = database.migrated();
        let owner = client(&db, "Ministère");
        Self {
            database,
            db,
            owner,
        }
    }

    fn insert(&self, number: usize) {
        let new = |_| stat(AnalysisId::random(), StatsType::Risk, "2025-11-20");
        let stats: Vec<_> = (0..number).map(new).collect();
        self.db.insert_stats(self.owner.id, &stats).unwrap();
    }

    fn program(&self, remote: &str, token: &str, line: &str) -> Command {
        let environment = [
            ("DATABASE_URL", self.database.url()),
            ("REMOTE_STATS_SERVER", remote),
            ("REMOTE_STATS_TOKEN", token),
        ];
        program(&environment, line)
    }

    fn run(&self, remote: &str, token: &str, line: &str) -> Outcome {
        run_program(&mut self.program(remote, token, line), "")
    }

    fn run_without_token(&self, remote: &str, line: &str) -> Outcome {
        let mut program = self.program(remote, "", line);
        run_program(program.env_remove("REMOTE_STATS_TOKEN"), "")
    }
}

/// The instance that the program pushes to and pulls from.
struct Far {
    service: Service,
    account: Client,
    _database: TestDatabase,
}

impl Far {
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

    /// Runs the program with the address and the token of this instance.
    fn run(&self, local: &Local<'_>, line: &str) -> Outcome {
        local.run(
            &self.service.url(),
            stats_testing::token(&self.account).reveal(),
            line,
        )
    }
}

fn all(db: &Db) -> Vec<Stat> {
    db.stats(&StatsFilter::default()).unwrap()
}

/// Accepts all stats as known.
fn already_there() -> String {
    answer("207 Multi-Status", r#"{"data": []}"#)
}

on_each_database!(push_sends_new_and_rejected_stats);
fn push_sends_new_and_rejected_stats(database: &TestDatabase) {
    let local = Local::new(database);
    let far = Far::start();
    local.insert(3);
    let outcome = far.run(&local, "stats push");
    let url = far.service.url();
    let summary = format!(
        "Pushed to {url}/\nsent: 3\nalready there: 0\nrefused: 0\nwaiting: 0\ndeletions told: 0\n"
    );
    assert_eq!((outcome.code, outcome.stdout), (0, summary));
    assert_eq!(outcome.stderr, "", "cron would mail it");
    assert_eq!(all(&far.service.db), all(&local.db));

    let outcome = far.run(&local, "stats_push");
    assert_eq!((outcome.code, value(&outcome.stdout, "sent: ")), (0, "0"));
    let outcome = far.run(&local, "stats push --all --date-from 2025-11-20");
    let already_there = value(&outcome.stdout, "already there: ");
    assert_eq!((outcome.code, already_there), (0, "3"));

    let scalar = Stat {
        data: RawJson::from_storage("5".to_owned()),
        ..stat(AnalysisId::random(), StatsType::Threat, "2025-11-19")
    };
    let rejected = scalar.uuid;
    local.db.insert_stats(local.owner.id, &[scalar]).unwrap();
    local.insert(2);
    for sent in ["2", "0"] {
        let outcome = far.run(&local, "stats push");
        assert_eq!(outcome.code, 65, "{outcome:?}");
        let count = |label| value(&outcome.stdout, label);
        assert_eq!((count("sent: "), count("refused: ")), (sent, "1"));
        let reason = count("  1: ");
        let is_named = reason.contains("(400)") && reason.contains("0.data");
        assert!(is_named, "{reason}");
        let (stat, failure) = outcome.stderr.split_once('\n').unwrap();
        let expected = format!("rejected threat {rejected} of 2025-11-19: ");
        assert!(stat.starts_with(&expected), "{stat}");
        let expected = "stats-admin: 1 stat rejected; the next push sends them again\n";
        assert_eq!(failure, expected);
    }
    let waiting = far.run(&local, "stats list-waiting");
    let expected = format!("2025-11-19  threat         {rejected}  Ministère: ");
    assert!(waiting.stdout.starts_with(&expected), "{waiting:?}");
    let waiting: Value =
        serde_json::from_str(&far.run(&local, "stats list-waiting --json").stdout).unwrap();
    assert_eq!(
        (&waiting[0]["uuid"], &waiting[1]),
        (&json!(rejected), &Value::Null)
    );
}

on_each_database!(push_tells_deletions_and_withdrawals);
fn push_tells_deletions_and_withdrawals(database: &TestDatabase) {
    let local = Local::new(database);
    let far = Far::start();
    local.insert(5);
    far.run(&local, "stats push");
    let stats = all(&local.db);
    let told = |line: &str| -> String {
        let outcome = far.run(&local, line);
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (0, ""),
            "{outcome:?}"
        );
        value(&outcome.stdout, "deletions told: ").to_owned()
    };
    local
        .db
        .delete_stats(local.owner.id, stats[0].analysis)
        .unwrap();
    let preview = far.run(&local, "stats push --dry-run");
    let body: Value = serde_json::from_str(&preview.stdout).unwrap();
    assert_eq!(body[0]["uuid"], json!(stats[0].uuid));
    assert_eq!(body[0].as_object().unwrap().len(), 2, "{body}");
    assert!(
        preview.stderr.contains("0 stats and 1 deletion to "),
        "{preview:?}"
    );
    assert_eq!(all(&far.service.db).len(), 5);
    assert_eq!(told("stats push"), "1");
    assert_eq!(all(&far.service.db), all(&local.db));

    let uuid = local.owner.uuid;
    let off = succeed(
        database,
        format!("client sharing-deactivate {uuid} --withdraw"),
    );
    assert!(
        off.ends_with("the next push withdraws what was pushed\n"),
        "{off}"
    );
    assert_eq!(told(&format!("stats push --client {uuid}")), "4");
    assert_eq!(all(&far.service.db), []);
    succeed(database, format!("client sharing-activate {uuid}"));
    local.insert(1);
    assert_eq!(told("stats push --all"), "0");
    assert_eq!(all(&far.service.db).len(), 1);
    // A restored export has deleted stats.
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut line = serde_json::to_vec(&stats[0]).unwrap();
    line.push(b'\n');
    fs::write(file.path(), line).unwrap();
    let import = format!("stats import --client {uuid} {}", file.path().display());
    let expected = "0 stats imported, 0 stats skipped that are stored already, 1 stat skipped that the client deleted\n";
    assert_eq!(succeed(database, import), expected);
}

on_each_database!(reconcile_lists_what_differs_and_repairs_it);
fn reconcile_lists_what_differs_and_repairs_it(database: &TestDatabase) {
    let local = Local::new(database);
    let far = Far::start();
    let outcome = far.run(&local, "stats reconcile");
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (0, ""),
        "{outcome:?}"
    );
    local.insert(3);
    far.run(&local, "stats push");
    let stats = all(&local.db);
    let there = &far.service.db;
    let found = there.read::<_, DbError>(|snapshot| snapshot.find_all_stats());
    there.purge_found(&found.unwrap()).unwrap();
    let surplus = stat(AnalysisId::random(), StatsType::Threat, "2025-12-24");
    let changed = Stat {
        data: RawJson::parse("[1]").unwrap(),
        ..stats[1].clone()
    };
    let content = [stats[2].clone(), changed, surplus.clone()];
    there.insert_stats(far.account.id, &content).unwrap();

    let outcome = far.run(&local, "stats reconcile --json");
    let failure = message(&outcome, 1);
    assert!(failure.starts_with("3 stats of "), "{failure}");
    let list: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let difference = |stat: &Stat, difference: &str| {
        json!({
            "date": stat.date, "type": stat.stats_type, "uuid": stat.uuid, "difference": difference, "repaired": false
        })
    };
    let expected = json!([
        difference(&stats[0], "missing"),
        difference(&stats[1], "content"),
        difference(&surplus, "too much"),
    ]);
    assert_eq!(list, expected);

    let line = "stats reconcile --repair";
    let declined = run_program(
        &mut local.program(
            &far.service.url(),
            stats_testing::token(&far.account).reveal(),
            line,
        ),
        "n\n",
    );
    assert_eq!(message(&declined, 1), "nothing was changed");
    let outcome = far.run(&local, "stats reconcile --repair --yes");
    assert!(message(&outcome, 1).starts_with("1 stat of "));
    let expected = format!(
        "2025-11-20  risk           {}  was missing there, sent\n\
         2025-11-20  risk           {}  other content there\n\
         2025-12-24  threat         {}  was too much there, deleted\n",
        stats[0].uuid, stats[1].uuid, surplus.uuid
    );
    assert_eq!(outcome.stdout, expected);
    assert_eq!(all(there).len(), 3);
    let outcome = far.run(&local, "stats reconcile --date-from 2025-11-21");
    assert_eq!(outcome.code, 0, "{outcome:?}");
}

#[test]
fn unavailable_remote_exits_with_75_and_retry_after_ends_the_command() {
    let database = TestDatabase::sqlite();
    let local = Local::new(&database);
    local.insert(2);
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\
                Connection: close\r\n\r\n";
    let remote = Remote::answering(busy);
    let outcome = local.run(&remote.url(), "sesame", "stats push");
    let failure = message(&outcome, 75);
    assert_eq!(value(&outcome.stdout, "waiting: "), "2");
    let left = failure.starts_with("2 stats left for the next push: ");
    assert!(left && failure.contains("(503)"), "{failure}");

    let uuid = local.owner.uuid;
    let dates = "--date-from 2025-11-20 --date-to 2025-11-21";
    let line = format!("stats pull --client-uuid {uuid} {dates}");
    let failure = message(&local.run(&remote.url(), "sesame", &line), 75);
    let expected = "the pull is incomplete; --date-from 2025-11-20 resumes it: ";
    assert!(failure.starts_with(expected), "{failure}");
    assert_eq!(remote.requests().len(), 2);
}

#[test]
fn wrong_arguments_are_reported_before_a_request() {
    let database = TestDatabase::sqlite();
    let local = Local::new(&database);
    local.insert(1);
    let remote = Remote::answering(already_there());
    let private = client(&local.db, "private").uuid;
    let change = ClientChange::Sharing(false);
    local.db.change_client(private, &change).unwrap();
    for (line, expected) in [
        (
            format!("stats push --local-client-uuid {private}"),
            "sharing is disabled for private",
        ),
        (
            "stats push --date-from 2025-11-20 --date-to 2025-11-19".to_owned(),
            "--date-from 2025-11-20 is after --date-to 2025-11-19",
        ),
    ] {
        let failure = message(&local.run(&remote.url(), "sesame", &line), 1);
        assert!(failure.starts_with(expected), "{failure}");
    }
    let pull = format!("stats pull --client-uuid {}", local.owner.uuid);
    for line in ["stats push", &pull] {
        let failure = message(&local.run_without_token(&remote.url(), line), 1);
        let expected = "set REMOTE_STATS_TOKEN or pass --remote-token-file";
        assert!(failure.ends_with(expected), "{failure}");
    }
    assert!(remote.requests().is_empty());
}

#[test]
fn token_may_begin_with_a_hyphen() {
    let database = TestDatabase::sqlite();
    let local = Local::new(&database);
    local.insert(1);
    let remote = Remote::answering(already_there());
    let line = "stats push --remote-token -sesame";
    assert_eq!(local.run_without_token(&remote.url(), line).code, 0);
    let requests = remote.requests();
    assert_eq!(requests[0].header("x-api-key"), Some("-sesame"));
}

#[test]
fn token_can_be_in_a_file() {
    let database = TestDatabase::sqlite();
    let local = Local::new(&database);
    local.insert(1);
    let remote = Remote::answering(already_there());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let push = || {
        let line = format!("stats push --remote-token-file {}", path.display());
        local.run(&remote.url(), "unused", &line)
    };
    let error = |problem: &str| {
        let error = message(&push(), 1);
        let start = format!("cannot read a token from {}: {problem}", path.display());
        assert!(error.starts_with(&start), "{error}");
    };
    error("No such file");
    for (content, problem) in [
        (&b""[..], "a token has 1 to 100 visible"),
        (b"sesame sesame", "a token has 1 to 100 visible"),
        (b"\xff", "stream did not contain valid UTF-8"),
    ] {
        fs::write(&path, content).unwrap();
        error(problem);
    }
    assert!(remote.requests().is_empty());
    fs::write(&path, "sesame\n").unwrap();
    assert_eq!(push().code, 0);
    let requests = remote.requests();
    assert_eq!(requests[0].header("x-api-key"), Some("sesame"));
}

#[test]
fn dry_run_prints_the_bodies_that_a_push_sends() {
    let database = TestDatabase::sqlite();
    let local = Local::new(&database);
    local.insert(700);
    let remote = Remote::answering(already_there());
    let url = remote.url();
    let dry_run = local.run_without_token(&url, "stats push --dry-run");
    let summary = format!("A push would send 700 stats to {url}/ in 2 requests\n");
    assert_eq!((dry_run.code, dry_run.stderr), (0, summary));
    assert!(remote.requests().is_empty());

    let pushed = local.run(&url, "sesame", "stats push");
    assert_eq!(pushed.code, 0, "{pushed:?}");
    let requests = remote.requests().into_iter();
    let bodies: String = requests.map(|request| request.body + "\n").collect();
    assert_eq!(dry_run.stdout, bodies);
    let nothing = local.run_without_token(&url, "stats push --dry-run");
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""));
}

#[test]
fn sigint_stops_a_push_after_the_current_request() {
    let database = TestDatabase::sqlite();
    let local = Local::new(&database);
    local.insert(1700);
    let (send_arrived, arrived) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let remote = Remote::start(true, move |mut stream, _, number| {
        if number == 1 {
            send_arrived.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
        }
        stream.write_all(already_there().as_bytes()).unwrap();
    });
    let url = remote.url();
    let mut push = local.program(&url, "sesame", "stats push").spawn().unwrap();
    arrived.recv().unwrap();
    let process = push.id().to_string();
    let kill = Command::new("kill").args(["-INT", &process]).status();
    assert!(kill.unwrap().success());
    let mut stderr = BufReader::new(push.stderr.take().unwrap());
    let mut notice = String::new();
    while !notice.contains("stopping after the current request") {
        assert_ne!(stderr.read_line(&mut notice).unwrap(), 0, "{notice}");
    }
    release.send(()).unwrap();
    let mut printed = String::new();
    let mut stdout = push.stdout.take().unwrap();
    stdout.read_to_string(&mut printed).unwrap();
    assert_eq!(push.wait().unwrap().code(), Some(75), "{printed}");
    let counts = ["already there: ", "waiting: "].map(|label| value(&printed, label));
    assert_eq!((counts, remote.requests().len()), (["1000", "700"], 2));

    let rest = local.run(&url, "sesame", "stats push");
    assert_eq!(
        (rest.code, value(&rest.stdout, "already there: ")),
        (0, "700")
    );
}

on_each_database!(pull_stores_what_the_remote_has);
fn pull_stores_what_the_remote_has(database: &TestDatabase) {
    let local = Local::new(database);
    let far = Far::start();
    let stats: Vec<_> = ["2025-11-18", "2025-11-19"]
        .iter()
        .flat_map(|date| StatsType::ALL.map(|kind| stat(AnalysisId::random(), kind, date)))
        .collect();
    far.service.db.insert_stats(far.account.id, &stats).unwrap();
    let (uuid, url) = (local.owner.uuid, far.service.url());
    let dates = "--date-from 2025-11-18 --date-to 2025-11-20";
    let token = stats_testing::token(&far.account).reveal();
    let threats =
        format!("stats_pull --client-uuid {uuid} --token {token} --stats-type threat {dates}");
    let outcome = local.run_without_token(&url, &threats);
    let summary = format!(
        "Ministère: marked as remote\nPulled from {url}/\nnew: 2\nalready here: 0\nrefused: 0\n"
    );
    assert_eq!((outcome.code, outcome.stdout), (0, summary));
    let everything = format!("stats pull --local-client-uuid {uuid} {dates}");
    let outcome = far.run(&local, &everything);
    let count = |label| value(&outcome.stdout, label);
    assert_eq!((count("new: "), count("already here: ")), ("8", "2"));
    assert_eq!(all(&local.db), all(&far.service.db));
    let owned = StatsFilter {
        owner: Some(local.owner.id),
        ..StatsFilter::default()
    };
    assert_eq!(local.db.stats(&owned).unwrap().len(), 10);
}

on_each_database!(pulled_stats_are_not_local);
fn pulled_stats_are_not_local(database: &TestDatabase) {
    let local = Local::new(database);
    let service = Service::start(local.db.clone(), HttpConfig::default());
    let far = Far::start();
    let threat = r#"[{"uuid": "b402d557-4576-11e9-9173-0800277f0571", "label2": "Phishing", "count": 1, "maxRisk": 5, "averageRate": 2.5}]"#;
    let pulled = Stat {
        data: RawJson::parse(threat).unwrap(),
        ..stat(AnalysisId::random(), StatsType::Threat, "2025-11-20")
    };
    far.service
        .db
        .insert_stats(far.account.id, &[pulled])
        .unwrap();
    let (uuid, token) = (
        local.owner.uuid,
        stats_testing::token(&local.owner).reveal(),
    );
    let pull = || {
        let dates = "--date-from 2025-11-20 --date-to 2025-11-20";
        let outcome = far.run(&local, &format!("stats pull --client-uuid {uuid} {dates}"));
        assert_eq!(outcome.code, 0, "{outcome:?}");
        outcome.stdout.lines().next().unwrap().to_owned()
    };
    let mark = |command: &str| succeed(database, format!("client {command} --uuid {uuid}"));
    let admin = client(&local.db, "admin");
    database.execute("UPDATE client SET role = 2 WHERE name = 'admin'");
    let local_stats = || {
        let query = json!({
            "type": "threat", "processor": "threat_average_on_date", "local_stats_only": true,
            "date_from": "2025-11-20", "date_to": "2025-11-20",
        });
        let request = HttpClient::new()
            .get(format!("{}/api/v1/stats/processed/", service.url()))
            .header("X-API-KEY", stats_testing::token(&admin).reveal())
            .json(&query);
        let processed: Value = request.send().unwrap().json().unwrap();
        processed["data"].as_array().unwrap().len()
    };
    assert_eq!(
        (pull(), local_stats()),
        ("Ministère: marked as remote".to_owned(), 0)
    );
    assert!(pull().starts_with("Pulled from "));
    mark("mark-local");
    assert_eq!(local_stats(), 1);

    // After a request of its own, a pull leaves the client as it is.
    let me = HttpClient::new().get(format!("{}/api/v1/client/me", service.url()));
    let me = me.header("X-API-KEY", token).send().unwrap();
    assert_eq!(me.status(), 200);
    while local.db.client(uuid).unwrap().unwrap().last_seen.is_none() {
        std::thread::yield_now();
    }
    let note = pull();
    assert!(
        note.starts_with("Ministère: still local, since it has authenticated here"),
        "{note}"
    );
    assert_eq!(local_stats(), 1);
    mark("mark-remote");
    assert_eq!(local_stats(), 0);
}

#[test]
fn pull_stores_nothing_of_an_unexpected_response() {
    let database = TestDatabase::sqlite();
    let local = Local::new(&database);
    let line = format!("stats pull --client-uuid {}", local.owner.uuid);
    let moved = "HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example.org/\r\n\
                 Content-Length: 0\r\n\r\n";
    for (response, reason) in [
        (answer("200 OK", "<html>"), "a page instead of JSON"),
        (
            moved.to_owned(),
            "redirects to https://elsewhere.example.org/",
        ),
        (answer("403 Forbidden", r#"{"Error": "no"}"#), "(403): no"),
    ] {
        let remote = Remote::answering(response);
        let outcome = local.run(&remote.url(), "sesame", &line);
        let failure = message(&outcome, 1);
        assert!(failure.contains(reason), "{failure}");
        assert_eq!(value(&outcome.stdout, "new: "), "0");
    }
    assert_eq!(all(&local.db), []);
}
