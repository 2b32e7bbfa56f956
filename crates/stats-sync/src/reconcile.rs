use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{Datelike, Months, NaiveDate, Utc};
use stats_core::{AnalysisId, DateRange, DayDigest, Deletion, Page, Stat, StatId, StatsType};
use stats_db::{BatchLimit, Db, DbError};
use stats_remote::{RemoteError, RetryPolicy, StatsClient};

use crate::outcome::{Stop, send};
use crate::{Outcome, Progress, PushOptions};

/// The options of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileOptions {
    /// The days.
    pub dates: DateRange,
    /// Whether to send what is missing and to delete what is too much.
    pub repair: bool,
    /// The size of a batch of missing stats.
    pub batch: BatchLimit,
    /// The number of deletions in a request.
    pub deletions: u32,
    /// The retries of a request.
    pub retry: RetryPolicy,
}

impl ReconcileOptions {
    /// Compares some days, with the limits of a push.
    pub fn new(dates: DateRange) -> Self {
        let PushOptions {
            batch,
            deletions,
            retry,
            ..
        } = PushOptions::default();
        Self {
            dates,
            repair: false,
            batch,
            deletions,
            retry,
        }
    }
}

/// A stat in which this instance and a remote differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Its id.
    pub uuid: StatId,
    /// Its type.
    pub stats_type: StatsType,
    /// Its day.
    pub date: NaiveDate,
    /// What differs.
    pub kind: DifferenceKind,
    /// Whether it differs no longer.
    pub is_healed: bool,
}

/// In what this instance and a remote differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The remote confirmed the stat and does not have it.
    Missing,
    /// The remote has a stat that is not here, or that was withdrawn.
    Surplus,
    /// The remote has the stat with another content.
    Different,
}

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconcileReport {
    /// The number of stats that are missing there, too much there, or have another content there.
    pub differences: u64,
    /// The number of those that differ no longer.
    pub healed: u64,
    /// Whether the remote gives no digests, so that the ids alone were compared.
    pub is_by_id: bool,
    /// How the comparison ended.
    pub outcome: Outcome,
}

/// The size of the first page if all stats of a day are too large for one response.
const PAGE_SIZE: u32 = 500;

/// Compares what was pushed to a remote with what it has, by type and day, and calls `visit` with each difference. A stat that
/// is here and not confirmed yet may be there. Memory grows with the number of stats of one day. The result is an error only
/// if the database fails.
pub fn reconcile(
    db: &Db,
    remote: &StatsClient,
    options: &ReconcileOptions,
    progress: &mut impl Progress,
    visit: impl FnMut(Difference),
) -> Result<ReconcileReport, DbError> {
    let mut reconcile = Reconcile {
        db,
        remote,
        options,
        progress,
        visit,
        deletes_by_id: true,
        report: ReconcileReport::default(),
    };
    let result = reconcile.run();
    let mut report = reconcile.report;
    report.outcome = Outcome::of(result)?;
    Ok(report)
}

/// A comparison in progress.
struct Reconcile<'a, P, V> {
    db: &'a Db,
    remote: &'a StatsClient,
    options: &'a ReconcileOptions,
    progress: &'a mut P,
    visit: V,
    /// Whether the remote deletes single stats, as far as is known.
    deletes_by_id: bool,
    report: ReconcileReport,
}

/// A stat of the remote: its analysis and its digest, as far as they are known.
type There = HashMap<StatId, (Option<AnalysisId>, Option<u64>)>;

