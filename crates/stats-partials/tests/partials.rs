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
use stats_db::{ClientChange, Db, DbError, Documents, PartialKind, Scope, Snapshot};
use stats_partials::{Partials, PartialsError, store_missing};
use stats_processors::{
    Disclosure, Format, Partial, Processor, Registered, Registry, StoredPartial, View,
};
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

fn within(dates: DateRange) -> StatsFilter {
    StatsFilter {
        stats_type: Some(StatsType::Threat),
        dates,
        ..StatsFilter::default()
    }
}

/// The result of folding the stats themselves.
fn fold(snapshot: &mut Snapshot<'_>, filter: &StatsFilter) -> String {
    let mut accumulator = threats().start();
    let mut fold = |date, documents: &mut Documents<'_>| {
        accumulator.fold(date, documents.map(|(_, document)| document));
    };
    snapshot
        .for_each_client_day(filter, None, &mut fold)
        .unwrap();
    String::from_utf8(accumulator.to_json().unwrap()).unwrap()
}

fn accumulate(
    partials: &Partials,
    snapshot: &mut Snapshot<'_>,
    filter: &StatsFilter,
) -> Result<String, PartialsError> {
    let accumulator = partials.accumulate(snapshot, &threats(), filter)?;
    Ok(String::from_utf8(accumulator.to_json()?).unwrap())
}

/// Compares both on one snapshot.
fn check(db: &Db, partials: &Partials, filter: &StatsFilter) {
    db.read::<_, PartialsError>(|snapshot| {
        let accumulated = accumulate(partials, snapshot, filter)?;
        assert_eq!(accumulated, fold(snapshot, filter), "{filter:?}");
        Ok(())
    })
    .unwrap();
}

/// A day of a year.
fn random_day(random: &mut StdRng) -> NaiveDate {
    day("2025-01-01") + Days::new(random.random_range(0..365))
}

