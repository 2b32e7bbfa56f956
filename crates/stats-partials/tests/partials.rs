//! Accumulating stats from partials gives what folding all of them gives, whatever happens in between.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use chrono::{Days, NaiveDate};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use stats_core::{AnalysisId, Client, DateRange, RawJson, Stat, StatsFilter, StatsType};
use stats_db::{ClientChange, Db, Documents, PartialKind, Snapshot};
use stats_partials::{Partials, PartialsError, store_missing};
use stats_processors::{Format, Partial, Processor, Registered, Registry, StoredPartial};
use stats_testing::{TestDatabase, client, day, days, on_each_database, stat};

const CACHE: u64 = 1 << 20;

fn threats() -> Registered {
    *Registry::default().find("threat_average_on_date").unwrap()
}

fn threat(date: NaiveDate, count: u32) -> Stat {
    let data = format!(
        r#"[{{"uuid": "b402d557-4576-11e9-9173-0800277f0571", "label2": "Phishing", "count": {count},
        "maxRisk": 5, "averageRate": 2.5}}]"#
    );
    Stat {
        data: RawJson::parse(&data).unwrap(),
        ..stat(AnalysisId::random(), StatsType::Threat, &date.to_string())
    }
}

/// The result of folding all stats.
fn fold(snapshot: &mut Snapshot<'_>, dates: DateRange, local_only: bool) -> String {
    let filter = StatsFilter {
        stats_type: Some(StatsType::Threat),
        dates,
        local_only,
        ..StatsFilter::default()
    };
    let mut accumulator = threats().start();
    let mut fold = |date, documents: &mut Documents<'_>| accumulator.fold(date, documents);
    snapshot
        .for_each_client_day(&filter, None, &mut fold)
        .unwrap();
    String::from_utf8(accumulator.to_json().unwrap()).unwrap()
}

fn accumulate(
    partials: &Partials,
    snapshot: &mut Snapshot<'_>,
    dates: DateRange,
    local_only: bool,
) -> Result<String, PartialsError> {
    let accumulator = partials.accumulate(snapshot, &threats(), dates, local_only)?;
    Ok(String::from_utf8(accumulator.to_json()?).unwrap())
}

/// Compares both on one snapshot.
fn check(db: &Db, partials: &Partials, dates: DateRange, local_only: bool) {
    db.read::<_, PartialsError>(|snapshot| {
        let accumulated = accumulate(partials, snapshot, dates, local_only)?;
        assert_eq!(accumulated, fold(snapshot, dates, local_only));
        Ok(())
    })
    .unwrap();
}

/// A day of a year.
fn random_day(random: &mut StdRng) -> NaiveDate {
    day("2025-01-01") + Days::new(random.random_range(0..365))
}

/// Inserts, deletes or moves some stats.
fn change(db: &Db, clients: &[Client], random: &mut StdRng) {
    let client = &clients[random.random_range(0..clients.len())];
    match random.random_range(0..10) {
        0 => {
            let change = ClientChange::Local(random.random());
            db.change_client(client.uuid, &change).unwrap();
        }
        1 => {
            let before = random_day(random).min(day("2025-03-01"));
            let found = db
                .read(|snapshot| snapshot.find_stats_before(before))
                .unwrap();
            db.delete_found(&found).unwrap();
        }
        2 | 3 => {
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
            let stats: Vec<_> = (0..number)
                .map(|_| threat(random_day(random), random.random_range(0..100)))
                .collect();
            db.insert_stats(client.id, &stats).unwrap();
            // A retry.
            db.insert_stats(client.id, &stats).unwrap();
        }
    }
}

