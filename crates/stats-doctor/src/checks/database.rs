//! The database: access, tables, damage, and what the stats say about clients and pushes.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta, Utc};
use stats_core::{Client, WithCauses, last_acceptable_date};
use stats_db::{DatabaseUrl, Db, DbError, PushRun, Timeouts, Wait, Waiting};
use stats_settings::{LoadedSettings, Settings};

use super::counted;
use super::files::is_root_for_another;
use super::remote;
use crate::Options;
use crate::check::{Check, Findings};

/// The bounds of each query, below [`TIME_LIMIT`](crate::TIME_LIMIT).
const TIMEOUTS: Timeouts = Timeouts {
    connection: Duration::from_secs(3),
    lock: Duration::from_secs(3),
    statement: Some(Duration::from_secs(6)),
};

/// How long a SQLite file is read in search of damage: monitoring does so every few minutes.
const READING: Duration = Duration::from_secs(2);

pub(crate) fn check(loaded: &LoadedSettings, options: &Options, findings: &mut Findings) {
    let settings = &loaded.settings;
    let url = settings.database_url.absolute();
    let opened = {
        let url = url.clone();
        let options = stats_db::Options {
            replica: settings.database_read_url.clone(),
            ..TIMEOUTS.into()
        };
        findings.bounded("database", move || {
            let db = Db::open_with(&url, options)?;
            db.require_pool_mode().map(|()| db)
        })
    };
    let db = match opened {
        None => return,
        Some(Err(error)) => return findings.add(unopened(&url, &error, options)),
        Some(Ok(db)) => db,
    };
    findings.add(Check::ok("database", url.to_string()));
    let on_db = |findings: &mut Findings, name, work: fn(&Db) -> Result<Check, DbError>| {
        let db = db.clone();
        if let Some(result) = findings.bounded(name, move || work(&db)) {
            findings.add(result.unwrap_or_else(|error| failed(name, &error)));
        }
    };
    if let DatabaseUrl::Sqlite(_) = url {
        on_db(findings, "integrity", integrity);
    }
    if let Some(standby) = settings.database_read_url.as_ref() {
        let db = db.clone();
        if let Some(fault) = findings.bounded(REPLICA, move || db.find_replica_fault()) {
            findings.add(replica(standby, fault));
        }
    }
    let pending = {
        let db = db.clone();
        findings.bounded("tables", move || db.require_migrated())
    };
    match pending {
        None => return,
        Some(Err(error)) => return findings.add(unmigrated(&error, settings)),
        Some(Ok(())) => findings.add(Check::ok("tables", "up to date")),
    }
    on_db(findings, "rights", rights);
    on_db(findings, "dates", dates);
    let found = {
        let db = db.clone();
        findings.bounded("clients", move || db.clients())
    };
    match found {
        Some(Ok(all)) => clients(&all, options, findings),
        Some(Err(error)) => findings.add(failed("clients", &error)),
        None => {}
    }
    pushes(&db, settings, findings);
    if settings.public_min_clients > 1 {
        let (db, min_clients) = (db.clone(), settings.public_min_clients);
        if let Some(result) = findings.bounded(RELEASE, move || release(&db, min_clients)) {
            findings.add(result.unwrap_or_else(|error| failed(RELEASE, &error)));
        }
    }
}

const REPLICA: &str = "replica";

fn replica(standby: &DatabaseUrl, fault: Option<String>) -> Check {
    match fault {
        None => Check::ok(REPLICA, standby.to_string()),
        Some(fault) => Check::warning(
            REPLICA,
            format!("{standby}: {fault}"),
            "everything is read from the database itself; correct DATABASE_READ_URL, or look at the hot standby",
        ),
    }
}

const RELEASE: &str = "release";

/// Whether what is public was made lately, and withholds enough.
fn release(db: &Db, min_clients: u64) -> Result<Check, DbError> {
    const OVERDUE: TimeDelta = TimeDelta::hours(25);
    const ADVICE: &str = "look at the log of the server; 'stats-admin stats publish' makes one now";
    let Some(release) = db.release()? else {
        return Ok(Check::warning(RELEASE, "none was made yet", ADVICE));
    };
    let age = Utc::now().naive_utc() - release.made_at;
    let made = format!(
        "of {}, made {} ago, of at least {}",
        release.day,
        counted(age.num_hours().max(0).unsigned_abs(), "hour"),
        counted(release.min_clients, "client"),
    );
    Ok(if release.min_clients < min_clients {
        let problem = format!("{made}: fewer than PUBLIC_MIN_CLIENTS, {min_clients}");
        Check::warning(RELEASE, problem, ADVICE)
    } else if age > OVERDUE {
        Check::warning(RELEASE, made, ADVICE)
    } else {
        Check::ok(RELEASE, made)
    })
}

