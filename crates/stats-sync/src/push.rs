use std::collections::{BTreeSet, HashSet};

use stats_core::{AnalysisId, ClientId, DateRange, Deletion, Stat, WithCauses};
use stats_db::{
    Arrival, BatchLimit, Db, DbError, DeletedStat, DeletionSeq, Outbox, Part, PushCounts, Settled,
    Withdrawal, WithdrawalPart,
};
use stats_remote::{RemoteError, RetryPolicy, StatsClient, deletion_payload, payload};

use crate::outcome::{Stop, send};
use crate::{Outcome, Progress, RejectedStat, Rejections};

/// The options of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushOptions {
    /// Only the stats and deletions of this client. A client without sharing has no stats to push.
    pub client: Option<ClientId>,
    /// Only the stats of these days. New stats of other days are left for a later push.
    pub dates: DateRange,
    /// Also the stats that the remote has confirmed before.
    pub resend: bool,
    /// The size of a batch.
    pub batch: BatchLimit,
    /// The number of deletions in a request.
    pub deletions: u32,
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
            deletions: 1000,
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
    /// The number of deleted or withdrawn stats that the remote was told to delete.
    pub told: u64,
    /// The number of those that the remote cannot be told to delete, because it only deletes whole analyses.
    pub untold: u64,
    /// The number of those that the remote was not told, because the push ended early.
    pub untold_waiting: u64,
    /// How the push ended.
    pub outcome: Outcome,
}

/// After this many consecutive ambiguous failures, the remote is considered faulty.
const MAX_CONSECUTIVE_FAILURES: u32 = 3;

/// Tells a remote to delete what clients deleted or withdraw, pushes the stats of the clients with sharing enabled, and
/// records how the push ended. The result is an error only if the database fails; an error of the remote is in the report.
pub fn push(
    db: &Db,
    remote: &StatsClient,
    options: &PushOptions,
    progress: &mut impl Progress,
) -> Result<PushReport, DbError> {
    let mut outboxes = outboxes(db, remote, options)?;
    let mut withdrawals = withdrawals(db, remote, options)?;
    let deletions = count_deletions(db, &withdrawals)?;
    progress.start(count(db, &outboxes)? + deletions);
    let mut push = Push {
        db,
        remote,
        options,
        progress,
        consecutive_failures: 0,
        deletes_by_id: true,
        report: PushReport::default(),
    };
    let result = push.run(&mut outboxes, &mut withdrawals);
    let mut report = push.report;
    report.outcome = Outcome::of(result)?;
    if report.outcome != Outcome::Complete {
        report.waiting = count(db, &outboxes)?;
        report.untold_waiting = count_deletions(db, &withdrawals)?;
    }
    report.untold += db.count_untold(remote.address())?;
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
    let counts = PushCounts {
        sent: report.sent,
        refused: report.rejected.total(),
        told: report.told,
        untold: report.untold,
    };
    if let Err(error) = db.record_push(remote.address(), counts, failure.as_deref()) {
        log::warn!(
            "The end of the push is not recorded: {}",
            WithCauses(&error)
        );
    }
}

/// A request that a push would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A number of stats, and the [`payload`].
    Stats(usize, Vec<u8>),
    /// A number of deletions, and the body.
    Deletions(usize, Vec<u8>),
}