on_each_database!(random_operations_give_the_result_of_folding);
fn random_operations_give_the_result_of_folding(database: &TestDatabase) {
    let db = database.migrated();
    let clients = ["one", "two", "three"].map(|name| client(&db, name));
    // The second server has room for nothing in memory, and the third one starts anew each time.
    let [first, second] = [CACHE, 0].map(|size| Partials::new(db.clone(), size));
    let random = &mut StdRng::seed_from_u64(20);
    for _ in 0..60 {
        change(&db, &clients, random);
        let (one, two) = (random_day(random), random_day(random));
        let dates = DateRange::new(one.min(two), one.max(two)).unwrap();
        let third = Partials::new(db.clone(), CACHE);
        for partials in [&first, &second, &third] {
            for dates in [dates, DateRange::default()] {
                check(&db, partials, dates, random.random());
            }
        }
    }
}

on_each_database!(concurrent_writers_and_readers_on_two_servers_agree);
fn concurrent_writers_and_readers_on_two_servers_agree(database: &TestDatabase) {
    let db = database.migrated();
    let clients = ["one", "two"].map(|name| client(&db, name));
    let other = Db::open(db.url()).unwrap();
    let servers = [&db, &other].map(|db| (db, Partials::new(db.clone(), CACHE)));
    let running = AtomicU32::new(2);
    thread::scope(|scope| {
        for (seed, (db, _)) in (0..).zip(&servers) {
            let (clients, running) = (&clients, &running);
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(seed);
                for _ in 0..40 {
                    change(db, clients, &mut random);
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for (db, partials) in servers.iter().chain(&servers) {
            let running = &running;
            scope.spawn(move || {
                while running.load(Ordering::SeqCst) > 0 {
                    check(db, partials, DateRange::default(), false);
                }
                check(db, partials, DateRange::default(), true);
            });
        }
    });
}

/// The stored partial of the threats of a day, if it is up to date.
fn stored(db: &Db, date: NaiveDate) -> Option<String> {
    let format = threats().format.unwrap();
    let kind = PartialKind {
        format: format.name,
        format_version: format.version,
        stats_type: StatsType::Threat,
        local_only: false,
    };
    let stored = db.read(|snapshot| {
        let versions = snapshot.day_versions(StatsType::Threat, DateRange::day(date))?;
        snapshot.partial(kind, versions[0])
    });
    stored
        .unwrap()
        .map(|content| String::from_utf8(content).unwrap())
}

on_each_database!(a_slow_reader_stores_nothing_over_a_newer_partial);
fn a_slow_reader_stores_nothing_over_a_newer_partial(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let date = day("2026-01-01");
    let dates = DateRange::day(date);
    db.insert_stats(owner.id, &[threat(date, 1)]).unwrap();
    db.read::<_, PartialsError>(|snapshot| {
        let before = fold(snapshot, dates, false);
        db.insert_stats(owner.id, &[threat(date, 2)])?;
        check(&db, &Partials::new(db.clone(), CACHE), dates, false);
        let newer = stored(&db, date).unwrap();
        let slow = Partials::new(db.clone(), CACHE);
        assert_eq!(accumulate(&slow, snapshot, dates, false)?, before);
        drop(slow);
        assert_eq!(stored(&db, date).unwrap(), newer);
        Ok(())
    })
    .unwrap();
}

on_each_database!(an_unreadable_partial_is_replaced);
fn an_unreadable_partial_is_replaced(database: &TestDatabase) {
    let db = database.migrated();
    let date = day("2026-01-01");
    db.insert_stats(client(&db, "CASES").id, &[threat(date, 1)])
        .unwrap();
    let accumulate = || {
        check(
            &db,
            &Partials::new(db.clone(), CACHE),
            DateRange::day(date),
            false,
        )
    };
    accumulate();
    let readable = stored(&db, date).unwrap();
    database.execute("UPDATE stats_partial SET partial = '{'");
    accumulate();
    assert_eq!(stored(&db, date).unwrap(), readable);
}

/// Counts how often a document is folded.
static FOLDED: AtomicUsize = AtomicUsize::new(0);

/// The number of documents. Version `V` of its format counts in steps of `V`.
#[derive(Default, Serialize, Deserialize)]
struct Counter<const V: u32>(u64);

impl<const V: u32> Partial for Counter<V> {
    fn fold<'a>(
        &mut self,
        _: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    ) {
        let documents = documents.into_iter().count();
        FOLDED.fetch_add(documents, Ordering::SeqCst);
        self.0 += u64::from(V) * documents as u64;
    }

    fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }

    fn skipped(&self) -> u64 {
        0
    }

    fn is_empty(&self) -> bool {
        false
    }
}