/// Inserts, deletes, moves or excludes some stats.
fn change(db: &Db, clients: &[Client], random: &mut StdRng) {
    let client = &clients[random.random_range(0..clients.len())];
    match random.random_range(0..10) {
        0 => {
            for change in [ClientChange::Local, ClientChange::Excluded] {
                let change = change(random.random());
                db.change_client(client.uuid, &change).unwrap();
            }
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
        let owner = &clients[random.random_range(0..clients.len())];
        let stats = db.stats(&StatsFilter::default()).unwrap().into_iter();
        let some = stats.filter(|_| random.random()).map(|stat| stat.analysis);
        let some = Some(some.collect());
        let third = Partials::new(db.clone(), CACHE);
        for partials in [&first, &second, &third] {
            for dates in [dates, DateRange::default()] {
                for (owner, analyses) in [
                    (None, &None),
                    (None, &some),
                    (Some(owner.id), &None),
                    (Some(owner.id), &some),
                ] {
                    let filter = StatsFilter {
                        owner,
                        analyses: analyses.clone(),
                        local_only: random.random(),
                        ..within(dates)
                    };
                    check(&db, partials, &filter);
                }
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
            let (clients, running) = (&clients, &running);
            scope.spawn(move || {
                let all = within(DateRange::default());
                let of_client = StatsFilter {
                    owner: Some(clients[0].id),
                    ..all.clone()
                };
                while running.load(Ordering::SeqCst) > 0 {
                    check(db, partials, &all);
                    check(db, partials, &of_client);
                }
            });
        }
    });
}

/// What is stored about the threats of a day, and whether it is up to date.
fn found(
    db: &Db,
    format: Option<Format>,
    scope: Scope,
    date: NaiveDate,
) -> Option<(Vec<u8>, bool)> {
    let Format { name, version } = format.unwrap();
    let kind = PartialKind {
        format: name,
        format_version: version,
        stats_type: StatsType::Threat,
        scope,
    };
    db.read::<_, DbError>(|snapshot| {
        let (dates, mut found) = (DateRange::day(date), None);
        let versions = snapshot.day_versions(StatsType::Threat, dates)?;
        snapshot.for_each_partial(kind, dates, &mut |day, content| {
            found = Some((content.to_owned(), versions.contains(&day)));
        })?;
        Ok(found)
    })
    .unwrap()
}

/// What is stored about the threats of a day, if it is up to date.
fn stored(db: &Db, format: Option<Format>, scope: Scope, date: NaiveDate) -> Option<Vec<u8>> {
    let (content, _) = found(db, format, scope, date).filter(|(_, is_current)| *is_current)?;
    Some(content)
}

/// The stored partial of the threats of all clients on a day, if it is up to date.
fn stored_partial(db: &Db, date: NaiveDate) -> Option<String> {
    let content = stored(db, threats().format, Scope::All, date)?;
    Some(String::from_utf8(content).unwrap())
}

on_each_database!(an_extract_is_used_until_a_stat_of_its_day_changes);
fn an_extract_is_used_until_a_stat_of_its_day_changes(database: &TestDatabase) {
    let db = database.migrated();
    let (owner, other) = (client(&db, "CASES"), client(&db, "other"));
    let date = day("2026-01-01");
    let stats = [threat(date, 1), threat(date, 2)];
    db.insert_stats(owner.id, &stats).unwrap();
    let one = StatsFilter {
        owner: Some(owner.id),
        analyses: Some([stats[0].analysis].into()),
        ..within(DateRange::day(date))
    };
    let extract = || {
        stored(
            &db,
            threats().extract_format(),
            Scope::Client(owner.id),
            date,
        )
    };
    let check = || check(&db, &Partials::new(db.clone(), CACHE), &one);
    check();
    let first = extract().unwrap();
    check();
    // An extract without stats.
    database.execute(match database.is_postgres() {
        true => "UPDATE stats_partial SET partial = '\\x0000'",
        false => "UPDATE stats_partial SET partial = x'0000'",
    });
    let result = db.read(|snapshot| accumulate(&Partials::new(db.clone(), CACHE), snapshot, &one));
    let empty = threats().start().to_json().unwrap();
    assert_eq!(result.unwrap().as_bytes(), empty);
    db.insert_stats(other.id, &[threat(date, 3)]).unwrap();
    assert_eq!(extract(), None);
    check();
    assert_eq!(extract().unwrap(), first);
}

on_each_database!(nothing_remains_of_deleted_stats);
fn nothing_remains_of_deleted_stats(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let (date, later) = (day("2026-01-01"), day("2026-01-02"));
    let stats = [threat(date, 1), threat(later, 2)];
    db.insert_stats(owner.id, &stats).unwrap();
    let all = within(DateRange::default());
    let of_client = StatsFilter {
        owner: Some(owner.id),
        ..all.clone()
    };
    for filter in [all, of_client] {
        check(&db, &Partials::new(db.clone(), CACHE), &filter);
    }
    let is_found = |date| {
        let partial = found(&db, threats().format, Scope::All, date);
        let extract = found(
            &db,
            threats().extract_format(),
            Scope::Client(owner.id),
            date,
        );
        [partial, extract].map(|found| found.is_some())
    };
    assert_eq!([date, later].map(is_found), [[true; 2]; 2]);
    db.delete_stats(owner.id, stats[0].analysis).unwrap();
    assert_eq!([date, later].map(is_found), [[false; 2], [true; 2]]);
}

on_each_database!(a_slow_reader_stores_nothing_of_deleted_stats);
fn a_slow_reader_stores_nothing_of_deleted_stats(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let date = day("2026-01-01");
    let stats = [threat(date, 1)];
    db.insert_stats(owner.id, &stats).unwrap();
    let filter = within(DateRange::day(date));
    db.read::<_, PartialsError>(|snapshot| {
        let before = fold(snapshot, &filter);
        db.delete_stats(owner.id, stats[0].analysis)?;
        let slow = Partials::new(db.clone(), CACHE);
        assert_eq!(accumulate(&slow, snapshot, &filter)?, before);
        Ok(())
    })
    .unwrap();
    assert_eq!(found(&db, threats().format, Scope::All, date), None);
}

on_each_database!(a_slow_reader_stores_nothing_over_a_newer_partial);
fn a_slow_reader_stores_nothing_over_a_newer_partial(database: &TestDatabase) {
    let db = database.migrated();
    let owner = client(&db, "CASES");
    let date = day("2026-01-01");
    let filter = within(DateRange::day(date));
    db.insert_stats(owner.id, &[threat(date, 1)]).unwrap();
    db.read::<_, PartialsError>(|snapshot| {
        let before = fold(snapshot, &filter);
        db.insert_stats(owner.id, &[threat(date, 2)])?;
        check(&db, &Partials::new(db.clone(), CACHE), &filter);
        let newer = stored_partial(&db, date).unwrap();
        let slow = Partials::new(db.clone(), CACHE);
        assert_eq!(accumulate(&slow, snapshot, &filter)?, before);
        drop(slow);
        assert_eq!(stored_partial(&db, date).unwrap(), newer);
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
    let all = within(DateRange::day(date));
    let accumulate = || check(&db, &Partials::new(db.clone(), CACHE), &all);
    accumulate();
    let readable = stored_partial(&db, date).unwrap();
    database.execute("UPDATE stats_partial SET partial = '{'");
    accumulate();
    assert_eq!(stored_partial(&db, date).unwrap(), readable);
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

    fn withhold(&mut self, _: &mut Disclosure, _: Option<&Self>) {}
}

impl<const V: u32> Processor for Counter<V> {
    type Partial = Self;
    type Params = IgnoredAny;
    type Output = u64;

    const NAME: &'static str = "counter";
    const DESCRIPTION: &'static str = "The number of stats.";
    const STATS_TYPE: StatsType = StatsType::Compliance;

    fn finish(partial: &Self, _: &IgnoredAny, _: View) -> u64 {
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
    let filter = within(days("2026-01-01", "2026-12-31"));
    let accumulated = db.read(|snapshot| partials.accumulate(snapshot, counter, &filter));
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
