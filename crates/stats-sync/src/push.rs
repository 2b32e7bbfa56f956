use stats_core::{ClientId, DateRange, Stat, WithCauses};
use stats_db::{Arrival, BatchLimit, Db, DbError, Outbox, Part, Settled};
use stats_remote::{RemoteError, RetryPolicy, StatsClient, payload};

use crate::outcome::{Stop, check_cancelled};
use crate::{Outcome, Progress, RejectedStat, Rejections};

/// The options of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushOptions {
    /// Only the stats of this client. A client without sharing has no stats to push.
    pub client: Option<ClientId>,
    /// Only the stats of these days. New stats of other days are left for a later push.
    pub dates: DateRange,
    /// Also the stats that the remote has confirmed before.
    pub resend: bool,
    /// The size of a batch.
    pub batch: BatchLimit,
    /// The retries of a batch.
    pub retry: RetryPolicy,
}

impl Default for PushOptions {
    /// All new stats, in batches below 1 MiB, nginx's default limit for a request.
    fn default() -> Self {
        Self {
            client: None,
            dates: DateRange::default(),
            resend: false,
            batch: BatchLimit {
                stats: 500,
                bytes: 900_000,
            },
            retry: RetryPolicy::default(),
        }
    }
}

/// The result of a push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReport {
    /// The number of stats that the remote stored.
    pub sent: u64,
    /// The number of stats that the remote had before.
    pub already_there: u64,
    /// The stats that the remote rejected. The next push sends them again.
    pub rejected: Rejections,
    /// The number of stats that were not sent, because the push ended early.
    pub waiting: u64,
    /// How the push ended.
    pub outcome: Outcome,
}

/// After this many consecutive ambiguous failures, the remote is considered faulty.
const MAX_CONSECUTIVE_FAILURES: u32 = 3;

/// Pushes the stats of the clients with sharing enabled to a remote, and records how the push ended. The result is an error
/// only if the database fails; an error of the remote is in the report.
pub fn push(
    db: &Db,
    remote: &StatsClient,
    options: &PushOptions,
    progress: &mut impl Progress,
) -> Result<PushReport, DbError> {
    let mut outboxes = outboxes(db, remote, options)?;
    progress.start(count(db, &outboxes)?);
    let mut push = Push {
        db,
        remote,
        options,
        progress,
        consecutive_failures: 0,
        report: PushReport::default(),
    };
    let mut outboxes_left = outboxes.iter_mut();
    let result = outboxes_left.try_for_each(|outbox| push.deliver_all(outbox));
    let mut report = push.report;
    report.outcome = Outcome::of(result)?;
    if report.outcome != Outcome::Complete {
        report.waiting = count(db, &outboxes)?;
    }
    record(db, remote, &report);
    Ok(report)
}

/// Records the end of a push, for monitoring. The push itself does not depend on it.
fn record(db: &Db, remote: &StatsClient, report: &PushReport) {
    let failure = match &report.outcome {
        Outcome::Complete => None,
        Outcome::Cancelled => Some("stopped".to_owned()),
        Outcome::Failed(error) => Some(WithCauses(error).to_string()),
    };
    let (sent, refused) = (report.sent, report.rejected.total());
    if let Err(error) = db.record_push(remote.address(), sent, refused, failure.as_deref()) {
        log::warn!(
            "The end of the push is not recorded: {}",
            WithCauses(&error)
        );
    }
}

/// Calls `visit` with the number of stats and the [`payload`] of each batch that a push would send. Sends nothing.
pub fn preview<E: From<DbError>>(
    db: &Db,
    remote: &StatsClient,
    options: &PushOptions,
    mut visit: impl FnMut(usize, Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    for mut outbox in outboxes(db, remote, options)? {
        loop {
            let batch = db.next_in_outbox(&outbox, options.batch)?;
            let Some((last, _)) = batch.last() else {
                break;
            };
            outbox.after = *last;
            visit(batch.len(), payload(&stats(&batch)))?;
        }
    }
    Ok(())
}

fn stats(batch: &[(Arrival, Stat)]) -> Vec<&Stat> {
    batch.iter().map(|(_, stat)| stat).collect()
}

/// The new stats of each client, then the stats of each client that wait from earlier pushes. New stats go first, so
/// that stats that are rejected again do not delay them.
fn outboxes(db: &Db, remote: &StatsClient, options: &PushOptions) -> Result<Vec<Outbox>, DbError> {
    let mut new = Vec::new();
    let mut waiting = Vec::new();
    for client in db.clients()? {
        if options.client.is_some_and(|id| id != client.id) {
            continue;
        }
        let all = Outbox {
            remote: remote.address().to_owned(),
            owner: client.id,
            dates: options.dates,
            part: Part::All,
            after: Arrival::default(),
        };
        if options.resend {
            new.push(all);
            continue;
        }
        let settled = db.pushed_up_to(&all.remote, client.id)?;
        new.push(Outbox {
            after: settled,
            ..all.clone()
        });
        waiting.push(Outbox {
            part: Part::Waiting(settled),
            ..all
        });
    }
    new.append(&mut waiting);
    Ok(new)
}

fn count(db: &Db, outboxes: &[Outbox]) -> Result<u64, DbError> {
    outboxes.iter().map(|outbox| db.count_outbox(outbox)).sum()
}

/// The policy for stats that failed before and will probably fail again.
fn reduced(retry: RetryPolicy) -> RetryPolicy {
    RetryPolicy {
        max_attempts: retry.max_attempts.min(2),
        ..retry
    }
}

/// A push in progress.
struct Push<'a, P> {
    db: &'a Db,
    remote: &'a StatsClient,
    options: &'a PushOptions,
    progress: &'a mut P,
    consecutive_failures: u32,
    report: PushReport,
}

