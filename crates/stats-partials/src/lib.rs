#![doc = include_str!("../README.md")]

mod writer;

use std::ops::ControlFlow;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use stats_core::{DateRange, StatsFilter};
use stats_db::{DayPartial, DayVersion, Db, DbError, PartialKind, Snapshot};
use stats_processors::{Accumulator, ProcessorError, Registered, Registry};

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
        let Some(kind) = kind(processor, false) else {
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
            let day = snapshot.day_versions(kind.stats_type, dates)?.pop();
            match day {
                Some(day) if snapshot.partial(*kind, day)?.is_none() => {
                    let content = fold(snapshot, processor, dates, kind.local_only)?.to_json()?;
                    Ok(Some(DayPartial {
                        kind: *kind,
                        day,
                        content,
                    }))
                }
                _ => Ok(None),
            }
        })?;
        db.store_partials(partial.as_slice())?;
        if advance(done, days.len()).is_break() {
            break;
        }
    }
    Ok(())
}

/// The partials of a database. Simultaneous requests for the same partial share its computation.
pub struct Partials {
    months: Cache<MonthKey, Arc<Month>, MemoryUse>,
    writer: Writer,
}

/// Days of one month. The greatest version identifies the state of all of them, because a change of any of them makes a
/// greater one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct MonthKey {
    kind: PartialKind,
    first: NaiveDate,
    last: NaiveDate,
    version: i64,
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
            writer: Writer::start(db),
        }
    }

    /// Folds the stats of the processor's type, from the stored partials as far as they are up to date.
    pub fn accumulate(
        &self,
        snapshot: &mut Snapshot<'_>,
        processor: &Registered,
        dates: DateRange,
        local_only: bool,
    ) -> Result<Accumulator, PartialsError> {
        let Some(kind) = kind(processor, local_only) else {
            return Ok(fold(snapshot, processor, dates, local_only)?);
        };
        let mut total = processor.start();
        let days = snapshot.day_versions(kind.stats_type, dates)?;
        for days in days.chunk_by(|one, next| month(one.date) == month(next.date)) {
            let (Some(first), Some(last)) = (days.first(), days.last()) else {
                continue;
            };
            let key = MonthKey {
                kind,
                first: first.date,
                last: last.date,
                version: days.iter().map(|day| day.version).max().unwrap_or(0),
            };
            let month = self
                .months
                .get_or_insert_with(&key, || self.merge(snapshot, processor, kind, days))?;
            total.merge(&month.accumulator)?;
        }
        Ok(total)
    }

    /// Merges the partials of days, and makes those that are missing.
    fn merge(
        &self,
        snapshot: &mut Snapshot<'_>,
        processor: &Registered,
        kind: PartialKind,
        days: &[DayVersion],
    ) -> Result<Arc<Month>, PartialsError> {
        let mut month = Month {
            accumulator: processor.start(),
            size: 0,
        };
        for day in days {
            let stored = snapshot.partial(kind, *day)?;
            let stored = stored.filter(|json| month.accumulator.merge_json(json).is_ok());
            month.size += match stored {
                Some(json) => json.len() as u64,
                None => {
                    let dates = DateRange::day(day.date);
                    let partial = fold(snapshot, processor, dates, kind.local_only)?;
                    month.accumulator.merge(&partial)?;
                    let content = partial.to_json()?;
                    let size = content.len() as u64;
                    self.writer.store(DayPartial {
                        kind,
                        day: *day,
                        content,
                    });
                    size
                }
            };
        }
        Ok(Arc::new(month))
    }
}

fn kind(processor: &Registered, local_only: bool) -> Option<PartialKind> {
    let format = processor.format?;
    Some(PartialKind {
        format: format.name,
        format_version: format.version,
        stats_type: processor.stats_type,
        local_only,
    })
}

fn month(date: NaiveDate) -> (i32, u32) {
    (date.year(), date.month())
}

fn fold(
    snapshot: &mut Snapshot<'_>,
    processor: &Registered,
    dates: DateRange,
    local_only: bool,
) -> Result<Accumulator, DbError> {
    let filter = StatsFilter {
        stats_type: Some(processor.stats_type),
        dates,
        local_only,
        ..StatsFilter::default()
    };
    let mut accumulator = processor.start();
    snapshot.for_each_client_day(&filter, None, &mut |date, documents| {
        accumulator.fold(date, documents);
    })?;
    Ok(accumulator)
}