/// Calls `visit` with each request that a push would send to a remote that deletes single stats. Sends nothing.
pub fn preview<E: From<DbError>>(
    db: &Db,
    remote: &StatsClient,
    options: &PushOptions,
    mut visit: impl FnMut(Request) -> Result<(), E>,
) -> Result<(), E> {
    for mut withdrawal in withdrawals(db, remote, options)? {
        loop {
            let batch = db.next_deletions(&withdrawal, options.deletions)?;
            if batch.deletions.is_empty() {
                break;
            }
            withdrawal.after = batch.last;
            let deletions: Vec<Deletion> =
                batch.deletions.iter().map(|each| each.deletion).collect();
            let body = deletion_payload(&deletions);
            visit(Request::Deletions(deletions.len(), body))?;
        }
    }
    for mut outbox in outboxes(db, remote, options)? {
        loop {
            let batch = db.next_in_outbox(&outbox, options.batch)?;
            let Some((last, _)) = batch.last() else {
                break;
            };
            outbox.after = *last;
            visit(Request::Stats(batch.len(), payload(&stats(&batch))))?;
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
        let settled = db.pushed_up_to(&all.remote, client.id)?;
        // The remote refuses what was withdrawn.
        let withdrawn = db.withdrawn_up_to(&all.remote, client.id)?;
        let after = match options.resend {
            true => withdrawn,
            false => settled.max(withdrawn),
        };
        new.push(Outbox {
            after,
            ..all.clone()
        });
        if options.resend && withdrawn == Arrival::default() {
            continue;
        }
        waiting.push(Outbox {
            part: Part::Waiting(match options.resend {
                true => settled.min(withdrawn),
                false => settled,
            }),
            ..all
        });
    }
    new.append(&mut waiting);
    Ok(new)
}

/// What each client deleted or withdraws, and what the remote could not be told before.
fn withdrawals(
    db: &Db,
    remote: &StatsClient,
    options: &PushOptions,
) -> Result<Vec<Withdrawal>, DbError> {
    let mut withdrawals = Vec::new();
    for client in db.clients()? {
        if options.client.is_some_and(|id| id != client.id) {
            continue;
        }
        for part in [
            WithdrawalPart::Deleted,
            WithdrawalPart::Withdrawn,
            WithdrawalPart::Untold,
        ] {
            withdrawals.push(Withdrawal {
                remote: remote.address().to_owned(),
                owner: client.id,
                part,
                after: DeletionSeq::default(),
            });
        }
    }
    Ok(withdrawals)
}

/// The number of deletions to tell, without those that the remote could not be told before.
fn count_deletions(db: &Db, withdrawals: &[Withdrawal]) -> Result<u64, DbError> {
    let withdrawals = withdrawals.iter();
    let new = withdrawals.filter(|withdrawal| withdrawal.part != WithdrawalPart::Untold);
    new.map(|withdrawal| db.count_deletions(withdrawal)).sum()
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
    /// Whether the remote deletes single stats, as far as is known.
    deletes_by_id: bool,
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
    /// Deletions come first, so that they do not wait behind stats. Those that are made meanwhile come last.
    fn run(&mut self, outboxes: &mut [Outbox], withdrawals: &mut [Withdrawal]) -> Result<(), Stop> {
        let told = withdrawals
            .iter_mut()
            .try_for_each(|withdrawal| self.tell_all(withdrawal));
        match told {
            Ok(()) => {}
            // A remote that fails for deletions alone gets the stats all the same.
            Err(Stop::Outcome(Outcome::Failed(error))) if self.remote.me().is_ok() => {
                self.deliver_outboxes(outboxes)?;
                return Err(error.into());
            }
            Err(stop) => return Err(stop),
        }
        self.deliver_outboxes(outboxes)?;
        let deleted = withdrawals.iter_mut();
        let mut deleted = deleted.filter(|all| all.part == WithdrawalPart::Deleted);
        deleted.try_for_each(|withdrawal| self.tell_all(withdrawal))
    }

    fn deliver_outboxes(&mut self, outboxes: &mut [Outbox]) -> Result<(), Stop> {
        outboxes
            .iter_mut()
            .try_for_each(|outbox| self.deliver_all(outbox))
    }

    /// Tells the remote the deletions of a part.
    fn tell_all(&mut self, withdrawal: &mut Withdrawal) -> Result<(), Stop> {
        let mut limit = self.options.deletions;
        loop {
            let batch = self.db.next_deletions(withdrawal, limit)?;
            if batch.deletions.is_empty() {
                if withdrawal.part == WithdrawalPart::Deleted {
                    self.db
                        .settle_deletions(withdrawal, &batch, &HashSet::new())?;
                }
                return Ok(());
            }
            let untold = match self.tell(&batch.deletions) {
                Ok(untold) => untold,
                Err(Stop::Outcome(Outcome::Failed(error)))
                    if error.is_too_large() && batch.deletions.len() > 1 =>
                {
                    limit = (batch.deletions.len() / 2).try_into().unwrap_or(1);
                    continue;
                }
                Err(stop) => return Err(stop),
            };
            self.db.settle_deletions(withdrawal, &batch, &untold)?;
            if !self.deletes_by_id {
                self.forget_untold(withdrawal, &batch.deletions, &untold)?;
            }
            withdrawal.after = batch.last;
            self.report.told += (batch.deletions.len() - untold.len()) as u64;
            match withdrawal.part {
                // They are counted in the database.
                WithdrawalPart::Deleted => self.progress.advance(batch.deletions.len() as u64),
                WithdrawalPart::Untold => {}
                WithdrawalPart::Withdrawn => {
                    self.report.untold += untold.len() as u64;
                    self.progress.advance(batch.deletions.len() as u64);
                }
            }
        }
    }

    /// Tells the remote some deletions. Returns those that it cannot be told.
    fn tell(&mut self, deletions: &[DeletedStat]) -> Result<HashSet<DeletionSeq>, Stop> {
        if self.deletes_by_id {
            let list: Vec<Deletion> = deletions.iter().map(|each| each.deletion).collect();
            match self.request(|remote| remote.delete_stats(&list)) {
                Ok(_) => return Ok(HashSet::new()),
                Err(Stop::Outcome(Outcome::Failed(error))) if error.is_unknown_route() => {
                    self.deletes_by_id = false;
                }
                Err(stop) => return Err(stop),
            }
        }
        // The Python service only deletes whole analyses.
        let analyses = deletions.iter().filter_map(|each| each.analysis);
        let mut gone = HashSet::new();
        for analysis in analyses.collect::<BTreeSet<_>>() {
            if self.db.is_analysis_gone(analysis)? {
                self.request(|remote| remote.delete_analysis(analysis))?;
                gone.insert(analysis);
            }
        }
        let is_told = |each: &&DeletedStat| each.analysis.is_some_and(|anr| gone.contains(&anr));
        let untold = deletions.iter().filter(|each| !is_told(each));
        Ok(untold.map(|each| each.seq).collect())
    }

    /// Forgets what the remote could not be told before about analyses that it has deleted now.
    fn forget_untold(
        &self,
        withdrawal: &Withdrawal,
        deletions: &[DeletedStat],
        untold: &HashSet<DeletionSeq>,
    ) -> Result<(), DbError> {
        let told = deletions.iter().filter(|each| !untold.contains(&each.seq));
        let analyses: BTreeSet<AnalysisId> = told.filter_map(|each| each.analysis).collect();
        let Withdrawal { remote, owner, .. } = withdrawal;
        analyses
            .into_iter()
            .try_for_each(|analysis| self.db.settle_analysis(remote, *owner, analysis))
    }

    /// Sends a request, with retries.
    fn request<T>(
        &mut self,
        request: impl Fn(&StatsClient) -> Result<T, RemoteError>,
    ) -> Result<T, Stop> {
        let retry = self.options.retry;
        Ok(send(self.progress, retry, || request(self.remote))??)
    }

    fn deliver_all(&mut self, outbox: &mut Outbox) -> Result<(), Stop> {
        let retry = match outbox.part {
            Part::All => self.options.retry,
            Part::Waiting(_) => reduced(self.options.retry),
        };
        loop {
            let batch = self.db.next_to_send(outbox, self.options.batch)?;
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
        let post = || self.remote.post_stats(&stats(batch));
        let error = match send(self.progress, retry, post)? {
            Ok(outcome) => {
                self.settle(outbox, batch, &Settled::Stored)?;
                self.consecutive_failures = 0;
                self.report.sent += outcome.stored.len() as u64;
                self.report.already_there += outcome.already_there.len() as u64;
                return Ok(());
            }
            Err(error) => error,
        };
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