/// The failure of a request that may be due to a stat of its batch.
struct Failure {
    error: RemoteError,
    /// The remote may also cause it, although it accepts the token: a bug, a firewall that blocks a word, a proxy that
    /// truncates large bodies or forbids POST.
    is_ambiguous: bool,
}

impl<P: Progress> Push<'_, P> {
    fn deliver_all(&mut self, outbox: &mut Outbox) -> Result<(), Stop> {
        let retry = match outbox.part {
            Part::All => self.options.retry,
            Part::Waiting(_) => reduced(self.options.retry),
        };
        loop {
            let batch = self.db.next_in_outbox(outbox, self.options.batch)?;
            if batch.is_empty() {
                return Ok(());
            }
            self.deliver(outbox, &batch, retry)?;
        }
    }

    /// Sends a batch, in parts if necessary, until the remote has accepted or rejected each stat.
    fn deliver(
        &mut self,
        outbox: &mut Outbox,
        batch: &[(Arrival, Stat)],
        retry: RetryPolicy,
    ) -> Result<(), Stop> {
        check_cancelled(self.progress)?;
        let posted = retry.run(
            |error, delay| self.progress.wait(error, delay),
            || self.remote.post_stats(&stats(batch)),
        );
        let error = match posted {
            Ok(outcome) => {
                self.settle(outbox, batch, &Settled::Stored)?;
                self.consecutive_failures = 0;
                self.report.sent += outcome.stored.len() as u64;
                self.report.already_there += outcome.already_there.len() as u64;
                return Ok(());
            }
            Err(error) => error,
        };
        check_cancelled(self.progress)?;
        let failure = self.classify(error)?;
        if batch.len() == 1 {
            return self.reject(outbox, batch, failure);
        }
        let retry = match failure.error.is_temporary() {
            true => reduced(retry),
            false => retry,
        };
        let (first, second) = batch.split_at(batch.len() / 2);
        self.deliver(outbox, first, retry)?;
        self.deliver(outbox, second, retry)
    }

    /// Fails with the error if the remote causes it: it is unavailable or does not accept the token.
    fn classify(&self, error: RemoteError) -> Result<Failure, Stop> {
        let is_ambiguous = match &error {
            RemoteError::RequestTooLarge
            | RemoteError::ResponseTooLarge { .. }
            | RemoteError::Rejected {
                status: 400 | 409 | 422,
                ..
            } => false,
            // 503 means that the remote is overloaded or down.
            RemoteError::ServerError { status: 503, .. } => return Err(error.into()),
            RemoteError::Rejected { .. }
            | RemoteError::ServerError { .. }
            | RemoteError::Interrupted(_)
            | RemoteError::TimedOut { .. } => true,
            _ => return Err(error.into()),
        };
        if is_ambiguous && self.remote.me().is_err() {
            return Err(error.into());
        }
        Ok(Failure {
            error,
            is_ambiguous,
        })
    }

    /// Settles a batch of one stat as rejected, unless it completes a series of ambiguous failures.
    fn reject(
        &mut self,
        outbox: &mut Outbox,
        batch: &[(Arrival, Stat)],
        failure: Failure,
    ) -> Result<(), Stop> {
        self.consecutive_failures = match failure.is_ambiguous {
            true => self.consecutive_failures + 1,
            false => 0,
        };
        if self.consecutive_failures == MAX_CONSECUTIVE_FAILURES {
            return Err(failure.error.into());
        }
        let reason = WithCauses(&failure.error).to_string();
        for stat in stats(batch) {
            self.progress.reject(&RejectedStat {
                uuid: stat.uuid,
                stats_type: stat.stats_type,
                date: stat.date,
                reason: &reason,
            });
            self.report.rejected.add(&reason);
        }
        Ok(self.settle(outbox, batch, &Settled::Refused(reason))?)
    }

    /// Records the answer of the remote to all stats of a batch.
    fn settle(
        &mut self,
        outbox: &mut Outbox,
        batch: &[(Arrival, Stat)],
        answer: &Settled,
    ) -> Result<(), DbError> {
        let arrivals = batch.iter().map(|(arrival, _)| *arrival);
        let answers: Vec<_> = arrivals.map(|arrival| (arrival, answer.clone())).collect();
        self.db.settle(outbox, &answers)?;
        if let Some((last, _)) = batch.last() {
            outbox.after = *last;
        }
        self.progress.advance(batch.len() as u64);
        Ok(())
    }
}
