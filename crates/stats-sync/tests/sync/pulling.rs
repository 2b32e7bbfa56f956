use stats_core::{Client, DateRange, RawJson, StatsType};
use stats_remote::{Options, RemoteError};
use stats_sync::{Ending, Pulling, pull};
use stats_testing::{TestDatabase, answer, client, day, on_each_database};

use crate::support::{FarSide, Fault, NearSide, Witness, all, arrive, in_turn, stat, stubborn};

/// Everything of three days.
fn three_days(owner: &Client) -> Pulling {
    Pulling {
        owner: owner.id,
        types: StatsType::ALL.to_vec(),
        dates: DateRange {
            from: day("2026-11-18"),
            to: day("2026-11-20"),
        },
        retry: stubborn(),
    }
}

/// A far side with two stats of each type on each of the three days, and others before and after.
fn stocked(far: FarSide) -> FarSide {
    for date in 17..=21 {
        let date = format!("2026-11-{date}");
        arrive(&far.service.db, &far.account, &date, 10);
    }
    far
}

/// What a pull of the three days is to bring.
fn wanted(far: &FarSide) -> Vec<stats_core::Stat> {
    let mut stats = far.stats();
    let DateRange { from, to } = DateRange {
        from: day("2026-11-18"),
        to: day("2026-11-20"),
    };
    stats.retain(|stat| (from..=to).contains(&stat.date));
    stats
}

on_each_database!(the_days_are_pulled_and_what_is_here_is_skipped);
fn the_days_are_pulled_and_what_is_here_is_skipped(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "pulled");
    let far = stocked(FarSide::start());
    let mut witness = Witness::default();
    let report = pull(&db, &far.client(), &three_days(&owner), &mut witness).unwrap();
    assert_eq!((report.ending, report.unfinished), (Ending::Complete, None));
    assert_eq!((report.stored, report.already_here), (30, 0));
    assert_eq!((witness.total, witness.done), (15, 15));
    assert_eq!(all(&db), wanted(&far), "to the letter");

    let threats = Pulling {
        types: vec![StatsType::Threat],
        dates: DateRange {
            from: day("2026-11-20"),
            to: day("2026-11-21"),
        },
        ..three_days(&owner)
    };
    let report = pull(&db, &far.client(), &threats, &mut witness).unwrap();
    assert_eq!((report.stored, report.already_here), (2, 2));
}

#[test]
fn what_belongs_to_others_over_there_stays_there() {
    let NearSide {
        db,
        owner,
        _database,
    } = NearSide::with(0);
    let far = stocked(FarSide::start());
    let other = client(&far.service.db, "somebody else");
    arrive(&far.service.db, &other, "2026-11-19", 5);
    let what = three_days(&owner);
    let report = pull(&db, &far.client(), &what, &mut Witness::default()).unwrap();
    assert_eq!(report.stored, 30);
}

#[test]
fn what_fails_for_now_is_asked_again() {
    let NearSide {
        db,
        owner,
        _database,
    } = NearSide::with(0);
    let far = stocked(FarSide::behind(in_turn(vec![
        Fault::status("503 Service Unavailable"),
        Fault::CutAnswer(400),
        Fault::CutRequest(100),
        Fault::None,
        Fault::status("429 Too Many Requests"),
    ])));
    let mut witness = Witness::default();
    let report = pull(&db, &far.client(), &three_days(&owner), &mut witness).unwrap();
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!(witness.pauses, [2, 4, 8, 2]);
    assert_eq!(all(&db), wanted(&far));
}