fn unopened(url: &DatabaseUrl, error: &DbError, options: &Options) -> Check {
    const NAME: &str = "database";
    match (error, url) {
        (DbError::Missing(_), DatabaseUrl::Sqlite(_)) if !options.is_running => Check::warning(
            NAME,
            format!("the database {url} does not exist yet"),
            "the server creates it when it starts; if there should be one, correct DATABASE_URL",
        ),
        (DbError::Damaged(_), _) => damaged(&error.to_string()),
        _ => Check::failure(
            NAME,
            WithCauses(error).to_string(),
            "correct DATABASE_URL or DB_HOSTNAME to DB_PORT, the rights of this user, or start the database",
        ),
    }
}

fn damaged(problem: &str) -> Check {
    Check::failure(
        "integrity",
        problem,
        "stop the server, and restore a backup",
    )
}

fn failed(name: &'static str, error: &DbError) -> Check {
    let problem = WithCauses(error).to_string();
    match error {
        DbError::Busy(..) => Check::warning(
            name,
            problem,
            "try again later; another program may hold a lock",
        ),
        _ => Check::failure(
            name,
            problem,
            "look at the log of the server and of the database",
        ),
    }
}

fn integrity(db: &Db) -> Result<Check, DbError> {
    let db = db.with_statement_timeout(Some(READING));
    match db.find_damage() {
        Ok(None) => Ok(Check::ok("integrity", "the file is not damaged")),
        Ok(Some(damage)) => Ok(damaged(&format!("the database file is damaged: {damage}"))),
        Err(DbError::Damaged(damage)) => {
            Ok(damaged(&format!("the database file is damaged: {damage}")))
        }
        Err(DbError::Busy(Wait::Statement, _)) => Ok(Check::ok(
            "integrity",
            "no damage found in a part of the file, which is too large to be read here",
        )),
        Err(error) => Err(error),
    }
}

fn unmigrated(error: &DbError, settings: &Settings) -> Check {
    match error {
        DbError::PendingMigrations(pending) if settings.db_auto_migrate => Check::warning(
            "tables",
            format!("{} pending", counted(*pending as u64, "migration")),
            "the server migrates when it starts; 'stats-admin db upgrade' does it now",
        ),
        DbError::PendingMigrations(pending) => Check::failure(
            "tables",
            format!("{} pending", counted(*pending as u64, "migration")),
            "the server does not start: run 'stats-admin db upgrade'",
        ),
        error => failed("tables", error),
    }
}

fn rights(db: &Db) -> Result<Check, DbError> {
    match db.check_write() {
        Ok(()) => Ok(Check::ok(
            "rights",
            match db.url() {
                DatabaseUrl::Sqlite(path) if is_root_for_another(path) => {
                    "root may write; to check the rights of the server, run this as its user"
                }
                _ => "this user may write",
            },
        )),
        Err(error @ DbError::Busy(..)) => Err(error),
        Err(error) => Ok(Check::failure(
            "rights",
            format!("this user may not write: {}", WithCauses(&error)),
            "give the user of the server the right to write to the database and its folder",
        )),
    }
}

fn dates(db: &Db) -> Result<Check, DbError> {
    let last = last_acceptable_date(Utc::now());
    Ok(match db.count_dated_after(last)? {
        0 => Check::ok("dates", "no stat is dated in the future"),
        number => Check::warning(
            "dates",
            format!("{} dated after {last}", counted(number, "stat")),
            "the public statistics leave them out; look at the clock of the client that sent them \
             ('stats-admin stats list-last')",
        ),
    })
}

/// Names of clients in a message.
const NAMES: usize = 5;

