use std::ops::ControlFlow;

use chrono::NaiveDate;
use stats_core::{ClientId, DateRange, Page, StatsType};
use stats_db::{Db, DbError};
use stats_remote::{Listed, RemoteError, Retry, StatsClient, Unusable};

use crate::{Ending, Refusals, Refused, Watch};

/// What is pulled, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulling {
    /// The client to whom the stats belong here.
    pub owner: ClientId,
    /// The types of stats.
    pub types: Vec<StatsType>,
    /// The days.
    pub dates: DateRange,
    /// How often a question is asked.
    pub retry: Retry,
}

/// What became of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// How many stats are new here.
    pub stored: u64,
    /// How many were here before.
    pub already_here: u64,
    /// How many cannot be stored here.
    pub refused: Refusals,
    /// How it ended.
    pub ending: Ending,
    /// The first day that was not pulled as a whole.
    pub unfinished: Option<NaiveDate>,
}

/// The stats of one day that are asked for at once where all of them are too much.
const PAGE: u32 = 1000;

/// Pulls the stats that an account of a remote may see. Fails if the database does; what the remote said is in the report.
pub fn pull(
    db: &Db,
    remote: &StatsClient,
    what: &Pulling,
    watch: &mut impl Watch,
) -> Result<Pulled, DbError> {
    let DateRange { from, to } = what.dates;
    let days = from.iter_days().take_while(|day| *day <= to);
    watch.begins(days.clone().count() as u64 * what.types.len() as u64);
    let mut run = Run {
        db,
        remote,
        what,
        watch,
        report: Pulled {
            stored: 0,
            already_here: 0,
            refused: Refusals::default(),
            ending: Ending::Complete,
            unfinished: None,
        },
    };
    for day in days {
        for stats_type in &what.types {
            if let ControlFlow::Break(ending) = run.pull_day(*stats_type, day)? {
                run.report.ending = ending;
                run.report.unfinished = Some(day);
                return Ok(run.report);
            }
            run.watch.advances(1);
        }
    }
    Ok(run.report)
}

/// A pull on its way.
struct Run<'a, W> {
    db: &'a Db,
    remote: &'a StatsClient,
    what: &'a Pulling,
    watch: &'a mut W,
    report: Pulled,
}

/// Whether to go on, or how it ended.
type Flow = ControlFlow<Ending>;

impl<W: Watch> Run<'_, W> {
    /// Pulls the stats of a type and a day, in pages if they are too many for one answer.
    fn pull_day(&mut self, stats_type: StatsType, day: NaiveDate) -> Result<Flow, DbError> {
        let mut page = Page::default();
        loop {
            if self.watch.wants_to_stop() {
                return Ok(Flow::Break(Ending::Stopped));
            }
            match self.ask(stats_type, day, page) {
                Ok(listed) => {
                    self.store(stats_type, &listed)?;
                    match page.limit {
                        Some(limit) if listed.len() as u64 == u64::from(limit) => {
                            page.offset = page.offset.saturating_add(limit);
                        }
                        _ => return Ok(Flow::Continue(())),
                    }
                }
                Err(error) => match smaller(page).filter(|_| error.is_too_large()) {
                    Some(smaller) => page = smaller,
                    None if self.watch.wants_to_stop() => {
                        return Ok(Flow::Break(Ending::Stopped));
                    }
                    None => return Ok(Flow::Break(Ending::Failed(error))),
                },
            }
        }
    }

    fn ask(
        &mut self,
        stats_type: StatsType,
        day: NaiveDate,
        page: Page,
    ) -> Result<Listed, RemoteError> {
        let dates = DateRange { from: day, to: day };
        self.what.retry.run_with(
            |error, pause| self.watch.pauses(error, pause),
            || self.remote.stats(stats_type, dates, page),
        )
    }

    fn store(&mut self, stats_type: StatsType, listed: &Listed) -> Result<(), DbError> {
        let skipped = self.db.insert_stats(self.what.owner, &listed.stats)?.len();
        self.report.stored += (listed.stats.len() - skipped) as u64;
        self.report.already_here += skipped as u64;
        for Unusable { uuid, date, reason } in &listed.unusable {
            let reason = reason.to_string();
            self.watch.is_refused(&Refused {
                uuid: *uuid,
                stats_type,
                date: *date,
                reason: &reason,
            });
            self.report.refused.add(&reason);
        }
        Ok(())
    }
}

/// Half a page, at the same place; nothing is less than one stat.
fn smaller(page: Page) -> Option<Page> {
    let limit = page.limit.map_or(PAGE, |limit| limit / 2);
    (limit > 0).then_some(Page {
        limit: Some(limit),
        ..page
    })
}