impl<const V: u32> StoredPartial for Counter<V> {
    const FORMAT: Format = Format {
        name: "counter",
        version: V,
    };
}

impl<const V: u32> Processor for Counter<V> {
    type Partial = Self;
    type Params = IgnoredAny;
    type Output = u64;

    const NAME: &'static str = "counter";
    const DESCRIPTION: &'static str = "The number of stats.";
    const STATS_TYPE: StatsType = StatsType::Compliance;

    fn finish(partial: &Self, _: &IgnoredAny) -> u64 {
        partial.0
    }
}

fn counters<const V: u32>() -> Registry {
    let mut registry = Registry::empty();
    registry.register_stored::<Counter<V>>().unwrap();
    registry
}

fn count<const V: u32>(db: &Db, partials: &Partials) -> String {
    let registry = counters::<V>();
    let counter = registry.find("counter").unwrap();
    let dates = days("2026-01-01", "2026-12-31");
    let accumulated = db.read(|snapshot| partials.accumulate(snapshot, counter, dates, false));
    String::from_utf8(accumulated.unwrap().to_json().unwrap()).unwrap()
}

// The only test with stats that are counted by FOLDED.
#[test]
fn a_day_is_folded_once_for_each_version_and_format() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let new = |date| stat(AnalysisId::random(), StatsType::Compliance, date);
    let stats = [new("2026-01-01"), new("2026-01-02"), new("2026-03-01")];
    db.insert_stats(owner.id, &stats).unwrap();
    let folded = || FOLDED.swap(0, Ordering::SeqCst);
    let partials = Partials::new(db.clone(), CACHE);
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| assert_eq!(count::<1>(&db, &partials), "3"));
        }
    });
    assert_eq!(folded(), 3, "simultaneous readers");
    db.insert_stats(owner.id, &[new("2026-01-02")]).unwrap();
    assert_eq!(count::<1>(&db, &partials), "4");
    drop(partials);
    assert!([2, 3].contains(&folded()), "a changed day");

    let partials = Partials::new(db.clone(), CACHE);
    assert_eq!(
        (count::<1>(&db, &partials), folded()),
        ("4".to_owned(), 0),
        "after a restart"
    );
    db.insert_stats(owner.id, &[new("2026-01-01")]).unwrap();
    assert_eq!(
        (count::<1>(&db, &partials), folded()),
        ("5".to_owned(), 2),
        "one day of three"
    );
    assert_eq!(
        (count::<2>(&db, &partials), folded()),
        ("10".to_owned(), 5),
        "a newer format"
    );
    drop(partials);
    let partials = Partials::new(db.clone(), CACHE);
    assert_eq!(
        (count::<1>(&db, &partials), folded()),
        ("5".to_owned(), 5),
        "an older format"
    );
    drop(partials);

    // Stopped after the first day, and resumed.
    database.execute("DELETE FROM stats_partial");
    for (steps, documents) in [(1, 2), (3, 3), (3, 0)] {
        let mut seen = Vec::new();
        let advance = |done, total| {
            seen.push((done, total));
            if done < steps {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        store_missing(&db, &counters::<1>(), advance).unwrap();
        assert_eq!(seen, (1..=steps).map(|done| (done, 3)).collect::<Vec<_>>());
        assert_eq!(folded(), documents);
    }
    let partials = Partials::new(db.clone(), CACHE);
    assert_eq!((count::<1>(&db, &partials), folded()), ("5".to_owned(), 0));
}
