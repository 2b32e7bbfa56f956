#![doc = include_str!("../README.md")]

mod releases;
mod writer;

use std::collections::BTreeSet;
use std::iter;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{Datelike, NaiveDate, NaiveDateTime};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use stats_core::{DateRange, StatsFilter};
use stats_db::{DayPartial, DayVersion, Db, DbError, Incarnation, PartialKind, Scope, Snapshot};
use stats_processors::{Accumulator, Format, ProcessorError, Registered, Registry};

pub use releases::{Attempt, Figures, Publisher, ReleasedDates};

use crate::writer::Writer;

/// A failure to accumulate stats.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartialsError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A processor failed.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    /// The figures of a release are not JSON.
    #[error("the figures of the release cannot be read")]
    Figures(#[source] serde_json::Error),
    /// The partials of the processor cannot be stored, so they are not in releases.
    #[error("the results of this processor are not released")]
    NotReleased,
}

/// Stores the partials of all days that have none, for processors whose partials can be stored. `advance` gets the number
/// of processed days and their total; it ends the work early by breaking. What is stored remains. A partial that cannot
/// be stored within a second, because another program writes, is left out.
pub fn store_missing(
    db: &Db,
    processors: &Registry,
    mut advance: impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<(), PartialsError> {
    let mut days: Vec<(&Registered, PartialKind, DayVersion)> = Vec::new();
    for processor in processors.iter() {
        let Some(kind) = kind(processor, processor.format, Scope::All) else {
            continue;
        };
        if days.iter().all(|(_, known, _)| *known != kind) {
            let versions =
                db.read(|snapshot| snapshot.day_versions(kind.stats_type, DateRange::default()))?;
            days.extend(versions.into_iter().map(|day| (processor, kind, day)));
        }
    }
    for (done, (processor, kind, day)) in (1..).zip(&days) {
        let dates = DateRange::day(day.date);
        let partial = db.read::<_, PartialsError>(|snapshot| {
            // The version may be newer by now.
            let Some(day) = snapshot.day_versions(kind.stats_type, dates)?.pop() else {
                return Ok(None);
            };
            let mut is_stored = false;
            snapshot.for_each_partial(*kind, dates, &mut |stored, _| is_stored |= stored == day)?;
            if is_stored {
                return Ok(None);
            }
            let content = fold(snapshot, processor, &of_type(processor, dates))?.to_json()?;
            Ok(Some(DayPartial {
                kind: *kind,
                day,
                content,
            }))
        })?;
        db.store_partials(partial.as_slice())?;
        if advance(done, days.len()).is_break() {
            break;
        }
    }
    Ok(())
}

/// The partials and extracts of a database. Simultaneous requests for the same partial share its computation.
pub struct Partials {
    months: Cache<MonthKey, Arc<Month>, MemoryUse>,
    hits: AtomicU64,
    misses: AtomicU64,
    writer: Writer,
}

/// The use of the cache of [`Partials`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// The memory in use, in bytes.
    pub bytes: u64,
    /// The number of months that were found in it.
    pub hits: u64,
    /// The number of months that were not.
    pub misses: u64,
}

/// Days of one month.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct MonthKey {
    origin: Origin,
    kind: PartialKind,
    first: NaiveDate,
    last: NaiveDate,
}

/// Where partials are from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Origin {
    /// Stats. The greatest version identifies the state of all days, because a change of any of them makes a greater one.
    Stats {
        incarnation: Incarnation,
        version: i64,
    },
    /// A release.
    Release {
        sequence: i64,
        made_at: NaiveDateTime,
    },
}

/// The merged partials of days of one month.
struct Month {
    accumulator: Accumulator,
    /// The size of the partials as JSON, in bytes.
    size: u64,
}

/// The expected number of months. More than 32 would divide the memory into shards, none of which has room for a large
/// month.
const ITEMS: usize = 32;

/// A merged partial takes about four times as much memory as the JSON of its days.
#[derive(Clone)]
struct MemoryUse;

impl Weighter<MonthKey, Arc<Month>> for MemoryUse {
    fn weight(&self, _: &MonthKey, month: &Arc<Month>) -> u64 {
        (4 * month.size).max(1)
    }
}

impl Partials {
    /// Uses about `cache_bytes` of memory.
    pub fn new(db: Db, cache_bytes: u64) -> Self {
        Self {
            months: Cache::with_weighter(ITEMS, cache_bytes, MemoryUse),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            writer: Writer::start(db),
        }
    }

