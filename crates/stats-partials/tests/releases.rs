//! A release has what enough clients are behind, and stays the same until the next one.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::mpsc;
use std::thread;

use chrono::NaiveDate;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use stats_core::{
    AnalysisId, Client, Coordinates, DateRange, RawJson, Stat, StatsFilter, StatsType,
};
use stats_db::{ClientChange, Db, DbError, Snapshot};
use stats_partials::{Attempt, Figures, Partials, PartialsError, Publisher, ReleasedDates};
use stats_processors::{Disclosure, Registered, Registry};
use stats_testing::{TestDatabase, client, day, on_each_database, stat};

const OBJECTS: [&str; 2] = [
    "b402d557-4576-11e9-9173-0800277f0571",
    "0a02d557-4576-11e9-9173-0800277f0571",
];
const DATES: [&str; 4] = ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"];
/// The day after the last but one date.
const TODAY: &str = "2026-02-02";

fn random_stat(random: &mut StdRng) -> Stat {
    let date = DATES[random.random_range(0..DATES.len())];
    let number = random.random_range(0..100);
    let (stats_type, data) = match random.random_range(0..3) {
        0 => {
            let levels = json!([{"level": "Low risks", "value": number}]);
            let kind = ["informational", "operational"][random.random_range(0..2)];
            (
                StatsType::Risk,
                json!({"risks": {"current": {kind: levels}}}),
            )
        }
        other => {
            let label = ["Phishing", "Theft"][random.random_range(0..2)];
            let object = OBJECTS[random.random_range(0..OBJECTS.len())];
            let objects = json!([{
                "uuid": object, "label2": label, "count": number, "maxRisk": 5, "averageRate": 2.5,
            }, "unreadable"]);
            let stats_type = [StatsType::Threat, StatsType::Vulnerability][other - 1];
            (stats_type, objects)
        }
    };
    Stat {
        data: RawJson::parse(&data.to_string()).unwrap(),
        ..stat(AnalysisId::random(), stats_type, date)
    }
}

fn change(db: &Db, clients: &[Client], random: &mut StdRng) {
    let client = &clients[random.random_range(0..clients.len())];
    match random.random_range(0..9) {
        8 => {
            let change = ClientChange::Excluded(random.random_range(0..4) == 0);
            db.change_client(client.uuid, &change).unwrap();
        }
        0 => {
            let change = ClientChange::Local(random.random());
            db.change_client(client.uuid, &change).unwrap();
        }
        1 => {
            let mut stats = db.stats(&StatsFilter::default()).unwrap();
            if !stats.is_empty() {
                let stat = stats.swap_remove(random.random_range(0..stats.len()));
                for client in clients {
                    db.delete_stats(client.id, stat.analysis).unwrap();
                }
            }
        }
        _ => {
            let number = random.random_range(1..6);
            let stats: Vec<_> = (0..number).map(|_| random_stat(random)).collect();
            db.insert_stats(client.id, &stats).unwrap();
        }
    }
}

fn fold(
    snapshot: &mut Snapshot<'_>,
    processor: &Registered,
    date: NaiveDate,
    local_only: bool,
) -> stats_processors::Accumulator {
    let filter = StatsFilter {
        stats_type: Some(processor.stats_type),
        dates: DateRange::day(date),
        local_only,
        ..StatsFilter::default()
    };
    let mut accumulator = processor.start();
    snapshot
        .for_each_client_day(&filter, None, &mut |date, documents| {
            accumulator.fold(date, documents.map(|(_, document)| document));
        })
        .unwrap();
    accumulator
}

/// What a release may say of the stats as they are now: by processor, scope and range of dates.
fn expected(db: &Db, min_clients: u64) -> Vec<String> {
    answers(db, |snapshot, processor, local_only, dates| {
        let mut total = processor.start();
        for date in DATES.map(day) {
            if date >= day(TODAY) || date < dates.from() || date > dates.to() {
                continue;
            }
            let mut all = fold(snapshot, processor, date, false);
            let mut local = fold(snapshot, processor, date, true);
            let mut disclosure = Disclosure::new(min_clients);
            match local_only {
                true => local.withhold(&mut disclosure, Some(&all)).unwrap(),
                false => all.withhold(&mut disclosure, None).unwrap(),
            }
            total.merge(if local_only { &local } else { &all }).unwrap();
        }
        String::from_utf8(total.to_json().unwrap()).unwrap()
    })
}

fn released(db: &Db, partials: &Partials) -> Vec<String> {
    answers(db, |snapshot, processor, local_only, dates| {
        let release = snapshot.release().unwrap().unwrap();
        let dates = ReleasedDates::Within(dates);
        let accumulated =
            partials.accumulate_released(snapshot, &release, processor, local_only, dates);
        String::from_utf8(accumulated.unwrap().to_json().unwrap()).unwrap()
    })
}

