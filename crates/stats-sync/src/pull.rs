use chrono::NaiveDate;
use stats_core::{ClientId, DateRange, Page, Stat, StatsType};
use stats_db::{Db, DbError};
use stats_remote::{RetryPolicy, StatsClient, StatsList};

use crate::outcome::{Stop, send};
use crate::{Outcome, Progress, RejectedStat, Rejections};

/// The options of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullOptions {
    /// The local client that will own the stats.
    pub client: ClientId,
    /// The types of stats.
    pub types: Vec<StatsType>,
    /// The days.
    pub dates: DateRange,
    /// The last acceptable day. Later stats are counted as unusable.
    pub last_date: NaiveDate,
    /// The retries of a request.
    pub retry: RetryPolicy,
}

/// The result of a pull.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullReport {
    /// The number of stats that were stored.
    pub stored: u64,
    /// The number of stats that were stored before.
    pub already_here: u64,
    /// The stats that cannot be stored here.
    pub unusable: Rejections,
    /// How the pull ended.
    pub outcome: Outcome,
    /// The first day that is incomplete, if the pull ended early.
    pub resume_from: Option<NaiveDate>,
}

/// The size of the first page if all stats of a day are too large for one response.
const PAGE_SIZE: u32 = 1000;

/// Pulls the stats that an account on a remote may read. The result is an error only if the database fails; an error of
/// the remote is in the report.
pub fn pull(
    db: &Db,
    remote: &StatsClient,
    options: &PullOptions,
    progress: &mut impl Progress,
) -> Result<PullReport, DbError> {
    let mut pull = Pull {
        db,
        remote,
        options,
        progress,
        report: PullReport::default(),
    };
    let result = pull.pull_all();
    let mut report = pull.report;
    report.outcome = Outcome::of(result)?;
    Ok(report)
}

/// A pull in progress.
struct Pull<'a, P> {
    db: &'a Db,
    remote: &'a StatsClient,
    options: &'a PullOptions,
    progress: &'a mut P,
    report: PullReport,
}

impl<P: Progress> Pull<'_, P> {
    fn pull_all(&mut self) -> Result<(), Stop> {
        let ranges = ranges(self.options.dates, self.options.last_date);
        let total = ranges.len() * self.options.types.len();
        self.progress.start(total as u64);
        for dates in ranges {
            self.report.resume_from = Some(dates.from());
            for stats_type in &self.options.types {
                self.pull_range(*stats_type, dates)?;
                self.progress.advance(1);
            }
        }
        self.report.resume_from = None;
        Ok(())
    }

    /// Pulls the stats of a type and some days, in pages if they are too large for one response.
    fn pull_range(&mut self, stats_type: StatsType, dates: DateRange) -> Result<(), Stop> {
        let mut page = Page::default();
        loop {
            let list = || self.remote.list_stats(stats_type, dates, page);
            match send(self.progress, self.options.retry, list)? {
                Ok(list) => {
                    let total = list.total() as u64;
                    self.store(stats_type, list)?;
                    match page.limit {
                        Some(limit) if total == u64::from(limit) => {
                            page.offset = page.offset.saturating_add(limit);
                        }
                        _ => return Ok(()),
                    }
                }
                Err(error) => match smaller(page).filter(|_| error.is_too_large()) {
                    Some(smaller) => page = smaller,
                    None => return Err(error.into()),
                },
            }
        }
    }

    /// Stores the usable stats in one transaction, and counts the others.
    fn store(&mut self, stats_type: StatsType, list: StatsList) -> Result<(), DbError> {
        let last_date = self.options.last_date;
        let stats = list.stats.into_iter();
        let (stats, future): (Vec<Stat>, Vec<Stat>) =
            stats.partition(|stat| stat.date <= last_date);
        let skipped = self.db.insert_stats(self.options.client, &stats)?.len();
        self.report.stored += (stats.len() - skipped) as u64;
        self.report.already_here += skipped as u64;
        let malformed = list.unusable.into_iter();
        let malformed = malformed.map(|stat| (stat.uuid, stat.date, stat.reason.to_string()));
        let future = future.into_iter();
        let future = future.map(|stat| {
            let reason = format!("is dated after {last_date}");
            (stat.uuid, stat.date, reason)
        });
        for (uuid, date, reason) in malformed.chain(future) {
            self.progress.reject(&RejectedStat {
                uuid,
                stats_type,
                date,
                reason: &reason,
            });
            self.report.unusable.add(&reason);
        }
        Ok(())
    }
}

/// The requests that cover `dates`: one for each day up to `last_date`, and one for all later days, whose stats are not
/// stored.
fn ranges(dates: DateRange, last_date: NaiveDate) -> Vec<DateRange> {
    let (from, to) = (dates.from(), dates.to());
    let days = from.iter_days().take_while(|day| *day <= to.min(last_date));
    let later = last_date.succ_opt().map(|day| day.max(from));
    let later = later.and_then(|day| DateRange::new(day, to).ok());
    days.map(DateRange::day).chain(later).collect()
}

/// The page at the same offset with half the limit. `None` if the limit is 1.
fn smaller(page: Page) -> Option<Page> {
    let limit = page.limit.map_or(PAGE_SIZE, |limit| limit / 2);
    (limit > 0).then_some(Page {
        limit: Some(limit),
        ..page
    })
}