impl<P: Progress, V: FnMut(Difference)> Reconcile<'_, P, V> {
    fn run(&mut self) -> Result<(), Stop> {
        let address = self.remote.address();
        let here = self.db.pushed_days(address, self.options.dates)?;
        let days = |dates: DateRange| (dates.to() - dates.from()).num_days().unsigned_abs() + 1;
        self.progress.start(days(self.options.dates));
        let dates = here.iter().map(|(date, _)| *date).collect();
        for range in ranges(self.options.dates, &dates) {
            match self.digests(range)? {
                Some(theirs) => self.compare_digests(range, theirs)?,
                None => {
                    for stats_type in StatsType::ALL {
                        self.compare_ids(stats_type, range, &here)?;
                    }
                }
            }
            self.progress.advance(days(range));
        }
        Ok(())
    }

    /// The digests of the remote; `None` if it gives none.
    fn digests(&mut self, dates: DateRange) -> Result<Option<Vec<DayDigest>>, Stop> {
        if self.report.is_by_id {
            return Ok(None);
        }
        match self.request(|remote| remote.digests(dates)) {
            Ok(digests) => Ok(Some(digests)),
            Err(Stop::Outcome(Outcome::Failed(error))) if has_no_digests(&error) => {
                self.report.is_by_id = true;
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    fn compare_digests(&mut self, dates: DateRange, theirs: Vec<DayDigest>) -> Result<(), Stop> {
        let address = self.remote.address();
        let ours = self.db.pushed_digests(address, dates)?;
        let theirs = theirs
            .into_iter()
            .map(|day| ((day.date, day.stats_type), day));
        let theirs: stats_db::DayDigests = theirs.collect();
        let days: BTreeSet<_> = ours.keys().chain(theirs.keys()).copied().collect();
        for day in days {
            if ours.get(&day) != theirs.get(&day) {
                let (date, stats_type) = day;
                let there = self.list(stats_type, date)?;
                self.compare(stats_type, date, there)?;
            }
        }
        Ok(())
    }

    /// Compares the ids day by day, without the days of which neither this instance nor the remote has stats.
    fn compare_ids(
        &mut self,
        stats_type: StatsType,
        dates: DateRange,
        here: &BTreeSet<(NaiveDate, StatsType)>,
    ) -> Result<(), Stop> {
        let (from, to) = (dates.from(), dates.to());
        if from == to {
            let ids = self.request(|remote| remote.list_ids(stats_type, from))?;
            let ids = ids.into_iter();
            let there = ids.map(|(uuid, analysis)| (uuid, (Some(analysis), None)));
            return self.compare(stats_type, from, there.collect());
        }
        let mut days = here.range((from, StatsType::ALL[0])..);
        let is_here = days
            .by_ref()
            .take_while(|(date, _)| *date <= to)
            .any(|(_, kind)| *kind == stats_type);
        let first = Page {
            offset: 0,
            limit: Some(1),
        };
        if !is_here {
            let list = self.request(|remote| remote.list_stats(stats_type, dates, first))?;
            if list.total() == 0 {
                return Ok(());
            }
        }
        let middle = from + (to - from) / 2;
        let halves = [
            DateRange::new(from, middle),
            DateRange::new(middle.succ_opt().unwrap_or(to), to),
        ];
        halves
            .into_iter()
            .flatten()
            .try_for_each(|half| self.compare_ids(stats_type, half, here))
    }

    /// What the remote has of a type and day, in pages if it is too large for one response.
    fn list(&mut self, stats_type: StatsType, date: NaiveDate) -> Result<There, Stop> {
        let mut there = There::new();
        let mut page = Page {
            offset: 0,
            limit: Some(PAGE_SIZE),
        };
        loop {
            let limit = page.limit.unwrap_or(PAGE_SIZE);
            let dates = DateRange::day(date);
            match self.request(|remote| remote.list_stats(stats_type, dates, page)) {
                Ok(list) => {
                    let total = list.total() as u64;
                    let stats = list.stats.iter();
                    there.extend(
                        stats.map(|stat| (stat.uuid, (Some(stat.analysis), Some(stat.digest())))),
                    );
                    let unusable = list.unusable.iter();
                    there.extend(unusable.map(|stat| (stat.uuid, (None, None))));
                    if total < u64::from(limit) {
                        return Ok(there);
                    }
                    page.offset = page.offset.saturating_add(limit);
                }
                Err(Stop::Outcome(Outcome::Failed(error))) if error.is_too_large() && limit > 1 => {
                    page.limit = Some(limit / 2);
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Compares a type and day, and heals what differs.
    fn compare(
        &mut self,
        stats_type: StatsType,
        date: NaiveDate,
        mut there: There,
    ) -> Result<(), Stop> {
        let address = self.remote.address();
        let (mut missing, mut unshared, mut different) = (Vec::new(), Vec::new(), Vec::new());
        self.db.read(|snapshot| {
            let day = DateRange::day(date);
            snapshot.for_each_pushed(
                address,
                Some(stats_type),
                day,
                |is_shared, stat| match there.remove(&stat.uuid) {
                    None if is_shared => missing.push(stat.uuid),
                    None => unshared.push(stat.uuid),
                    Some((_, Some(digest))) if digest != stat.digest() => different.push(stat.uuid),
                    Some(_) => {}
                },
            )
        })?;
        let ids: Vec<StatId> = there.keys().copied().collect();
        for kept in self.db.kept_among(address, &ids)? {
            there.remove(&kept);
        }
        let mut healed = HashSet::new();
        if self.options.repair {
            self.send(&missing, &mut healed)?;
            self.delete(&there, &mut healed)?;
        }
        missing.append(&mut unshared);
        let mut surplus: Vec<_> = there.into_keys().collect();
        for (kind, ids) in [
            (DifferenceKind::Missing, &mut missing),
            (DifferenceKind::Surplus, &mut surplus),
            (DifferenceKind::Different, &mut different),
        ] {
            ids.sort();
            for uuid in ids {
                let is_healed = healed.contains(uuid);
                self.report.differences += 1;
                self.report.healed += u64::from(is_healed);
                (self.visit)(Difference {
                    uuid: *uuid,
                    stats_type,
                    date,
                    kind,
                    is_healed,
                });
            }
        }
        Ok(())
    }

    /// Sends missing stats. The remote may refuse them: it was told that they are deleted, or another account has them.
    fn send(&mut self, missing: &[StatId], healed: &mut HashSet<StatId>) -> Result<(), Stop> {
        for ids in missing.chunks(MISSING_PER_QUERY) {
            let stats = self.db.stats_by_ids(ids)?;
            let mut rest = &stats[..];
            while !rest.is_empty() {
                let (batch, later) = rest.split_at(fitting(rest, self.options.batch));
                rest = later;
                let sent = self.request(|remote| remote.post_stats(batch))?;
                healed.extend(sent.stored);
            }
        }
        Ok(())
    }

    /// Deletes what is too much there.
    fn delete(&mut self, surplus: &There, healed: &mut HashSet<StatId>) -> Result<(), Stop> {
        let deleted_at = Utc::now().naive_utc();
        let mut ids: Vec<StatId> = surplus.keys().copied().collect();
        ids.sort();
        for ids in ids.chunks(self.options.deletions.max(1) as usize) {
            if !self.deletes_by_id {
                break;
            }
            let deletions = ids.iter().map(|uuid| Deletion {
                uuid: *uuid,
                deleted_at,
            });
            let deletions: Vec<_> = deletions.collect();
            match self.request(|remote| remote.delete_stats(&deletions)) {
                Ok(_) => healed.extend(ids),
                Err(Stop::Outcome(Outcome::Failed(error))) if error.is_unknown_route() => {
                    self.deletes_by_id = false;
                }
                Err(stop) => return Err(stop),
            }
        }
        if self.deletes_by_id {
            return Ok(());
        }
        let analyses: BTreeSet<_> = surplus
            .values()
            .filter_map(|(analysis, _)| *analysis)
            .collect();
        for analysis in analyses {
            if self.db.is_analysis_gone(analysis)? {
                self.request(|remote| remote.delete_analysis(analysis))?;
                let deleted = surplus
                    .iter()
                    .filter(|(_, (anr, _))| *anr == Some(analysis));
                healed.extend(deleted.map(|(uuid, _)| *uuid));
            }
        }
        Ok(())
    }

    /// Sends a request, with retries.
    fn request<T>(
        &mut self,
        request: impl Fn(&StatsClient) -> Result<T, RemoteError>,
    ) -> Result<T, Stop> {
        let retry = self.options.retry;
        Ok(send(self.progress, retry, || request(self.remote))??)
    }
}

/// Missing stats that are read at once.
const MISSING_PER_QUERY: usize = 50;

/// The number of stats at the beginning that fit into a batch, at least one.
fn fitting(stats: &[Stat], limit: BatchLimit) -> usize {
    let mut bytes = 0_usize;
    let fits = |stat: &&Stat| {
        bytes = bytes.saturating_add(stat.data.as_str().len());
        bytes <= limit.bytes
    };
    let most = limit.stats as usize;
    stats.iter().take(most).take_while(fits).count().max(1)
}

/// Whether the error means that the remote does not know the route of digests.
fn has_no_digests(error: &RemoteError) -> bool {
    error.is_unknown_route() || matches!(error, RemoteError::Rejected { status: 400, .. })
}

/// Covers the days of `dates`: each month with stats here, and what is between.
fn ranges(dates: DateRange, here: &BTreeSet<NaiveDate>) -> Vec<DateRange> {
    let mut ranges = Vec::new();
    let mut next = Some(dates.from());
    for day in here.range(dates.from()..=dates.to()) {
        let Some(begin) = next.filter(|begin| begin <= day) else {
            continue;
        };
        let first = day.with_day(1).unwrap_or(*day).max(begin);
        let later = first.checked_add_months(Months::new(1));
        let later = later.and_then(|later| later.with_day(1));
        let last = later.and_then(|later| later.pred_opt());
        let last = last.unwrap_or(dates.to()).min(dates.to());
        if let Some(before) = first.pred_opt().filter(|before| *before >= begin) {
            ranges.extend(DateRange::new(begin, before));
        }
        ranges.extend(DateRange::new(first, last));
        next = last.succ_opt();
    }
    let rest = next.and_then(|begin| DateRange::new(begin, dates.to()).ok());
    ranges.extend(rest);
    ranges
}

#[cfg(test)]
mod tests {
    use stats_testing::{day, days};

    #[test]
    fn ranges_are_months_with_stats_and_gaps() {
        let ranges = |from: &str, to: &str, here: &[&str]| {
            let here = here.iter().map(|text| day(text)).collect();
            super::ranges(days(from, to), &here)
        };
        assert_eq!(
            ranges("2025-12-31", "2026-02-28", &[]),
            [days("2025-12-31", "2026-02-28")]
        );
        assert_eq!(
            ranges(
                "2025-11-20",
                "2026-05-15",
                &[
                    "2025-11-19",
                    "2025-11-21",
                    "2026-02-01",
                    "2026-02-28",
                    "2026-05-15",
                    "2026-05-16"
                ],
            ),
            [
                days("2025-11-20", "2025-11-30"),
                days("2025-12-01", "2026-01-31"),
                days("2026-02-01", "2026-02-28"),
                days("2026-03-01", "2026-04-30"),
                days("2026-05-01", "2026-05-15"),
            ]
        );
        let (first, last) = ("0001-01-01", "9999-12-31");
        assert_eq!(
            ranges(first, last, &[first, last]),
            [
                days(first, "0001-01-31"),
                days("0001-02-01", "9999-11-30"),
                days("9999-12-01", last),
            ]
        );
        let one = "2026-11-20";
        assert_eq!(ranges(one, one, &[one]), [days(one, one)]);
    }
}