fn answers(
    db: &Db,
    answer: impl Fn(&mut Snapshot<'_>, &Registered, bool, DateRange) -> String,
) -> Vec<String> {
    let mut answers = Vec::new();
    db.read::<_, PartialsError>(|snapshot| {
        for processor in Registry::default().iter() {
            for local_only in [false, true] {
                for (from, to) in [(0, 3), (1, 2), (0, 1), (3, 3)] {
                    let dates = DateRange::new(day(DATES[from]), day(DATES[to])).unwrap();
                    answers.push(answer(snapshot, processor, local_only, dates));
                }
            }
        }
        Ok(())
    })
    .unwrap();
    answers
}

on_each_database!(a_release_has_what_enough_clients_are_behind);
fn a_release_has_what_enough_clients_are_behind(database: &TestDatabase) {
    let db = database.migrated();
    let clients = ["one", "two", "three", "four", "five"].map(|name| client(&db, name));
    let registry = Registry::default();
    let publisher = |min_clients| Publisher {
        processors: &registry,
        min_clients,
    };
    let mut random = StdRng::seed_from_u64(26);
    let partials = Partials::new(db.clone(), 1 << 20);
    let (mut some, mut withheld) = (0, 0);
    for round in 0..24 {
        let min_clients = 2 + round / 12;
        for _ in 0..random.random_range(1..12) {
            change(&db, &clients, &mut random);
        }
        let publisher = publisher(min_clients);
        publisher.publish(&db, &partials, day(TODAY)).unwrap();
        let release = db.release().unwrap().unwrap();
        assert!(publisher.accepts(&release));
        assert_eq!(release.sequence, i64::try_from(round).unwrap() + 1);
        let published = released(&db, &partials);
        assert_eq!(published, expected(&db, min_clients), "round {round}");
        some += published
            .iter()
            .filter(|json| json.contains("Phishing"))
            .count();
        // It stays the same, whatever happens to the stats.
        change(&db, &clients, &mut random);
        let new = Partials::new(db.clone(), 0);
        assert_eq!(released(&db, &new), published);
        assert_eq!(db.release().unwrap().unwrap(), release);
        let disclosed = db.disclosed().unwrap();
        withheld += disclosed
            .iter()
            .map(|of_type| of_type.withheld)
            .sum::<u64>();
    }
    assert!(
        some > 0 && withheld > 0,
        "something is published, something is not"
    );
    db.empty().unwrap();
    assert_eq!(db.release().unwrap(), None);
}

on_each_database!(stats_without_a_client_are_not_local);
fn stats_without_a_client_are_not_local(database: &TestDatabase) {
    let db = database.migrated();
    for name in ["one", "two", "three", "none"] {
        let data =
            json!({"risks": {"current": {"informational": [{"level": "Low risks", "value": 1}]}}});
        let stat = Stat {
            data: RawJson::parse(&data.to_string()).unwrap(),
            ..stat(AnalysisId::random(), StatsType::Risk, "2026-01-30")
        };
        db.insert_stats(client(&db, name).id, &[stat]).unwrap();
    }
    let registry = Registry::default();
    let publisher = Publisher {
        processors: &registry,
        min_clients: 3,
    };
    let partials = Partials::new(db.clone(), 0);
    let publish = || publisher.publish(&db, &partials, day(TODAY)).unwrap();
    publish();
    let all_local = released(&db, &partials);
    assert_eq!(all_local, expected(&db, 3));
    // As in an adopted database. The difference to the local clients would be those of one.
    database.execute(
        "UPDATE stats SET client_id = NULL WHERE client_id = (SELECT id FROM client WHERE name = 'none')",
    );
    publish();
    let some_local = released(&db, &partials);
    assert_eq!(some_local, expected(&db, 3));
    assert_ne!(some_local, all_local);
}

on_each_database!(figures_count_days_that_enough_clients_share);
fn figures_count_days_that_enough_clients_share(database: &TestDatabase) {
    let db = database.migrated();
    let clients = ["one", "two", "three"].map(|name| client(&db, name));
    for (client, latitude) in clients.iter().zip([50.0, 49.0, 48.0]) {
        let at = Coordinates::new(latitude, 6.0).unwrap();
        db.change_client(client.uuid, &ClientChange::Coordinates(Some(at)))
            .unwrap();
    }
    db.change_client(clients[2].uuid, &ClientChange::Active(false))
        .unwrap();
    let excluded = client(&db, "excluded");
    db.change_client(excluded.uuid, &ClientChange::Excluded(true))
        .unwrap();
    let analysis = AnalysisId::random();
    let add = |client: &Client, stats_type, date| {
        let stats = [
            stat(analysis, stats_type, date),
            stat(AnalysisId::random(), stats_type, date),
        ];
        db.insert_stats(client.id, &stats).unwrap();
    };
    // One client is not enough, nor are two of different types, nor is today.
    add(&clients[0], StatsType::Risk, "2026-01-01");
    add(&clients[1], StatsType::Threat, "2026-01-01");
    for client in &clients[..2] {
        add(client, StatsType::Risk, "2026-01-02");
        add(client, StatsType::Risk, "2026-01-04");
        add(client, StatsType::Threat, TODAY);
    }
    let figures = |min_clients| {
        let publisher = Publisher {
            processors: &Registry::empty(),
            min_clients,
        };
        let partials = Partials::new(db.clone(), 0);
        publisher.publish(&db, &partials, day(TODAY)).unwrap();
        Figures::of(&db.release().unwrap().unwrap()).unwrap()
    };
    // Excluded clients do not count.
    add(&excluded, StatsType::Risk, "2026-01-01");
    add(&excluded, StatsType::Risk, "2026-01-02");
    let two = figures(2);
    assert_eq!(two.clients, Some(2));
    assert_eq!(two.analyses, Some(5));
    assert_eq!(two.stats, [(StatsType::Risk, 8)].into());
    assert_eq!(two.dates, Some((day("2026-01-02"), day("2026-01-04"))));
    let latitudes: Vec<_> = two.places().map(Coordinates::latitude).collect();
    assert_eq!(latitudes, [49.0, 50.0]);
    let three = figures(3);
    assert_eq!(three.clients, None);
    assert_eq!(three.analyses, None);
    assert_eq!(three.stats, [].into());
    assert_eq!(three.dates, None);
}

on_each_database!(programs_that_publish_at_the_same_time_agree);
fn programs_that_publish_at_the_same_time_agree(database: &TestDatabase) {
    let db = database.migrated();
    let clients = ["one", "two", "three"].map(|name| client(&db, name));
    let mut random = StdRng::seed_from_u64(27);
    for _ in 0..40 {
        change(&db, &clients, &mut random);
    }
    let publish = || {
        let registry = Registry::default();
        let publisher = Publisher {
            processors: &registry,
            min_clients: 2,
        };
        let partials = Partials::new(db.clone(), 0);
        for _ in 0..3 {
            publisher.publish(&db, &partials, day(TODAY)).unwrap();
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(publish);
        }
    });
    assert_eq!(db.release().unwrap().unwrap().sequence, 9);
    let partials = Partials::new(db.clone(), 0);
    assert_eq!(released(&db, &partials), expected(&db, 2));
}

