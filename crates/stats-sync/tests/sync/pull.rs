use stats_core::{Client, Stat, StatsType, WithCauses};
use stats_db::Db;
use stats_remote::{HttpOptions, RemoteError, StatsClient};
use stats_sync::{Outcome, PullOptions, PullReport, pull};
use stats_testing::{TestDatabase, client, day, days, on_each_database};
use stats_testing_http::answer;

use crate::support::{
    Fault, Local, Peer, Recorder, all, arrive, arrive_malformed, stat, unlimited_retries,
};

/// All types of the three days from 18 to 20 November.
fn three_days(client: &Client) -> PullOptions {
    PullOptions {
        client: client.id,
        types: StatsType::ALL.to_vec(),
        dates: days("2026-11-18", "2026-11-20"),
        last_date: day("2026-11-22"),
        retry: unlimited_retries(),
    }
}

fn run(db: &Db, remote: &StatsClient, options: &PullOptions) -> (PullReport, Recorder) {
    let mut recorder = Recorder::default();
    let report = pull(db, remote, options, &mut recorder).unwrap();
    (report, recorder)
}

/// Gives a peer two stats of each type on each day from 17 to 21 November.
fn filled(peer: Peer) -> Peer {
    for date in 17..=21 {
        let date = format!("2026-11-{date}");
        arrive(&peer.service.db, &peer.account, &date, 10);
    }
    peer
}

/// The stats that a pull of the three days stores.
fn expected(peer: &Peer) -> Vec<Stat> {
    let days = day("2026-11-18")..=day("2026-11-20");
    let mut stats = peer.stats();
    stats.retain(|stat| days.contains(&stat.date));
    stats
}

on_each_database!(pull_stores_new_stats_and_skips_known_ones);
fn pull_stores_new_stats_and_skips_known_ones(database: &TestDatabase) {
    let db = database.migrated();
    let local_client = client(&db, "pulled");
    let peer = filled(Peer::start());
    let expected = expected(&peer);
    let other = client(&peer.service.db, "other account");
    arrive(&peer.service.db, &other, "2026-11-19", 5);
    let (report, recorder) = run(&db, &peer.client(), &three_days(&local_client));
    let complete = PullReport {
        stored: 30,
        ..PullReport::default()
    };
    assert_eq!(report, complete);
    assert_eq!((recorder.total, recorder.done), (15, 15));
    assert_eq!(all(&db), expected);

    let threats = PullOptions {
        types: vec![StatsType::Threat],
        dates: days("2026-11-20", "2026-11-21"),
        ..three_days(&local_client)
    };
    let (report, _) = run(&db, &peer.client(), &threats);
    assert_eq!((report.stored, report.already_here), (2, 2));
}

#[test]
fn temporary_errors_are_retried() {
    let local = Local::with(0);
    let peer = filled(Peer::with_first_faults(vec![
        Fault::status("503 Service Unavailable"),
        Fault::CutResponse(400),
        Fault::CutRequest(100),
        Fault::None,
        Fault::status("429 Too Many Requests"),
    ]));
    let (report, recorder) = run(&local.db, &peer.client(), &three_days(&local.client));
    assert_eq!(report.outcome, Outcome::Complete);
    assert_eq!(recorder.delays, [2, 4, 8, 2]);
    assert_eq!(all(&local.db), expected(&peer));
}