    /// The use of the cache since the start.
    pub fn cache_use(&self) -> CacheUse {
        CacheUse {
            bytes: self.months.weight(),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    /// Folds the stats of the processor's type that `filter` selects, regardless of its page: from stored partials and
    /// extracts as far as they are up to date.
    pub fn accumulate(
        &self,
        snapshot: &mut Snapshot<'_>,
        processor: &Registered,
        filter: &StatsFilter,
    ) -> Result<Accumulator, PartialsError> {
        let filter = &StatsFilter {
            stats_type: Some(processor.stats_type),
            ..filter.clone()
        };
        match filter.owner {
            None if filter.analyses.is_none() => {
                let scope = match filter.local_only {
                    true => Scope::Local,
                    false => Scope::All,
                };
                if let Some(kind) = kind(processor, processor.format, scope) {
                    return self.merge_months(snapshot, processor, kind, filter.dates);
                }
            }
            Some(owner) if !filter.local_only => {
                let format = processor.extract_format();
                if let Some(kind) = kind(processor, format, Scope::Client(owner)) {
                    return self.fold_extracts(snapshot, processor, kind, filter);
                }
            }
            _ => {}
        }
        Ok(fold(snapshot, processor, filter)?)
    }

    fn merge_months(
        &self,
        snapshot: &mut Snapshot<'_>,
        processor: &Registered,
        kind: PartialKind,
        dates: DateRange,
    ) -> Result<Accumulator, PartialsError> {
        let mut total = processor.start();
        let incarnation = snapshot.incarnation()?;
        let days = snapshot.day_versions(kind.stats_type, dates)?;
        for days in days.chunk_by(|one, next| month(one.date) == month(next.date)) {
            let (Some(first), Some(last)) = (days.first(), days.last()) else {
                continue;
            };
            let key = MonthKey {
                origin: Origin::Stats {
                    incarnation,
                    version: days.iter().map(|day| day.version).max().unwrap_or(0),
                },
                kind,
                first: first.date,
                last: last.date,
            };
            let month = self.month(&key, || self.merge(snapshot, processor, &key, days))?;
            total.merge(&month.accumulator)?;
        }
        Ok(total)
    }

    /// A month from the cache, or as `merge` makes it.
    fn month(
        &self,
        key: &MonthKey,
        merge: impl FnOnce() -> Result<Month, PartialsError>,
    ) -> Result<Arc<Month>, PartialsError> {
        let mut counter = &self.hits;
        let month = self.months.get_or_insert_with(key, || {
            counter = &self.misses;
            merge().map(Arc::new)
        })?;
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(month)
    }

    /// Merges the partials of days, and makes those that are missing.
    fn merge(
        &self,
        snapshot: &mut Snapshot<'_>,
        processor: &Registered,
        key: &MonthKey,
        days: &[DayVersion],
    ) -> Result<Month, PartialsError> {
        let kind = key.kind;
        let mut missing: BTreeSet<_> = days.iter().copied().collect();
        let mut month = Month {
            accumulator: processor.start(),
            size: 0,
        };
        let dates = DateRange::new(key.first, key.last).unwrap_or_default();
        snapshot.for_each_partial(kind, dates, &mut |day, json| {
            if missing.contains(&day) && month.accumulator.merge_json(json).is_ok() {
                missing.remove(&day);
                month.size += json.len() as u64;
            }
        })?;
        for day in missing {
            let filter = StatsFilter {
                local_only: kind.scope == Scope::Local,
                ..of_type(processor, DateRange::day(day.date))
            };
            let partial = fold(snapshot, processor, &filter)?;
            month.accumulator.merge(&partial)?;
            let content = partial.to_json()?;
            month.size += content.len() as u64;
            self.writer.store(DayPartial { kind, day, content });
        }
        Ok(month)
    }

    /// Folds the extracts of one client's days, and makes those that are missing.
    fn fold_extracts(
        &self,
        snapshot: &mut Snapshot<'_>,
        processor: &Registered,
        kind: PartialKind,
        filter: &StatsFilter,
    ) -> Result<Accumulator, PartialsError> {
        let analyses = filter.analyses.as_ref();
        let mut total = processor.start();
        let days = snapshot.day_versions(kind.stats_type, filter.dates)?;
        let mut missing: BTreeSet<_> = days.into_iter().collect();
        snapshot.for_each_partial(kind, filter.dates, &mut |day, extract| {
            if missing.contains(&day) && total.fold_extract(day.date, extract, analyses).is_ok() {
                missing.remove(&day);
            }
        })?;
        for day in missing {
            let of_day = StatsFilter {
                dates: DateRange::day(day.date),
                ..filter.clone()
            };
            let all_of_day = StatsFilter {
                analyses: None,
                ..of_day.clone()
            };
            let mut extract = processor.extract(&mut iter::empty());
            snapshot.for_each_client_day(&all_of_day, None, &mut |_, documents| {
                extract = processor.extract(documents);
            })?;
            match extract {
                Some(content) => {
                    total.fold_extract(day.date, &content, analyses)?;
                    self.writer.store(DayPartial { kind, day, content });
                }
                None => total.merge(&fold(snapshot, processor, &of_day)?)?,
            }
        }
        Ok(total)
    }
}

fn kind(processor: &Registered, format: Option<Format>, scope: Scope) -> Option<PartialKind> {
    let Format { name, version } = format?;
    Some(PartialKind {
        format: name,
        format_version: version,
        stats_type: processor.stats_type,
        scope,
    })
}

fn month(date: NaiveDate) -> (i32, u32) {
    (date.year(), date.month())
}

/// The stats that the processor folds.
fn of_type(processor: &Registered, dates: DateRange) -> StatsFilter {
    StatsFilter {
        stats_type: Some(processor.stats_type),
        dates,
        ..StatsFilter::default()
    }
}

fn fold(
    snapshot: &mut Snapshot<'_>,
    processor: &Registered,
    filter: &StatsFilter,
) -> Result<Accumulator, DbError> {
    let mut accumulator = processor.start();
    snapshot.for_each_client_day(filter, None, &mut |date, documents| {
        accumulator.fold(date, documents.map(|(_, document)| document));
    })?;
    Ok(accumulator)
}