#[test]
fn what_makes_no_sense_ends_it_with_nothing_half_stored_and_it_can_go_on() {
    let page = answer("200 OK", "<!DOCTYPE html><title>Welcome</title>");
    let elsewhere = "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example.org/\r\n\
                     Content-Length: 0\r\nConnection: close\r\n\r\n";
    let one_bad = answer(
        "200 OK",
        r#"{"data": [{"uuid": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1", "anr": "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1",
            "type": "vulnerability", "date": "2026-11-19", "data": []}, {"uuid": "x"}]}"#,
    );
    for (answer, what) in [
        (page, "a page instead of JSON"),
        (elsewhere.to_owned(), "redirects to https://elsewhere"),
        (answer("200 OK", r#"{"data": ["#), "EOF"),
        (
            answer("200 OK", r#"{"message": "hello"}"#),
            "missing field `data`",
        ),
        (one_bad, "stat 1 of the list"),
        (answer("401 Unauthorized", r#"{"Error": "who?"}"#), "who?"),
    ] {
        let NearSide {
            db,
            owner,
            _database,
        } = NearSide::with(0);
        // The third type of the second day.
        let mut faults = vec![Fault::None; 7];
        faults.push(Fault::Answer(answer));
        let far = stocked(FarSide::behind(in_turn(faults)));
        let mut witness = Witness::default();
        let report = pull(&db, &far.client(), &three_days(&owner), &mut witness).unwrap();
        let Ending::Failed(error) = report.ending else {
            unreachable!("{what}")
        };
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(witness.pauses, [0; 0]);
        assert_eq!(report.unfinished, Some(day("2026-11-19")));
        assert_eq!((report.stored, all(&db).len()), (14, 14));

        let rest = Pulling {
            dates: DateRange {
                from: day("2026-11-19"),
                to: day("2026-11-20"),
            },
            ..three_days(&owner)
        };
        let report = pull(&db, &far.client(), &rest, &mut witness).unwrap();
        assert_eq!((report.stored, report.already_here), (16, 4));
        assert_eq!(all(&db), wanted(&far));
    }
}

/// An older service may hold what this one never took.
#[test]
fn a_document_that_cannot_be_stored_holds_nobody_up() {
    let NearSide {
        db,
        owner,
        _database,
    } = NearSide::with(0);
    let far = stocked(FarSide::start());
    let odd = stats_core::Stat {
        data: RawJson::from_storage("5".to_owned()),
        ..stat(StatsType::Threat, "2026-11-19")
    };
    far.service
        .db
        .insert_stats(far.account.id, std::slice::from_ref(&odd))
        .unwrap();
    let mut witness = Witness::default();
    let report = pull(&db, &far.client(), &three_days(&owner), &mut witness).unwrap();
    assert_eq!((report.ending, report.stored), (Ending::Complete, 30));
    let reason = "must be an object or a list, not a number";
    assert_eq!(report.refused.iter().collect::<Vec<_>>(), [(reason, 1)]);
    assert_eq!(witness.refused, [(odd.uuid, reason.to_owned())]);
}

#[test]
fn a_day_that_is_too_much_for_one_answer_comes_in_pages() {
    let NearSide {
        db,
        owner,
        _database,
    } = NearSide::with(0);
    let far = FarSide::start();
    arrive(&far.service.db, &far.account, "2026-11-19", 2000);
    let small = Options {
        max_answer_bytes: 20_000,
        ..Options::default()
    };
    let what = three_days(&owner);
    let report = pull(&db, &far.client_with(small), &what, &mut Witness::default()).unwrap();
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!((report.stored, report.already_here), (2000, 0));
    assert_eq!(all(&db), far.stats());

    let tiny = Options {
        max_answer_bytes: 200,
        ..Options::default()
    };
    let report = pull(&db, &far.client_with(tiny), &what, &mut Witness::default()).unwrap();
    let too_large = RemoteError::AnswerTooLarge { limit: 200 };
    assert_eq!(
        report.ending,
        Ending::Failed(too_large),
        "not even one fits"
    );
}

#[test]
fn who_watches_ends_it_and_the_day_to_go_on_with_is_told() {
    let NearSide {
        db,
        owner,
        _database,
    } = NearSide::with(0);
    let far = stocked(FarSide::start());
    let mut witness = Witness {
        patience: Some(7),
        ..Witness::default()
    };
    let report = pull(&db, &far.client(), &three_days(&owner), &mut witness).unwrap();
    assert_eq!(report.ending, Ending::Stopped);
    assert_eq!(report.unfinished, Some(day("2026-11-19")));
    assert_eq!((report.stored, all(&db).len()), (14, 14));
}