#[test]
fn permanent_error_ends_the_pull_and_the_next_one_resumes() {
    let malformed = r#"{"data": [{"uuid": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1", "anr": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1",
            "type": "vulnerability", "date": "2026-11-19", "data": []}, {"uuid": "x"}]}"#;
    let response = |status, body| Fault::Response(answer(status, body));
    for (fault, what) in [
        (
            response("200 OK", "<!DOCTYPE html><title>Welcome</title>"),
            "a page instead of JSON",
        ),
        (Fault::redirect(), "redirects to https://elsewhere"),
        (response("200 OK", r#"{"data": ["#), "EOF"),
        (
            response("200 OK", r#"{"message": "hello"}"#),
            "missing field `data`",
        ),
        (response("200 OK", malformed), "stat 1 of the list"),
        (
            response("401 Unauthorized", r#"{"Error": "no token"}"#),
            "no token",
        ),
    ] {
        let local = Local::with(0);
        // The third type of the second day.
        let mut faults = vec![Fault::None; 7];
        faults.push(fault);
        let peer = filled(Peer::with_first_faults(faults));
        let (report, recorder) = run(&local.db, &peer.client(), &three_days(&local.client));
        let Outcome::Failed(error) = report.outcome else {
            unreachable!("{what}")
        };
        assert!(WithCauses(&error).to_string().contains(what), "{error:?}");
        assert!(recorder.delays.is_empty());
        assert_eq!(report.resume_from, Some(day("2026-11-19")));
        assert_eq!((report.stored, all(&local.db).len()), (14, 14));

        let rest = PullOptions {
            dates: days("2026-11-19", "2026-11-20"),
            ..three_days(&local.client)
        };
        let (report, _) = run(&local.db, &peer.client(), &rest);
        assert_eq!((report.stored, report.already_here), (16, 4));
        assert_eq!(all(&local.db), expected(&peer));
    }
}

#[test]
fn unusable_stats_are_counted_and_the_rest_is_stored() {
    let local = Local::with(0);
    let peer = filled(Peer::start());
    let malformed = arrive_malformed(&peer.service.db, &peer.account, "2026-11-19");
    let future: Vec<_> = ["2026-11-21", "2026-12-24", "2096-01-01"]
        .map(|date| stat(StatsType::Risk, date))
        .into();
    let account = peer.account.id;
    peer.service.db.insert_stats(account, &future).unwrap();
    let options = PullOptions {
        dates: days("2026-11-18", "2096-12-31"),
        last_date: day("2026-11-20"),
        ..three_days(&local.client)
    };
    let (report, recorder) = run(&local.db, &peer.client(), &options);
    assert_eq!((report.outcome, report.stored), (Outcome::Complete, 30));
    // A request for each type of each day, and one for each type of all later days.
    assert_eq!(peer.requests().len(), 20);
    assert_eq!((recorder.total, recorder.done), (20, 20));
    let document = "must be an object or a list, not a number";
    // Three from above and ten that `filled` dates on the 21st.
    let reasons = [("is dated after 2026-11-20", 13), (document, 1)];
    assert_eq!(report.unusable.iter().collect::<Vec<_>>(), reasons);
    assert_eq!(recorder.rejected[0], (malformed.uuid, document.to_owned()));
    let rejected: Vec<_> = recorder.rejected.iter().map(|(uuid, _)| *uuid).collect();
    assert!(future.iter().all(|stat| rejected.contains(&stat.uuid)));
    let stored = all(&local.db);
    assert!(stored.iter().all(|stat| stat.date <= options.last_date));
}

#[test]
fn pull_of_only_future_days_stores_nothing() {
    let local = Local::with(0);
    let peer = filled(Peer::start());
    let options = PullOptions {
        last_date: day("2026-11-10"),
        ..three_days(&local.client)
    };
    let (report, _) = run(&local.db, &peer.client(), &options);
    assert_eq!((report.stored, report.unusable.total()), (0, 30));
    assert_eq!(peer.requests().len(), 5);
}

#[test]
fn large_days_are_pulled_in_pages() {
    let local = Local::with(0);
    let peer = Peer::start();
    arrive(&peer.service.db, &peer.account, "2026-11-19", 2000);
    let limited_to = |max_response_bytes| {
        let options = HttpOptions {
            max_response_bytes,
            ..HttpOptions::default()
        };
        let remote = peer.client_with(options);
        run(&local.db, &remote, &three_days(&local.client)).0
    };
    let complete = PullReport {
        stored: 2000,
        ..PullReport::default()
    };
    assert_eq!(limited_to(20_000), complete);
    assert_eq!(all(&local.db), peer.stats());

    // Not even one stat fits.
    let too_large = RemoteError::ResponseTooLarge { limit: 200 };
    assert_eq!(limited_to(200).outcome, Outcome::Failed(too_large));
}

#[test]
fn cancelled_pull_reports_the_day_to_resume_from() {
    let local = Local::with(0);
    let peer = filled(Peer::start());
    let mut recorder = Recorder {
        cancel_after: Some(7),
        ..Recorder::default()
    };
    let options = three_days(&local.client);
    let report = pull(&local.db, &peer.client(), &options, &mut recorder).unwrap();
    let expected = PullReport {
        stored: 14,
        outcome: Outcome::Cancelled,
        resume_from: Some(day("2026-11-19")),
        ..PullReport::default()
    };
    assert_eq!(report, expected);
    assert_eq!(all(&local.db).len(), 14);
}