fn clients(all: &[Client], options: &Options, findings: &mut Findings) {
    const NAME: &str = "clients";
    let now = Utc::now().naive_utc();
    let last_silent = now - TimeDelta::days(options.silent_days.into());
    let reporting: Vec<_> = all
        .iter()
        .filter(|client| client.is_active && client.is_local && !client.is_admin())
        .collect();
    let is_silent = |client: &&&Client| {
        let seen = client.last_seen.or(client.created_at);
        seen.is_none_or(|seen| seen < last_silent)
    };
    let silent: Vec<_> = reporting.iter().filter(is_silent).collect();
    findings.count("clients", reporting.len() as u64);
    findings.count("silent_clients", silent.len() as u64);
    if silent.is_empty() {
        let number = counted(reporting.len() as u64, "client");
        let days = counted(options.silent_days.into(), "day");
        return findings.add(Check::ok(NAME, format!("{number}, none silent for {days}")));
    }
    let mut names: Vec<_> = silent
        .iter()
        .take(NAMES)
        .map(|client| client.name.as_str())
        .collect();
    if silent.len() > NAMES {
        names.push("…");
    }
    findings.add(Check::warning(
        NAME,
        format!(
            "{} silent for {}: {}",
            counted(silent.len() as u64, "client"),
            counted(options.silent_days.into(), "day"),
            names.join(", ")
        ),
        "look at the cron job and the token of their MONARC, or deactivate them",
    ));
}

/// What the next push to the remote of the settings would send, and how the last one ended.
fn pushes(db: &Db, settings: &Settings, findings: &mut Findings) {
    const NAME: &str = "push";
    let remote = match remote::client(settings) {
        Ok(remote) => remote.address().to_owned(),
        // The check of the remote says why.
        Err(_) => return,
    };
    let db = db.clone();
    let address = remote.clone();
    let asked = findings.bounded(NAME, move || {
        let mut runs = db.push_runs()?;
        runs.retain(|run| run.remote == address);
        Ok::<_, DbError>((runs.pop(), db.count_waiting(&address)?))
    });
    let (run, waiting) = match asked {
        None => return,
        Some(Err(error)) => return findings.add(failed(NAME, &error)),
        Some(Ok(found)) => found,
    };
    if settings.remote_stats_token.is_none() && run.is_none() {
        return;
    }
    findings.count("waiting_stats", waiting.total());
    findings.count("refused_stats", waiting.refused);
    findings.add(judge(NAME, &remote, run.as_ref(), waiting));
}

fn judge(name: &'static str, remote: &str, run: Option<&PushRun>, waiting: Waiting) -> Check {
    const OVERDUE: TimeDelta = TimeDelta::days(2);
    let Some(run) = run else {
        return match waiting.total() {
            0 => Check::ok(name, format!("nothing to push to {remote}")),
            number => Check::warning(
                name,
                format!(
                    "{} wait, and none was ever pushed to {remote}",
                    counted(number, "stat")
                ),
                "run 'stats-admin stats push' every night",
            ),
        };
    };
    let minute = |time: NaiveDateTime| time.format("%Y-%m-%d %H:%M UTC").to_string();
    let since = minute(run.finished_at);
    let waits = counted(waiting.total(), "stat");
    if let Some(message) = &run.message {
        return Check::warning(
            name,
            format!(
                "{} to {remote} failed, at {}: {message}",
                match run.failures {
                    1 => "the last push".to_owned(),
                    failures => format!("the last {failures} pushes"),
                },
                minute(run.finished_at),
            ),
            format!("{waits} wait for the next one"),
        );
    }
    if waiting.refused > 0 {
        return Check::warning(
            name,
            format!("{remote} refused {}", counted(waiting.refused, "stat")),
            "'stats-admin stats list-waiting' shows the reasons",
        );
    }
    let is_overdue = Utc::now().naive_utc() - run.finished_at > OVERDUE;
    if waiting.total() > 0 && is_overdue {
        return Check::warning(
            name,
            format!("no push to {remote} since {since}, and {waits} wait"),
            "look at the cron job of 'stats-admin stats push'",
        );
    }
    if waiting.deletions > 0 && is_overdue {
        let deletions = counted(waiting.deletions, "deletion");
        return Check::warning(
            name,
            format!("no push to {remote} since {since}, and it was not told {deletions}"),
            "look at the cron job of 'stats-admin stats push'",
        );
    }
    Check::ok(
        name,
        format!("last push to {remote}: {since}; {waits} wait"),
    )
}