#[test]
fn a_release_is_accepted_if_it_withholds_enough_and_has_all_formats() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let registry = Registry::default();
    let publisher = |min_clients| Publisher {
        processors: &registry,
        min_clients,
    };
    let partials = Partials::new(db.clone(), 0);
    publisher(3).publish(&db, &partials, day(TODAY)).unwrap();
    let release = db.release().unwrap().unwrap();
    assert!(publisher(2).accepts(&release));
    assert!(!publisher(4).accepts(&release));
    database.execute("UPDATE public_release SET formats = replace(formats, 'risk:', 'risk:1')");
    let other = db.release().unwrap().unwrap();
    assert!(!publisher(3).accepts(&other));
}

/// Makes a release in a thread, as another server would, until the sender is dropped.
fn hold_lock<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    db: &Db,
) -> (
    mpsc::Sender<()>,
    thread::ScopedJoinHandle<'scope, Result<(), DbError>>,
) {
    let (locked, is_locked) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    let db = db.clone();
    let holder = scope.spawn(move || {
        db.read(|snapshot| {
            locked.send(snapshot.try_lock_release()?).unwrap();
            // The release is made until then.
            let _ = ended.recv();
            snapshot.release().map(drop)
        })
    });
    assert!(is_locked.recv().unwrap());
    (end, holder)
}

#[test]
fn one_server_makes_a_release_and_another_one_when_it_dies() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let db = database.migrated();
    let other = Db::open(&database.url().parse().unwrap()).unwrap();
    let registry = Registry::default();
    let publisher = Publisher {
        processors: &registry,
        min_clients: 2,
    };
    let partials = Partials::new(db.clone(), 0);
    let attempt = || publisher.try_publish(&db, &partials, day(TODAY)).unwrap();
    thread::scope(|scope| {
        let (end, holder) = hold_lock(scope, &other);
        assert_eq!(attempt(), Attempt::Deferred);
        assert_eq!(db.release().unwrap(), None);
        publisher.publish(&db, &partials, day(TODAY)).unwrap();
        assert_eq!(db.release().unwrap().unwrap().sequence, 1, "on demand");
        assert_eq!(attempt(), Attempt::Deferred);
        drop(end);
        holder.join().unwrap().unwrap();
        assert_eq!(attempt(), Attempt::Published, "it has ended");

        let (end, holder) = hold_lock(scope, &other);
        assert_eq!(attempt(), Attempt::Deferred);
        database.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks \
             WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        );
        assert_eq!(attempt(), Attempt::Published, "its connection is lost");
        drop(end);
        holder.join().unwrap().unwrap_err();
    });
}
